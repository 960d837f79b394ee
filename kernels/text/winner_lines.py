"""Winner lines: canonical de Bruijn text and JSON bytes, written and read in place.

The grammar is docs/format.md's; what a winner is, others decide. Writing costs
one pass over the term and about 130 bytes a line; reading is its inverse. It
never reads or writes beyond its bounds, whatever the bytes are.
"""

from __future__ import annotations

import numpy as np

from kernels.terms.packed import APP, LAM, VAR, link
from kernels.typed import U

from .id_scan import bytes_below, zero_bytes

BODY, FUNCTION, ARGUMENT = 0, 1, 2
ZERO, NINE, SPACE, OPEN_, SHUT, QUOTE, DOT, NEWLINE = 48, 57, 32, 40, 41, 34, 46, 10
MINUS, BACKSLASH = 45, 92
LAMBDA_0, LAMBDA_1 = 0xCE, 0xBB  # U+03BB in UTF-8
LARGEST = (1 << 31) - 1  # of slots, steps and dimensions, which are int32 in the columns
#: Bytes that `put` copies at a time; sources and buffers have as many to spare.
SPARE = 16
#: Bytes of a row's label: `m<tick>.<slot>` and, in the last one, its length.
LABEL = 32
#: Behind the term of a winner that takes more than one place, and what shuts its line.
COPIED = np.frombuffer(b',"copies":' + bytes(2 * SPARE), dtype=np.uint8)
SHUT_LINE = np.frombuffer(b"}\n" + bytes(2 * SPARE), dtype=np.uint8)
_COPIED, _SHUT_LINE = 10, 2
#: Digits without signs, so that dividing by ten is one multiplication.
TEN = np.uint64(10)
DIGIT = np.uint64(ZERO)
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_ONE, _8, _16, _24, _32, _40, _48, _56 = (np.uint64(n) for n in (1, 8, 16, 24, 32, 40, 48, 56))


def put(buffer, at, text, start, stop):  # type: ignore[no-untyped-def]
    """Copy text[start:stop] to buffer[at:]; returns the next position.

    Whole blocks of SPARE bytes are read before they are written, so that both
    become one instruction; what is too much is overwritten by what follows.
    """
    behind = at + stop - start
    while start < stop:
        b0, b1, b2, b3 = text[U(start)], text[U(start + 1)], text[U(start + 2)], text[U(start + 3)]
        b4, b5, b6, b7 = (
            text[U(start + 4)], text[U(start + 5)], text[U(start + 6)], text[U(start + 7)],
        )  # fmt: skip
        b8, b9, ba, bb = (
            text[U(start + 8)], text[U(start + 9)], text[U(start + 10)], text[U(start + 11)],
        )  # fmt: skip
        bc, bd, be, bf = (
            text[U(start + 12)], text[U(start + 13)], text[U(start + 14)], text[U(start + 15)],
        )  # fmt: skip
        buffer[U(at)], buffer[U(at + 1)], buffer[U(at + 2)], buffer[U(at + 3)] = b0, b1, b2, b3
        buffer[U(at + 4)], buffer[U(at + 5)], buffer[U(at + 6)], buffer[U(at + 7)] = b4, b5, b6, b7
        buffer[U(at + 8)], buffer[U(at + 9)] = b8, b9
        buffer[U(at + 10)], buffer[U(at + 11)] = ba, bb
        buffer[U(at + 12)], buffer[U(at + 13)] = bc, bd
        buffer[U(at + 14)], buffer[U(at + 15)] = be, bf
        start += SPARE
        at += SPARE
    return behind


def put_number(buffer, at, number):  # type: ignore[no-untyped-def]
    """Write a number >= 0 in decimal; returns the next position."""
    rest = np.uint64(number)
    if number < 10:
        buffer[U(at)] = DIGIT + rest
        return at + 1
    if number < 100:
        digits = 2
    elif number < 1_000:
        digits = 3
    elif number < 10_000:
        digits = 4
    elif number < 100_000:
        digits = 5
    else:
        digits = 6
        limit = 1_000_000
        while number >= limit:
            digits += 1
            limit *= 10
    for k in range(at + digits - 1, at - 1, -1):
        tens = rest // TEN
        buffer[U(k)] = DIGIT + (rest - tens * TEN)
        rest = tens
    return at + digits


