"""Terms from lines of text: names, de Bruijn indices or binary, into packed words.

A line is either read or declined, and what is read is what
`automaton.terms.notation.parse_question` reads there. Declined are errors, letters beyond
ASCII other than λ, words behind a backslash, arrows, lets, indices beside lambdas
with names, very long or very many free names and whatever else is rare: those lines
are left to that parser and its messages.
Nothing here prints, and nothing reads beyond its bounds, whatever the bytes are.

People's notations take two passes over the line, about 2 ns a byte: left to
right into tokens, whose variables are indices (scopes end where parentheses
do), then right to left into words. Backwards an application is written when
its parts are, so no offset is filled in later and nothing looks ahead.
"""

from __future__ import annotations

import numpy as np

from kernels.terms.packed import APP, LAM, VAR
from kernels.typed import U

from .variable_names import (
    DECLINED,
    begins_name,
    bound_index,
    free_number,
    is_letter,
    name_end,
    name_key,
)

NAMED, UNNAMED, BINARY = range(3)  # what the notations lambda, debruijn and blc allow

NEWLINE, TAB, RETURN, SPACE = 10, 9, 13, 32
OPEN_, SHUT, DOT, ZERO, NINE, BACKSLASH = 40, 41, 46, 48, 57, 92
ONE = 49
LAMBDA_0, LAMBDA_1 = 0xCE, 0xBB  # U+03BB in UTF-8

OPENING, SHUTTING = -1, -2  # tokens beside words
#: Free indices end here, as in `automaton.terms.parser`.
MAX_FREE = 1 << 16
#: Digits of an index; more are left to the other parser.
LONGEST_INDEX = 9
#: Binders around a named variable that are searched, from the innermost.
SCOPES = 1 << 10


def skip_spaces(text, at):  # type: ignore[no-untyped-def]
    """The position of the next byte that is no space within the line."""
    while text[U(at)] in (SPACE, TAB, RETURN):
        at += 1
    return at


