"""Strong normalisation: Crégut's KN machine on packed terms, in budgets.

Krivine's machine with strong reduction and streaming readback (P. Crégut,
Strongly reducing variants of the Krivine abstract machine, 2007): closures are
(code, environment), environments are linked cells allocated upwards in an
arena, the normal form is written in preorder while it is found. It makes
exactly the beta steps of leftmost-outermost reduction, so outcome and step
count depend on the term and its budgets alone.

Cells, at most 1 + free variables + max_steps + max_size of them:
  code  >= 0: the closure's first word; -1: a variable of the result
  env   the closure's environment; for a variable of the result its level, or
        -(k+1) for the free variable k
  next  the environment's tail
Stack entries (code, env, level, node): a pending argument has level -1; an
argument that waits for readback has the number of lambdas of the result around
it, and the position of its application in the result, whose offset is filled in
when the argument begins.
"""

from __future__ import annotations

from kernels.typed import U

from .packed import APP, LAM, VAR, same

NORMAL, COPY, STEPS, SIZE, DEPTH, INPUT, EMPTY = range(7)
OUTCOMES = ("normal", "copy", "steps", "size", "depth", "input", "empty")
PENDING = -1


def normalise(  # type: ignore[no-untyped-def]
    code, pc, max_steps, max_size, max_depth, out, at, free, depth,
    first, first_size, second, second_size,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Reduce the term at code[pc], applied to the arguments already on the stack.

    code: int32 words of all terms. out: int32, the normal form goes to
    out[at:at+size]; it is scratch for every other outcome. free: number of free
    variables. depth: number of arguments already on the stack, closed and with
    environment -1. first, second: where closed terms in normal form stand whose
    normal form need not be computed but can be copied (-1: none), with their
    sizes. The seven scratch arrays are int32: cells (arena), stack (max_depth
    entries). Returns (outcome, beta steps made, size). Bytes moved a step: about 40.
    """
    env = -1
    cells = 0
    for k in range(free - 1, -1, -1):
        cell_code[U(cells)] = -1
        cell_env[U(cells)] = -(k + 1)
        cell_next[U(cells)] = env
        env = cells
        cells += 1
    steps = 0
    size = 0
    level = 0
    top = depth
    while True:
        word = code[U(pc)]
        tag = word & 3
        if tag == APP:
            if top >= max_depth:
                return DEPTH, steps, size
            argument = pc + (word >> 2)
            stack_code[U(top)] = argument
            stack_env[U(top)] = env
            stack_level[U(top)] = PENDING
            word = code[U(argument)]
            if word & 3 == VAR:  # pass on what the variable stands for, not a chain
                cell = env
                for _ in range(word >> 2):
                    cell = cell_next[U(cell)]
                if cell_code[U(cell)] >= 0:
                    stack_code[U(top)] = cell_code[U(cell)]
                    stack_env[U(top)] = cell_env[U(cell)]
            top += 1
            pc += 1
            continue
        if tag == LAM:
            if top > 0 and stack_level[U(top - 1)] == PENDING:
                if steps >= max_steps:
                    return STEPS, steps, size
                steps += 1
                top -= 1
                cell_code[U(cells)] = stack_code[U(top)]
                cell_env[U(cells)] = stack_env[U(top)]
            else:
                if size >= max_size:
                    return SIZE, steps, size
                out[U(at + size)] = LAM
                size += 1
                cell_code[U(cells)] = -1
                cell_env[U(cells)] = level
                level += 1
            cell_next[U(cells)] = env
            env = cells
            cells += 1
            pc += 1
            continue
        cell = env
        for _ in range(word >> 2):
            cell = cell_next[U(cell)]
        if cell_code[U(cell)] >= 0:
            pc = cell_code[U(cell)]
            env = cell_env[U(cell)]
            if env >= 0 or (top > 0 and stack_level[U(top - 1)] == PENDING):
                continue
        else:
            arguments = 0
            while top - arguments > 0 and stack_level[U(top - 1 - arguments)] == PENDING:
                stack_level[U(top - 1 - arguments)] = level
                arguments += 1
            if size + arguments + 1 > max_size:
                return SIZE, steps, size
            for k in range(arguments):  # the outermost application holds the last argument
                stack_node[U(top - arguments + k)] = size
                size += 1
            head = cell_env[U(cell)]
            out[U(at + size)] = (level - 1 - head) << 2  # free k: head -(k+1), index level + k
            size += 1
            if top == 0:
                return NORMAL, steps, size
            top -= 1
            pc = stack_code[U(top)]
            env = stack_env[U(top)]
            level = stack_level[U(top)]
            node = stack_node[U(top)]
            out[U(at + node)] = ((size - node) << 2) | APP
        # Here the normal form of the closure at pc is wanted, and nothing is pending.
        while env < 0:
            nodes = first_size if pc == first else second_size if pc == second else 0
            # A term of n nodes has fewer than n / 2 arguments pending at a time: with
            # that much room no limit is met inside it, and copying is reducing.
            if nodes == 0 or size + nodes > max_size or top + (nodes >> 1) > max_depth:
                break
            for k in range(nodes):
                out[U(at + size + k)] = code[U(pc + k)]
            size += nodes
            if top == 0:
                return NORMAL, steps, size
            top -= 1
            pc = stack_code[U(top)]
            env = stack_env[U(top)]
            level = stack_level[U(top)]
            node = stack_node[U(top)]
            out[U(at + node)] = ((size - node) << 2) | APP


def reaction(  # type: ignore[no-untyped-def]
    code, op, op_size, a, a_size, a_normal, b, b_size, b_normal,
    copies, max_steps, max_size, max_depth, max_input,
    out, at, cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """The reaction `(op a) b` of three closed terms at code[op], code[a], code[b].

    Nothing is copied: the machine starts at the operator with a and b pending.
    a_normal, b_normal: whether they are known to be normal forms (see `normalise`).
    Returns (outcome, beta steps, size); after NORMAL and COPY the normal form
    stands in out[at:at+size].
    """
    if 2 + op_size + a_size + b_size > max_input:
        return INPUT, 0, 0
    if max_depth < 2:
        return DEPTH, 0, 0
    stack_code[0] = b
    stack_env[0] = -1
    stack_level[0] = PENDING
    stack_code[1] = a
    stack_env[1] = -1
    stack_level[1] = PENDING
    outcome, steps, size = normalise(
        code, op, max_steps, max_size, max_depth, out, at, 0, 2,
        a if a_normal else -1, a_size, b if b_normal else -1, b_size,
        cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
    )  # fmt: skip
    if outcome != NORMAL:
        return outcome, steps, 0
    if not copies and (
        (size == a_size and same(out, at, code, a, size))
        or (size == b_size and same(out, at, code, b, size))
    ):
        return COPY, steps, size
    return NORMAL, steps, size


def reduce_terms(  # type: ignore[no-untyped-def]
    code, starts, free, lo, hi, max_steps, max_size, max_depth, copy_to, capacity,
    outcomes, steps, sizes, places,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Normalise the terms lo..hi of a batch in CSR form; stop when the room is used up.

    code int32, starts int64[n], free int32[n] (free variables of each term);
    copy_to int32[capacity] receives normal forms one behind the other,
    places int64[n] their starts (-1: none); outcomes uint8, steps int32, sizes
    int32. Returns the number of the first term not reduced for want of room
    (each needs max_size words of it), or hi. 4 bytes a node in, 4 out.
    """
    at = 0
    for i in range(lo, hi):
        if at + max_size > capacity:
            return i
        outcome, made, size = normalise(
            code, starts[i], max_steps, max_size, max_depth, copy_to, at, free[i], 0,
            -1, 0, -1, 0,
            cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
        )  # fmt: skip
        outcomes[i] = outcome
        steps[i] = made
        sizes[i] = 0
        places[i] = -1
        if outcome == NORMAL:
            sizes[i] = size
            places[i] = at
            at += size
    return hi