def put_term(buffer, at, words, start, size, stack):  # type: ignore[no-untyped-def]
    """Write a packed term canonically in UTF-8; returns the next position.

    Application is left-associative with single spaces; an abstraction as
    argument or function and an application as argument stand in parentheses.
    stack: int32 scratch of `size` entries: for every application whose argument
    is still to come, the parentheses to shut behind that argument. At most
    4 bytes a node, or its digits and one, and SPARE.
    """
    top = 0
    shut = 0
    context = BODY
    for i in range(start, start + size):
        word = words[U(i)]
        tag = word & 3
        buffer[U(at)] = OPEN_
        group = (
            1 if (context == ARGUMENT and tag != VAR) or (context == FUNCTION and tag == LAM) else 0
        )
        at += group
        shut += group
        if tag == LAM:
            buffer[U(at)] = LAMBDA_0
            buffer[U(at + 1)] = LAMBDA_1
            at += 2
            context = BODY
        elif tag == APP:
            stack[U(top)] = shut
            top += 1
            shut = 0
            context = FUNCTION
        else:
            at = put_number(buffer, at, word >> 2)
            for _ in range(shut):
                buffer[U(at)] = SHUT
                at += 1
            if top > 0:
                top -= 1
                shut = stack[U(top)]
                buffer[U(at)] = SPACE
                at += 1
                context = ARGUMENT
    return at


def put_label(labels, row, text, mark, slot):  # type: ignore[no-untyped-def]
    """Write text[mark[0]:mark[1]] and a slot to a row of `labels`, the length behind them."""
    at = row * LABEL
    end = put_number(labels, put(labels, at, text, mark[0], mark[1]), slot)
    labels[U(at + LABEL - 1)] = end - at


def put_id(buffer, at, row, labels, born_slot, names, name_starts):  # type: ignore[no-untyped-def]
    """Write a row's id: its label, or its name where that is too long for a label."""
    begin = row * LABEL
    length = np.int64(labels[U(begin + LABEL - 1)])
    if length > 0:
        return put(buffer, at, labels, begin, begin + length)
    name = born_slot[U(row)]
    return put(buffer, at, names, name_starts[U(name)], name_starts[U(name + 1)] - 1)


