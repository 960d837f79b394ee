"""Finding many byte patterns in many byte strings: which string holds which pattern.

Bodies over arrays: no files, no meaning of the bytes, no building of tables (that is
`literal_tables`). The strings lie in one buffer and are scanned as one text; where a
string ends is looked up only for what was found, so short strings cost no calls.

Two searches that skip, both followed by an exact comparison:

- `scan_grams`, for many patterns: the text is sampled every `stride` bytes, and each
  pattern has all `stride` alignments of one of its windows in a hash table, so that
  any occurrence shows a known gram at a sampled place. Sampling q-grams at a stride
  is Karkkainen and Sutinen's ("Lempel-Ziv index for q-grams", 1998; in scanning: Wu and
  Manber 1994 and DuckDB's and ripgrep's prefilters are its relatives). Two filters
  without branches thin the samples of a block out before anything is compared.
- `scan_pairs`, for a few patterns or short ones: every place is compared with two
  neighbouring bytes of each pattern, rare ones, by blocks that LLVM turns into SIMD
  (the rare bytes are those of memmem in Rust's memchr).

Arrays, as all bodies here name them:

- `buffer`   uint8, the text
- `offsets`  int64[N + 1], ascending: string n is buffer[offsets[n]:offsets[n + 1]]
- `needles`  uint8, the patterns one behind the other, `PADDING` zero bytes behind them
- `starts`   int64[P + 1]: pattern k is needles[starts[k]:starts[k + 1]], not empty
- `bits`     uint64[N, ceil(P / 64)]: result; string n holds pattern k where bit k % 64
  of bits[n, k // 64] is set
- `counts`   int64[P]: result; in how many strings each pattern occurs (is added to)
- `picked`   int64[BLOCK + 1], scratch

Bytes moved: the text once (stride bytes a probe), 8 random bytes an occurrence.
"""

from __future__ import annotations

import numpy as np
from numpy import uint8, uint32, uint64

from .packed import U
from .scan import bytes_below, word_at, zero_bytes

#: Places that are probed, and then thinned out, together: a few KB of text.
BLOCK = 4096
#: Places that are compared together by `scan_pairs`: two AVX-512 registers, four of AVX2.
WIDTH = 128
#: Zero bytes behind the patterns, so that a word can be read at each of their bytes.
PADDING = 8

#: The two hashes of a gram are the high bits of its products with these (odd) numbers.
FIRST, SECOND = uint32(0x9E3779B1), uint32(0x85EBCA77)

_ONES = uint64(0x0101010101010101)
_1, _3, _7, _8, _16, _24 = (uint32(n) for n in (1, 3, 7, 8, 16, 24))
_ONE, _SIXTY_THREE = uint64(1), uint64(63)


def gram_at(buffer, at):
    """Four bytes as a little-endian uint32 (LLVM makes it one load)."""
    low = uint32(buffer[U(at)]) | uint32(buffer[U(at + 1)]) << _8
    return low | uint32(buffer[U(at + 2)]) << _16 | uint32(buffer[U(at + 3)]) << _24


def last_gram_at(buffer, at, stop):
    """The same near the end of the text: zeros stand for the bytes from `stop` on."""
    gram = uint32(0)
    for j in range(min(4, stop - at)):
        gram |= uint32(buffer[at + j]) << uint32(8 * j)
    return gram


def hash_of(gram, factor, shift):
    """The first 32 - shift bits of the product modulo 2**32."""
    return uint32(gram * factor) >> shift


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


def confirm(buffer, at, begin, stop, offsets, row, k, needles, starts, bits, counts):
    """Enter pattern k for the string at `at` if it stands there, inside one string.

    [begin, stop) is the text in hand. Returns the string's row: where to look next.
    """
    length = starts[k + 1] - starts[k]
    if at < begin or at + length > stop:
        return row
    row = row_of(offsets, row, at)
    word = k >> 6
    bit = _ONE << (uint64(k) & _SIXTY_THREE)
    known = at + length > offsets[row + 1] or bits[row, word] & bit != 0
    if not known and same_bytes(buffer, at, needles, starts[k], length):
        bits[row, word] |= bit
        counts[k] += 1
    return row


def pick(buffer, at, count, stride, mask, shift, table, picked):
    """Collect those of `count` places from `at` on whose gram the table knows; their number.

    Without a branch: every place is written down, and counted if it is wanted.
    """
    found = 0
    for _ in range(count):
        picked[U(found)] = at
        gram = gram_at(buffer, at) & mask
        found += np.int64(table[U(hash_of(gram, FIRST, shift))])
        at += stride
    return found


def thin(buffer, picked, count, mask, shift, sieve):
    """Keep those of the picked places that the sieve (one bit a hash) knows; their number."""
    kept = 0
    for c in range(count):
        at = picked[U(c)]
        hashed = hash_of(gram_at(buffer, at) & mask, SECOND, shift)
        picked[U(kept)] = at
        kept += np.int64((uint32(sieve[U(hashed >> _3)]) >> (hashed & _7)) & _1)
    return kept