def tokens_of(  # type: ignore[no-untyped-def]
    text, at, notation, tokens, outer, keys, name_at, name_length, free_at, free_length, row
):
    """The tokens of the line text[at:], which ends at the next newline.

    tokens int32, at least as long as the line: words of variables and lambdas,
    OPENING and SHUTTING. outer int32, as long: scratch, the binders around each
    open parenthesis. keys uint64, name_at, name_length int32 of SCOPES entries:
    scratch, the names of the binders in scope (key 0: none). free_at, free_length
    int32: receive the free names, in this row (see `names.free_number`).
    Returns (tokens or DECLINED, nodes of the term, free variables, free names).
    """
    count = 0
    level = 0  # open parentheses
    depth = 0  # binders in scope
    leaves = 0
    lambdas = 0
    free = 0
    named = 0  # free names
    names = False  # some lambda has one
    empty = True  # nothing yet in the innermost group
    scopes = keys.shape[0]
    while True:
        byte = text[U(at)]
        if byte in (SPACE, TAB, RETURN):
            at += 1
        elif byte == OPEN_:
            outer[U(level)] = depth
            level += 1
            tokens[U(count)] = OPENING
            count += 1
            at += 1
            empty = True
        elif byte == SHUT:
            if empty or level == 0:
                return DECLINED, 0, 0, 0
            level -= 1
            depth = outer[U(level)]
            tokens[U(count)] = SHUTTING
            count += 1
            at += 1
        elif byte == BACKSLASH or (byte == LAMBDA_0 and text[U(at + 1)] == LAMBDA_1):
            if byte == BACKSLASH and is_letter(text[U(at + 1)]) and is_letter(text[U(at + 2)]):
                return DECLINED, 0, 0, 0
            at = skip_spaces(text, at + (1 if byte == BACKSLASH else 2))
            bound = 0
            while notation == NAMED and begins_name(text[U(at)]):
                end = name_end(text, at)
                if depth < scopes:
                    keys[U(depth)] = name_key(text, at, end)
                    name_at[U(depth)] = at
                    name_length[U(depth)] = end - at
                depth += 1
                bound += 1
                tokens[U(count)] = LAM
                count += 1
                at = skip_spaces(text, end)
            if text[U(at)] == DOT:
                at += 1
            elif bound > 0:
                return DECLINED, 0, 0, 0
            if bound == 0:
                if depth < scopes:
                    keys[U(depth)] = np.uint64(0)
                depth += 1
                bound = 1
                tokens[U(count)] = LAM
                count += 1
            else:
                names = True
            lambdas += bound
            empty = True
        elif ZERO <= byte <= NINE:
            index = 0
            first = at
            if byte == ZERO and ZERO <= text[U(at + 1)] <= NINE:
                return DECLINED, 0, 0, 0
            while ZERO <= text[U(at)] <= NINE:
                if at - first == LONGEST_INDEX:
                    return DECLINED, 0, 0, 0
                index = 10 * index + int(np.int64(text[U(at)])) - ZERO
                at += 1
            if index - depth >= MAX_FREE:
                return DECLINED, 0, 0, 0
            place = depth - 1 - index
            if names and place >= 0 and (place >= scopes or keys[U(place)] != 0):
                return DECLINED, 0, 0, 0
            free = max(free, index - depth + 1)
            tokens[U(count)] = (index << 2) | VAR
            count += 1
            leaves += 1
            empty = False
        elif notation == NAMED and begins_name(byte):
            end = name_end(text, at)
            index = bound_index(text, at, end, depth, keys, name_at, name_length)
            if index == DECLINED:
                number = DECLINED
                if depth <= scopes:
                    number = free_number(text, at, end, free_at, free_length, row, named)
                if number == DECLINED:
                    return DECLINED, 0, 0, 0
                named = max(named, number + 1)
                index = depth + number
            tokens[U(count)] = (index << 2) | VAR
            count += 1
            leaves += 1
            empty = False
            at = end
        elif byte == NEWLINE and level == 0 and not empty:
            if free > 0 and (named > 0 or names):
                return DECLINED, 0, 0, 0
            return count, 2 * leaves - 1 + lambdas, max(free, named), named
        else:
            return DECLINED, 0, 0, 0


def apply_parts(words, at, starts, top, parts):  # type: ignore[no-untyped-def]
    """Write the applications that make one term of the last parts; returns its beginning.

    The parts of a group begin at the last entries of starts[:top], the leftmost
    last. Their term's beginning takes the place of the rightmost one.
    """
    for k in range(top - 2, top - 1 - parts, -1):
        at -= 1
        words[U(at)] = ((starts[U(k)] - at) << 2) | APP
    starts[U(top - parts)] = at
    return at


def words_of(tokens, count, words, end, starts, parts_outside):  # type: ignore[no-untyped-def]
    """Write the term of tokens[:count] backwards, so that it ends before words[end].

    starts, parts_outside int32, as long as tokens: scratch, where the parts of
    the open groups begin and how many parts there are around each open group.
    Returns where the term begins.
    """
    at = end
    top = 0
    level = 0
    parts = 0
    for k in range(count - 1, -1, -1):
        token = tokens[U(k)]
        if token == SHUTTING:
            parts_outside[U(level)] = parts
            level += 1
            parts = 0
        elif token == OPENING:
            at = apply_parts(words, at, starts, top, parts)
            top -= parts - 1
            level -= 1
            parts = parts_outside[U(level)] + 1
        elif token == LAM:
            at = apply_parts(words, at, starts, top, parts) - 1
            top -= parts - 1
            parts = 1
            words[U(at)] = LAM
            starts[U(top - 1)] = at
        else:
            at -= 1
            words[U(at)] = token
            starts[U(top)] = at
            top += 1
            parts += 1
    return apply_parts(words, at, starts, top, parts)


