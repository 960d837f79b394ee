"""Answers as lines of text: normal forms in three notations, numbers, outcomes.

What a line looks like is the caller's (`parts` and `fields`); how a term looks
is `automaton.terms.notation`'s, byte for byte. Nothing here reads text or reduces.
"""

from __future__ import annotations

from kernels.terms.packed import APP, LAM, VAR, numeral_of
from kernels.terms.reduce import NORMAL
from kernels.typed import U

from .term_reader import BINARY, NAMED
from .variable_names import DECLINED, FREE, LETTER_A, LETTERS, taken_depths
from .winner_lines import (
    ARGUMENT,
    BODY,
    DOT,
    FUNCTION,
    LAMBDA_0,
    LAMBDA_1,
    OPEN_,
    SHUT,
    SPACE,
    SPARE,
    ZERO,
    put,
    put_number,
    put_term,
)

TERM, NUMERAL, STEPS, SIZE, OUTCOME = range(5)  # fields of a line
ONE = 49
#: Bytes that a node takes at most in the notations with lambdas: parentheses and
#: a space around a free name.
NODE = 32
#: Bytes of a line beside its term and the constant parts: five numbers.
NUMBERS = 128


def put_name(buffer, at, depth, taken, count):  # type: ignore[no-untyped-def]
    """Write the name of the binder with `depth` others around it; returns the next position.

    a to z, then a1 to z1, and so on, without those of the depths taken[:count].
    """
    for k in range(count):
        depth += 1 if taken[U(k)] <= depth else 0
    turn = depth // LETTERS
    buffer[U(at)] = LETTER_A + depth - turn * LETTERS
    return put_number(buffer, at + 1, turn) if turn > 0 else at + 1


def put_free(buffer, at, text, begin, length):  # type: ignore[no-untyped-def]
    """Write the free name that stands at text[begin:]; returns the next position."""
    for k in range(length):
        buffer[U(at + k)] = text[U(begin + k)]
    return at + length


def put_named(  # type: ignore[no-untyped-def]
    buffer, at, words, start, size, stack, text, free_at, free_length, row, named, taken
):
    """Write a packed term with names for its binders; returns the next position.

    As `lines.put_term`, but for names. stack: int32 scratch of 2 * size entries,
    for every application whose argument is still to come: the parentheses to
    shut behind that argument and the binders around it. The first `named` free
    variables have the names of that row (see `names.free_number`), others stand
    as their index. taken: int32 scratch of FREE entries.
    """
    avoided = taken_depths(text, free_at, free_length, row, named, taken)
    top = 0
    shut = 0
    depth = 0
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
            at = put_name(buffer, at + 2, depth, taken, avoided)
            buffer[U(at)] = DOT
            at += 1
            depth += 1
            context = BODY
        elif tag == APP:
            stack[U(2 * top)] = shut
            stack[U(2 * top + 1)] = depth
            top += 1
            shut = 0
            context = FUNCTION
        else:
            index = word >> 2
            if index < depth:
                at = put_name(buffer, at, depth - 1 - index, taken, avoided)
            elif index - depth < named:
                place = row * FREE + index - depth
                at = put_free(buffer, at, text, free_at[U(place)], free_length[U(place)])
            else:
                at = put_number(buffer, at, index)
            for _ in range(shut):
                buffer[U(at)] = SHUT
                at += 1
            if top > 0:
                top -= 1
                shut = stack[U(2 * top)]
                depth = stack[U(2 * top + 1)]
                buffer[U(at)] = SPACE
                at += 1
                context = ARGUMENT
    return at


def put_binary(buffer, at, words, start, size):  # type: ignore[no-untyped-def]
    """Write a packed term in binary lambda calculus; returns the next position."""
    for i in range(start, start + size):
        word = words[U(i)]
        tag = word & 3
        if tag == VAR:
            for _ in range((word >> 2) + 1):
                buffer[U(at)] = ONE
                at += 1
            buffer[U(at)] = ZERO
            at += 1
        else:
            buffer[U(at)] = ZERO
            buffer[U(at + 1)] = ZERO if tag == LAM else ONE
            at += 2
    return at


def binary_length(words, start, size):  # type: ignore[no-untyped-def]
    """The bytes that `put_binary` writes."""
    length = 2 * size
    for i in range(start, start + size):
        word = words[U(i)]
        length += (word >> 2) if word & 3 == VAR else 0
    return length


def write_lines(  # type: ignore[no-untyped-def]
    lo, hi, notation, free, outcomes, steps, sizes, places, out,
    source, named, free_at, free_length, text, mark, fields, names, buffer, stack, taken,
):  # fmt: skip
    """Write the answers lo..hi-1, a line each, until one cannot be written here.

    free int32 by answer: DECLINED for one that is made elsewhere; a term with free
    indices is written in de Bruijn notation, as it came. outcomes uint8,
    steps int32, sizes int32, places int64, out int32: as left by
    `reduce.reduce_terms`. source, named, free_at, free_length: the text that was
    read and its free names, as `read.read_lines` left them. text uint8, part k in
    text[mark[k]:mark[k+1]]: before each of the `fields` (int64), then the line's
    end, what stands for a field without a value, and what stands around a term.
    names: the part with the name of outcome 0; the others follow. buffer uint8
    (2 * SPARE bytes more than is used), stack int32 of 2 entries a node, taken
    int32[FREE]: scratch. It ends before a line that is made elsewhere or may not fit.
    Returns (the first answer not written, bytes written).
    """
    at = 0
    count = fields.shape[0]
    constants = mark[mark.shape[0] - 1] + NUMBERS + 2 * SPARE
    for i in range(lo, hi):
        if free[i] == DECLINED:
            return i, at
        size = sizes[i] if outcomes[i] == NORMAL else 0
        place = places[i]
        length = binary_length(out, place, size) if notation == BINARY else NODE * size
        if at + length + constants > buffer.shape[0]:
            return i, at
        for k in range(count):
            at = put(buffer, at, text, mark[k], mark[k + 1])
            field = fields[k]
            value = -1
            if field == OUTCOME:
                name = names + outcomes[i]
                at = put(buffer, at, text, mark[name], mark[name + 1])
                continue
            if field == STEPS:
                value = steps[i]
            elif size > 0:
                if field == TERM:
                    at = put(buffer, at, text, mark[count + 2], mark[count + 3])
                    if notation == BINARY:
                        at = put_binary(buffer, at, out, place, size)
                    elif notation == NAMED and (named[i] > 0 or free[i] == 0):
                        at = put_named(
                            buffer, at, out, place, size, stack,
                            source, free_at, free_length, i, named[i], taken,
                        )  # fmt: skip
                    else:
                        at = put_term(buffer, at, out, place, size, stack)
                    at = put(buffer, at, text, mark[count + 2], mark[count + 3])
                    continue
                value = size if field == SIZE else numeral_of(out, place, size)
            if value >= 0:
                at = put_number(buffer, at, value)
            else:
                at = put(buffer, at, text, mark[count + 1], mark[count + 2])
        at = put(buffer, at, text, mark[count], mark[count + 1])
    return hi, at
