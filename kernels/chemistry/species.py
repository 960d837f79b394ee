"""Species: the different terms of a soup, each kept once under a number, and what pairs make.

Two tables with open addressing. Terms are told apart by their words, never by hash
alone; a pair is the two numbers. Both only grow, and are emptied by whoever finds them
full: what stands in them decides nothing but time.
"""

from __future__ import annotations

import numpy as np

from kernels.terms.packed import APP, LAM, same, term_hash
from kernels.typed import U

#: Entries of `used`: species, words of their terms, pairs.
SPECIES, WORDS, PAIRS = 0, 1, 2
_PAIR = np.uint64(32)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FOLD = np.uint64(29)


def species_of(  # type: ignore[no-untyped-def]
    words, begin, size, hashed, used, table, code, starts, sizes, hashes, fits, marks
):  # fmt: skip
    """The number of the term words[begin:begin+size], which may be new; -1: no room.

    hashed: its `packed.term_hash`. table int32, a power of two entries, -1: free. code
    int32, starts int64, sizes int32, hashes uint64, fits uint8 (see `takes_two`): the
    species by number. marks int32: scratch, `size` entries.
    """
    mask = np.uint64(table.shape[0] - 1)
    at = hashed & mask
    while table[at] >= 0:
        found = table[at]
        if (
            hashes[U(found)] == hashed
            and sizes[U(found)] == size
            and same(code, starts[U(found)], words, begin, size)
        ):
            return found
        at = (at + np.uint64(1)) & mask
    number = used[SPECIES]
    if number >= starts.shape[0] or used[WORDS] + size > code.shape[0]:
        return -1
    end = used[WORDS]
    for k in range(size):
        code[U(end + k)] = words[U(begin + k)]
    starts[U(number)] = end
    sizes[U(number)] = size
    hashes[U(number)] = hashed
    fits[U(number)] = takes_two(code, end, size, marks)
    table[at] = number
    used[SPECIES] = number + 1
    used[WORDS] = end + size
    return number


def species_of_rows(  # type: ignore[no-untyped-def]
    rows, words, begins, lengths, out, used, table, code, starts, sizes, hashes, fits, marks
):  # fmt: skip
    """Write the numbers of the terms in these rows (int32) to out[row]; False: no room.

    Row r's term is words[begins[r]:][:lengths[r]].
    """
    for i in range(rows.shape[0]):
        row = rows[U(i)]
        begin, size = begins[U(row)], lengths[U(row)]
        found = species_of(
            words, begin, size, term_hash(words, begin, size), used, table, code, starts, sizes,
            hashes, fits, marks,
        )  # fmt: skip
        if found < 0:
            return False
        out[U(row)] = found
    return True


def takes_two(code, start, size, marks):  # type: ignore[no-untyped-def]
    """Whether a closed term is λx.λy.t, both used in t, and no λ ... λ.variable.

    Only such terms are put to an amplifier: one that ignores an argument passes
    tests on numerals that it does not compute.
    """
    lambdas = 0
    while lambdas < size and code[U(start + lambdas)] & 3 == LAM:
        lambdas += 1
    if lambdas < 2 or lambdas + 1 == size:
        return 0
    first = False
    second = False
    depth = 0
    top = 0
    missing = 1
    for i in range(start, start + size):
        word = code[U(i)]
        tag = word & 3
        if tag == APP:
            missing += 1
        elif tag == LAM:
            marks[U(top)] = missing
            top += 1
            missing = 1
            depth += 1
        else:
            index = word >> 2
            first = first or index == depth - 1
            second = second or index == depth - 2
            missing -= 1
            while missing == 0 and top > 0:
                top -= 1
                missing = marks[U(top)] - 1
                depth -= 1
    return 1 if first and second else 0


def pair_at(a, b, keys):  # type: ignore[no-untyped-def]
    """Where the pair of two species stands in keys, or would stand; see `pair_key`.

    keys uint64, a power of two entries, 0: free; never all taken.
    """
    key = pair_key(a, b)
    mask = np.uint64(keys.shape[0] - 1)
    hashed = key * _MULTIPLIER
    at = (hashed ^ (hashed >> _FOLD)) & mask
    while keys[at] != 0 and keys[at] != key:
        at = (at + np.uint64(1)) & mask
    return at


def pair_key(a, b):  # type: ignore[no-untyped-def]
    """A number above 0 for an ordered pair of species."""
    return ((np.uint64(a) << _PAIR) | np.uint64(b)) + np.uint64(1)
