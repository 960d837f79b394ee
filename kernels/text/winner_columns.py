"""Winner lines of many ticks at once, as columns: numbers, and where their texts stand.

For who exports or draws a log and believes its lines: a term is text here, it is not
read. What stands among winners (run records, input, lines of actions, commits) is
passed over. It never reads or writes beyond its bounds, whatever the bytes are.
"""

from __future__ import annotations

import numpy as np

from kernels.text.winner_lines import (
    BACKSLASH,
    DOT,
    LARGEST,
    MINUS,
    NINE,
    ZERO,
    expect,
    get_number,
    string_end,
)

NEWLINE, SMALL_A, SMALL_U = 10, 97, 117
#: Texts of a winner's line: id, operator, a, b, term.
TEXTS = 5
#: FNV-1a with 64 bits (Fowler, Noll, Vo).
BASIS = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)


def find_winners(  # type: ignore[no-untyped-def]
    text, at, stop, part, mark, names, name_marks, ticks, slots, levels, streams, salience, beta,
    sizes, spans,
):  # fmt: skip
    """Find winner lines in text[at:stop] until the columns are full.

    part uint8, mark int64: the constant parts of a line (`automaton.export.winner_columns`
    has them); names, name_marks: the streams' names, alike. ticks int64, slots, levels,
    salience, beta, sizes int32, streams int16 (-1: none compete, salience is then 0): result,
    by line. spans int64[n, TEXTS, 2]: where its texts stand, without quotes. Returns (lines
    found, position behind the last line looked at, position of a line that begins like a
    winner's and is none, or -1).
    """
    count = 0
    while at < stop and count < slots.shape[0]:
        begin = at
        p = expect(text, at, stop, part, mark[0], mark[1])
        tick, p = get_number(text, p, stop) if p >= 0 else (-1, -1)
        p = expect(text, p, stop, part, mark[1], mark[2]) if tick >= 0 else -1
        slot, p = get_number(text, p, stop) if p >= 0 else (-1, -1)
        head = p
        p = expect(text, p, stop, part, mark[2], mark[3]) if slot >= 0 else -1
        if p < 0:
            while at < stop and text[at] != NEWLINE:
                at += 1
            at += 1
            continue
        good, p = read_rest(
            text, p, stop, part, mark, names, name_marks, count, levels, streams, salience, beta,
            sizes, spans,
        )  # fmt: skip
        if not good or slot > LARGEST:
            return count, begin, begin
        ticks[count] = tick
        slots[count] = slot
        spans[count, 0, 0] = begin + 7  # behind {"id":"
        spans[count, 0, 1] = head
        count += 1
        at = p
    return count, min(at, stop), -1


def read_rest(  # type: ignore[no-untyped-def]
    text, p, stop, part, mark, names, name_marks, row, levels, streams, salience, beta, sizes,
    spans,
):  # fmt: skip
    """Read a winner's line from its dimension on; returns (whether it is one, next position)."""
    negative = 1 if p < stop and text[p] == MINUS else 0
    level, p = get_number(text, p + negative, stop)
    p = expect(text, p, stop, part, mark[3], mark[4])
    if level < negative or level > LARGEST + negative or p < 0:
        return False, p
    for k in range(1, 4):
        last = string_end(text, p, stop)
        if last < 0:
            return False, p
        spans[row, k, 0] = p
        spans[row, k, 1] = last
        p = last
        if k < 3:
            p = expect(text, p, stop, part, mark[4], mark[5])
            if p < 0:
                return False, p
    own, worth = -1, 0
    behind = expect(text, p, stop, part, mark[5], mark[6])  # with streams
    if behind >= 0:
        last = string_end(text, behind, stop)
        for k in range(name_marks.shape[0] - 1):
            found = expect(text, behind, stop, names, name_marks[k], name_marks[k + 1])
            if found >= 0 and found == last:
                own = k
        p = expect(text, last, stop, part, mark[6], mark[7])
        worth, p = get_number(text, p, stop) if p >= 0 else (-1, -1)
        if own < 0 or worth < 0 or worth > LARGEST:
            return False, p
        p = expect(text, p, stop, part, mark[8], mark[9])
    else:
        p = expect(text, p, stop, part, mark[7], mark[8])
    made, p = get_number(text, p, stop) if p >= 0 else (-1, -1)
    p = expect(text, p, stop, part, mark[9], mark[10])
    size, p = get_number(text, p, stop) if p >= 0 else (-1, -1)
    p = expect(text, p, stop, part, mark[10], mark[11])
    if made < 0 or made > LARGEST or size < 0 or size > LARGEST or p < 0:
        return False, p
    last = string_end(text, p, stop)
    spans[row, 4, 0] = p
    spans[row, 4, 1] = last
    p = expect(text, last, stop, part, mark[11], mark[12])
    levels[row] = -level if negative else level
    streams[row] = own
    salience[row] = worth
    beta[row] = made
    sizes[row] = size
    return p >= 0, p


def gather(text, spans, which, rows, offsets, out):  # type: ignore[no-untyped-def]
    r"""Copy a text of some rows one behind the other; returns the bytes used of `out`.

    spans as above, which: a place below TEXTS, rows int64. offsets int32[rows + 1]: result.
    out uint8, at least as long as the spans. Escapes that our own lines have are undone:
    a backslash and a quote, a backslash twice, \u00xx; half of a pair stays as it was written.
    """
    end = 0
    offsets[0] = 0
    for k in range(rows.shape[0]):
        at = spans[rows[k], which, 0]
        stop = spans[rows[k], which, 1]
        while at < stop:
            byte = text[at]
            at += 1
            if byte == BACKSLASH and at < stop:
                if text[at] != SMALL_U:
                    byte = text[at]
                    at += 1
                elif at + 4 < stop and text[at + 1] == ZERO and text[at + 2] == ZERO:
                    byte = hex_value(text[at + 3]) * 16 + hex_value(text[at + 4])
                    at += 5
            out[end] = byte
            end += 1
        offsets[k + 1] = end
    return end


def hex_value(byte):  # type: ignore[no-untyped-def]
    """The value of a lower-case hexadecimal digit."""
    return byte - ZERO if byte <= NINE else byte - SMALL_A + 10


def read_keys(text, spans, which, head, keys):  # type: ignore[no-untyped-def]
    """Read the ids of a place in `spans` as numbers: those of winners, and hashes of others.

    head uint8: what ids of winners begin with. keys int64: tick << 31 | slot of the id of a
    winner or a candidate that lost; of another id, -1 less 62 bits of its hash, which is
    negative. A slot is below 2**31, a tick below 2**32.
    """
    for row in range(keys.shape[0]):
        at = spans[row, which, 0]
        stop = spans[row, which, 1]
        p = expect(text, at, stop, head, 0, head.shape[0])
        tick, p = get_number(text, p, stop) if p >= 0 else (-1, -1)
        slot = -1
        if tick >= 0 and p < stop and text[p] == DOT:
            slot, p = get_number(text, p + 1, stop)
        if slot >= 0 and p == stop and slot <= LARGEST and tick >> 32 == 0:
            keys[row] = (tick << 31) | slot
            continue
        hashed = BASIS
        for k in range(at, stop):
            hashed = (hashed ^ np.uint64(text[k])) * PRIME
        keys[row] = -1 - np.int64(hashed >> np.uint64(2))
