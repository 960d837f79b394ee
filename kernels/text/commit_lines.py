"""Commit records checked in place: is a line byte for byte what we would write.

The grammar is docs/format.md's. A line that is surely canonical is told so; of any
other (an unusual number, an escaped surrogate, nesting or keys beyond the tables)
nothing is said, and a parser decides. Bodies over arrays; nothing is allocated.
It never reads beyond a line.

`marks` cuts `text`, the constant parts in their order: see PARTS.
"""

from __future__ import annotations

import numpy as np

from kernels.typed import U

from .winner_lines import expect, get_number

#: The constant parts of a commit's line; numbers, ids, `state` and digests stand between. A
#: format's name for the dimension stands in the place of `%s`.
PARTS = (
    b'{"type":"commit","id":"',
    b"commit:",
    b'","tick":',
    b',"lines":',
    b',"bytes":',
    b',"outcomes":{"normal":',
    b',"copy":',
    b',"steps":',
    b',"size":',
    b',"depth":',
    b',"input":',
    b',"empty":',
    b'},"%s":',
    b',"state":',
    b',"population":"',
    b'","batch":"',
    b'","chain":"',
    b'"}\n',
)
#: What is said of a line: a parser must look; canonical; canonical if it is UTF-8.
ASK, SURE, IF_UTF8 = 0, 1, 2
#: Nesting of `state`, itself included (`records.dump`).
LEVELS = 16
#: Letters of a prefix.
LETTERS = 32
#: Names of the objects that are open at one time: more are for the parser.
NAMES = 128
_QUOTE, _BACKSLASH, _MINUS, _COMMA, _COLON = 34, 92, 45, 44, 58
_SHUT_ARRAY, _OPEN_OBJECT, _SHUT_OBJECT = 93, 123, 125  # 91 opens an array
_SIXTEEN = 16  # hexadecimal digits of `population`


def integer_end(data, at, end):  # type: ignore[no-untyped-def]
    """The position behind a decimal number of at most 18 digits, or -1; `-0` is none of ours."""
    if at < 0:
        return -1
    sign = 1 if at < end and data[U(at)] == _MINUS else 0
    number, stop = get_number(data, at + sign, end)
    more = stop < end and 48 <= data[U(stop)] <= 57
    return -1 if number < 0 or more or (sign == 1 and number == 0) else stop


def string_end(data, at, end):  # type: ignore[no-untyped-def]
    r"""The position behind a string's closing quote, or -1; `at` is behind the opening one."""
    while at < end:
        byte = data[U(at)]
        if byte == _QUOTE:
            return at + 1
        if byte < 32:
            return -1
        if byte != _BACKSLASH:
            at += 1
            continue
        if at + 1 < end and (data[U(at + 1)] == _QUOTE or data[U(at + 1)] == _BACKSLASH):
            at += 2
            continue
        if at + 6 > end or data[U(at + 1)] != 117 or data[U(at + 2)] != 48:
            return -1
        high, low = data[U(at + 4)], data[U(at + 5)]
        if data[U(at + 3)] != 48 or high | 1 != 49:
            return -1
        if not (48 <= low <= 57 or 97 <= low <= 102):
            return -1
        at += 6
    return -1


def name_end(data, at, end, names, first, count):  # type: ignore[no-untyped-def]
    """The position behind a name and its colon, or -1; names[first:count] may not be the same."""
    if at >= end or data[U(at)] != _QUOTE or count == len(names):
        return -1
    stop = string_end(data, at + 1, end)
    if stop < 0 or stop >= end or data[U(stop)] != _COLON:
        return -1
    for k in range(first, count):
        begin = names[U(k), U(0)]
        same = names[U(k), U(1)] - begin == stop - at
        j = 0
        while same and j < stop - at:
            same = data[U(begin + j)] == data[U(at + j)]
            j += 1
        if same:
            return -1
    names[U(count), U(0)], names[U(count), U(1)] = at, stop
    return stop + 1


def word_end(data, at, end):  # type: ignore[no-untyped-def]
    """The position behind `true`, `false`, `null` or a number, or -1."""
    if at + 4 > end:
        return integer_end(data, at, end)
    a, b, c, d = data[U(at)], data[U(at + 1)], data[U(at + 2)], data[U(at + 3)]
    if (a == 116 and b == 114 and c == 117 and d == 101) or (
        a == 110 and b == 117 and c == 108 and d == 108
    ):
        return at + 4
    if a == 102 and b == 97 and c == 108 and d == 115:
        return at + 5 if at + 5 <= end and data[U(at + 4)] == 101 else -1
    return integer_end(data, at, end)


