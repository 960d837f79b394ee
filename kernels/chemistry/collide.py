"""All collisions of a set of terms: which term of the set each makes.

Two loops around the reaction of `kernels.terms.reduce`. Nothing here draws, and
nothing knows a population.
"""

from __future__ import annotations

from kernels.terms.packed import same, term_hash
from kernels.terms.reduce import NORMAL, reaction
from kernels.typed import U

ELASTIC, OUTSIDE = -1, -2


def find_term(out, at, nodes, code, start, size, hashes, order):  # type: ignore[no-untyped-def]
    """The number of the term at out[at:at+nodes] in a set, or OUTSIDE.

    hashes uint64: `packed.term_hash` of the set's terms, ascending; order int32: whose
    each is. Found by hash, told apart by words.
    """
    wanted = term_hash(out, at, nodes)
    low, high = 0, hashes.shape[0]
    while low < high:
        middle = (low + high) // 2
        if hashes[U(middle)] < wanted:
            low = middle + 1
        else:
            high = middle
    while low < hashes.shape[0] and hashes[U(low)] == wanted:
        found = order[U(low)]
        if size[U(found)] == nodes and same(out, at, code, start[U(found)], nodes):
            return found
        low += 1
    return OUTSIDE


def collide(  # type: ignore[no-untyped-def]
    lo, hi, code, start, size, operator, operator_size, hashes, order,
    max_steps, max_size, max_depth, max_input, products, steps, out,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """The reactions `(operator a) b` of the terms a = lo..hi-1 with every term b.

    code int32: the packed terms, in normal form, and the operator at code[operator].
    Results int32[n, n] by (a, b): products, the number of the term made, ELASTIC where a
    budget ended the reaction, OUTSIDE where the term is none of the set; steps, its beta
    steps. out int32: scratch of max_size words.
    """
    for a in range(lo, hi):
        for b in range(start.shape[0]):
            outcome, made, nodes = reaction(
                code, operator, operator_size,
                start[U(a)], size[U(a)], True, start[U(b)], size[U(b)], True,
                True, max_steps, max_size, max_depth, max_input, out, 0,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
            steps[U(a), U(b)] = made
            products[U(a), U(b)] = ELASTIC
            if outcome == NORMAL:
                products[U(a), U(b)] = find_term(out, 0, nodes, code, start, size, hashes, order)