def compare(
    buffer, at, hashed, begin, stop, offsets, row, needles, starts,
    bucket, window, back, number, place, width, bits, counts,
):  # fmt: skip
    """Compare the text around the gram at `at` with every pattern that has its hash."""
    for e in range(bucket[hashed], bucket[hashed + 1]):
        first = at - back[e]
        if begin <= first and first + 8 <= stop and word_at(buffer, first) & width != window[e]:
            continue
        k = number[e]
        row = confirm(
            buffer, first - place[k], begin, stop, offsets, row, k, needles, starts, bits, counts
        )
    return row


def scan_grams(
    buffer, offsets, low, high, needles, starts, stride, mask, shift, table, sieve_shift, sieve,
    bucket, window, back, number, place, width, picked, bits, counts,
):  # fmt: skip
    """Enter what a group of patterns has in the strings low to high - 1.

    stride int64; mask uint32, the gram's bytes; shift, sieve_shift uint32.
    table uint8[2**(32 - shift)], 0 or 1; sieve uint8, one bit a hash.
    bucket int32[2**(32 - shift) + 1]: the entries of each hash, which are
    window uint64 (the first bytes of the pattern's window, those of `width`),
    back int64 (from the gram to the window's first byte), number int32 (pattern).
    place int64[P]: where the window stands in a pattern.
    """
    begin = offsets[low]
    stop = offsets[high]
    row = low
    at = begin
    while at + 4 <= stop:
        count = min(BLOCK, (stop - at - 4) // stride + 1)
        found = pick(buffer, at, count, stride, mask, shift, table, picked)
        found = thin(buffer, picked, found, mask, sieve_shift, sieve)
        for c in range(found):
            near = picked[c]
            hashed = np.int64(hash_of(gram_at(buffer, near) & mask, FIRST, shift))
            row = compare(
                buffer, near, hashed, begin, stop, offsets, row, needles, starts,
                bucket, window, back, number, place, width, bits, counts,
            )  # fmt: skip
        at += count * stride
    while at < stop:  # grams of fewer than four bytes at the end
        hashed = np.int64(hash_of(last_gram_at(buffer, at, stop) & mask, FIRST, shift))
        row = compare(
            buffer, at, hashed, begin, stop, offsets, row, needles, starts,
            bucket, window, back, number, place, width, bits, counts,
        )  # fmt: skip
        at += stride


def some_pair(buffer, at, left, right, wide, k):
    """Whether one of the pairs k to k + 3 stands at one of `WIDTH` places from `at` on."""
    here = buffer[at : at + WIDTH]
    near = buffer[at + wide : at + wide + WIDTH]
    a, b, c, d = left[k], left[k + 1], left[k + 2], left[k + 3]
    e, f, g, h = right[k], right[k + 1], right[k + 2], right[k + 3]
    least = uint8(255)
    for j in range(WIDTH):
        x, y = here[U(j)], near[U(j)]
        one = min((x ^ a) | (y ^ e), (x ^ b) | (y ^ f))
        two = min((x ^ c) | (y ^ g), (x ^ d) | (y ^ h))
        least = min(least, min(one, two))
    return least == 0


def one_pair(buffer, at, left, right, wide, k):
    """Whether pair k stands at one of `WIDTH` places from `at` on."""
    here = buffer[at : at + WIDTH]
    near = buffer[at + wide : at + wide + WIDTH]
    a, e = left[k], right[k]
    least = uint8(255)
    for j in range(WIDTH):
        least = min(least, (here[U(j)] ^ a) | (near[U(j)] ^ e))
    return least == 0


def scan_pairs(
    buffer, offsets, low, high, needles, starts, left, right, wide, number, place, bits, counts
):
    """Enter what a few patterns have in the strings low to high - 1.

    Pair k: the byte left[k] and, `wide` (0 or 1) further, right[k], both uint8, at
    place[k] (int64) of pattern number[k] (int32). left and right are filled up with
    repetitions to a multiple of four, or are one.
    """
    begin = offsets[low]
    stop = offsets[high]
    row = low
    at = begin
    while at + WIDTH + 8 + wide <= stop:
        hit = one_pair(buffer, at, left, right, wide, 0) if left.shape[0] == 1 else False
        if left.shape[0] > 1:
            for k in range(0, left.shape[0], 4):
                hit = hit or some_pair(buffer, at, left, right, wide, k)
        if hit:
            for k in range(number.shape[0]):
                first = _ONES * uint64(left[k])
                second = _ONES * uint64(right[k])
                for word in range(at, at + WIDTH, 8):
                    unlike = (word_at(buffer, word) ^ first) | (
                        word_at(buffer, word + wide) ^ second
                    )
                    marks = zero_bytes(unlike)
                    while marks != 0:
                        near = word + np.int64(bytes_below(marks))
                        marks &= marks - _ONE
                        row = confirm(
                            buffer, near - place[k], begin, stop, offsets, row, number[k],
                            needles, starts, bits, counts,
                        )  # fmt: skip
        at += WIDTH
    while at < stop:  # the rest, place by place
        for k in range(number.shape[0]):
            if buffer[at] == left[k]:
                row = confirm(
                    buffer, at - place[k], begin, stop, offsets, row, number[k],
                    needles, starts, bits, counts,
                )  # fmt: skip
        at += 1