def write_winners(  # type: ignore[no-untyped-def]
    lo, hi, won, text, mark, labels, born_slot, names, name_starts,
    steps, sizes, salience, places_a, places_b, operators, results, out, copied, buffer, stack,
    first, stamp, stamps, begins, ends,
):  # fmt: skip
    """Write the winner lines of the slots lo..hi-1; returns the number of bytes.

    copied int32 by slot: how many places each takes (of length 0: one).

    first int32 by slot: the slot whose reaction is equal (of length 0: none is known);
    what stands behind the reactants is then equal too, printed once and copied. stamps,
    begins, ends int64 by slot: where it stands in buffer, if stamps says `stamp`, which
    no call before had.

    won uint8 by slot. text uint8: the constant parts of a line, part k standing
    in text[mark[k]:mark[k+1]] (see `Fragments` of the caller). labels uint8, LABEL
    a row: the ids of reactants, each row's length in its last byte (0: the id is
    name born_slot[row] of names, uint8 at name_starts, int64, a newline behind
    each); the rest as `react.react` left it. buffer uint8 with room for every
    winner of the range; stack int32 scratch. text, labels, names and buffer have
    2 * SPARE bytes more than is used of them.
    """
    at = 0
    streams = max(0, mark.shape[0] - 9)
    for slot in range(lo, hi):
        if won[U(slot)] == 0:
            continue
        at = put(buffer, at, text, mark[0], mark[1])
        at = put_number(buffer, at, slot)
        at = put(buffer, at, text, mark[1], mark[2])
        op = operators[U(slot)]
        at = put_id(buffer, at, op, labels, born_slot, names, name_starts)
        at = put(buffer, at, text, mark[2], mark[3])
        a = places_a[U(slot)]
        at = put_id(buffer, at, a, labels, born_slot, names, name_starts)
        at = put(buffer, at, text, mark[2], mark[3])
        b = places_b[U(slot)]
        at = put_id(buffer, at, b, labels, born_slot, names, name_starts)
        if streams > 0:
            own = 7 + slot % streams
            at = put(buffer, at, text, mark[U(own)], mark[U(own + 1)])
            at = put_number(buffer, at, salience[U(slot)])
        kind = first[U(slot)] if first.shape[0] > 0 else slot
        if first.shape[0] > 0 and stamps[U(kind)] == stamp:
            at = put(buffer, at, buffer, begins[U(kind)], ends[U(kind)])
        else:
            begin = at
            constant = 7 + streams if streams > 0 else 3
            at = put(buffer, at, text, mark[U(constant)], mark[U(constant + 1)])
            at = put_number(buffer, at, steps[U(slot)])
            at = put(buffer, at, text, mark[4], mark[5])
            at = put_number(buffer, at, sizes[U(slot)])
            at = put(buffer, at, text, mark[5], mark[6])
            at = put_term(buffer, at, out, results[U(slot)], sizes[U(slot)], stack)
            at = put(buffer, at, text, mark[6], mark[7])
            if first.shape[0] > 0:
                stamps[U(kind)] = stamp
                begins[U(kind)] = begin
                ends[U(kind)] = at
        if copied.shape[0] > 0 and copied[U(slot)] > 1:
            at = put(buffer, at - _SHUT_LINE, COPIED, 0, _COPIED)
            at = put_number(buffer, at, copied[U(slot)])
            at = put(buffer, at, SHUT_LINE, 0, _SHUT_LINE)
    return at


def get_number(text, at, stop):  # type: ignore[no-untyped-def]
    """Read a canonical decimal below 2**62; returns (number, next position) or (-1, at)."""
    start = at
    number = 0
    while at < stop and ZERO <= text[U(at)] <= NINE and at - start < 18:
        number = number * 10 + int(text[U(at)]) - ZERO
        at += 1
    if at == start or (text[U(start)] == ZERO and at - start > 1):
        return -1, start
    return number, at


def get_term(text, at, stop, words, start, room, stack):  # type: ignore[no-untyped-def]
    """Read a closed term in de Bruijn notation from text[at:stop] into words[start:].

    Returns (nodes, next position); nodes is -1 where the text is not of the grammar,
    not closed, or needs more than `room` words. stack: int32[4 * room + 8]
    scratch. It reads what `put_term` writes, with the grammar
      term = {λ} atoms, atoms = atom {" " atom}, atom = number | "(" term ")".
    Two passes over the text: the first counts the atoms of every group, because
    their applications stand before them.
    """
    counts = 2 * (room + 1)  # where the groups' atoms are kept; below: the open groups
    if count_atoms(text, at, stop, room, stack, counts) < 0:
        return -1, at
    size = 0
    depth = 0  # binders in scope
    group = 0
    top = 0  # open groups: (binders outside, atoms still to come)
    fresh = True  # at the beginning of a group
    while True:
        if fresh:
            outside = depth
            while at + 1 < stop and text[U(at)] == LAMBDA_0 and text[U(at + 1)] == LAMBDA_1:
                if size >= room:
                    return -1, at
                words[U(start + size)] = LAM
                size += 1
                depth += 1
                at += 2
            atoms = stack[U(counts + group)]
            group += 1
            if size + atoms - 1 > room or top > room:
                return -1, at
            for _ in range(atoms - 1):
                words[U(start + size)] = APP
                size += 1
            stack[U(2 * top)] = outside
            stack[U(2 * top + 1)] = atoms
            top += 1
            fresh = False
        if at >= stop or size >= room:
            return -1, at
        if text[U(at)] == OPEN_:
            at += 1
            fresh = True
            continue
        number, at = get_number(text, at, stop)
        if number < 0 or number >= depth:
            return -1, at
        words[U(start + size)] = number << 2
        size += 1
        while True:
            stack[U(2 * top - 1)] -= 1
            if stack[U(2 * top - 1)] > 0:
                if at >= stop or text[U(at)] != SPACE:
                    return -1, at
                at += 1
                break
            top -= 1
            depth = stack[U(2 * top)]
            if top == 0:
                link(words, start, size, stack)
                return size, at
            if at >= stop or text[U(at)] != SHUT:
                return -1, at
            at += 1


