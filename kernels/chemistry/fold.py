"""Folding winners into the population's columns, in slot order.

Where a winner goes is a function of the free places, the places that may be
overwritten and Philox; a later winner of the same tick may overwrite an earlier
one, so only the last one of each place is copied. One thread: it is memory
traffic, about 60 bytes and one random place a winner.
"""

from __future__ import annotations

import numpy as np

from kernels.philox import below, draw
from kernels.terms.packed import numeral_of, place_hash, term_hash
from kernels.text.winner_lines import put_label
from kernels.typed import U


def draw_words(seed, tick, slots, purpose, words):  # type: ignore[no-untyped-def]
    """The word of each slot (int64[n]) for `purpose`, into words (uint32[n])."""
    for i in range(slots.shape[0]):
        words[U(i)] = draw(seed, tick, np.uint64(slots[U(i)]), purpose)[0]


def draw_won(seed, tick, lo, hi, won, purpose, words):  # type: ignore[no-untyped-def]
    """The same for the slots lo..hi-1 with won[slot], into words (uint32, by slot)."""
    for slot in range(lo, hi):
        if won[U(slot)] != 0:
            words[U(slot)] = draw(seed, tick, np.uint64(slot), purpose)[0]


def find_places(words, free, overwritable, places):  # type: ignore[no-untyped-def]
    """The place of each entering term: free ones first, then drawn ones, else -1.

    words: uint32[n], the terms' draws; free, overwritable int32 (ascending);
    places int32[n] is the result. Returns how many free places were used.
    """
    used = 0
    bound = np.uint64(overwritable.shape[0])
    for i in range(words.shape[0]):
        if used < free.shape[0]:
            places[U(i)] = free[U(used)]
            used += 1
        elif bound == 0:
            places[U(i)] = -1
        else:
            places[U(i)] = overwritable[U(below(np.uint64(words[U(i)]), bound))]
    return used


def last_of_each(places, last, survivors):  # type: ignore[no-untyped-def]
    """Write to survivors (int32) the entries that no later one overwrites; returns their number.

    last: int32 by place, all -1 before and after (scratch).
    """
    for i in range(places.shape[0]):
        if places[U(i)] >= 0:
            last[U(places[U(i)])] = i
    n = 0
    for i in range(places.shape[0]):
        if places[U(i)] >= 0 and last[U(places[U(i)])] == i:
            survivors[U(n)] = i
            n += 1
    for k in range(n):
        last[U(places[U(survivors[U(k)])])] = -1
    return n


def enter(  # type: ignore[no-untyped-def]
    survivors, places, slots, index, tick, source, source_start, source_size, source_steps,
    level, kind, end, total, text, mark,
    code, start, size, born_tick, born_slot, place_level, place_kind, place_steps, hashes, live,
    normal, value, labels,
):  # fmt: skip
    """Copy the surviving terms to their places; returns (end of code, population sum).

    source int32: the terms; entry i is source[source_start[U(k)]:][:source_size[U(k)]]
    with k = index[U(i)]. code int32 has room from `end` on.
    text[mark[0]:mark[1]] uint8: the letters of the tick's ids. total uint64: the
    sum of `place_hash` over the live places, modulo 2**64.
    """
    for k in range(survivors.shape[0]):
        i = survivors[U(k)]
        place = places[U(i)]
        entry = index[U(i)]
        if live[U(place)]:
            total -= place_hash(place, hashes[U(place)])
        begin = source_start[U(entry)]
        nodes = source_size[U(entry)]
        for j in range(nodes):
            code[U(end + j)] = source[U(begin + j)]
        start[U(place)] = end
        size[U(place)] = nodes
        born_tick[U(place)] = tick
        born_slot[U(place)] = slots[U(i)]
        put_label(labels, place, text, mark, slots[U(i)])
        place_level[U(place)] = level
        place_kind[U(place)] = kind
        place_steps[U(place)] = source_steps[U(entry)]
        hashes[U(place)] = term_hash(code, end, nodes)
        total += place_hash(place, hashes[U(place)])
        live[U(place)] = True
        normal[U(place)] = True
        value[U(place)] = numeral_of(code, end, nodes)
        end += nodes
    return end, total


def compact(old, new, start, size, live):  # type: ignore[no-untyped-def]
    """Copy the live terms from one code array to another; returns the words used."""
    end = 0
    for place in range(start.shape[0]):
        if live[U(place)]:
            begin = start[U(place)]
            for j in range(size[U(place)]):
                new[U(end + j)] = old[U(begin + j)]
            start[U(place)] = end
            end += size[U(place)]
    return end
