"""Statistics of what won: shares, entropies, spectra, diversity, compressibility.

Pure: numbers in, numbers out; it draws nothing and knows no log, file or clock.
docs/measures.md has every formula with its source. What a figure is evidence of,
`automaton.analysis.evidence` says.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.terms.arrays import Floats, Numbers

#: Bins of the entropy of salience; log2(5) = 2.321928 bits is its greatest value.
BINS = 5
#: Two-sided 95 percent of the normal distribution.
Z95 = 1.959963984540054
#: Values that an ordinal pattern compares; log2(3!) = 2.584963 bits is the greatest entropy.
ORDER = 3
#: Frequencies (cycles a value) of the spectral fit: above, what is summed differs from its
#: continuous form; below the second bin, the window's own lobe is measured.
HIGHEST_FREQUENCY, LOWEST_BIN = 0.1, 2
#: Fewer values give fewer than five frequencies in that band.
FEWEST_FOR_SLOPE = 256
#: zlib, the best that it does; it looks 32 KiB back.
COMPRESSOR, _LEVEL = "zlib level 9", 9


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value, or None with the reason in `note`, and where it comes from."""

    name: str
    value: float | None
    unit: str
    source: str  # what was read: a line's or a commit's member
    window: str  # over what
    n: int  # values in it
    age: float | None = None  # seconds since the newest of them was written
    low: float | None = None  # 95 percent interval, where there is one
    high: float | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Every member by name."""
        return asdict(self)


class Interval(NamedTuple):
    """An estimate and its 95 percent interval."""

    value: float
    low: float
    high: float


# Shares.


def wilson(successes: int, n: int, z: float = Z95) -> Interval:
    """A share and its score interval (Wilson 1927); of nothing: unknown, 0 to 1."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return Interval(math.nan, 0.0, 1.0)
    share, spread = successes / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    # At 0 and n the bounds are exact; rounding would leave them beside it.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return Interval(share, low, 1.0 if successes == n else min(1.0, centre + half))


def win_shares(wins: Mapping[str, int]) -> dict[str, Interval]:
    """Each stream's share of all wins."""
    total = sum(wins.values())
    return {name: wilson(count, total) for name, count in wins.items()}


# Entropy of a distribution.


def histogram(values: npt.ArrayLike, low: float, high: float, bins: int = BINS) -> Numbers:
    """How many values fall in each of `bins` equal parts of [low, high].

    The last part holds `high` too. A value outside is an error: a range that is
    stated must hold what is measured. Where low = high all stand in the first.
    """
    data = np.asarray(values, dtype=np.float64)
    if len(data) and not (low <= data.min() and data.max() <= high):
        raise ValueError(f"a value lies outside the range from {low} to {high}")
    if low == high:
        return np.array([len(data), *[0] * (bins - 1)], dtype=np.int64)
    places = np.minimum(((data - low) / (high - low) * bins).astype(np.int64), bins - 1)
    return np.bincount(places, minlength=bins).astype(np.int64)


def shannon(counts: npt.ArrayLike) -> float:
    """Entropy of relative frequencies in bits (Shannon 1948), uncorrected; 0 of nothing."""
    given = np.asarray(counts, dtype=np.float64)
    shares = given[given > 0] / max(1.0, given.sum())
    return float(abs(-(shares * np.log2(shares)).sum()))


def miller_madow(counts: npt.ArrayLike) -> float:
    """Bits by which `shannon` of a sample is too low on average (Miller 1955), to first order.

    (m - 1) / (2 n ln 2), of m classes seen in n draws.
    """
    given = np.asarray(counts)
    n, seen = int(given.sum()), int((given > 0).sum())
    return (seen - 1) / (2 * n * math.log(2)) if n else 0.0


# Order.


#: Pattern by which of a > b, a > c, b > c hold, as bits; two of the eight cannot be.
_RANKED = np.array([0, 1, -1, 2, 3, -1, 4, 5])


