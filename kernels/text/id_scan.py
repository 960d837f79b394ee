"""Finds lines and ids in JSONL bytes and links the versions of every id.

Bodies over arrays: no files, no JSON beyond `{"id":"`, no knowledge of objects.
A line whose id cannot be told from its bytes alone is handed back (`ODD`).

Arrays, as `automaton.log.id_index` keeps them (a row is a line, counted from 0):

- `buffer`  uint8, the bytes in hand; at least `PADDING` more than are read into it
- `mapped`  uint8, the whole file, read only where an earlier version is compared
- `offsets` int64, byte offset of each row in the file (8 bytes a row)
- `links`   uint32, previous row with the same id + 1, or 0 at its first
  appearance; the top bit says that a parser read the id; `NO_ID` marks rows
  without one (4 bytes a row)
- `checks`  uint32, the low half of the hash of each row's id: ids are compared
  in the file only where all 64 bits agree (4 bytes a row)
- `slots`   uint64, open addressing: high half of the hash, then last row + 1, 0
  is empty; the place of a hash grows with it, so that growing copies in order
  (8 bytes / load)

Bytes moved: each line is read once from the cache; one random access an id.
The search by blocks follows simdjson's first stage; the hash is a multiply and
shift per word with the finish of MurmurHash3.
"""

from __future__ import annotations

import numpy as np
from numpy import uint8, uint64

#: Bytes searched at a time: one AVX-512 register or two of AVX2.
BLOCK = 64
#: Bytes past the data that a body may read (not use): a block and a lookahead.
PADDING = 2 * BLOCK

#: Why `index_lines` came back: data used up; a line for a parser; no free row
#: or slot left; a line over the limit.
MORE, ODD, GROW, LONG = 0, 1, 2, 3

#: `links`: the id of this row was read by a parser, not by `plain_line`.
PARSED = 0x8000_0000
#: `links`: this and everything above it stands for a row without an id; this for a
#: line of spaces.
NO_ID = 0xFFFF_FFF0
#: Rows that `links` can name.
MAX_ROWS = 0x7FFF_FFE0

_LOW_HALF = uint64(0xFFFF_FFFF)
_ONES = uint64(0x0101010101010101)
_LOW7 = uint64(0x7F7F7F7F7F7F7F7F)
_QUOTES = uint64(0x2222222222222222)
_SPACES = uint64(0x2020202020202020)
_TOPS = uint64(0x8080808080808080)
_BACKSLASHES = uint64(0x5C5C5C5C5C5C5C5C)
_MIX = uint64(0x9E3779B97F4A7C15)
_FINISH_1 = uint64(0xFF51AFD7ED558CCD)
_FINISH_2 = uint64(0xC4CEB9FE1A85EC53)
_1, _3, _8, _16, _24, _32 = (uint64(n) for n in (1, 3, 8, 16, 24, 32))
_33, _40, _48, _56 = (uint64(n) for n in (33, 40, 48, 56))


def word_at(buffer, at):
    """Eight bytes as a little-endian uint64 (LLVM makes it one load)."""
    part = buffer[at : at + 8]
    low = uint64(part[0]) | uint64(part[1]) << _8 | uint64(part[2]) << _16
    middle = uint64(part[3]) << _24 | uint64(part[4]) << _32 | uint64(part[5]) << _40
    return low | middle | uint64(part[6]) << _48 | uint64(part[7]) << _56


def zero_bytes(word):
    """The top bit of every byte of the word that is zero, exactly."""
    return ~(((word & _LOW7) + _LOW7) | word | _LOW7)


def bytes_below(marks):
    """How many bytes lie below the lowest mark (a top bit) of the word."""
    below = (marks & (~marks + _1)) - _1
    return (((below & _ONES) * _ONES) >> _56) - _1


