"""Streams of candidates: whom a stream proposes, how salient it is, who wins the round.

Each round has one slot a stream, slot = round * streams + stream. What a slot
proposes and what it is worth depend on (snapshot, seed, tick, slot) alone. All
features are fixed point, ONE = 1.0; docs/streams.md has the formulas. Nothing
here reduces a term, and nothing knows what a stream is called.
"""

from __future__ import annotations

import numpy as np

from kernels.philox import PLACE, PROPOSAL, REACTANTS, TIE, below, draw
from kernels.terms.embed import count_shapes
from kernels.terms.packed import term_hash
from kernels.terms.reduce import NORMAL
from kernels.typed import U

SENSATION, MEMORY, EMOTION, ANCHOR, REASON, UNIFORM = range(6)
RELEVANCE, IMPORTANCE, NOVELTY, CONNECTION, AROUSAL = range(5)
FEATURES = 5
ONE = 1 << 16
#: Counts of a term's sketch: `embed`'s vector in so few dimensions, cut to -127..127.
SKETCH = 64
LARGEST_COUNT = 127
#: Uses of both reactants at which importance is one half.
USES_HALF = 8
#: Ticks for which a term that was used stays connected.
RECENT_TICKS = 16
#: Uses are counted no further.
MOST_USES = 1 << 30
#: Entries of a bucket in the table of seen terms: one line of the processor's cache.
BUCKET = np.uint64(8)
_NONE = -1


def pick(word, places):  # type: ignore[no-untyped-def]
    """The place that a word draws of places (int32), or -1 where there are none."""
    if places.shape[0] == 0:
        return _NONE
    return places[U(below(word, np.uint64(places.shape[0])))]


def fittest(words, places, worth):  # type: ignore[no-untyped-def]
    """Of the places that four words draw the one worth most (ties: drawn first).

    worth: int32 by place; a row behind it is worth 0.
    """
    best = _NONE
    most = -1
    for word in words:
        place = pick(word, places)
        if place < 0:
            return _NONE
        value = worth[U(place)] if place < worth.shape[0] else 0
        if value > most:
            best = place
            most = value
    return best


def reason(  # type: ignore[no-untyped-def]
    words, everything, numerals, ruled, operator_of, arithmetic, composing, rewriting, rewritten
):
    """REASON's reactants and operator: numbers reckoned, rules applied, terms rewritten, composed.

    Which of the four is drawn evenly among those that have something to work on.
    everything, numerals, ruled int32: places; operator_of int32 by place: the rule's
    operator; arithmetic int32: operators' rows; composing: one row. rewriting int32:
    rows of operators, each for the place in rewritten (int32) that is its a and b.
    """
    able = 1 + (1 if numerals.shape[0] > 0 else 0) + (1 if ruled.shape[0] > 0 else 0)
    able += 1 if rewriting.shape[0] > 0 else 0
    way = below(words[2], np.uint64(able))
    if numerals.shape[0] > 0 and way == 0:
        return pick(words[0], numerals), pick(words[1], numerals), pick(words[3], arithmetic)
    if rewriting.shape[0] > 0 and way + 2 == able:
        k = below(words[0], np.uint64(rewriting.shape[0]))
        return rewritten[U(k)], rewritten[U(k)], rewriting[U(k)]
    if ruled.shape[0] > 0 and way + 1 < able:
        a = pick(words[0], ruled)
        return a, pick(words[1], everything), operator_of[U(a)]
    return pick(words[0], everything), pick(words[1], everything), composing


