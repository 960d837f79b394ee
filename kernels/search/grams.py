"""The places of a text where one of many patterns may stand, by sampled grams.

The search `scan_grams` of `literals`, whose arrays and words hold here too. What
filters a block's samples has no branches: what is looked at is written down always,
and counted if it is wanted. No tables are built here (`literal_tables`).

Bytes moved: the text once; tables of at most 16 KB for some thousand grams, so that
table and block stay in the first-level cache.
"""

from __future__ import annotations

import numpy as np
from numpy import uint8, uint64

from kernels.typed import U

from .literals import BLOCK, WAITING, enter, word_at, word_before

#: Places that are worth a turn of comparing.
ENOUGH = 256
#: Places that are probed one by one only if the table knows the gram of one of them.
RUN = 4

_1, _6, _63 = uint64(1), uint64(6), uint64(63)


def pick(buffer, at, count, stride, factor, shift, table, runs):
    """Collect those of `count` runs of places in which the table knows a gram; their number.

    Without a branch: every run is written down, and counted if it is wanted. Run r has
    `RUN` places, the first at + r * RUN * stride.
    """
    found = np.int64(0)
    for _ in range(count):
        runs[U(found)] = at
        known = uint8(0)
        for j in range(RUN):
            hashed = (word_at(buffer, at + j * stride) * factor) >> shift
            known |= table[U(hashed)]
        found += np.int64(known)
        at += RUN * stride
    return found


def spread(buffer, runs, count, stride, factor, shift, table, picked, found):
    """Add the places of the collected runs whose gram the table knows; how many there are now."""
    for r in range(count):
        for j in range(RUN):
            at = runs[U(r)] + j * stride
            picked[U(found)] = at
            found += np.int64(table[U((word_at(buffer, at) * factor) >> shift)])
    return found


def known(words, hashed):
    """1 where the set, one bit a hash, has this one, else 0."""
    return np.int64((words[U(hashed >> _6)] >> (hashed & _63)) & _1)


def sift(buffer, at, count, stride, factor, shift, words, picked, found):
    """Add those of `count` places from `at` on whose gram is in the set; how many there are now."""
    for _ in range(count):
        picked[U(found)] = at
        found += known(words, (word_at(buffer, at) * factor) >> shift)
        at += stride
    return found


def thin(buffer, picked, kept, count, factor, shift, words):
    """Keep those of the places from `kept` on whose gram is in the set; how many there are now."""
    for c in range(kept, count):
        at = picked[U(c)]
        picked[U(kept)] = at
        kept += known(words, (word_at(buffer, at) * factor) >> shift)
    return kept


def entries_at(
    buffer, at, stop, first, shift, table, coarse, second, fine_shift, fine, bucket_shift, bucket
):
    """The entries (from, to) of the gram at one place; none where a filter does not know it.

    What `sift`, `thin` and `compare` do for many places, for a target that has a thread a place.
    """
    word = word_before(buffer, at, stop)
    hashed = (word * first) >> shift
    if table.shape[0] > 0:
        if table[U(hashed)] == 0:
            return 0, 0
    elif known(coarse, hashed) == 0:
        return 0, 0
    if known(fine, (word * second) >> fine_shift) == 0:
        return 0, 0
    gram = (word * first) >> bucket_shift
    return bucket[U(gram)], bucket[U(gram + _1)]


def begin_of(buffer, near, stop, e, window, back, number, place, width):
    """Where the pattern of entry e would begin, if its window stands at this place; else -1."""
    at = near - back[U(e)]
    if at < 0 or word_before(buffer, at, stop) & width != window[U(e)]:
        return np.int64(-1)
    return np.int64(at - place[U(number[U(e)])])


def compare(
    buffer, begin, stop, picked, tried, count, factor, shift,
    bucket, window, back, number, place, width, waiting, numbers, waits,
):  # fmt: skip
    """Compare the text around each picked place with the next entry of its gram.

    tried int64: how many of its entries have been. Windows that agree are put down as
    waiting; places with entries left are kept. Returns how many wait and are kept.
    """
    kept = np.int64(0)
    for c in range(count):
        near = picked[U(c)]
        gram = (word_before(buffer, near, stop) * factor) >> shift
        e = bucket[U(gram)] + tried[U(c)]
        left = bucket[U(gram + _1)] - e
        at = near - back[U(e)]
        k = number[U(e)]
        waiting[U(waits)] = at - place[U(k)]
        numbers[U(waits)] = k
        same = word_before(buffer, max(at, begin), stop) & width == window[U(e)]
        waits += np.int64(same) & np.int64(left > 0)
        picked[U(kept)] = near
        tried[U(kept)] = tried[U(c)] + 1
        kept += np.int64(left > 1)
    return waits, kept


def scan_grams(
    buffer, offsets, low, high, needles, starts, stride, first, shift, table, coarse, second,
    fine_shift, fine, bucket_shift, bucket, window, back, number, place, width, tried, picked,
    waiting, numbers, bits, counts,
):  # fmt: skip
    """Enter what a group of patterns has in the strings low to high - 1.

    stride int64. The two hashes of a gram are the high bits, 64 - shift and 64 -
    fine_shift of them, of the products of its word with first and second (all uint64):
    odd numbers moved to the left, so that the bytes behind the gram do not count.
    For few grams table uint8[2**(64 - shift)] has 1 for each, else it is empty and
    coarse uint64, one bit a hash, has them; fine likewise has their second hashes.
    bucket int32[2**(64 - bucket_shift) + 1]: the entries by the high bits of the first
    hash, which are window uint64 (the first bytes of the pattern's window, those of
    `width`), back int64 (from the gram to the window's first byte), number int32 (pattern).
    place int64[P]: where the window stands in a pattern.
    Scratch: tried, picked int64[PICKED]; waiting int64, numbers int32, [WAITING].
    """
    begin = offsets[low]
    stop = offsets[high]
    row = low
    found, waits = np.int64(0), np.int64(0)
    block = BLOCK // 4 if table.shape[0] > 0 else BLOCK  # the bytes leave less room to the text
    at = begin
    while at < stop:
        count = RUN * min(block // RUN, ((stop - at - 8) // stride + 1) // RUN)
        kept = found
        if count > 0:
            if table.shape[0] > 0:
                found = pick(buffer, at, count // RUN, stride, first, shift, table, tried)
                found = spread(buffer, tried, found, stride, first, shift, table, picked, kept)
            else:
                found = sift(buffer, at, count, stride, first, shift, coarse, picked, kept)
            found = thin(buffer, picked, kept, found, second, fine_shift, fine)
        else:  # less than a run remains
            count = np.int64(1)
            picked[U(found)] = at
            found += 1
        at += count * stride
        if found < ENOUGH and at < stop:
            continue
        for c in range(found):
            tried[U(c)] = 0
        while found > 0:
            waits, found = compare(
                buffer, begin, stop, picked, tried, found, first, bucket_shift,
                bucket, window, back, number, place, width, waiting, numbers, waits,
            )  # fmt: skip
            if waits > WAITING // 2:
                row = enter(
                    buffer, waiting, numbers, waits, begin, stop, offsets, row,
                    needles, starts, bits, counts,
                )  # fmt: skip
                waits = np.int64(0)
    enter(buffer, waiting, numbers, waits, begin, stop, offsets, row, needles, starts, bits, counts)
