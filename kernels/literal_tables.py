"""Tables for `literals`: which search a pattern gets, its window, its grams, its pair.

Numpy over the patterns, once a set of patterns; a sample of the text tells which
grams are rare. What the tables are for, `literals` says; nothing here scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .literals import FIRST, PADDING, SECOND

#: Patterns shorter than this do not share a sampled window with longer ones.
LONG = 8
#: Most long and most short patterns that are cheaper to compare at every place.
FEW_LONG, FEW_SHORT = 12, 16
#: Longest stride: beyond it the time is the memory's.
MAX_STRIDE = 16
#: Bytes of a gram that are tried, and the costs (ns) that decide between them: of a probe,
#: and of a place that the filters let through.
GRAMS, PROBE_COST, PLACE_COST = (4, 5, 6), 0.35, 10.0
#: Bytes of text that are looked at for rare grams, and in how many pieces.
SAMPLE, PIECES = 1 << 18, 32
#: Bits of the hash by which grams of the sample are counted.
FINE = 18


class Triples(NamedTuple):
    """The arguments of `literals.scan_triples` after `starts`."""

    second: int
    third: int
    one: np.ndarray
    two: np.ndarray
    three: np.ndarray
    number: np.ndarray
    place: np.ndarray


class Grams(NamedTuple):
    """The arguments of `literals.scan_grams` after `starts`."""

    stride: int
    left: np.uint64
    shift: np.uint64
    table: np.ndarray
    sieve_shift: np.uint64
    sieve: np.ndarray
    bucket: np.ndarray
    window: np.ndarray
    back: np.ndarray
    number: np.ndarray
    place: np.ndarray
    width: np.uint64


class Literals(NamedTuple):
    """A set of patterns, ready to be looked for: bytes, where each begins, its groups."""

    needles: np.ndarray
    starts: np.ndarray
    groups: tuple[Triples | Grams, ...]

    @property
    def count(self):
        """The number of patterns."""
        return len(self.starts) - 1


def prepared(patterns, text=None):
    """The tables for patterns (a sequence of bytes); a text like those to be scanned helps.

    Raises a ValueError that names the argument where a pattern is empty or not bytes.
    """
    check_patterns(patterns)
    starts = np.cumsum([0, *map(len, patterns)], dtype=np.int64)
    needles = np.frombuffer(b"".join(patterns) + bytes(PADDING), dtype=np.uint8)
    seen = sampled(np.zeros(0, np.uint8) if text is None else text)
    lengths = np.diff(starts)
    groups = [
        make(needles, starts, np.flatnonzero(chosen), seen)
        for make, chosen in _plan(lengths)
        if chosen.any()
    ]
    return Literals(needles, starts, tuple(groups))


def check_patterns(patterns):
    """Raise what `prepared` raises."""
    if isinstance(patterns, (bytes, str)) or not isinstance(patterns, Sequence) or not patterns:
        raise ValueError("patterns: a sequence of at least one bytes object is wanted")
    for k, pattern in enumerate(patterns):
        if not isinstance(pattern, bytes):
            raise ValueError(f"patterns: number {k} is {type(pattern).__name__}; encode it")
        if not pattern:
            raise ValueError(f"patterns: number {k} is empty and would be everywhere; leave it out")


def check_strings(buffer, offsets):
    """Raise a ValueError that names what of the two no kernel should be given."""
    if not isinstance(buffer, np.ndarray) or buffer.dtype != np.uint8 or buffer.ndim != 1:
        raise ValueError("buffer: a one-dimensional array of uint8 is wanted")
    if not isinstance(offsets, np.ndarray) or offsets.dtype != np.int64 or offsets.ndim != 1:
        raise ValueError("offsets: a one-dimensional array of int64 is wanted")
    if not (buffer.flags.c_contiguous and offsets.flags.c_contiguous):
        raise ValueError("buffer, offsets: contiguous arrays are wanted")
    if not len(offsets) or offsets[0] < 0 or offsets[-1] > len(buffer):
        raise ValueError("offsets: at least one is wanted, all of them inside the buffer")
    if (offsets[1:] < offsets[:-1]).any():
        raise ValueError("offsets: they must not descend")


def sampled(text):
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


def _left(size):
    """By how much a word is shifted so that `size` of its bytes remain."""
    return np.uint64(max(0, 64 - 8 * size))


def _hashed(grams, factor, bits):
    return ((grams * factor) >> np.uint64(64 - bits)).astype(np.int64)


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


def _triples(needles, starts, chosen, seen):
    """The triples of patterns of one, of two or of more bytes: those that the text has least."""
    size = min(3, int((starts[chosen + 1] - starts[chosen]).min()))
    grams = _hashed(_words(needles) << _left(size), FIRST, FINE)
    common = _counted(_hashed(_words(seen) << _left(size), FIRST, FINE), FINE)
    place = _cheapest(common[grams], starts, chosen, size, 1)[chosen]
    fill = -(-len(chosen) // 4) * 4
    at = np.resize(starts[chosen] + place, fill)
    second, third = min(1, size - 1), size - 1
    one, two, three = needles[at], needles[at + second], needles[at + third]
    return Triples(second, third, one, two, three, chosen.astype(np.int32), place)


def _grams(needles, starts, chosen, seen):
    """The hashed grams of patterns that all have four bytes or more, or all have the same few."""
    shortest = int((starts[chosen + 1] - starts[chosen]).min())
    sizes = [size for size in GRAMS if size <= shortest] or [shortest]
    tried = [_windows(needles, starts, chosen, seen, shortest, size) for size in sizes]
    _cost, size, stride, place = min(tried, key=lambda row: row[0])
    return _table(needles, starts, chosen, place, stride, size)


def _windows(needles, starts, chosen, seen, shortest, size):
    """For grams of a size: expected cost (ns a byte), size, stride, where the windows begin."""
    stride = min(shortest - size + 1, MAX_STRIDE)
    grams = _hashed(_words(needles) << _left(size), FIRST, FINE)
    common = _counted(_hashed(_words(seen) << _left(size), FIRST, FINE), FINE)
    shared = _counted(grams, FINE)  # a gram of many patterns costs a comparison with each
    place = _cheapest(
        ((16 * common + 1) * shared)[grams], starts, chosen, stride + size - 1, stride
    )
    at = np.unique(grams[np.add.outer((starts[:-1] + place)[chosen], np.arange(stride))])
    let_through = common[at].sum() / max(1, len(seen))
    return (PROBE_COST + let_through * PLACE_COST) / stride, size, stride, place


def _table(needles, starts, chosen, place, stride, size):
    """Table, sieve and entries from the windows' places."""
    log = int(len(chosen) * stride - 1).bit_length()
    bits, sieve_bits = max(12, min(log + 4, 15), min(log + 2, 22)), max(15, min(log + 6, 26))
    back = np.repeat(np.arange(stride), len(chosen))
    words = _words(needles)
    at = np.tile((starts[:-1] + place)[chosen], stride)
    grams = words[at + back] << _left(size)
    hashed = _hashed(grams, FIRST, bits)
    order = np.argsort(hashed, kind="stable")
    table = np.zeros(1 << bits, np.uint8)
    table[hashed] = 1
    sieve = np.zeros(1 << sieve_bits, np.bool_)
    sieve[_hashed(grams, SECOND, sieve_bits)] = True
    width = np.uint64(2**64 - 1) >> _left(stride + size - 1)
    return Grams(
        stride,
        _left(size),
        np.uint64(64 - bits),
        table,
        np.uint64(64 - sieve_bits),
        np.packbits(sieve, bitorder="little"),
        np.concatenate([[0], np.cumsum(_counted(hashed, bits))]).astype(np.int32),
        (words[at] & width)[order],
        back[order],
        np.tile(chosen, stride).astype(np.int32)[order],
        place,
        width,
    )
