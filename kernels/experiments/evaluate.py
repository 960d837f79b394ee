"""Trying candidates: a term is applied to the inputs of every example and judged.

Nothing is copied: the machine of `reduce` starts at the candidate with the inputs
pending. A candidate is right where the normal form equals what is wanted word for
word (hence up to the names of variables, and without eta). Candidates come packed,
or by number, of `forms` or of `census`, and are then written to one and the same
place, which stays in the cache. Bodies only.

An example's inputs and what is wanted stand in `code`, before the candidates:
inputs int64[examples, inputs], input_sizes int32[examples, inputs],
wanted int64[examples], wanted_sizes int32[examples]. With a pattern (int32, of
`match`; empty for none) the normal form must match that instead.
"""

from __future__ import annotations

import numpy as np

from kernels.terms.enumerate_closed import write_term
from kernels.terms.enumerate_forms import write_form
from kernels.terms.match import matches
from kernels.terms.packed import LAM, link, same, term_hash
from kernels.terms.reduce import NORMAL, PENDING, normalise
from kernels.typed import U

#: Of an example: what is right is worth, and at most what is not.
RIGHT, NEARLY = 256, 128
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)  # as in `packed`
_SHIFT = np.uint64(32)
_NONE = np.uint64(0x9E3779B97F4A7C15)  # stands for what has no normal form


def likeness(left, i, i_size, right, j, j_size):  # type: ignore[no-untyped-def]
    """How alike two terms begin: NEARLY times the share of equal leading words."""
    most = max(i_size, j_size)
    least = min(i_size, j_size)
    k = 0
    while k < least and left[U(i + k)] == right[U(j + k)]:
        k += 1
    return NEARLY * k // most


def try_one(  # type: ignore[no-untyped-def]
    code, start, inputs, input_sizes, wanted, wanted_sizes, pattern, whole,
    max_steps, max_size, max_depth, out, bound_start, bound_end,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Try the candidate at code[start] on the examples; unless `whole`, to the first wrong one.

    out int32[max_size]: scratch. bound_start, bound_end int64 by metavariable: scratch.
    Returns (examples right, beta steps, score, behaviour): score 0 to RIGHT an example;
    behaviour uint64, a hash of all normal forms in order, 0 where there is none at all.
    """
    right = 0
    total = 0
    score = 0
    normal = 0
    behaviour = np.uint64(0)
    arity = inputs.shape[1]
    for e in range(wanted.shape[0]):
        for k in range(arity):
            stack_code[U(k)] = inputs[U(e), U(arity - 1 - k)]
            stack_env[U(k)] = -1
            stack_level[U(k)] = PENDING
        first = inputs[U(e), U(0)] if arity > 0 else -1
        first_size = input_sizes[U(e), U(0)] if arity > 0 else 0
        second = inputs[U(e), U(1)] if arity > 1 else -1
        second_size = input_sizes[U(e), U(1)] if arity > 1 else 0
        outcome, steps, size = normalise(
            code, start, max_steps, max_size, max_depth, out, 0, 0, arity,
            first, first_size, second, second_size,
            cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
        )  # fmt: skip
        total += steps
        is_right = False
        if outcome == NORMAL:
            if pattern.shape[0] > 0:
                is_right = matches(pattern, out, 0, bound_start, bound_end)
            else:
                is_right = size == wanted_sizes[U(e)] and same(out, 0, code, wanted[U(e)], size)
        if is_right:
            right += 1
            score += RIGHT
        elif not whole:
            break
        if whole:
            hashed = _NONE
            if outcome == NORMAL:
                normal += 1
                hashed = term_hash(out, 0, size)
                if not is_right and pattern.shape[0] == 0:
                    score += likeness(out, 0, size, code, wanted[U(e)], wanted_sizes[U(e)])
            behaviour = (behaviour ^ hashed) * _MULTIPLIER
            behaviour = behaviour ^ (behaviour >> _SHIFT)
    if normal == 0:
        behaviour = np.uint64(0)
    return right, total, score, behaviour


def try_terms(  # type: ignore[no-untyped-def]
    code, starts, sizes, lo, hi, inputs, input_sizes, wanted, wanted_sizes, pattern, whole,
    max_steps, max_size, max_depth, right, steps, scores, behaviours, out, bound_start, bound_end,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Try the candidates lo..hi-1 at code[starts[i]]; one of size 0 is none and has nothing right.

    starts int64[n], sizes int32[n]; results right int32[n], steps int64[n], scores
    int32[n], behaviours uint64[n]: see `try_one`.
    """
    for i in range(lo, hi):
        right[U(i)] = 0
        steps[U(i)] = 0
        scores[U(i)] = 0
        behaviours[U(i)] = np.uint64(0)
        if sizes[U(i)] > 0:
            good, made, score, behaviour = try_one(
                code, starts[U(i)], inputs, input_sizes, wanted, wanted_sizes, pattern, whole,
                max_steps, max_size, max_depth, out, bound_start, bound_end,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
            right[U(i)] = good
            steps[U(i)] = made
            scores[U(i)] = score
            behaviours[U(i)] = behaviour


def try_forms(  # type: ignore[no-untyped-def]
    heads, forms, leading, low, high, price, places, sizes, kind, bits, depth, rank, count,
    code, at, stack, linking, solved,
    inputs, input_sizes, wanted, wanted_sizes, pattern,
    max_steps, max_size, max_depth, out, bound_start, bound_end,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Try the forms rank..rank+count-1 (see `forms.write_form`) under `depth` lambdas.

    Constants stand in `code` too. code[at:]: where each is written in its turn.
    solved int64: the numbers of those that are right on all examples, until it is full.
    Returns (how many of these, beta steps, candidates tried).
    """
    found = 0
    total = 0
    for k in range(depth):
        code[U(at + k)] = LAM
    for r in range(rank, rank + count):
        size = write_form(
            heads, forms, leading, low, high, price, places, sizes, code,
            kind, bits, depth, r, code, at + depth, stack,
        )  # fmt: skip
        link(code, at + depth, size, linking)
        right, steps, _, _ = try_one(
            code, at, inputs, input_sizes, wanted, wanted_sizes, pattern, False,
            max_steps, max_size, max_depth, out, bound_start, bound_end,
            cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
        )  # fmt: skip
        total += steps
        if right == wanted.shape[0]:
            solved[U(found)] = r
            found += 1
            if found == solved.shape[0]:
                return found, total, r + 1 - rank
    return found, total, count


def try_closed(  # type: ignore[no-untyped-def]
    counts, bits, rank, count, code, at, stack, linking, solved,
    inputs, input_sizes, wanted, wanted_sizes, pattern,
    max_steps, max_size, max_depth, out, bound_start, bound_end,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Try the closed terms rank..rank+count-1 of so many bits (see `census`); as `try_forms`."""
    found = 0
    total = 0
    for r in range(rank, rank + count):
        size = write_term(counts, bits, r, code, at, stack)
        link(code, at, size, linking)
        right, steps, _, _ = try_one(
            code, at, inputs, input_sizes, wanted, wanted_sizes, pattern, False,
            max_steps, max_size, max_depth, out, bound_start, bound_end,
            cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
        )  # fmt: skip
        total += steps
        if right == wanted.shape[0]:
            solved[U(found)] = r
            found += 1
            if found == solved.shape[0]:
                return found, total, r + 1 - rank
    return found, total, count
