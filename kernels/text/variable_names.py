"""Names of variables in lines of text: which binder they mean, and what they are free of.

Names are of ASCII here: a letter or _, then letters, digits, _ and '. Bodies
only; `read` finds names with them, `write` prints them.
"""

from __future__ import annotations

import numpy as np

from kernels.typed import U

DECLINED = -1

ZERO, NINE = 48, 57
UNDERSCORE, PRIME = 95, 39
LOWER = 0x20  # the bit that makes an ASCII letter a small one
LETTER_A, LETTER_Z, LETTERS = 97, 122, 26
#: Letters of a name that its key holds; longer ones are compared in the text.
KEY_LETTERS = 8
#: Free names of a line, and letters of each; more are left to the other parser.
FREE, FREE_LETTERS = 32, 24
#: Digits behind a binder's letter, with which it is still one of the deepest term.
_TURN_DIGITS = 6
_BYTE = np.uint64(8)


def is_letter(byte):  # type: ignore[no-untyped-def]
    """Whether a byte is a letter of ASCII."""
    return LETTER_A <= (byte | LOWER) <= LETTER_Z


def begins_name(byte):  # type: ignore[no-untyped-def]
    """Whether an ASCII byte begins a name."""
    return is_letter(byte) or byte == UNDERSCORE


def continues_name(byte):  # type: ignore[no-untyped-def]
    """Whether an ASCII byte goes on with a name."""
    return begins_name(byte) or ZERO <= byte <= NINE or byte == PRIME


def name_end(text, at):  # type: ignore[no-untyped-def]
    """The position behind the name that begins at `at`."""
    at += 1
    while continues_name(text[U(at)]):
        at += 1
    return at


def name_key(text, at, end):  # type: ignore[no-untyped-def]
    """The last letters of a name as a number; never 0."""
    key = np.uint64(0)
    for k in range(at, end):
        key = (key << _BYTE) | np.uint64(text[U(k)])
    return key


def same_name(text, a, b, length):  # type: ignore[no-untyped-def]
    """Whether two names of equal length are equal."""
    for k in range(length):
        if text[U(a + k)] != text[U(b + k)]:
            return False
    return True


def bound_index(text, at, end, depth, keys, name_at, name_length):  # type: ignore[no-untyped-def]
    """The index of a bound name, or DECLINED where it is free or too far out.

    keys uint64, name_at int32, name_length int32 by binder: as `tokens_of`.
    """
    if depth > keys.shape[0]:
        return DECLINED
    key = name_key(text, at, end)
    length = end - at
    for k in range(depth - 1, -1, -1):
        if (
            keys[U(k)] == key
            and name_length[U(k)] == length
            and (length <= KEY_LETTERS or same_name(text, name_at[U(k)], at, length))
        ):
            return depth - 1 - k
    return DECLINED


def free_number(text, at, end, free_at, free_length, row, count):  # type: ignore[no-untyped-def]
    """The number of a free name among `count` of a line, `count` for a new one, or DECLINED.

    free_at, free_length int32: where the names of the line in that row stand in
    the text, FREE entries a row; a new one is added.
    """
    length = end - at
    for k in range(count):
        place = row * FREE + k
        if free_length[U(place)] == length and same_name(text, free_at[U(place)], at, length):
            return k
    if count == FREE or length > FREE_LETTERS:
        return DECLINED
    free_at[U(row * FREE + count)] = at
    free_length[U(row * FREE + count)] = length
    return count


def printed_depth(text, at, length):  # type: ignore[no-untyped-def]
    """The depth of a binder that would be printed with this name, or -1.

    Binders are a to z, then a1 to z1, and so on.
    """
    if not LETTER_A <= text[U(at)] <= LETTER_Z or length > 1 + _TURN_DIGITS:
        return -1
    turn = 0
    for k in range(at + 1, at + length):
        byte = text[U(k)]
        if not ZERO <= byte <= NINE or (turn == 0 and byte == ZERO):
            return -1
        turn = 10 * turn + int(np.int64(byte)) - ZERO
    return turn * LETTERS + int(np.int64(text[U(at)])) - LETTER_A


def taken_depths(text, free_at, free_length, row, count, taken):  # type: ignore[no-untyped-def]
    """Depths whose names are those of free variables, ascending; returns how many.

    taken int32[FREE]: result.
    """
    found = 0
    for k in range(row * FREE, row * FREE + count):
        depth = printed_depth(text, free_at[U(k)], free_length[U(k)])
        if depth < 0:
            continue
        place = found
        while place > 0 and taken[U(place - 1)] > depth:
            taken[U(place)] = taken[U(place - 1)]
            place -= 1
        taken[U(place)] = depth
        found += 1
    return found
