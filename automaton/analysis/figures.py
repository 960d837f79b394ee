"""The figures of an observed log, each with its source, window, n and age.

Pure: a `Series` in, `Figure`s and a `Verdict` out. A figure that cannot be had has
no value and says why; nothing is shown in its stead.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from automaton.analysis import measures
from automaton.analysis.evidence import Label, judged
from automaton.analysis.measures import Figure as Figure  # noqa: PLC0414  # what this module gives
from automaton.analysis.measures import Interval
from automaton.analysis.series import Series
from automaton.terms import arrays

#: Winners that the short and the long entropy of salience look at.
SHORT, LONG = 100, 10_000
#: Members that figures are made from.
_STREAM, _SALIENCE, _TERM = "winners' stream", "winners' salience", "winners' term"
_MEAN = "commits' state.salience"


@dataclass(frozen=True)
class Observation:
    """All figures of a log, and the label with its evidence."""

    figures: list[Figure]
    verdict: Label


def observe(
    series: Series, null: Series | None, why_no_null: str, age: float | None
) -> Observation:
    """Figures of a window; `age` is in seconds, since the log was last written to."""
    rows: tuple[Callable[[Series], Iterator[Figure]], ...] = (
        _shares, _salience, _order, _population, _lineage, _compressed, _steps,
    )  # fmt: skip
    figures = [replace(figure, age=age) for row in rows for figure in row(series)]
    bits = next(f.value for f in reversed(figures) if f.name == "entropy of salience")
    if not series.names:
        null, why_no_null = None, "no streams compete in this log: it is the null model itself"
        if series.since > 1:
            why_no_null = f"no streams compete since tick {series.since}"
    same = null.salience[-len(series.salience) :] if null else None  # the ticks of the window
    label = judged(series.salience, bits, same, why_no_null)
    return Observation(figures, label)


def _last(count: int, what: str) -> str:
    return f"last {count:,} {what}"


class FigureSource(NamedTuple):
    """What was read, over what, and how many values that gave."""

    source: str
    window: str
    n: int


def _of(name: str, found: Interval, unit: str, where: FigureSource, note: str = "") -> Figure:
    """A figure with its interval; what is no number is absent."""
    value, low, high = (None if math.isnan(x) else x for x in found)
    if value is None:
        low = high = None
    return Figure(name, value, unit, *where, None, low, high, note)


def _shares(series: Series) -> Iterator[Figure]:
    """Who won, by stream."""
    won = Counter(w.stream for w in series.winners)
    wins = {name: won[name] for name in series.names}
    n = sum(wins.values())
    if not n:
        why = "no winners" if series.names else "no streams compete here"
        yield Figure("win share", None, "share", _STREAM, "-", 0, note=why)
        return
    where = FigureSource(_STREAM, _last(n, "winners"), n)
    for name, share in measures.win_shares(wins).items():
        yield _of(f"win share of {name}", share, "share", where, "Wilson")
    number = measures.effective_number(list(wins.values()))
    yield Figure("effective streams", number, "streams", *where)


def _salience(series: Series) -> Iterator[Figure]:
    """Entropy of salience over the last 100 and the last 10,000 winners."""
    values = [w.salience for w in series.winners if w.salience is not None]
    for count in (SHORT, LONG):
        taken = values[-count:]
        if taken:
            # A stream's weight, which `self-train` moves, may lift salience above 1.
            yield _entropy(np.array(taken), 0.0, max(1.0, *taken), _SALIENCE, "winners")
            continue
        # Without streams a winner's line has no salience: the ticks' means stand in, and say so.
        means = series.salience[-count:]
        if len(means):
            low, high = float(means.min()), float(means.max())
            yield _entropy(means, low, high, _MEAN, "ticks")
        else:
            yield Figure("entropy of salience", None, "bits", _MEAN, "-", 0, note="no ticks")


def _entropy(values: arrays.Floats, low: float, high: float, source: str, what: str) -> Figure:
    counts = measures.histogram(values, low, high)
    bias = measures.miller_madow(counts)
    note = f"{measures.BINS} bins over {low:.4g} to {high:.4g}; Miller-Madow adds {bias:.4f}"
    n = len(values)
    bits = measures.shannon(counts)
    return Figure("entropy of salience", bits, "bits", source, _last(n, what), n, note=note)


def _order(series: Series) -> Iterator[Figure]:
    """Order in time, of the ticks' means."""
    x = series.salience
    n, window = len(x), _last(len(x), "ticks")
    enough = n > measures.ORDER
    bits = float(measures.permutation_entropy(x)) if enough else None
    note = "order 3, delay 1, ties by position" if enough else "too few ticks"
    yield Figure("permutation entropy", bits, "bits", _MEAN, window, n, note=note)
    slope = measures.spectral_slope(x)
    if slope is None:
        short = n < measures.FEWEST_FOR_SLOPE
        why = f"needs {measures.FEWEST_FOR_SLOPE} ticks" if short else "a constant has no slope"
        yield Figure("spectral slope", None, "exponent", _MEAN, window, n, note=why)
        return
    segment = measures.slope_segment(n)
    band = f"Welch, segments of {segment}, {measures.LOWEST_BIN / segment:.4g} to "
    band += f"{measures.HIGHEST_FREQUENCY} cycles a tick"
    yield _of("spectral slope", slope, "exponent", FigureSource(_MEAN, window, n), band)


def _population(series: Series) -> Iterator[Figure]:
    """Diversity and novelty of the winners' terms."""
    terms = [w.term for w in series.winners]
    n, window = len(terms), _last(len(terms), "winners")
    counts = Counter(terms)
    yield Figure("distinct terms", float(len(counts)), "terms", _TERM, window, n)
    number = measures.effective_number(list(counts.values())) if terms else None
    yield Figure("effective terms", number, "terms", _TERM, window, n, note="exp of entropy")
    note = "of the later half, not seen before in the window"
    later = FigureSource(_TERM, f"later half of the {window}", n - n // 2)
    yield _of("novelty rate", measures.novelty(terms), "share", later, note)


def _lineage(series: Series) -> Iterator[Figure]:
    depths = series.traced.depths
    note = "generations to the genesis along reactant a"
    note += "; reading was cut short" if series.traced.cut else ""
    found = measures.mean(depths)
    where = FigureSource("winners' parents", _last(len(depths), "winners"), len(depths))
    yield _of("lineage depth", found, "generations", where, note)


def _compressed(series: Series) -> Iterator[Figure]:
    """Structure beyond the frequencies of single bytes, as a Latin-1 letter a byte."""
    terms = [w.term for w in series.winners]
    data = "\n".join(terms).replace("λ", "\\").encode()
    found = measures.compressibility(data)
    n, window, how = len(terms), _last(len(terms), "winners"), measures.COMPRESSOR
    ratio = found.ratio if data else None
    yield Figure("compression ratio", ratio, "bytes by bytes", _TERM, window, n, note=how)
    beyond = found.higher_order if data else None
    note = f"of {found.h0:.3f} bits a byte; {how}"
    yield Figure("higher-order entropy", beyond, "bits a byte", _TERM, window, n, note=note)


def _steps(series: Series) -> Iterator[Figure]:
    """What winners cost."""
    n, window = len(series.winners), _last(len(series.winners), "winners")
    steps = measures.mean([w.steps for w in series.winners])
    yield _of("mean beta steps", steps, "steps", FigureSource("winners' steps", window, n))
    size = measures.mean([w.size for w in series.winners])
    yield _of("mean size", size, "nodes", FigureSource("winners' size", window, n))