def count_atoms(text, at, stop, room, stack, counts):  # type: ignore[no-untyped-def]
    """Count each group's atoms, in order of the groups' beginnings; -1: too many groups.

    The counts go to stack[counts:]; what lies behind room + 1 of them is scratch.
    The text ends at `stop`, at a quote, or where a parenthesis shuts no group.
    """
    opened = counts + room + 1
    groups = 0
    top = 0
    stack[U(counts)] = 1
    stack[U(opened)] = 0
    while at < stop and text[U(at)] != QUOTE:
        byte = text[U(at)]
        at += 1
        if byte == SPACE:
            stack[U(counts + stack[U(opened + top)])] += 1
        elif byte == OPEN_:
            groups += 1
            if groups > room:
                return -1
            top += 1
            stack[U(counts + groups)] = 1
            stack[U(opened + top)] = groups
        elif byte == SHUT:
            if top == 0:
                break
            top -= 1
    return groups + 1


def expect(text, at, stop, part, start, end):  # type: ignore[no-untyped-def]
    """The position behind part[start:end] if it stands at text[at:], else -1."""
    if at < 0 or at + end - start > stop:
        return -1
    while start + 8 <= end:
        if word_at(text, at) != word_at(part, start):
            return -1
        at += 8
        start += 8
    while start < end:
        if text[U(at)] != part[U(start)]:
            return -1
        at += 1
        start += 1
    return at


def word_at(text, at):  # type: ignore[no-untyped-def]
    """The bytes text[at:at + 8], which must be there, as one little-endian word."""
    low = np.uint64(text[U(at)]) | np.uint64(text[U(at + 1)]) << _8
    low |= np.uint64(text[U(at + 2)]) << _16 | np.uint64(text[U(at + 3)]) << _24
    high = np.uint64(text[U(at + 4)]) << _32 | np.uint64(text[U(at + 5)]) << _40
    return low | high | np.uint64(text[U(at + 6)]) << _48 | np.uint64(text[U(at + 7)]) << _56


def string_end(text, at, stop):  # type: ignore[no-untyped-def]
    """The position of the quote that ends a JSON string begun before `at`, or -1."""
    while at < stop and text[U(at)] != QUOTE:
        at += 2 if text[U(at)] == BACKSLASH else 1
    return at if at < stop else -1