def object_end(data, at, end, opened, names):  # type: ignore[no-untyped-def]
    """The position behind an object of ours, or -1 where a parser must look.

    opened  int64[LEVELS], scratch: the first name of each open object, -1 for arrays
    names   int64[NAMES, 2], scratch: where the names of the open objects stand
    """
    depth, count = 0, 0
    if at < 0 or at >= end or data[U(at)] != _OPEN_OBJECT:
        return -1
    while True:  # a value begins here
        byte = data[U(at)] if at < end else 0
        within = byte | 32 == _OPEN_OBJECT  # or an array
        if within:
            if depth == LEVELS:
                return -1
            opened[U(depth)] = count if byte == _OPEN_OBJECT else -1
            depth += 1
            at += 1
            shut = _SHUT_OBJECT if byte == _OPEN_OBJECT else _SHUT_ARRAY
            if at < end and data[U(at)] == shut:
                within = False  # an empty one: its end is looked at below
        elif byte == _QUOTE:
            at = string_end(data, at + 1, end)
        else:
            at = word_end(data, at, end)
        while not within:  # a value has ended
            if depth == 0 or at < 0:
                return at
            byte = data[U(at)] if at < end else 0
            at += 1
            if byte == _COMMA:
                within = True
            elif byte == (_SHUT_OBJECT if opened[U(depth - 1)] >= 0 else _SHUT_ARRAY):
                depth -= 1
                count = opened[U(depth)] if opened[U(depth)] >= 0 else count
            else:
                return -1
        if opened[U(depth - 1)] >= 0:
            at = name_end(data, at, end, names, opened[U(depth - 1)], count)
            if at < 0:
                return -1
            count += 1


def hexadecimal(data, at, end, digits, digest):  # type: ignore[no-untyped-def]
    """The position behind so many lower-case digits, or -1; their bytes go to `digest`."""
    if at < 0 or at + digits > end:
        return -1
    for k in range(digits):
        byte = np.int64(data[U(at + k)])
        value = byte - 48 if byte <= 57 else byte - 87
        if not (48 <= byte <= 57 or 97 <= byte <= 102):
            return -1
        if k & 1:
            digest[U(k >> 1)] |= np.uint8(value)
        else:
            digest[U(k >> 1)] = np.uint8(value << 4)
    return at + digits


def id_end(data, at, end, text, marks):  # type: ignore[no-untyped-def]
    """The position behind the letters of a prefix and `commit:`, or -1."""
    first = at
    if at < 0:
        return -1
    while at < end and 97 <= data[U(at)] <= 122:
        at += 1
    begin = at - 6  # letters of `commit`
    if begin < first or begin - first > LETTERS:
        return -1
    return expect(data, begin, end, text, marks[1], marks[2])


def counts_end(data, at, end, text, marks, found):  # type: ignore[no-untyped-def]
    """The position behind all up to the dimension, or -1; found: tick, lines, bytes."""
    at = id_end(data, at, end, text, marks)
    if at < 0:
        return -1
    found[0], at = get_number(data, at, end)
    for part in range(2, 12):
        at = expect(data, at, end, text, marks[U(part)], marks[U(part + 1)])
        if at < 0:
            return -1
        number, at = get_number(data, at, end)
        if number < 0 or (part == 2 and number != found[0]):
            return -1
        if 3 <= part <= 4:
            found[U(part - 2)] = number
    at = expect(data, at, end, text, marks[12], marks[13])
    return integer_end(data, at, end)


def read_commit(  # type: ignore[no-untyped-def]
    data, at, end, text, marks, found, seals, opened, names
):
    """What is said of the line data[at:end], its newline included: ASK, SURE or IF_UTF8.

    found   int64[3]: tick, lines and bytes that it states
    seals   uint8[64]: its batch's digest and its chain
    """
    high = np.uint8(0)
    for k in range(at, end):
        high |= data[U(k)]
    at = expect(data, at, end, text, marks[0], marks[1])
    at = counts_end(data, at, end, text, marks, found)
    at = expect(data, at, end, text, marks[13], marks[14])
    at = object_end(data, at, end, opened, names)
    at = expect(data, at, end, text, marks[14], marks[15])
    at = hexadecimal(data, at, end, _SIXTEEN, seals)
    at = expect(data, at, end, text, marks[15], marks[16])
    at = hexadecimal(data, at, end, 64, seals)
    at = expect(data, at, end, text, marks[16], marks[17])
    at = hexadecimal(data, at, end, 64, seals[32:])
    at = expect(data, at, end, text, marks[17], marks[18])
    if at != end:
        return ASK
    return SURE if high < 128 else IF_UTF8


def read_commits(  # type: ignore[no-untyped-def]
    data, starts, ends, text, marks, found, seals, said, opened, names
):
    """`read_commit` of the lines data[starts[k]:ends[k]]; found, seals and said by line."""
    for k in range(len(starts)):
        said[U(k)] = read_commit(
            data, starts[U(k)], ends[U(k)], text, marks, found[U(k)], seals[U(k)], opened, names
        )