def patterns(series: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The ordinal pattern, 0 to 5, of every three values in a row, along the last axis.

    Ties are broken by position: of equal values the earlier counts as the smaller.
    """
    x = np.asarray(series)
    a, b, c = x[..., :-2], x[..., 1:-1], x[..., 2:]
    ranks = 4 * (a > b) + 2 * (a > c) + (b > c)
    return np.asarray(_RANKED[ranks])


def permutation_entropy(series: npt.ArrayLike) -> Floats:
    """Entropy in bits of the ordinal patterns of order 3, delay 1 (Bandt and Pompe 2002).

    Along the last axis; fewer than three values: 0. A monotone series has 0 bits,
    independent values without ties log2(6) = 2.585.
    """
    found = patterns(series)
    n = found.shape[-1] if found.ndim else 0
    if n < 1:
        return np.zeros(found.shape[:-1])
    shares = np.stack([(found == k).mean(axis=-1) for k in range(6)])
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(np.abs(-(shares * logs).sum(axis=0)))


class Spectrum(NamedTuple):
    """Frequencies in cycles a value, and the power at each."""

    frequencies: Floats
    power: Floats


def welch(series: npt.ArrayLike, segment: int) -> Spectrum:
    """The mean periodogram of Hann-windowed segments that overlap by half (Welch 1967)."""
    x = np.asarray(series, dtype=np.float64)
    if not 2 <= segment <= len(x):
        raise ValueError(f"segments of {segment} of {len(x)} values")
    pieces = np.lib.stride_tricks.sliding_window_view(x, segment)[:: segment // 2]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(segment) / segment)
    level = pieces.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft((pieces - level) * window)) ** 2
    frequencies = np.arange(segment // 2 + 1) / segment
    return Spectrum(frequencies, power.mean(axis=0) / (window**2).sum())


def slope_segment(n: int) -> int:
    """Values in a segment: a quarter of them, an eighth of many."""
    return n // (4 if n < 2048 else 8)


def spectral_slope(series: npt.ArrayLike) -> Interval | None:
    """The exponent of power by frequency: white noise 0, pink -1, brown -2.

    Least squares of log power on log frequency, from the second bin of the segments
    up to 0.1 cycles a value; the interval is the fit's own (normal, 95 percent).
    None for fewer than 256 values, or where the power is 0 (a constant).
    """
    x = np.asarray(series, dtype=np.float64)
    if len(x) < FEWEST_FOR_SLOPE:
        return None
    found = welch(x, slope_segment(len(x)))
    inside = np.flatnonzero(found.frequencies <= HIGHEST_FREQUENCY)[LOWEST_BIN:]
    tiny = 1e-24 * (1.0 + float(np.mean(x * x)))  # what rounding leaves of a constant
    if not (found.power[inside] > tiny).all():
        return None
    return _line(np.log(found.frequencies[inside]), np.log(found.power[inside]))


def _line(x: Floats, y: Floats) -> Interval:
    """The slope of the straight line nearest to the points."""
    dx = x - x.mean()
    slope = float(dx @ y / (dx @ dx))
    rest = y - y.mean() - slope * dx
    error = math.sqrt(float(rest @ rest) / (len(x) - 2) / float(dx @ dx))
    return Interval(slope, slope - Z95 * error, slope + Z95 * error)


# Diversity.


def effective_number(counts: Collection[int]) -> float:
    """The number of equally common kinds of the same entropy: exp(H) (Hill 1973, order 1)."""
    return 2.0 ** shannon(list(counts)) if counts else 0.0


def novelty(kinds: Sequence[Hashable]) -> Interval:
    """Of the later half, the share of kinds that occur nowhere before them in the sequence.

    The earlier half is what they are new against.
    """
    half = len(kinds) // 2
    seen = set(kinds[:half])
    new = 0
    for kind in kinds[half:]:
        new += kind not in seen
        seen.add(kind)
    return wilson(new, len(kinds) - half)


def mean(values: npt.ArrayLike) -> Interval:
    """The mean and its normal 95 percent interval; of nothing: unknown, of one: no interval."""
    data = np.asarray(values, dtype=np.float64)
    if len(data) == 0:
        return Interval(math.nan, math.nan, math.nan)
    centre = float(data.mean())
    half = Z95 * float(data.std(ddof=1)) / math.sqrt(len(data)) if len(data) > 1 else math.nan
    return Interval(centre, centre - half, centre + half)


class CompressionFigures(NamedTuple):
    """What compressing says of bytes."""

    ratio: float  # bytes before by bytes after
    h0: float  # entropy of single bytes, bits
    higher_order: float  # h0 less the bits a byte that the compressor needs


def compressibility(data: bytes) -> CompressionFigures:
    """How much of the bytes is structure beyond the frequencies of single bytes.

    higher_order is cubff's `higher_entropy` (Agüera y Arcas et al. 2024), there with
    brotli. Independent bytes have about 0, repetition has more.
    """
    if not data:
        return CompressionFigures(math.nan, 0.0, 0.0)
    after = len(zlib.compress(data, _LEVEL))
    h0 = shannon(np.bincount(np.frombuffer(data, dtype=np.uint8), minlength=256))
    return CompressionFigures(len(data) / after, h0, h0 - 8 * after / len(data))
