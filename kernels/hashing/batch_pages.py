"""The pages of batches found and hashed, and the trees over them: two messages at a time.

Bodies over arrays; nothing is allocated. A page is the lines that begin in one block of a
batch (`automaton.digests.batch_digest`). A leaf is the SHA-256 of a zero byte and a page, a
node that of a byte of one and two hashes (RFC 6962, 2.1). What a line means is not known
here. Scratch of all that hash: states uint32[2, 8], words uint64[16], room uint8[ROOM].
"""

from __future__ import annotations

import numpy as np

from kernels.text.line_scan import count_newlines, line_end
from kernels.typed import U

from .sha256 import BLOCK, DIGEST, INITIAL, compress, compress_two

#: Bytes of scratch: of each of two messages the first block, and the last one or two.
ROOM = 512
_LANE = 256


def page_end(data, at, stop, border, whole):  # type: ignore[no-untyped-def]
    """Where the page ends that begins at `at`, before the first line from `border` on; -1: later.

    data[at:stop] is what there is of the batch; `whole`: nothing follows.
    """
    if at >= border:
        return at
    end = line_end(data, border - 1, stop)
    if end < stop:
        return end + 1
    return stop if whole else np.int64(-1)


def page_spans(data, at, stop, base, number, whole, block, spans, count):  # type: ignore[no-untyped-def]
    """Begin and end of each page from spans[count] on; how many `spans` then holds, the last end.

    data[at] begins page `number` of a batch, whose byte `base` is data[0].
    spans   int64[n, 2]
    """
    while not whole or number * block - base < stop:
        end = page_end(data, at, stop, (number + 1) * block - base, whole)
        if end < 0:
            break
        spans[U(count), 0], spans[U(count), 1] = at, end
        count += 1
        number += 1
        at = end
    return count, at


def prepare(data, at, end, room, base):  # type: ignore[no-untyped-def]
    """Puts into room what does not stand as it is in data of the leaf data[at:end].

    From room[base] on: its first block, then the last ones with their padding. Returns how
    many blocks are a first one (0 or 1), stand in data (from byte at + 63 on), and are
    last ones (1 or 2).
    """
    size = end - at
    heads = middle = 0
    free = base + BLOCK
    if size >= BLOCK - 1:
        room[U(base)] = 0
        for k in range(BLOCK - 1):
            room[U(base + 1 + k)] = data[U(at + k)]
        heads = 1
        middle = (size - (BLOCK - 1)) // BLOCK
        at += BLOCK - 1 + middle * BLOCK
    else:
        room[U(free)] = 0
        free += 1
    for k in range(end - at):
        room[U(free + k)] = data[U(at + k)]
    free += end - at
    tails = 1 if free - (base + BLOCK) < BLOCK - 8 else 2
    stop = base + BLOCK + tails * BLOCK
    room[U(free)] = 0x80
    for k in range(free + 1, stop - 8):
        room[U(k)] = 0
    bits = np.uint64(8) * np.uint64(size + 1)
    for k in range(8):
        room[U(stop - 1 - k)] = np.uint8((bits >> np.uint64(8 * k)) & np.uint64(255))
    return heads, middle, tails


def take_both(states, data, one, two, first, second, words):  # type: ignore[no-untyped-def]
    """`first` blocks from data[one:] and `second` from data[two:], by two while both have some."""
    both = min(first, second)
    compress_two(states, data, one, two, both, words)
    longer = 0 if first > second else 1
    at = two if longer else one
    compress(states, longer, data, at + BLOCK * both, max(first, second) - both, words)


def put(states, lane, out, number):  # type: ignore[no-untyped-def]
    """The digest of a state as out[DIGEST * number:]."""
    for k in range(8):
        word = states[lane, k]
        for j in range(4):
            out[U(DIGEST * number + 4 * k + j)] = np.uint8((word >> np.uint32(24 - 8 * j)) & 255)


def begin(states):  # type: ignore[no-untyped-def]
    """Both states before the first block."""
    for lane in range(2):
        for k in range(8):
            states[lane, k] = INITIAL[U(k)]