def hash_bytes(buffer, start, end):
    """The 64-bit hash of `buffer[start:end]`; reads 8 bytes past it."""
    state = _MIX
    at = start
    while at < end:
        word = word_at(buffer, at)
        if end - at < 8:
            word &= (_1 << uint64(8 * (end - at))) - _1
        state = (state ^ word) * _MIX
        state ^= state >> _32
        at += 8
    state = (state ^ (state >> _33)) * _FINISH_1
    state = (state ^ (state >> _33)) * _FINISH_2
    return state ^ (state >> _33)


def place_of(high, size):
    """The first slot to look at, of `size` slots, for the high half of a hash."""
    return np.int64((high * uint64(size)) >> _32)


def has_event(buffer, at):
    r"""Whether a newline, `"?d` or `\???6` begins in the block at `at`.

    The last two hold for every `"id"` and every escape of the letters i and d;
    what else they hold for costs a second look, not an answer.
    """
    block = buffer[at : at + BLOCK + 4]
    least = uint8(255)
    for j in range(BLOCK):
        quoted = (block[j] ^ uint8(34)) | (block[j + 2] ^ uint8(100))
        escaped = (block[j] ^ uint8(92)) | (block[j + 4] ^ uint8(54))
        least = min(least, min(block[j] ^ uint8(10), min(quoted, escaped)))
    return least == 0


def newline_in(buffer, at):
    """Where the first newline of the block stands, `BLOCK` if there is none."""
    block = buffer[at : at + BLOCK]
    first = uint8(BLOCK)
    for j in range(BLOCK):
        first = min(first, uint8(j) if block[j] == 10 else uint8(BLOCK))
    return np.int64(first)


def id_event_in(buffer, at, width):
    r"""Whether `"id"` or `\u006` begins in the first `width` bytes of the block."""
    block = buffer[at : at + BLOCK + 4]
    found = uint8(0)
    for j in range(BLOCK):
        quoted = (block[j] ^ uint8(34)) | (block[j + 3] ^ uint8(34))
        quoted |= (block[j + 1] ^ uint8(105)) | (block[j + 2] ^ uint8(100))
        escaped = (block[j] ^ uint8(92)) | (block[j + 1] ^ uint8(117))
        escaped |= (block[j + 3] ^ uint8(48)) | (block[j + 4] ^ uint8(54))
        found |= uint8(min(quoted, escaped) == 0) & uint8(j < width)
    return found != 0


def line_end(buffer, start, stop):
    """The newline at or after `start` (`stop`: none), and whether an id may lie before it."""
    at = start
    doubt = False
    while at < stop:
        if has_event(buffer, at):
            width = newline_in(buffer, at)
            doubt = doubt or id_event_in(buffer, at, width)
            if width < BLOCK:
                return min(at + width, stop), doubt
        at += BLOCK
    return stop, doubt


def id_start(buffer, at):
    """Where the id's first byte stands if `{"id":"` or `{"id": "` is at `at`, else -1."""
    opens = buffer[at] == 123 and buffer[at + 1] == 34 and buffer[at + 2] == 105
    if not (opens and buffer[at + 3] == 100 and buffer[at + 4] == 34 and buffer[at + 5] == 58):
        return -1
    value = at + 6 + (1 if buffer[at + 6] == 32 else 0)
    return value + 1 if buffer[value] == 34 else -1


def controls(word):
    """Marks bytes under 0x20; exact up to the lowest mark, and in having any."""
    return (word - _SPACES) & ~word & _TOPS


def id_end(buffer, start, stop):
    """The quote that ends the id; -1 if it is empty, escaped, or not ended in line and `stop`."""
    at = start
    while at < stop:
        word = word_at(buffer, at)
        quotes = zero_bytes(word ^ _QUOTES)
        others = zero_bytes(word ^ _BACKSLASHES) | controls(word)
        if quotes != 0:
            end = at + np.int64(bytes_below(quotes))
            if others != 0 and bytes_below(others) < bytes_below(quotes):
                return -1
            return end if start < end < stop else -1
        if others != 0:
            return -1
        at += 8
    return -1


