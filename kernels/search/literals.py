"""Finding many byte patterns in many byte strings: which string holds which pattern.

Bodies over arrays: no files, no meaning of the bytes, no building of tables (that is
`literal_tables`). The strings lie in one buffer and are scanned as one text; where a
string ends is looked up only for what was found, so short strings cost no calls.

Two searches find places that are then compared exactly, by `enter`:

- `grams.scan_grams`, for many patterns: the text is sampled every `stride` bytes, and each
  pattern has all `stride` alignments of one of its windows in a hash table, so that
  any occurrence shows a known gram at a sampled place (sampled q-grams: Sutinen and
  Tarhio 1995; many patterns by hashed blocks: Wu and Manber 1994). Filters without
  branches thin the places of a block out.
- `scan_triples`, for a few patterns or short ones: every place is compared with three
  bytes of each pattern, rare ones, by blocks that LLVM turns into SIMD (rare bytes
  first is how memmem of Rust's memchr finds one pattern).

Arrays, as all bodies here name them:

- `buffer`   uint8, the text
- `offsets`  int64[N + 1], ascending: string n is buffer[offsets[n]:offsets[n + 1]]
- `needles`  uint8, the patterns one behind the other, `PADDING` zero bytes behind them
- `starts`   int64[P + 1]: pattern k is needles[starts[k]:starts[k + 1]], not empty
- `bits`     uint64[N, ceil(P / 64)]: result; string n holds pattern k where bit k % 64
  of bits[n, k // 64] is set
- `counts`   int64[P]: result; in how many strings each pattern occurs (is added to)

Bytes moved: the text once (stride bytes a probe), 8 random bytes an occurrence.
"""

from __future__ import annotations

import numpy as np
from numpy import uint8, uint64

from kernels.text.id_scan import bytes_below, zero_bytes
from kernels.typed import U

#: Places that `scan_triples` looks at together.
SPAN = 512
#: Places of a text that are probed, and then thinned out, together: some KB of it.
BLOCK = 4096
#: Places that are picked out before they are compared, and that then wait to be entered.
PICKED = 2 * BLOCK
WAITING = 2 * PICKED
#: Zero bytes behind the patterns, so that a word can be read at each of their bytes.
PADDING = 8

_0, _1, _3, _7, _8, _16, _24 = (uint64(n) for n in (0, 1, 3, 7, 8, 16, 24))
_32, _40, _48, _56, _63 = (uint64(n) for n in (32, 40, 48, 56, 63))


def word_at(buffer, at):
    """Eight bytes as a little-endian uint64 (LLVM makes it one load)."""
    low = uint64(buffer[U(at)]) | uint64(buffer[U(at + 1)]) << _8
    low |= uint64(buffer[U(at + 2)]) << _16 | uint64(buffer[U(at + 3)]) << _24
    high = uint64(buffer[U(at + 4)]) << _32 | uint64(buffer[U(at + 5)]) << _40
    return low | high | uint64(buffer[U(at + 6)]) << _48 | uint64(buffer[U(at + 7)]) << _56


def word_before(buffer, at, stop):
    """Eight bytes as by `word_at`; zeros stand for those from `stop` on."""
    if at + 8 <= stop:
        return word_at(buffer, at)
    word = _0
    for j in range(stop - at):
        word |= uint64(buffer[at + j]) << uint64(8 * j)
    return word


def row_of(offsets, row, at):
    """The string that the byte `at` of the text lies in, looked for from `row` outwards.

    Some string must hold it. Doubling steps, then halving: cheap near `row`.
    """
    step = 1
    low = row
    high = row + 1
    while offsets[low] > at:
        high = low
        low = max(low - step, 0)
        step *= 2
    while offsets[high] <= at:
        low = high
        high = min(high + step, offsets.shape[0] - 1)
        step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if offsets[middle] <= at:
            low = middle
        else:
            high = middle
    return low


def same_bytes(buffer, at, needles, start, length):
    """Whether the text at `at` and the pattern at `start` agree for `length` bytes."""
    j = 0
    while j + 8 <= length:
        if word_at(buffer, at + j) != word_at(needles, start + j):
            return False
        j += 8
    while j < length:
        if buffer[U(at + j)] != needles[U(start + j)]:
            return False
        j += 1
    return True


def enter(
    buffer, waiting, numbers, count, begin, stop, offsets, row, needles, starts, bits, counts
):
    """Enter those of `count` places where the pattern stands, inside one string; the last row.

    waiting int64, numbers int32: place k may begin the pattern numbers[k]. [begin, stop)
    is the text in hand; `row` is where to look first.
    """
    for c in range(count):
        at = waiting[U(c)]
        k = np.int64(numbers[U(c)])
        length = starts[U(k + 1)] - starts[U(k)]
        if at < begin or at + length > stop:
            continue
        if at < offsets[U(row)] or at >= offsets[U(row + 1)]:
            row = row_of(offsets, row, at)
        word = k >> 6
        bit = _1 << (uint64(k) & _63)
        if at + length > offsets[U(row + 1)] or bits[U(row), U(word)] & bit != 0:
            continue
        if same_bytes(buffer, at, needles, starts[U(k)], length):
            bits[U(row), U(word)] |= bit
            counts[U(k)] += 1
    return row


