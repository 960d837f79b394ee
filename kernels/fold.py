"""Folding winners into the population's columns, in slot order.

Where a winner goes is a function of the free places, the places that may be
overwritten and Philox; a later winner of the same tick may overwrite an earlier
one, so only the last one of each place is copied. One thread: it is memory
traffic, about 60 bytes and one random place a winner.
"""

from __future__ import annotations

import numpy as np

from .packed import place_hash, term_hash
from .philox import below, draw


def find_places(seed, tick, slots, purpose, free, overwritable, places):  # type: ignore[no-untyped-def]
    """The place of each entering term: free ones first, then drawn ones, else -1.

    slots int64[n]; free, overwritable int32 (ascending); places int32[n] is the
    result. Returns how many free places were used.
    """
    used = 0
    for i in range(slots.shape[0]):
        if used < free.shape[0]:
            places[i] = free[used]
            used += 1
        elif overwritable.shape[0] == 0:
            places[i] = -1
        else:
            word = draw(seed, tick, np.uint64(slots[i]), purpose)[0]
            places[i] = overwritable[np.int64(below(word, np.uint64(overwritable.shape[0])))]
    return used


def last_of_each(places, last, survivors):  # type: ignore[no-untyped-def]
    """Write to survivors (int32) the entries that no later one overwrites; returns their number.

    last: int32 by place, all -1 before and after (scratch).
    """
    for i in range(places.shape[0]):
        if places[i] >= 0:
            last[places[i]] = i
    n = 0
    for i in range(places.shape[0]):
        if places[i] >= 0 and last[places[i]] == i:
            survivors[n] = i
            n += 1
    for k in range(n):
        last[places[survivors[k]]] = -1
    return n


def enter(  # type: ignore[no-untyped-def]
    survivors, places, slots, index, tick, source, source_start, source_size, source_steps,
    level, kind, end, total,
    code, start, size, born_tick, born_slot, place_level, place_kind, place_steps, hashes, live,
    normal,
):  # fmt: skip
    """Copy the surviving terms to their places; returns (end of code, population sum).

    source int32: the terms; entry i is source[source_start[k]:][:source_size[k]]
    with k = index[i]. code int32 has room from `end` on.
    total uint64: the sum of `place_hash` over the live places, modulo 2**64.
    """
    for k in range(survivors.shape[0]):
        i = survivors[k]
        place = places[i]
        entry = index[i]
        if live[place]:
            total -= place_hash(place, hashes[place])
        begin = source_start[entry]
        nodes = source_size[entry]
        for j in range(nodes):
            code[end + j] = source[begin + j]
        start[place] = end
        size[place] = nodes
        born_tick[place] = tick
        born_slot[place] = slots[i]
        place_level[place] = level
        place_kind[place] = kind
        place_steps[place] = source_steps[entry]
        hashes[place] = term_hash(code, end, nodes)
        total += place_hash(place, hashes[place])
        live[place] = True
        normal[place] = True
        end += nodes
    return end, total


def compact(old, new, start, size, live):  # type: ignore[no-untyped-def]
    """Copy the live terms from one code array to another; returns the words used."""
    end = 0
    for place in range(start.shape[0]):
        if live[place]:
            begin = start[place]
            for j in range(size[place]):
                new[end + j] = old[begin + j]
            start[place] = end
            end += size[place]
    return end
