"""Loops for CUDA of streams that compete: a slot, a kind of reaction or a round a thread.

The bodies are the CPU's, but for finding equal reactions: there slots are looked at one
after another, here all at once, so that the first of a kind is the least slot that met
the others in a table (`cuda.atomic`). Which thread comes first changes no answer.
"""

from __future__ import annotations

import numpy as np

from kernels.chemistry.equal_reactions import hash_of_kind
from kernels.chemistry.streams import FEATURES, judge, look_at_terms, propose
from kernels.terms.packed import same
from kernels.typed import U

from .compiler import cuda
from .loops import WARP, register

#: int32 of a slot's record, and behind them its round's features: see `record_slots`.
SLOT, SECOND, SALIENCE, SECOND_SALIENCE, STEPS, SIZE, A, B, OPERATOR, WORD, KIND = range(11)
RECORD = KIND + 1 + FEATURES
_NONE = -1
_ONE = np.uint64(1)


def update_rows(  # type: ignore[no-untyped-def]
    rows, wide, narrow, start, hashes, size, value, normal, form,
    places, used_now, counted, used, uses, salience, entries, seen_now, seen,
):  # fmt: skip
    """Bring a snapshot's columns up to date where they changed: 52 bytes a row in.

    rows, places, entries int32: what changed of terms, of facts and of the terms seen. wide
    int64 [start, hash], narrow int32 [size, value, normal, form], one behind the other by
    row; used_now int64, counted int32 [uses, salience] by place; seen_now uint64.
    """
    n = rows.shape[0]
    for k in range(cuda.grid(1), n, cuda.gridsize(1)):
        row = rows[U(k)]
        start[U(row)] = wide[U(k)]
        hashes[U(row)] = np.uint64(wide[U(n + k)])
        size[U(row)] = narrow[U(k)]
        value[U(row)] = narrow[U(n + k)]
        normal[U(row)] = narrow[U(2 * n + k)] != 0
        form[U(row)] = narrow[U(3 * n + k)]
    n = places.shape[0]
    for k in range(cuda.grid(1), n, cuda.gridsize(1)):
        place = places[U(k)]
        used[U(place)] = used_now[U(k)]
        uses[U(place)] = counted[U(k)]
        salience[U(place)] = counted[U(n + k)]
    for k in range(cuda.grid(1), entries.shape[0], cuda.gridsize(1)):
        seen[U(entries[U(k)])] = seen_now[U(k)]


def propose_slots(  # type: ignore[no-untyped-def]
    seed, tick, slots, policies, choices_a, choices_b, everything, sensed, recalled, felt,
    numerals, ruled, operator, operator_of, arithmetic, composing, rewriting, rewritten, uses,
    salience_of, places_a, places_b, operators,
):  # fmt: skip
    """`streams.propose` for the slots 0..slots-1."""
    for slot in range(cuda.grid(1), slots, cuda.gridsize(1)):
        propose(
            seed, tick, slot, slot + 1, policies, choices_a, choices_b, everything, sensed,
            recalled, felt, numerals, ruled, operator, operator_of, arithmetic, composing,
            rewriting, rewritten, uses, salience_of, places_a, places_b, operators,
        )  # fmt: skip


def class_of(row, code, start, size, hashes, rows):  # type: ignore[no-untyped-def]
    """The row that stands for all whose term is this one's: the first that came to the table.

    rows int32, a power of two of them, -1 where empty, more than there are such rows.
    """
    last = np.uint64(rows.shape[0] - 1)
    at = hashes[U(row)] & last
    while True:
        other = cuda.atomic.cas(rows, U(at), np.int32(_NONE), np.int32(row))
        if other < 0 or other == row:
            return row
        if (
            hashes[U(other)] == hashes[U(row)]
            and size[U(other)] == size[U(row)]
            and same(code, start[U(other)], code, start[U(row)], size[U(row)])
        ):
            return other
        at = (at + _ONE) & last


def class_slots(  # type: ignore[no-untyped-def]
    code, start, size, hashes, places_a, places_b, operators, rows, a, b, op
):
    """The classes of each slot's three terms, as `class_of` has them; -1 without reactants.

    a, b, op int32 by slot.
    """
    for slot in range(cuda.grid(1), a.shape[0], cuda.gridsize(1)):
        if places_a[U(slot)] < 0:
            a[U(slot)] = _NONE
            continue
        a[U(slot)] = class_of(places_a[U(slot)], code, start, size, hashes, rows)
        b[U(slot)] = class_of(places_b[U(slot)], code, start, size, hashes, rows)
        op[U(slot)] = class_of(operators[U(slot)], code, start, size, hashes, rows)