def propose_one(  # type: ignore[no-untyped-def]
    seed, tick, slot, policies, choices_a, choices_b, everything, sensed, recalled, felt, numerals,
    ruled, operator, operator_of, arithmetic, composing, rewriting, rewritten, uses, salience_of,
):  # fmt: skip
    """The reactants and the operator of a slot, (-1, -1, operator) where there are none.

    seed, tick uint64. policies uint8 by stream. choices_a, choices_b (what the
    selectors allow), everything, sensed, recalled, felt, numerals, ruled int32:
    places. operator: the row of the tick's operator; operator_of int32 by place: a
    rule's, or -1 (of length 0: no rules). rewriting, rewritten: see `reason`. uses,
    salience_of int32 by place: what
    ANCHOR and EMOTION prefer.
    """
    policy = policies[U(slot % policies.shape[0])]
    words = draw(seed, tick, np.uint64(slot), REACTANTS)
    if policy == REASON:
        a, b, op = reason(
            words, everything, numerals, ruled, operator_of, arithmetic, composing, rewriting,
            rewritten,
        )  # fmt: skip
    else:
        b = pick(words[1], choices_b)
        op = operator
        if policy == SENSATION:
            a = pick(words[0], sensed)
        elif policy == MEMORY:
            a = pick(words[0], recalled)
        elif policy == EMOTION:
            a = fittest(draw(seed, tick, np.uint64(slot), PROPOSAL), felt, salience_of)
        elif policy == ANCHOR:
            a = fittest(draw(seed, tick, np.uint64(slot), PROPOSAL), choices_a, uses)
        else:
            a = pick(words[0], choices_a)
        if 0 <= a < operator_of.shape[0] and operator_of[U(a)] >= 0:
            op = operator_of[U(a)]
    if a < 0 or b < 0:
        return _NONE, _NONE, operator
    return a, b, op


def propose(  # type: ignore[no-untyped-def]
    seed, tick, lo, hi, policies, choices_a, choices_b, everything, sensed, recalled, felt,
    numerals, ruled, operator, operator_of, arithmetic, composing, rewriting, rewritten, uses,
    salience_of, places_a, places_b, operators,
):  # fmt: skip
    """What the slots lo..hi-1 propose (see `propose_one`), by slot."""
    for slot in range(lo, hi):
        a, b, op = propose_one(
            seed, tick, slot, policies, choices_a, choices_b, everything, sensed, recalled, felt,
            numerals, ruled, operator, operator_of, arithmetic, composing, rewriting, rewritten,
            uses, salience_of,
        )  # fmt: skip
        places_a[U(slot)] = a
        places_b[U(slot)] = b
        operators[U(slot)] = op


def propose_some(  # type: ignore[no-untyped-def]
    seed, tick, slots, policies, choices_a, choices_b, everything, sensed, recalled, felt,
    numerals, ruled, operator, operator_of, arithmetic, composing, rewriting, rewritten, uses,
    salience_of, places_a, places_b, operators,
):  # fmt: skip
    """What some slots (int64[n]) propose (see `propose_one`), by their number in `slots`."""
    for k in range(slots.shape[0]):
        a, b, op = propose_one(
            seed, tick, slots[U(k)], policies, choices_a, choices_b, everything, sensed, recalled,
            felt, numerals, ruled, operator, operator_of, arithmetic, composing, rewriting,
            rewritten, uses, salience_of,
        )  # fmt: skip
        places_a[U(k)] = a
        places_b[U(k)] = b
        operators[U(k)] = op


def sketch(words, start, size, shapes, sums, into, at):  # type: ignore[no-untyped-def]
    """A term's sketch into into[at:at+SKETCH] (int16); returns its squared length, never 0.

    shapes: uint64[4 * size], sums: int32[SKETCH], scratch. See `embed`: the counts' sum is odd.
    """
    for j in range(SKETCH):
        sums[U(j)] = 0
    count_shapes(words, start, size, shapes, sums)
    norm = np.int64(0)
    for j in range(SKETCH):
        count = min(max(sums[U(j)], -LARGEST_COUNT), LARGEST_COUNT)
        into[U(at + j)] = count
        norm += count * count
    return norm


def dot(own, other, at):  # type: ignore[no-untyped-def]
    """The product of a sketch (int16) and the one that stands in other[at:at+SKETCH].

    Below 2**29 even where `other` is a sum of RECENT sketches, so 32 bits do: they
    are said at every step, since numba would take 64, which is half as fast.
    """
    total = np.int32(0)
    for j in range(SKETCH):
        total = np.int32(total + np.int32(own[U(j)] * other[U(at + j)]))
    return np.int64(total)


