"""The lines of batches counted, told apart and compared, many bytes at a time.

Winner lines are millions, all others few: only the others are handed to Python.
Bodies over arrays; nothing is allocated. What a line means is not known here.
"""

from __future__ import annotations

import numpy as np

from kernels.typed import U

from .id_scan import BLOCK, newline_in
from .winner_lines import expect

#: Bytes that are compared before it is asked whether one differed.
LONG = 4096
_DOT, _QUOTE = 46, 34


def newlines_in(data, at):  # type: ignore[no-untyped-def]
    """How many newlines data[at:at + BLOCK] holds."""
    count = np.int64(0)
    for k in range(at, at + BLOCK):
        count += np.int64(data[U(k)] == 10)
    return count


def count_newlines(data, begin, end):  # type: ignore[no-untyped-def]
    """How many newlines data[begin:end] holds."""
    count = np.int64(0)
    at = begin
    while at + BLOCK <= end:
        count += newlines_in(data, at)
        at += BLOCK
    for k in range(at, end):
        count += np.int64(data[U(k)] == 10)
    return count


def count_blocks(data, base, count, block, ends):  # type: ignore[no-untyped-def]
    """The newlines of data, which stands `base` bytes behind where blocks begin to be counted.

    count: newlines before data. ends int64[len(data) // block + 2]: newlines up to the
    end of each block that ends in data. Returns the newlines in all, and of how many
    blocks the end was met.
    """
    at = 0
    met = 0
    while at < len(data):
        room = block - (base + at) % block
        stop = min(len(data), at + room)
        count += count_newlines(data, at, stop)
        if stop - at == room:
            ends[U(met)] = count
            met += 1
        at = stop
    return count, met


def count_lines(data, starts, ends, counts):  # type: ignore[no-untyped-def]
    """The newlines of every range data[starts[k]:ends[k]]."""
    for k in range(len(starts)):
        counts[U(k)] = count_newlines(data, starts[U(k)], ends[U(k)])


def first_difference(due, found):  # type: ignore[no-untyped-def]
    """The first position at which two runs of bytes differ, or the shorter one's end."""
    size = min(len(due), len(found))
    at = 0
    while at < size:
        stop = min(size, at + LONG)
        differ = np.uint8(0)
        for k in range(at, stop):
            differ |= due[U(k)] ^ found[U(k)]
        if differ != 0:
            while due[U(at)] == found[U(at)]:
                at += 1
            return at
        at = stop
    return at


def numbered_end(data, at, end):  # type: ignore[no-untyped-def]
    """The position behind `<digits>.<digits>"`, or -1."""
    first = at
    while at < end and 48 <= data[U(at)] <= 57:
        at += 1
    if not first < at < end or data[U(at)] != _DOT:
        return -1
    at += 1
    first = at
    while at < end and 48 <= data[U(at)] <= 57:
        at += 1
    return at + 1 if first < at < end and data[U(at)] == _QUOTE else -1


def line_end(data, at, stop):  # type: ignore[no-untyped-def]
    """Where the newline stands at or behind `at`; `stop` without one."""
    while at + BLOCK <= stop:
        width = newline_in(data, at)
        if width < BLOCK:
            return at + width
        at += BLOCK
    while at < stop and data[U(at)] != 10:
        at += 1
    return at


def other_lines(data, at, stop, line, head, found):  # type: ignore[no-untyped-def]
    """Lines that do not begin with `head` and `<digits>.<digits>"`, as a winner's does.

    data[at:stop] is whole lines, of which the first has the number `line`.
    found   int64[n, 3]: number, start and end (at the newline) of each such line
    Returns where it came to (before `stop` only if `found` is full), the number of the
    line there, and how many were found.
    """
    count = 0
    while at < stop and count < len(found):
        end = line_end(data, at, stop)
        behind = expect(data, at, end, head, 0, len(head))
        if behind < 0 or numbered_end(data, behind, end) < 0:
            found[U(count), 0], found[U(count), 1], found[U(count), 2] = line, at, end
            count += 1
        at = end + 1
        line += 1
    return at, line, count