def group_slots(a, b, op, table, least, entry):  # type: ignore[no-untyped-def]
    """Where slots of one kind meet: its entry of the table, and the least slot that has it.

    a, b, op int32: classes by slot. table int32, a power of two, more than there are slots,
    -1 where empty; least int32 by entry, at first the number of slots. entry int32 by slot,
    -1 without reactants.
    """
    last = np.uint64(table.shape[0] - 1)
    for slot in range(cuda.grid(1), a.shape[0], cuda.gridsize(1)):
        if a[U(slot)] < 0:
            entry[U(slot)] = _NONE
            continue
        at = hash_of_kind(a[U(slot)], b[U(slot)], op[U(slot)]) & last
        while True:
            other = cuda.atomic.cas(table, U(at), np.int32(_NONE), np.int32(slot))
            if other < 0 or (
                a[U(other)] == a[U(slot)]
                and b[U(other)] == b[U(slot)]
                and op[U(other)] == op[U(slot)]
            ):
                break
            at = (at + _ONE) & last
        cuda.atomic.min(least, U(at), np.int32(slot))
        entry[U(slot)] = at


def first_slots(entry, least, first):  # type: ignore[no-untyped-def]
    """The first slot of each slot's kind, as `equal_reactions.group` has it; int32 by slot."""
    for slot in range(cuda.grid(1), entry.shape[0], cuda.gridsize(1)):
        at = entry[U(slot)]
        first[U(slot)] = least[U(at)] if at >= 0 else _NONE


def kind_rows(  # type: ignore[no-untyped-def]
    distinct, places_a, places_b, operators, rank, kind_a, kind_b, kind_op
):
    """The reactants of each kind, from its first slot; rank int32 by slot: the kind's number."""
    for k in range(cuda.grid(1), distinct.shape[0], cuda.gridsize(1)):
        slot = distinct[U(k)]
        rank[U(slot)] = k
        kind_a[U(k)] = places_a[U(slot)]
        kind_b[U(k)] = places_b[U(slot)]
        kind_op[U(k)] = operators[U(slot)]


def share_slots(  # type: ignore[no-untyped-def]
    empty, first, rank, kind_outcomes, kind_steps, kind_sizes, kind_results,
    outcomes, steps, sizes, results, kinds,
):  # fmt: skip
    """Give every slot what its kind came to, and its kind's number; `empty` without reactants."""
    for slot in range(cuda.grid(1), first.shape[0], cuda.gridsize(1)):
        own = first[U(slot)]
        if own < 0:
            kinds[U(slot)] = _NONE
            outcomes[U(slot)] = empty
            steps[U(slot)] = 0
            sizes[U(slot)] = 0
            results[U(slot)] = _NONE
            continue
        kind = rank[U(own)]
        kinds[U(slot)] = kind
        outcomes[U(slot)] = kind_outcomes[U(kind)]
        steps[U(slot)] = kind_steps[U(kind)]
        sizes[U(slot)] = kind_sizes[U(kind)]
        results[U(slot)] = kind_results[U(kind)]


