"""The best winners with different terms, kept from tick to tick: who leaves an island.

The order, from the best: salience, descending; the later tick; the lower slot. Of winners
with one term the best counts. Ticks are shown each once, in any order.
"""

from __future__ import annotations

import numpy as np

from kernels.text.winner_lines import put_term
from kernels.typed import U

#: Columns of a row of `best`.
SALIENCE, TICK, SLOT, SIZE, PLACE = range(5)
COLUMNS = 5
#: Less than any salience.
LEAST = -(1 << 62)


def greatest(chosen, wanted, salience, valued):  # type: ignore[no-untyped-def]
    """The greatest salience of the rows that are chosen, `LEAST` where none is."""
    most = np.int64(LEAST)
    if valued:
        for row in range(len(chosen)):
            own = np.int64(salience[U(row)]) if chosen[U(row)] == wanted else np.int64(LEAST)
            most = max(most, own)
    else:
        for row in range(len(chosen)):
            most = np.int64(0) if chosen[U(row)] == wanted else most
    return most


def equal_terms(words, start, terms, place, size):  # type: ignore[no-untyped-def]
    """Whether size words from `start` are those at `place`."""
    for k in range(size):
        if words[U(start + k)] != terms[U(place + k)]:
            return False
    return True


def rank_of_term(words, start, size, best, terms, width, count):  # type: ignore[no-untyped-def]
    """The rank that has this term, -1: none has."""
    for rank in range(count):
        row = rank * COLUMNS
        if best[U(row + SIZE)] == size and equal_terms(
            words, start, terms, best[U(row + PLACE)] * width, size
        ):
            return rank
    return -1


def is_better(own, tick, slot, best, rank):  # type: ignore[no-untyped-def]
    """Whether a winner comes before that of a rank."""
    row = rank * COLUMNS
    if own != best[U(row + SALIENCE)]:
        return own > best[U(row + SALIENCE)]
    if tick != best[U(row + TICK)]:
        return tick > best[U(row + TICK)]
    return slot < best[U(row + SLOT)]


def take_winners(  # type: ignore[no-untyped-def]
    chosen, wanted, slots, salience, valued, starts, sizes, words, tick, most, width,
    best, terms, count,
):  # fmt: skip
    """Take a tick's winners into account; returns how many there are in `best`.

    chosen uint8 by row: the winners are the rows where it is `wanted`. slots int64 by row
    (of length 0: row and slot are one). salience int32 by row, 0 for all unless `valued`.
    starts int64, sizes int32 by row: their terms in words (int32), at most `width` nodes.
    best int64 [most * COLUMNS] by rank, terms int32 [most * width] by PLACE: the best so far.
    """
    if most == 0 or (
        count == most
        and greatest(chosen, wanted, salience, valued) < best[U((most - 1) * COLUMNS + SALIENCE)]
    ):
        return count
    for row in range(len(chosen)):
        if chosen[U(row)] != wanted:
            continue
        own = np.int64(salience[U(row)]) if valued else np.int64(0)
        slot = slots[U(row)] if len(slots) > 0 else row
        if count == most and not is_better(own, tick, slot, best, most - 1):
            continue
        size = np.int64(sizes[U(row)])
        start = starts[U(row)]
        rank = rank_of_term(words, start, size, best, terms, width, count)
        if rank >= 0:
            if not is_better(own, tick, slot, best, rank):
                continue
            place = best[U(rank * COLUMNS + PLACE)]
        else:
            rank = count if count < most else most - 1
            place = np.int64(count) if count < most else best[U(rank * COLUMNS + PLACE)]
            count = rank + 1
            for k in range(size):
                terms[U(place * width + k)] = words[U(start + k)]
        while rank > 0 and is_better(own, tick, slot, best, rank - 1):
            for k in range(COLUMNS):
                best[U(rank * COLUMNS + k)] = best[U((rank - 1) * COLUMNS + k)]
            rank -= 1
        best[U(rank * COLUMNS + SALIENCE)] = own
        best[U(rank * COLUMNS + TICK)] = tick
        best[U(rank * COLUMNS + SLOT)] = slot
        best[U(rank * COLUMNS + SIZE)] = size
        best[U(rank * COLUMNS + PLACE)] = place
    return count


def write_terms(best, terms, width, count, buffer, ends, stack):  # type: ignore[no-untyped-def]
    """Print the terms of all ranks one behind the other; ends int64 by rank: where each ends.

    buffer uint8: see `put_term`; stack int32: scratch of `width` entries.
    """
    at = 0
    for rank in range(count):
        row = rank * COLUMNS
        place = best[U(row + PLACE)] * width
        at = put_term(buffer, at, terms, place, best[U(row + SIZE)], stack)
        ends[U(rank)] = at
