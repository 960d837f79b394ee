"""Candidates that lost, as bytes of the archive and back: about 16 bytes and one a node.

The grammar is docs/format.md's. Reading never goes beyond its bounds, whatever
the bytes are; a term that is read is linked again. Nothing here knows a file.
"""

from __future__ import annotations

import numpy as np

from kernels.terms.packed import APP, LAM, link
from kernels.terms.reduce import NORMAL
from kernels.typed import U

#: Bytes before the nodes of a candidate; the largest index in one byte.
HEAD, LARGEST_INDEX = 16, 252


def put_word(buffer, at, number):  # type: ignore[no-untyped-def]
    """Write a number as four bytes, the lowest first; returns the next position."""
    for k in range(4):
        buffer[U(at + k)] = (number >> (8 * k)) & 0xFF
    return at + 4


def get_word(buffer, at):  # type: ignore[no-untyped-def]
    """The number in four bytes, the lowest first."""
    number = np.int64(0)
    for k in range(4):
        number |= np.int64(buffer[U(at + k)]) << (8 * k)
    return number


def pack_lost(  # type: ignore[no-untyped-def]
    lo, hi, outcomes, won, vetoed, salience, steps, sizes, results, out, buffer
):
    """Write the candidates of the slots lo..hi-1 that lost; returns the number of bytes.

    Each is slot, salience, steps, size (four bytes each) and its nodes in preorder,
    a byte each: 0 a lambda, 1 an application, 2 + i the variable i; 255 and four
    bytes for an i above 252. buffer uint8 with HEAD + 5 bytes a node for each.
    """
    at = 0
    for slot in range(lo, hi):
        if outcomes[U(slot)] != NORMAL or won[U(slot)] != 0 or vetoed[U(slot)] != 0:
            continue
        nodes = sizes[U(slot)]
        at = put_word(buffer, at, slot)
        at = put_word(buffer, at, salience[U(slot)])
        at = put_word(buffer, at, steps[U(slot)])
        at = put_word(buffer, at, nodes)
        begin = results[U(slot)]
        for k in range(nodes):
            word = out[U(begin + k)]
            tag = word & 3
            index = word >> 2
            if tag == LAM:
                buffer[U(at)] = 0
            elif tag == APP:
                buffer[U(at)] = 1
            elif index <= LARGEST_INDEX:
                buffer[U(at)] = 2 + index
            else:
                buffer[U(at)] = 255
                at = put_word(buffer, at + 1, index) - 1
            at += 1
    return at


def unpack_lost(  # type: ignore[no-untyped-def]
    buffer, stop, slots, salience, steps, sizes, starts, words, stack
):
    """Read what `pack_lost` wrote to buffer[:stop]; returns (candidates, words) or (-1, -1).

    slots, salience, steps, sizes, starts int64 by candidate: result. words int32: their
    terms, one behind the other; stack int32 as long: scratch. -1 where the bytes are
    of another grammar, or there is more than there is room for.
    """
    at = 0
    count = 0
    end = 0
    while at < stop:
        if at + HEAD > stop or count >= slots.shape[0]:
            return -1, -1
        slots[U(count)] = get_word(buffer, at)
        salience[U(count)] = get_word(buffer, at + 4)
        steps[U(count)] = get_word(buffer, at + 8)
        nodes = get_word(buffer, at + 12)
        at += HEAD
        if nodes < 1 or at + nodes > stop or end + nodes > words.shape[0]:
            return -1, -1
        missing = 1  # subterms still to come
        for k in range(nodes):
            if at >= stop or missing == 0:
                return -1, -1
            byte = np.int64(buffer[U(at)])
            at += 1
            if byte == 0:
                words[U(end + k)] = LAM
            elif byte == 1:
                words[U(end + k)] = APP
                missing += 1
            else:
                index = byte - 2
                if byte == 255:
                    if at + 4 > stop:
                        return -1, -1
                    index = get_word(buffer, at)
                    at += 4
                words[U(end + k)] = index << 2
                missing -= 1
        if missing != 0:
            return -1, -1
        link(words, end, nodes, stack)
        sizes[U(count)] = nodes
        starts[U(count)] = end
        end += nodes
        count += 1
    return count, end