def read_winners(  # type: ignore[no-untyped-def]
    text, at, stop, part, mark, max_size, slots, steps, sizes, salience, starts, levels, copied,
    ids, words, stack, known,
):  # fmt: skip
    """Read winner lines from text[at:stop] until one is something else.

    part, mark: the constant parts as in `write_winners`, but part 1 ends before
    the dimension. slots, starts int64, steps, sizes, salience (0 where no streams
    compete), levels, copied int32 (places it takes): result, by line (their length bounds
    the number of lines).
    ids int64[n, 3, 2]: where the operator's, a's and b's id stand. words int32: the
    terms one behind the other, at most max_size each. known int64[n, 2], n a power of
    two or 0, all -1: where what stands behind the reactants begins, and the line, of
    lines that were read; where the same stands in another it is not read again, and
    its term starts where that one does. Returns (lines read, position behind them,
    words used).
    """
    count = 0
    end = 0
    streams = max(0, mark.shape[0] - 10)
    while count < slots.shape[0] and at < stop:
        p = expect(text, at, stop, part, mark[0], mark[1])
        if p < 0:
            break
        slot, p = get_number(text, p, stop)
        p = expect(text, p, stop, part, mark[1], mark[2])
        if slot < 0 or slot > LARGEST or p < 0 or p >= stop:
            break
        negative = 1 if text[p] == MINUS else 0
        level, p = get_number(text, p + negative, stop)
        p = expect(text, p, stop, part, mark[2], mark[3])
        if level < negative or level > LARGEST + negative or p < 0:
            break
        for k in range(3):
            last = string_end(text, p, stop)
            if last < 0:
                break
            ids[count, k, 0] = p
            ids[count, k, 1] = last
            separator = 3 if k < 2 else 4 if streams == 0 else 8 + slot % streams
            p = expect(text, last, stop, part, mark[separator], mark[separator + 1])
            if p < 0:
                break
        if last < 0 or p < 0:
            break
        worth = 0
        if streams > 0:
            worth, p = get_number(text, p, stop)
            p = expect(text, p, stop, part, mark[8 + streams], mark[9 + streams])
            if worth < 0 or worth > LARGEST or p < 0:
                break
        cell, same = np.int64(0), np.int64(-1)
        if len(known) > 0:
            behind, hashed = rest_of_line(text, p, stop)
            cell = np.int64(hashed & np.uint64(len(known) - 1))
            if behind >= 0 and known[cell, 1] >= 0 and same_bytes(text, known[cell, 0], p, behind):
                same = known[cell, 1]
        if same >= 0:
            slots[count] = slot
            levels[count] = -level if negative else level
            steps[count] = steps[same]
            sizes[count] = sizes[same]
            salience[count] = worth
            starts[count] = starts[same]
            copied[count] = copied[same]
            count += 1
            at = behind
            continue
        begin = p
        made, p = get_number(text, p, stop)
        p = expect(text, p, stop, part, mark[5], mark[6])
        if made < 0 or made > LARGEST or p < 0:
            break
        size, p = get_number(text, p, stop)
        p = expect(text, p, stop, part, mark[6], mark[7])
        if size < 1 or size > max_size or p < 0 or end + size > words.shape[0]:
            break
        last = string_end(text, p, stop)
        nodes, p = get_term(text, p, last, words, end, size, stack)
        if nodes != size or p != last:
            break
        places = 1
        behind = expect(text, p, stop, part, mark[7], mark[8])
        if behind < 0 and streams == 0:
            p = expect(text, p + 1, stop, COPIED, 0, _COPIED)
            if p < 0:
                break
            places, p = get_number(text, p, stop)
            behind = expect(text, p, stop, SHUT_LINE, 0, _SHUT_LINE)
            if places < 2 or places > LARGEST:
                break
        if behind < 0:
            break
        if len(known) > 0:
            known[cell, 0], known[cell, 1] = begin, count
        copied[count] = places
        slots[count] = slot
        levels[count] = -level if negative else level
        steps[count] = made
        sizes[count] = size
        salience[count] = worth
        starts[count] = end
        end += size
        count += 1
        at = behind
    return count, at, end


def rest_of_line(text, at, stop):  # type: ignore[no-untyped-def]
    """The position behind the newline at or behind `at` (-1: none), a hash up to it."""
    hashed = np.uint64(0)
    while at + 8 <= stop:
        word = word_at(text, at)
        marks = zero_bytes(word ^ _NEWLINES)
        if marks != 0:
            below = bytes_below(marks)
            word &= (_ONE << (_8 * below)) - _ONE
            return at + np.int64(below) + 1, mixed(hashed, word)
        hashed = mixed(hashed, word)
        at += 8
    word = np.uint64(0)
    shift = np.uint64(0)
    while at < stop and text[U(at)] != NEWLINE:
        word |= np.uint64(text[U(at)]) << shift
        shift += _8
        at += 1
    return at + 1 if at < stop else -1, mixed(hashed, word)


def mixed(hashed, word):  # type: ignore[no-untyped-def]
    """A hash of so far, and of eight bytes more."""
    hashed = (hashed ^ word) * _MIX
    return hashed ^ (hashed >> _32)


def same_bytes(text, other, at, stop):  # type: ignore[no-untyped-def]
    """Whether text[at:stop] stands at `other`, before it, too."""
    while at + 8 <= stop:
        if word_at(text, at) != word_at(text, other):
            return False
        at += 8
        other += 8
    while at < stop:
        if text[U(at)] != text[U(other)]:
            return False
        at += 1
        other += 1
    return True