def string_with(buffer, at, k, stop, offsets, needles, starts):
    """The string in which pattern k stands at the byte `at` of the text [0, stop), or -1.

    One place of `enter`, for a target that has a thread a place: the string is looked
    for from where it would be if all were equally long.
    """
    start = starts[U(k)]
    length = starts[U(k + 1)] - start
    if at < offsets[0] or at + length > stop:
        return np.int64(-1)
    if not same_bytes(buffer, at, needles, start, length):
        return np.int64(-1)
    row = row_of(offsets, at * (offsets.shape[0] - 1) // stop, at)
    return np.int64(row if at + length <= offsets[U(row + 1)] else -1)


def some(buffer, at, second, third, one, two, three, k):
    """Whether one of the triples k to k + 3 stands at one of `SPAN` places from `at` on."""
    x = buffer[at : at + SPAN]
    y = buffer[at + second : at + second + SPAN]
    z = buffer[at + third : at + third + SPAN]
    a0, a1, a2, a3 = one[k], one[k + 1], one[k + 2], one[k + 3]
    b0, b1, b2, b3 = two[k], two[k + 1], two[k + 2], two[k + 3]
    c0, c1, c2, c3 = three[k], three[k + 1], three[k + 2], three[k + 3]
    least = uint8(255)
    for j in range(SPAN):
        p, q, r = x[U(j)], y[U(j)], z[U(j)]
        left = min(
            uint8(p ^ a0) | uint8(q ^ b0) | uint8(r ^ c0),
            uint8(p ^ a1) | uint8(q ^ b1) | uint8(r ^ c1),
        )
        right = min(
            uint8(p ^ a2) | uint8(q ^ b2) | uint8(r ^ c2),
            uint8(p ^ a3) | uint8(q ^ b3) | uint8(r ^ c3),
        )
        least = min(least, uint8(min(uint8(left), uint8(right))))
    return least == 0


def mark(buffer, at, count, second, third, one, two, three, k, marks):
    """Zero marks[j] where one of the triples k to k + 3 stands at place at + j.

    With k = 0 the marks begin anew, else they are added to.
    """
    x = buffer[at : at + count]
    y = buffer[at + second : at + second + count]
    z = buffer[at + third : at + third + count]
    a0, a1, a2, a3 = one[k], one[k + 1], one[k + 2], one[k + 3]
    b0, b1, b2, b3 = two[k], two[k + 1], two[k + 2], two[k + 3]
    c0, c1, c2, c3 = three[k], three[k + 1], three[k + 2], three[k + 3]
    before = uint8(255) if k == 0 else uint8(0)
    for j in range(count):
        p, q, r = x[U(j)], y[U(j)], z[U(j)]
        left = min(
            uint8(p ^ a0) | uint8(q ^ b0) | uint8(r ^ c0),
            uint8(p ^ a1) | uint8(q ^ b1) | uint8(r ^ c1),
        )
        right = min(
            uint8(p ^ a2) | uint8(q ^ b2) | uint8(r ^ c2),
            uint8(p ^ a3) | uint8(q ^ b3) | uint8(r ^ c3),
        )
        nearest = uint8(min(uint8(left), uint8(right)))
        marks[U(j)] = min(uint8(marks[U(j)] | before), nearest)


def scan_triples(
    buffer, offsets, low, high, needles, starts, second, third, one, two, three, number, place,
    marks, waiting, numbers, bits, counts,
):  # fmt: skip
    """Enter what a few patterns have in the strings low to high - 1.

    Triple k: the byte one[k] and, `second` and `third` bytes further, two[k] and
    three[k], all uint8, the first at place[k] (int64) of pattern number[k] (int32).
    one, two and three are filled up with repetitions to a multiple of four. `second`
    and `third`: 0 and 0 for patterns of one byte, 1 and 1 for two, else 1 and 2.
    Scratch: marks uint8[SPAN]; waiting int64, numbers int32, [WAITING].
    """
    begin = offsets[low]
    stop = offsets[high]
    row = low
    waits = np.int64(0)
    at = begin
    while at + third < stop:
        count = min(SPAN, stop - at - third)
        hit = count < SPAN
        for k in range(0, 0 if hit else one.shape[0], 4):
            hit |= some(buffer, at, second, third, one, two, three, k)
        if not hit:
            at += count
            continue
        for k in range(0, one.shape[0], 4):
            mark(buffer, at, count, second, third, one, two, three, k, marks)
        for j in range(count, SPAN):
            marks[U(j)] = 1
        for word in range(0, count, 8):
            zeros = zero_bytes(word_at(marks, word))
            while zeros != 0:
                near = at + word + np.int64(bytes_below(zeros))
                zeros &= zeros - _1
                a, b, c = buffer[near], buffer[near + second], buffer[near + third]
                for k in range(number.shape[0]):
                    waiting[U(waits)] = near - place[U(k)]
                    numbers[U(waits)] = number[U(k)]
                    waits += np.int64(a == one[U(k)] and b == two[U(k)] and c == three[U(k)])
                    if waits == WAITING:
                        row = enter(
                            buffer, waiting, numbers, waits, begin, stop, offsets, row,
                            needles, starts, bits, counts,
                        )  # fmt: skip
                        waits = np.int64(0)
        at += count
    enter(buffer, waiting, numbers, waits, begin, stop, offsets, row, needles, starts, bits, counts)