def ends_object(buffer, start, end):
    """Whether the line `[start, end)` ends with `}`, a carriage return aside."""
    last = end - 1
    if buffer[last] == 13 and last > start:
        last -= 1
    return buffer[last] == 125


def same_id(mapped, at, buffer, start, end):
    """Whether the plain line at `at` of the file has the id `buffer[start:end]`."""
    if at + 8 >= len(mapped):
        return False
    other = id_start(mapped, at)
    if other < 0 or other + (end - start) >= len(mapped):
        return False
    for j in range(end - start):
        if mapped[other + j] != buffer[start + j]:
            return False
    return mapped[other + (end - start)] == 34


def find_slot(slots, hashed, offsets, links, checks, mapped, buffer, start, end):
    """The slot of the id `buffer[start:end]`, or the empty one for it; -1: ask a parser."""
    high = hashed >> _32
    place = place_of(high, len(slots))
    while slots[place] != 0:
        row = np.int64(slots[place] & _LOW_HALF) - 1
        if slots[place] >> _32 == high and checks[row] == hashed & _LOW_HALF:
            if links[row] & np.uint32(PARSED):
                return -1
            if same_id(mapped, offsets[row], buffer, start, end):
                return place
        place += 1
        if place == len(slots):
            place = 0
    return place


def plain_line(buffer, at, stop):
    """The line at `at`: where its id begins and ends (-1: not plain), and its newline."""
    start = id_start(buffer, at)
    close = id_end(buffer, start, stop) if start >= 0 else -1
    end, doubt = line_end(buffer, max(close, at), stop)
    if close < 0 or end >= stop or doubt or not ends_object(buffer, at, end):
        return start, -1, end
    if buffer[close + 1] != 44 and buffer[close + 1] != 125:
        return start, -1, end
    return start, close, end


def is_blank(buffer, at, end):
    """Whether the line `[at, end)` holds spaces, tabs and carriage returns alone."""
    while at < end and (buffer[at] == 32 or buffer[at] == 9 or buffer[at] == 13):
        at += 1
    return at == end


def index_lines(
    buffer, at, stop, base, limit, hash_mask, mapped, row, used, offsets, links, checks, slots
):
    """Enters the plain and blank lines of `buffer[at:stop]`, until one is neither.

    `base` is the file offset of `buffer[0]`, `limit` the longest line, `used`
    the slots taken, `hash_mask` a uint64. Returns why it stopped, where the line
    it stopped at begins and ends, and `row` and `used` as they are then.
    """
    while at < stop:
        start, close, end = plain_line(buffer, at, stop)
        if end - at > limit and not (end - at == limit + 1 and buffer[end - 1] == 13):
            return LONG, at, end, row, used
        if end >= stop:
            return MORE, at, end, row, used
        if row >= len(offsets) or 4 * used >= 3 * len(slots):
            return GROW, at, end, row, used
        if close < 0 and is_blank(buffer, at, end):
            links[row] = NO_ID
            offsets[row] = base + at
            row += 1
            at = end + 1
            continue
        if close < 0:
            return ODD, at, end, row, used
        hashed = hash_bytes(buffer, start, close) & hash_mask
        place = find_slot(slots, hashed, offsets, links, checks, mapped, buffer, start, close)
        if place < 0:
            return ODD, at, end, row, used
        used += slots[place] == 0
        links[row] = slots[place] & _LOW_HALF
        checks[row] = hashed & _LOW_HALF
        offsets[row] = base + at
        slots[place] = (hashed >> _32) << _32 | uint64(row + 1)
        row += 1
        at = end + 1
    return MORE, at, stop, row, used


def move_slots(old, new):
    """Enters every taken slot of `old` into the empty and larger `new`."""
    for i in range(len(old)):
        entry = old[i]
        if entry != 0:
            place = place_of(entry >> _32, len(new))
            while new[place] != 0:
                place += 1
                if place == len(new):
                    place = 0
            new[place] = entry
