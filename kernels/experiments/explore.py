"""A cycle's reactions in one long call: draw, react, judge, recompute, score.

A call gives the interpreter's lock away and takes it back, where threads wait for each
other; so a call is a stage's whole work and not one step of it. Everything is a
function of a seed and of a snapshot's terms, written to arrays of whoever calls.
Bodies only.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.chemistry.react import apply_words
from kernels.philox import CYCLE, below, draw
from kernels.terms.packed import term_hash
from kernels.terms.reduce import COPY, NORMAL, reaction
from kernels.terms.substitute import substitute
from kernels.typed import U

from .gather import gather, is_known


def gathered(  # type: ignore[no-untyped-def]
    code, start, size, normal, rows, more, more_size, into, begins, sizes, normals
):  # fmt: skip
    """The terms of some rows (int32[n]), then others, of which nothing is known, as a table.

    code int32 with start int64, size int32, normal bool by row; more int32: the others,
    one behind the other, more_size int32[m]. Into: into int32, begins int64[n+m],
    sizes int32[n+m], normals bool[n+m].
    """
    n = rows.shape[0]
    at = gather(code, start, size, rows, into, begins, sizes)
    for k in range(n):
        normals[U(k)] = normal[U(rows[U(k)])]
    for i in range(more.shape[0]):
        into[U(at + i)] = more[U(i)]
    for k in range(more_size.shape[0]):
        begins[U(n + k)] = at
        sizes[U(n + k)] = more_size[U(k)]
        normals[U(n + k)] = False
        at += more_size[U(k)]


def pairs(  # type: ignore[no-untyped-def]
    seed, partner, operator, catalyst, bound, first, count, ordered, a, b, operators
):  # fmt: skip
    """The catalyst's row with drawn rows below `bound`, under one of `count` operators.

    The operators' rows begin at `first`. Unless `ordered`, every second pair is turned
    round. seed, and the stages partner and operator, uint64; a, b, operators int32[n].
    """
    for k in range(a.shape[0]):
        word = draw(seed, partner, np.uint64(k), CYCLE)[0]
        other = np.int32(below(word, np.uint64(bound)))
        word = draw(seed, operator, np.uint64(k), CYCLE)[0]
        operators[U(k)] = first + np.int32(below(word, np.uint64(count)))
        turned = not ordered and k % 2 == 1
        a[U(k)] = other if turned else catalyst
        b[U(k)] = catalyst if turned else other


def react_rows(  # type: ignore[no-untyped-def]
    code, start, size, normal, max_steps, max_size, max_depth, max_input,
    a, b, operators, outcomes, steps, sizes, results, out,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """The reactions of rows a, b under rows of operators (int32[n]), by the machine alone.

    Arguments and results as in `react.react`; out int32 needs n * max_size words.
    """
    at = 0
    for k in range(a.shape[0]):
        op, x, y = operators[U(k)], a[U(k)], b[U(k)]
        outcome, made, nodes = reaction(
            code, start[U(op)], size[U(op)],
            start[U(x)], size[U(x)], normal[U(x)], start[U(y)], size[U(y)], normal[U(y)],
            False, max_steps, max_size, max_depth, max_input, out, at,
            cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
        )  # fmt: skip
        outcomes[U(k)] = outcome
        steps[U(k)] = made
        sizes[U(k)] = nodes
        results[U(k)] = -1
        if outcome == NORMAL:
            results[U(k)] = at
            at += nodes


def seen_before(k, hashes, seen):  # type: ignore[no-untyped-def]
    """Whether the hash of k is that of a number in `seen`, else k enters it.

    seen int32[power of two, more than there are numbers], -1 where free.
    """
    mask = np.uint64(seen.shape[0] - 1)
    at = hashes[U(k)] & mask
    while seen[U(at)] >= 0:
        if hashes[U(seen[U(at)])] == hashes[U(k)]:
            return True
        at = (at + np.uint64(1)) & mask
    seen[U(at)] = k
    return False


def judge(  # type: ignore[no-untyped-def]
    size, known, a, b, outcomes, steps, sizes, results, out,
    hashes, fresh, seen, rows, chosen, counts,
):  # fmt: skip
    """Count what reactions came to, and choose those that are new, then those that shrink most.

    size int32 by row of the reactants; known uint64, ascending: hashes that are not new.
    a to out: of `react_rows`. Into: counts int64 by outcome; rows int32[n]: the numbers of
    those with the outcome NORMAL; hashes uint64[n]; fresh uint8[n]: normal forms that are
    neither known nor earlier among them; chosen int64: numbers of distinct normal forms,
    new ones before known ones, the greatest loss of nodes first, ties as they come; seen:
    scratch. Returns (NORMALs, distinct, new, chosen, with a normal form, beta steps, the
    sum of log(1 + beta steps) over those with a normal form).
    """
    for j in range(seen.shape[0]):
        seen[U(j)] = -1
    for j in range(counts.shape[0]):
        counts[U(j)] = 0
    normals = distinct = new = kept = whole = 0
    made = np.int64(0)
    depth = 0.0
    for k in range(a.shape[0]):
        fresh[U(k)] = 0
        counts[U(outcomes[U(k)])] += 1
        made += np.int64(steps[U(k)])
        if outcomes[U(k)] == NORMAL or outcomes[U(k)] == COPY:
            whole += 1
            depth += math.log1p(np.float64(steps[U(k)]))
        if outcomes[U(k)] != NORMAL:
            continue
        rows[U(normals)] = k
        normals += 1
        hashes[U(k)] = term_hash(out, results[U(k)], sizes[U(k)])
        if hashes[U(k)] == 0 or seen_before(k, hashes, seen):
            continue
        distinct += 1
        if not is_known(hashes[U(k)], known):
            fresh[U(k)] = 1
            new += 1
        kept = insert(k, kept, size, a, b, sizes, fresh, chosen)
    return normals, distinct, new, kept, whole, made, depth


def insert(k, kept, size, a, b, sizes, fresh, chosen):  # type: ignore[no-untyped-def]
    """Put k in its place among the first `kept` of chosen, if it has one; returns how many stay."""
    growth = sizes[U(k)] - size[U(a[U(k)])] - size[U(b[U(k)])]
    at = kept
    while at > 0:
        j = chosen[U(at - 1)]
        other = sizes[U(j)] - size[U(a[U(j)])] - size[U(b[U(j)])]
        if fresh[U(j)] > fresh[U(k)] or (fresh[U(j)] == fresh[U(k)] and other <= growth):
            break
        if at < chosen.shape[0]:
            chosen[U(at)] = j
        at -= 1
    if at < chosen.shape[0]:
        chosen[U(at)] = k
    return min(kept + 1, chosen.shape[0])


def score(  # type: ignore[no-untyped-def]
    n, known, size, code, start, normal, a, b, operators, outcomes, steps, sizes, results, out,
    hashes, scores, kept, max_steps, max_size, max_depth, max_input,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """How many distinct new normal forms each of `kept` terms leads to, applied to n others.

    code to normal: the n terms, those that are scored, the operator. a to hashes: of at
    least n * kept reactions. Into: scores int64.
    """
    count = n * kept
    for k in range(count):
        a[U(k)] = n + k // n
        b[U(k)] = k % n
        operators[U(k)] = n + kept
    react_rows(
        code, start, size, normal, max_steps, max_size, max_depth, max_input,
        a[:count], b, operators, outcomes, steps, sizes, results, out,
        cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
    )  # fmt: skip
    for k in range(kept):
        scores[U(k)] = count_new(k * n, k * n + n, outcomes, sizes, results, out, known, hashes)


def append(words, begin, size, code, start, sizes, normal, row):  # type: ignore[no-untyped-def]
    """Put words[begin:begin+size] behind the term of the row before, as a row of its own."""
    at = start[U(row - 1)] + sizes[U(row - 1)]
    start[U(row)] = at
    sizes[U(row)] = size
    normal[U(row)] = False
    for i in range(size):
        code[U(at + i)] = words[U(begin + i)]


def explore(  # type: ignore[no-untyped-def]
    seed, partner, operator, sample, probe, first, count, ordered, recomputed, limit,
    max_steps, max_size, max_depth, max_input,
    known, branch, rows, others, application, table, reactions, judged, drawn_rows, probed,
    scoring, scored, machine, reference,
):  # fmt: skip
    """A cycle's reactions end to end: draw pairs, react, judge, recompute some, score the best.

    seed, and the stages partner to probe, uint64. The rows of `table` are the terms of rows
    (int32[p]) of the branch, the catalyst, proposed terms and, from `first` on, `count`
    operators, whose code is `others`. Tuples of arrays: branch and table (code, start,
    size, normal), others (code int32, sizes int32[m]), reactions and scoring (a, b,
    operators, outcomes, steps, sizes, results, out), judged (hashes, fresh, seen, rows,
    chosen, counts), probed (code, start, size, normal), scored (hashes, scores), machine
    and reference (scratch). application int32: the operator of the scores; drawn_rows
    int32[n]: the terms that are scored on, drawn here. See `table`, `pairs`,
    `react_rows`, `judge`, `recompute`, `score`. Returns what `judge` does and
    (decided, agreed); the catalyst's score is the first.
    """
    branch_code, branch_start, branch_size, branch_normal = branch
    more, more_size = others
    code, start, size, normal = table
    a, b, operators, outcomes, steps, sizes, results, out = reactions
    hashes, fresh, seen, numbers, chosen, counts = judged
    at_code, at_start, at_size, at_normal = probed
    x, y, under, ends, made, nodes, begins, forms = scoring
    found, scores = scored
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node = machine
    term, other, marks, marks_inner = reference
    catalyst = rows.shape[0]
    gathered(
        branch_code, branch_start, branch_size, branch_normal, rows, more, more_size,
        code, start, size, normal,
    )  # fmt: skip
    pairs(
        seed, partner, operator, catalyst, catalyst if ordered else first, first, count, ordered,
        a, b, operators,
    )  # fmt: skip
    react_rows(
        code, start, size, normal, max_steps, max_size, max_depth, max_input,
        a, b, operators, outcomes, steps, sizes, results, out,
        cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
    )  # fmt: skip
    normals, distinct, new, kept, whole, total, depth = judge(
        size, known, a, b, outcomes, steps, sizes, results, out,
        hashes, fresh, seen, numbers, chosen, counts,
    )  # fmt: skip
    decided, agreed = recompute(
        seed, sample, recomputed, numbers, normals, code, start, size, max_steps, limit,
        a, b, operators, steps, sizes, results, out, term, other, marks, marks_inner,
    )  # fmt: skip
    n = drawn_rows.shape[0]
    for j in range(n):
        word = draw(seed, probe, np.uint64(j), CYCLE)[0]
        drawn_rows[U(j)] = np.int32(below(word, np.uint64(branch_start.shape[0])))
    gathered(
        branch_code, branch_start, branch_size, branch_normal, drawn_rows,
        code[start[U(catalyst)] : start[U(catalyst)] + size[U(catalyst)]],
        size[catalyst : catalyst + 1], at_code, at_start, at_size, at_normal,
    )  # fmt: skip
    for k in range(kept):
        best = chosen[U(k)]
        append(
            out, results[U(best)], sizes[U(best)], at_code, at_start, at_size, at_normal, n + 1 + k
        )  # fmt: skip
    append(
        application, 0, application.shape[0], at_code, at_start, at_size, at_normal, n + 1 + kept
    )  # fmt: skip
    score(
        n, known, at_size, at_code, at_start, at_normal, x, y, under, ends, made, nodes, begins,
        forms, found, scores, 1 + kept, max_steps, max_size, max_depth, max_input,
        cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
    )  # fmt: skip
    return normals, distinct, new, kept, whole, total, depth, decided, agreed


def count_new(lo, hi, outcomes, sizes, results, out, known, hashes):  # type: ignore[no-untyped-def]
    """How many of the normal forms lo..hi-1 are neither known nor earlier among them."""
    new = 0
    for k in range(lo, hi):
        hashes[U(k)] = 0
        if outcomes[U(k)] != NORMAL:
            continue
        hashes[U(k)] = term_hash(out, results[U(k)], sizes[U(k)])
        if hashes[U(k)] == 0 or is_known(hashes[U(k)], known):
            continue
        new += 1
        for j in range(lo, k):
            if hashes[U(j)] == hashes[U(k)]:
                new -= 1
                break
    return new


def recompute(  # type: ignore[no-untyped-def]
    seed, stage, count, rows, normals, code, start, size, max_steps, limit,
    a, b, operators, steps, sizes, results, out, term, other, marks, marks_inner,
):  # fmt: skip
    """Compute `count` drawn reactions again by literal substitution: (decided, agreed).

    rows: the first `normals` are the numbers of reactions with the outcome NORMAL. A
    term of more than `limit` nodes, now or on the way, decides nothing. term to
    marks_inner: scratch of `substitute`.
    """
    decided = agreed = 0
    for k in range(count if normals > 0 else 0):
        word = draw(seed, stage, np.uint64(k), CYCLE)[0]
        row = rows[U(below(word, np.uint64(normals)))]
        op, x, y = operators[U(row)], a[U(row)], b[U(row)]
        if 2 + size[U(op)] + size[U(x)] + size[U(y)] > limit:
            continue
        n = apply_words(
            code, start[U(op)], size[U(op)], start[U(x)], size[U(x)], start[U(y)], size[U(y)], term
        )
        outcome, made, nodes = substitute(term, n, max_steps, limit, other, marks, marks_inner)
        if outcome != NORMAL:
            continue
        decided += 1
        same = made == steps[U(row)] and nodes == sizes[U(row)]
        if same:
            for i in range(nodes):
                same = same and term[U(i)] == out[U(results[U(row)] + i)]
        if same:
            agreed += 1
    return decided, agreed