def store_rows(first, slots, begins, at, sizes, out, store, results):  # type: ignore[no-untyped-def]
    """Keep the rows of `slots` in store[at + begins[k]:], a warp a row; results: where."""
    warps = cuda.gridsize(1) // WARP
    lane = cuda.grid(1) % WARP
    for k in range(cuda.grid(1) // WARP, slots.shape[0], warps):
        slot = slots[U(k)]
        begin = at + begins[U(k)]
        if lane == 0:
            results[U(slot)] = begin
        for j in range(lane, sizes[U(slot)], WARP):
            store[U(begin + j)] = out[U(slot - first), U(j)]


def look_kinds(  # type: ignore[no-untyped-def]
    kinds, nothing, store, outcomes, sizes, results, seen, recent, recent_norm, archive,
    archive_norms, relevance, novelty, shapes, sums, own,
):  # fmt: skip
    """`streams.look_at_terms` for the kinds 0..kinds-1; nothing: int32 of length 0.

    shapes uint64 [4 * nodes, threads], sums int32 and own int16 [SKETCH, threads].
    """
    thread = cuda.grid(1)
    for k in range(thread, kinds, cuda.gridsize(1)):
        look_at_terms(
            k, k + 1, nothing, store, outcomes, sizes, results, seen, recent, recent_norm,
            archive, archive_norms, relevance, novelty, shapes[:, thread], sums[:, thread],
            own[:, thread],
        )  # fmt: skip


def judge_rounds(  # type: ignore[no-untyped-def]
    seed, tick, streams, max_steps, outcomes, vetoed, steps, sizes, places_a, places_b,
    size, uses, used, kinds, relevance, novelty, weights, mixture, salience, won, words,
    features, seconds,
):  # fmt: skip
    """`streams.judge`, a round a thread."""
    for number in range(cuda.grid(1), seconds.shape[0], cuda.gridsize(1)):
        judge(
            seed, tick, number, number + 1, streams, max_steps, outcomes, vetoed, steps, sizes,
            places_a, places_b, size, uses, used, kinds, relevance, novelty, weights, mixture,
            salience, won, words, features, seconds,
        )  # fmt: skip


def record_slots(  # type: ignore[no-untyped-def]
    slots, streams, won, seconds, salience, steps, sizes, places_a, places_b, operators, words,
    kinds, features, records,
):  # fmt: skip
    """What the host is told of slots: those given, or of each round its winner (or -1).

    slots int32; of length 0: the winners. records int32 [n * RECORD] in the order of the
    constants above, a winner's features behind them; kinds of length 0: each its own.
    """
    rounds = records.shape[0] // RECORD
    for k in range(cuda.grid(1), rounds, cuda.gridsize(1)):
        slot = np.int64(_NONE)
        if slots.shape[0] > 0:
            slot = np.int64(slots[U(k)])
        else:
            for candidate in range(k * streams, (k + 1) * streams):
                if won[U(candidate)] != 0:
                    slot = np.int64(candidate)
        at = k * RECORD
        records[U(at + SLOT)] = slot
        if slot < 0:
            continue
        number = slot // streams
        second = seconds[U(number)]
        records[U(at + SECOND)] = second
        records[U(at + SALIENCE)] = salience[U(slot)]
        records[U(at + SECOND_SALIENCE)] = salience[U(second)] if second >= 0 else 0
        records[U(at + STEPS)] = steps[U(slot)]
        records[U(at + SIZE)] = sizes[U(slot)]
        records[U(at + A)] = places_a[U(slot)]
        records[U(at + B)] = places_b[U(slot)]
        records[U(at + OPERATOR)] = operators[U(slot)]
        records[U(at + WORD)] = np.int32(words[U(slot)])
        records[U(at + KIND)] = kinds[U(slot)] if kinds.shape[0] > 0 else slot
        for j in range(FEATURES):
            records[U(at + KIND + 1 + j)] = features[U(number * FEATURES + j)]


def pack_slots(slots, begins, sizes, results, store, packed):  # type: ignore[no-untyped-def]
    """Copy the normal forms of `slots` to packed[begins[k]:], a warp a slot. 8 bytes a word."""
    warps = cuda.gridsize(1) // WARP
    lane = cuda.grid(1) % WARP
    for k in range(cuda.grid(1) // WARP, slots.shape[0], warps):
        slot = slots[U(k)]
        begin = begins[U(k)]
        place = results[U(slot)]
        for j in range(lane, sizes[U(slot)], WARP):
            packed[U(begin + j)] = store[U(place + j)]


def fill_words(value, words):  # type: ignore[no-untyped-def]
    """Set int32 words to a value."""
    for i in range(cuda.grid(1), words.shape[0], cuda.gridsize(1)):
        words[U(i)] = value


register(
    update_rows,
    "i4 i8 i4 i8 u8 i4 i4 b1 u1 i4 i8 i4 i8 i4 i4 i4 u8 u8",
)
register(
    propose_slots,
    "word word int u1 i4 i4 i4 i4 i4 i4 i4 i4 int i4 i4 int i4 i4 i4 i4 i4 i4 i4",
)
register(class_slots, "i4 i8 i4 u8 i4 i4 i4 i4 i4 i4 i4")
register(group_slots, "i4 i4 i4 i4 i4 i4")
register(first_slots, "i4 i4 i4")
register(kind_rows, "i4 i4 i4 i4 i4 i4 i4 i4")
register(share_slots, "int i4 i4 u1 i4 i4 i8 u1 i4 i4 i8 i4")
register(store_rows, "int i4 i8 int i4 i4x2 i4 i8")
register(  # 102 registers: the 64 counts of a term's sketch are held against 32 others
    look_kinds, "int i4 i4 u1 i4 i8 u8 i4 int i2 i8 i4 i4 u8x2 i4x2 i2x2", 5
)
register(
    judge_rounds,
    "word word int int u1 u1 i4 i4 i4 i4 i4 i4 i8 i4 i4 i4 i8 i8 i4 u1 u4 i4 i4",
)
register(record_slots, "i4 int u1 i4 i4 i4 i4 i4 i4 i4 u4 i4 i4 i4")
register(pack_slots, "i4 i8 i4 i8 i4 i4")
register(fill_words, "int i4")
