"""Tables for `literals`: which search a pattern gets, its window, its grams, its pair.

Numpy over the patterns, once a set of patterns; a sample of the text tells which
grams are rare. What the tables are for, `literals` says; nothing here scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.checks import Array, KernelArgumentError, array

from .literals import PADDING

Bytes: TypeAlias = npt.NDArray[np.uint8]

#: Patterns shorter than this do not share a sampled window with longer ones.
LONG = 8
#: Most long and most short patterns that are cheaper to compare at every place.
FEW_LONG, FEW_SHORT = 4, 16
#: Longest stride: beyond it the time is the memory's.
MAX_STRIDE = 16
#: Bytes of a gram that are tried, and the costs (ns) that decide between them: of a probe,
#: and of a place that the filters let through.
GRAMS, PROBE_COST, PLACE_COST = (4, 5, 6), 0.6, 12.0
#: What grams are multiplied with to be hashed: 2**64 / golden ratio, and one of Evensen's.
FIRST, SECOND = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
#: Up to so many grams have a table of a byte each (16 KB), more have one of a bit each.
FEW_GRAMS, FEW_BITS, MANY_BITS = 512, 14, 17
#: Bytes of text that are looked at for rare grams, and in how many pieces.
SAMPLE, PIECES = 1 << 18, 32
#: Bits of the hash by which grams of the sample are counted.
FINE = 18


class Triples(NamedTuple):
    """The arguments of `literals.scan_triples` after `starts`."""

    second: int
    third: int
    one: Array
    two: Array
    three: Array
    number: Array
    place: Array


class Grams(NamedTuple):
    """The arguments of `grams.scan_grams` after `starts`."""

    stride: int
    first: np.uint64
    shift: np.uint64
    table: Array
    coarse: Array
    second: np.uint64
    fine_shift: np.uint64
    fine: Array
    bucket_shift: np.uint64
    bucket: Array
    window: Array
    back: Array
    number: Array
    place: Array
    width: np.uint64


class Literals(NamedTuple):
    """A set of patterns, ready to be looked for: bytes, where each begins, its groups."""

    needles: Array
    starts: Array
    groups: tuple[Triples | Grams, ...]

    @property
    def total(self) -> int:
        """The number of patterns."""
        return len(self.starts) - 1


def prepared(patterns: Sequence[bytes], text: Bytes | None = None) -> Literals:
    """The tables for patterns; a text like those to be scanned makes them better.

    An error names the pattern that is empty or not bytes.
    """
    check_patterns(patterns)
    starts = np.cumsum([0, *map(len, patterns)], dtype=np.int64)
    needles = np.frombuffer(b"".join(patterns) + bytes(PADDING), dtype=np.uint8)
    text = np.zeros(0, np.uint8) if text is None else array("text", text, (np.uint8,), 1)
    words, seen = _words(needles), _words(sampled(text))
    groups = [
        make(needles, words, starts, np.flatnonzero(chosen), seen)
        for make, chosen in _plan(np.diff(starts))
        if chosen.any()
    ]
    return Literals(needles, starts, tuple(groups))


def check_patterns(patterns: object) -> None:
    """Raise what `prepared` raises."""
    if isinstance(patterns, (bytes, str)) or not isinstance(patterns, Sequence) or not patterns:
        raise KernelArgumentError("patterns", "a sequence of at least one bytes object is needed")
    for k, pattern in enumerate(patterns):
        if not isinstance(pattern, bytes):
            kind = type(pattern).__name__
            raise KernelArgumentError("patterns", f"number {k} is {kind}, not bytes; encode it")
        if not pattern:
            raise KernelArgumentError("patterns", f"number {k} is empty, which is everywhere")


def check_strings(buffer: object, offsets: object) -> None:
    """Raise the error of a text or of offsets that no kernel can be given."""
    text = array("buffer", buffer, (np.uint8,), 1)
    ends = array("offsets", offsets, (np.int64,), 1)
    if not len(ends):
        raise KernelArgumentError("offsets", "at least one is needed")
    if ends[0] < 0 or ends[-1] > len(text):
        raise KernelArgumentError("offsets", f"not from 0 to the buffer's length, {len(text):,}")
    if (ends[1:] < ends[:-1]).any():
        at = int((ends[1:] < ends[:-1]).argmax()) + 1
        raise KernelArgumentError("offsets", f"entry {at} is below the one before")


def sampled(text: Bytes) -> Bytes:
    """A small array of bytes from all over the text."""
    if len(text) <= SAMPLE:
        return text
    size = SAMPLE // PIECES
    at = np.linspace(0, len(text) - size, PIECES).astype(np.int64)
    return np.concatenate([text[a : a + size] for a in at])


def _plan(lengths):
    """Which patterns (a mask) go to which search: see FEW_LONG and FEW_SHORT."""
    long = lengths >= LONG
    few = long & (long.sum() <= FEW_LONG) | ~long & ((~long).sum() <= FEW_SHORT)
    at_each = [(_triples, few & of) for of in (lengths == 1, lengths == 2, lengths > 2)]
    exact = [(_grams, ~few & (lengths == size)) for size in (1, 2, 3)]
    return [*at_each, *exact, (_grams, ~few & (lengths >= 4))]


def _words(data):
    """The eight bytes at every place but the last seven, as little-endian uint64."""
    count = max(0, len(data) - 7)
    return sum(
        (data[j : j + count].astype(np.uint64) << np.uint64(8 * j) for j in range(8)),
        start=np.zeros(count, np.uint64),
    )


def _factor(number, size):
    """What a word is multiplied with, so that only its first `size` bytes count."""
    return np.uint64(number << 64 - 8 * min(size, 8) & 2**64 - 1)


def _hashed(words, factor, bits):
    return ((words * factor) >> np.uint64(64 - bits)).astype(np.int64)


def _counted(hashes, bits):
    return np.bincount(hashes, minlength=1 << bits)


def _cheapest(cost, starts, chosen, size, run):
    """Where in each chosen pattern its cheapest window begins, by pattern (others: 0).

    A window is of `size` bytes and costs what its first `run` places cost.
    """
    total = np.concatenate([[0], np.cumsum(cost)])
    place = np.zeros(len(starts) - 1, np.int64)
    for k in chosen:
        a, b = starts[k], starts[k + 1] - size + 1
        place[k] = np.argmin(total[a + run : b + run] - total[a:b])
    return place


def _triples(needles, words, starts, chosen, seen):
    """The triples of patterns of one, of two or of more bytes: those that the text has least."""
    size = min(3, int((starts[chosen + 1] - starts[chosen]).min()))
    grams = _hashed(words, _factor(FIRST, size), FINE)
    common = _counted(_hashed(seen, _factor(FIRST, size), FINE), FINE)
    place = _cheapest(common[grams], starts, chosen, size, 1)[chosen]
    fill = -(-len(chosen) // 4) * 4
    at = np.resize(starts[chosen] + place, fill)
    second, third = min(1, size - 1), size - 1
    one, two, three = needles[at], needles[at + second], needles[at + third]
    return Triples(second, third, one, two, three, chosen.astype(np.int32), place)


def _grams(_needles, words, starts, chosen, seen):
    """The hashed grams of patterns that all have four bytes or more, or all have the same few."""
    shortest = int((starts[chosen + 1] - starts[chosen]).min())
    sizes = [size for size in GRAMS if size <= shortest] or [shortest]
    tried = [_windows(words, starts, chosen, seen, shortest, size) for size in sizes]
    _cost, size, stride, place = min(tried, key=lambda row: row[0])
    return _table(words, starts, chosen, place, stride, size)


def _windows(words, starts, chosen, seen, shortest, size):
    """For grams of a size: expected cost (ns a byte), size, stride, where the windows begin."""
    stride = min(shortest - size + 1, MAX_STRIDE)
    grams = _hashed(words, _factor(FIRST, size), FINE)
    common = _counted(_hashed(seen, _factor(FIRST, size), FINE), FINE)
    shared = _counted(grams, FINE)  # a gram of many patterns costs a comparison with each
    place = _cheapest(
        ((16 * common + 1) * shared)[grams], starts, chosen, stride + size - 1, stride
    )
    at = np.unique(grams[np.add.outer((starts[:-1] + place)[chosen], np.arange(stride))])
    let_through = common[at].sum() / max(1, len(seen))
    return (PROBE_COST + let_through * PLACE_COST) / stride, size, stride, place


def _table(words, starts, chosen, place, stride, size):
    """The sets of grams and the entries, from the windows' places."""
    back = np.repeat(np.arange(stride), len(chosen))
    at = np.tile((starts[:-1] + place)[chosen], stride)
    log = int(len(at) - 1).bit_length()
    few = len(at) <= FEW_GRAMS
    bits, fine_bits = FEW_BITS if few else max(MANY_BITS, log + 3), max(15, log + 4)
    first, second = _factor(FIRST, size), _factor(SECOND, size)
    hashed = _hashed(words[at + back], first, bits)
    order = np.append(np.argsort(hashed, kind="stable"), 0)  # one more may be looked at
    known = np.zeros(1 << bits, np.bool_)
    known[hashed] = True
    fine = np.zeros(1 << fine_bits, np.bool_)
    fine[_hashed(words[at + back], second, fine_bits)] = True
    coarse, deep = known[: 0 if few else None], log + 1
    width = np.uint64((1 << 8 * min(8, stride + size - 1)) - 1)
    return Grams(
        stride,
        first,
        np.uint64(64 - bits),
        known.astype(np.uint8) if few else np.empty(0, np.uint8),
        np.packbits(coarse, bitorder="little").view(np.uint64),
        second,
        np.uint64(64 - fine_bits),
        np.packbits(fine, bitorder="little").view(np.uint64),
        np.uint64(64 - deep),
        np.append(0, np.cumsum(_counted(hashed >> bits - deep, deep))).astype(np.int32),
        (words[at] & width)[order],
        back[order],
        np.tile(chosen, stride).astype(np.int32)[order],
        place,
        width,
    )