def likeness(product, norm, other_norm):  # type: ignore[no-untyped-def]
    """The squared cosine in fixed point, 0 for an obtuse angle or where one is zero.

    product at most 2**28, norms at most 2**20 and 2**36: nothing overflows.
    """
    if product <= 0 or other_norm == 0:
        return np.int64(0)
    square = product * product
    norms = norm * other_norm
    if square < (1 << 46):
        return min((square << 16) // norms, ONE)
    return min(square // (norms >> 16), ONE)


def nearest(own, norm, others, norms):  # type: ignore[no-untyped-def]
    """The greatest likeness of a sketch to one of others (int16[n * SKETCH]), norms int64[n]."""
    most = np.int64(0)  # the nearest's squared product and norm: compared without dividing
    of = np.int64(1)
    for k in range(norms.shape[0]):
        product = dot(own, others, k * SKETCH)
        if product > 0 and product * product * of > most * norms[U(k)]:
            most = product * product
            of = norms[U(k)]
    return min((most << 16) // (norm * of), ONE)


def connected(place, tick, used):  # type: ignore[no-untyped-def]
    """How recently a place took part in a win: ONE in the last tick, 0 after RECENT_TICKS."""
    if place >= used.shape[0] or used[U(place)] == 0:
        return 0
    age = np.int64(tick) - 1 - used[U(place)]
    return max(0, ONE - age * ONE // RECENT_TICKS)


def look_at_terms(  # type: ignore[no-untyped-def]
    lo, hi, distinct, out, outcomes, sizes, results, seen, recent, recent_norm, archive,
    archive_norms, relevance, novelty, shapes, sums, own,
):  # fmt: skip
    """What candidates are worth by their terms alone, for the slots distinct[lo:hi].

    distinct int32: a slot for every kind of reaction (of length 0: every slot is looked
    at). seen uint64: hashes of terms that entered (`is_seen`). recent int32[SKETCH]: the
    sum of the last winners' sketches; archive int16[n*SKETCH], archive_norms int64[n]: the
    archive's window. Results: relevance, novelty int32 by slot, fixed point. shapes, sums,
    own int16[SKETCH]: scratch of `sketch`.
    """
    for k in range(lo, hi):
        slot = distinct[U(k)] if distinct.shape[0] > 0 else k
        if outcomes[U(slot)] != NORMAL:
            continue
        begin = results[U(slot)]
        norm = sketch(out, begin, sizes[U(slot)], shapes, sums, own, 0)
        relevance[U(slot)] = likeness(dot(own, recent, 0), norm, recent_norm)
        unseen = 0 if is_seen(term_hash(out, begin, sizes[U(slot)]), seen) else ONE
        novelty[U(slot)] = (unseen + ONE - nearest(own, norm, archive, archive_norms)) >> 1


def judge(  # type: ignore[no-untyped-def]
    seed, tick, lo, hi, streams, max_steps, outcomes, vetoed, steps, sizes, places_a, places_b,
    size, uses, used, first, relevance_of, novelty_of, weights, mixture, salience, won, words,
    features, seconds,
):  # fmt: skip
    """Let the candidates of the rounds lo..hi-1 compete: at most one of each wins.

    vetoed uint8 by slot, 0: none. size, uses, used int32 by place. first int32 by slot:
    the slot whose reaction is equal (of length 0: its own); relevance_of, novelty_of
    int32 by that slot, of `look_at_terms`. weights int64 by stream, mixture int64 by
    feature: fixed point. Results: salience int32 and won uint8 by slot; words uint32 by
    slot: winners' draws for their places; features int32[round*FEATURES] of each winner;
    seconds int32 by round: the slot of the runner-up, -1 for none.
    """
    for number in range(lo, hi):
        best = _NONE
        second = _NONE
        most = np.int64(-1)
        next_most = np.int64(-1)
        for slot in range(number * streams, (number + 1) * streams):
            won[U(slot)] = 0
            salience[U(slot)] = 0
            if outcomes[U(slot)] != NORMAL or vetoed[U(slot)] != 0:
                continue
            a = places_a[U(slot)]
            b = places_b[U(slot)]
            nodes = sizes[U(slot)]
            before = size[U(a)] + size[U(b)]
            kind = first[U(slot)] if first.shape[0] > 0 else slot
            relevance = np.int64(relevance_of[U(kind)])
            novelty = np.int64(novelty_of[U(kind)])
            use = np.int64(0)
            if a < uses.shape[0]:
                use += uses[U(a)]
            if b < uses.shape[0]:
                use += uses[U(b)]
            importance = use * ONE // (use + USES_HALF)
            connection = (connected(a, tick, used) + connected(b, tick, used)) >> 1
            valence = abs(np.int64(before) - nodes) * ONE // max(before, nodes)
            arousal = (np.int64(steps[U(slot)]) * ONE // max_steps) * valence >> 16
            total = (
                mixture[RELEVANCE] * relevance + mixture[IMPORTANCE] * importance
                + mixture[NOVELTY] * novelty + mixture[CONNECTION] * connection
                + mixture[AROUSAL] * arousal
            ) >> 16  # fmt: skip
            total = (total * weights[U(slot % streams)]) >> 16
            salience[U(slot)] = total
            # Equal salience is common: a draw decides, so that no stream wins by its number.
            key = (total << 32) | np.int64(draw(seed, tick, np.uint64(slot), TIE)[0])
            if key > most:
                second = best
                next_most = most
                best = slot
                most = key
                at = number * FEATURES
                features[U(at + RELEVANCE)] = relevance
                features[U(at + IMPORTANCE)] = importance
                features[U(at + NOVELTY)] = novelty
                features[U(at + CONNECTION)] = connection
                features[U(at + AROUSAL)] = arousal
            elif key > next_most:
                second = slot
                next_most = key
        seconds[U(number)] = second
        if best >= 0:
            won[U(best)] = 1
            words[U(best)] = draw(seed, tick, np.uint64(best), PLACE)[0]


def credit(index, places_a, places_b, tick, uses, used):  # type: ignore[no-untyped-def]
    """The reactants of winners (entries `index`, int64, of the columns) were used in this tick."""
    for k in range(index.shape[0]):
        entry = index[U(k)]
        for place in (places_a[U(entry)], places_b[U(entry)]):
            if 0 <= place < uses.shape[0]:
                uses[U(place)] = min(uses[U(place)] + 1, MOST_USES)
                used[U(place)] = tick


def is_seen(h, seen):  # type: ignore[no-untyped-def]
    """Whether a hash stands in its bucket; seen uint64[power of two], BUCKET entries each."""
    at = BUCKET * (h & np.uint64((seen.shape[0] // 8) - 1))
    for k in range(8):
        if seen[U(at + np.uint64(k))] == h:
            return True
    return False


def notice(code, start, size, entries, seen):  # type: ignore[no-untyped-def]
    """The terms of these entries (integers) have been seen; the oldest of a bucket gives way."""
    for k in range(entries.shape[0]):
        entry = entries[U(k)]
        h = term_hash(code, start[U(entry)], size[U(entry)])
        if not is_seen(h, seen):
            at = BUCKET * (h & np.uint64((seen.shape[0] // 8) - 1))
            for j in range(7, 0, -1):
                seen[U(at + np.uint64(j))] = seen[U(at + np.uint64(j - 1))]
            seen[U(at)] = h


def sketches(code, start, size, rows, shapes, sums, into, norms):  # type: ignore[no-untyped-def]
    """The sketches of rows (int32) into int16[n * SKETCH], their squared lengths into int64[n]."""
    for k in range(rows.shape[0]):
        row = rows[U(k)]
        norms[U(k)] = sketch(code, start[U(row)], size[U(row)], shapes, sums, into, k * SKETCH)


def alike(recent, recent_norm, others, norms, found):  # type: ignore[no-untyped-def]
    """The likeness of each of others (int16[n * SKETCH], norms int64[n]) to one, into int64[n].

    recent int32[SKETCH] with recent_norm, the square of its length.
    """
    for k in range(norms.shape[0]):
        found[U(k)] = likeness(dot(recent, others, k * SKETCH), norms[U(k)], recent_norm)


def known(code, start, size, rows, seen, found):  # type: ignore[no-untyped-def]
    """Which rows (int32) hold a term whose hash has been seen; found bool[len(rows)]."""
    for k in range(rows.shape[0]):
        row = rows[U(k)]
        found[U(k)] = is_seen(term_hash(code, start[U(row)], size[U(row)]), seen)