def hash_spans(data, spans, order, out, lines, states, words, room):  # type: ignore[no-untyped-def]
    """The hashes of the leaves data[spans[k, 0]:spans[k, 1]], two at a time, and their newlines.

    Those are counted here, because the bytes are in the nearest cache just then.
    order   int64[count]: the numbers of the leaves, such that neighbours are about as long
    out     uint8[DIGEST * count]
    lines   int64[count]
    """
    count = len(order)
    for k in range(0, count, 2):
        begin(states)
        first = order[U(k)]
        heads, middle, tails = prepare(data, spans[U(first), 0], spans[U(first), 1], room, 0)
        one = spans[U(first), 0] + BLOCK - 1
        more, rest, ends, two, second = 0, 0, 0, one, first
        if k + 1 < count:
            second = order[U(k + 1)]
            two = spans[U(second), 0] + BLOCK - 1
            more, rest, ends = prepare(data, spans[U(second), 0], spans[U(second), 1], room, _LANE)
        take_both(states, room, 0, _LANE, heads, more, words)
        take_both(states, data, one, two, middle, rest, words)
        take_both(states, room, BLOCK, _LANE + BLOCK, tails, ends, words)
        put(states, 0, out, first)
        lines[U(first)] = count_newlines(data, spans[U(first), 0], spans[U(first), 1])
        if k + 1 < count:
            put(states, 1, out, second)
            lines[U(second)] = count_newlines(data, spans[U(second), 0], spans[U(second), 1])


def fold(leaves, first, count, states, words, room):  # type: ignore[no-untyped-def]
    """The hashes from number `first` on become the root over them, at `first`, level by level.

    leaves  uint8[DIGEST * n]
    """
    for k in range(ROOM):
        room[U(k)] = 0
    for base in range(0, ROOM, _LANE):  # a node is a message of 65 bytes: of two blocks
        room[U(base)], room[U(base + 1 + 2 * DIGEST)] = 1, 0x80
        room[U(base + 2 * BLOCK - 2)], room[U(base + 2 * BLOCK - 1)] = divmod(8 * 65, 256)
    own = leaves[DIGEST * first : DIGEST * (first + count)]
    while count > 1:
        half = count // 2
        for k in range(0, half, 2):
            begin(states)
            lanes = min(2, half - k)
            for lane in range(lanes):
                for j in range(2 * DIGEST):
                    room[U(lane * _LANE + 1 + j)] = own[U(2 * DIGEST * (k + lane) + j)]
            take_both(states, room, 0, _LANE, 2, 2 * (lanes - 1), words)
            for lane in range(lanes):
                put(states, lane, own, k + lane)
        if count & 1:  # it goes up as it is
            for k in range(DIGEST):
                own[U(DIGEST * half + k)] = own[U(DIGEST * (count - 1) + k)]
        count = half + (count & 1)


def batch_spans(starts, stops, data, block, spans):  # type: ignore[no-untyped-def]
    """The pages of whole batches, data[starts[k]:stops[k]], as of `page_spans`; how many."""
    count = 0
    for k in range(len(starts)):
        start = starts[U(k)]
        count, _ = page_spans(data, start, stops[U(k)], -start, 0, True, block, spans, count)
    return count


def fold_batches(sizes, leaves, lines, roots, sums, states, words, room):  # type: ignore[no-untyped-def]
    """The roots of trees that have sizes[k] leaves, one tree behind the other; their lines in all.

    leaves  uint8[DIGEST * sizes.sum()], overwritten
    lines   int64[sizes.sum()]
    roots   uint8[DIGEST * len(sizes)]
    sums    int64[len(sizes)]
    """
    first = 0
    for k in range(len(sizes)):
        size = sizes[U(k)]
        fold(leaves, first, size, states, words, room)
        for j in range(DIGEST):
            roots[U(DIGEST * k + j)] = leaves[U(DIGEST * first + j)]
        sums[U(k)] = 0
        for j in range(first, first + size):
            sums[U(k)] += lines[U(j)]
        first += size