def binary_term(text, at, words, start, room, waiting, depths):  # type: ignore[no-untyped-def]
    """Read the binary line text[at:] into words[start:], at most `room` of them.

    waiting, depths int32, as long as the line: scratch, the applications whose
    argument is still to come and the lambdas around them.
    Returns (nodes or DECLINED, free variables).
    """
    size = 0
    depth = 0
    top = 0
    free = 0
    while True:
        at = skip_spaces(text, at)
        if size >= room:
            return DECLINED, 0
        if text[U(at)] == ONE:
            first = at
            while text[U(at)] == ONE:
                at += 1
            index = at - first - 1
            if text[U(at)] != ZERO or index - depth >= MAX_FREE:
                return DECLINED, 0
            at += 1
            free = max(free, index - depth + 1)
            words[U(start + size)] = (index << 2) | VAR
            size += 1
            if top == 0:
                at = skip_spaces(text, at)
                return (size if text[U(at)] == NEWLINE else DECLINED), free
            top -= 1
            words[U(start + waiting[U(top)])] = ((size - waiting[U(top)]) << 2) | APP
            depth = depths[U(top)]
        elif text[U(at)] == ZERO and text[U(at + 1)] == ZERO:
            words[U(start + size)] = LAM
            size += 1
            depth += 1
            at += 2
        elif text[U(at)] == ZERO and text[U(at + 1)] == ONE:
            waiting[U(top)] = size
            depths[U(top)] = depth
            top += 1
            size += 1
            at += 2
        else:
            return DECLINED, 0


def line_end(text, at):  # type: ignore[no-untyped-def]
    """The position of the next newline."""
    while text[U(at)] != NEWLINE:
        at += 1
    return at


def read_lines(  # type: ignore[no-untyped-def]
    text, at, stop, most, notation, words, begins, ends, starts, free,
    named, free_at, free_length, tokens, first, second, keys, name_at, name_length,
):  # fmt: skip
    """Read the terms of the lines text[at:stop]; spaces alone are no line.

    text uint8 of UTF-8 with a newline at text[stop-1]. At most `most` lines are
    read; begins, ends int64, starts int64, free int32, as long, by line: where
    it stands in the text, its first word and its number of free variables. A
    line that is declined has DECLINED of these and the term λ0, so that the batch
    can be reduced as a whole. words int32 receives the terms one behind the other;
    reading ends early where there may be no room for a line, and a line that has
    none at all is declined. named int32 by line: how many of its free variables
    have names; free_at, free_length int32, FREE a line: where those stand.
    tokens, first, second int32: scratch, a longer line is declined. keys, name_at,
    name_length: scratch, see `tokens_of`.
    Returns (lines, where the next one begins, words used).
    """
    count = 0
    used = 0
    if stop <= at or text[stop - 1] != NEWLINE:
        return 0, at, 0
    while count < most and at < stop:
        begin = skip_spaces(text, at)
        if text[U(begin)] == NEWLINE and begin - at < tokens.shape[0]:
            at = begin + 1
            continue
        end = line_end(text, begin)
        length = end - at
        room = words.shape[0] - used
        if room < 2 * length and used > 0:
            break
        size = DECLINED
        unbound = 0
        names = 0
        if length < tokens.shape[0]:
            if notation == BINARY:
                size, unbound = binary_term(text, begin, words, used, room, first, second)
            else:
                tokens_made, size, unbound, names = tokens_of(
                    text, begin, notation, tokens, first, keys, name_at, name_length,
                    free_at, free_length, count,
                )  # fmt: skip
                if tokens_made == DECLINED or size > room:
                    size = DECLINED
                else:
                    words_of(tokens, tokens_made, words, used + size, first, second)
        begins[U(count)] = at
        ends[U(count)] = end
        starts[U(count)] = used
        free[U(count)] = unbound
        named[U(count)] = names
        if size == DECLINED:
            words[U(used)] = LAM
            words[U(used + 1)] = VAR
            free[U(count)] = DECLINED
            size = 2
        used += size
        count += 1
        at = end + 1
    return count, at, used
