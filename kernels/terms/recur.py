"""Whether a reduction comes back to a state it was in: then it has no normal form.

The machine of `kernels.terms.reduce` is deterministic, its cells never change, and what it does
next depends on the code position, the environment and the stack alone. If all
three are what they were some beta steps ago, and nothing was read out since, it goes
round for ever, and of its limits only that of the steps can be met. States are
compared by the numbers of their cells: a loop that builds new cells each time is not seen.
"""

from __future__ import annotations

from kernels.typed import U

from .packed import APP, LAM, VAR

PENDING, WAITING = 0, 1
#: Stack entries of a state that is kept: what is deeper is not looked at.
KEPT = 64


def recurs(  # type: ignore[no-untyped-def]
    code, pc, free, max_steps, max_depth,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_kind, kept_code, kept_env,
):  # fmt: skip
    """The beta steps after which a state of the term at code[pc] has recurred, 0 for none.

    max_steps: how many are tried.
    Cells int32, an entry for each step, free variable and lambda read out, of which
    there may be as many as steps; stack int32[max_depth]; kept int32[KEPT]: the
    state of the beta step whose number was the last power of two (R. Brent, An
    improved Monte Carlo factorization algorithm, 1980). A limit that is met before
    is no recurrence.
    """
    env = -1
    cells = 0
    for _ in range(free):
        cell_code[U(cells)] = -1
        cell_env[U(cells)] = -1
        cell_next[U(cells)] = env
        env = cells
        cells += 1
    room = cell_code.shape[0]
    steps = 0
    top = 0
    kept_at = 1
    kept_pc = -1
    kept_environment = -1
    kept_top = -1
    while cells < room:
        word = code[U(pc)]
        tag = word & 3
        if tag == APP:
            if top >= max_depth:
                return 0
            argument = pc + (word >> 2)
            stack_code[U(top)] = argument
            stack_env[U(top)] = env
            stack_kind[U(top)] = PENDING
            word = code[U(argument)]
            if word & 3 == VAR:
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
            if top > 0 and stack_kind[U(top - 1)] == PENDING:
                if steps >= max_steps:
                    return 0
                if pc == kept_pc and env == kept_environment and top == kept_top:
                    same = True
                    for k in range(top):
                        if stack_code[U(k)] != kept_code[U(k)] or stack_env[U(k)] != kept_env[U(k)]:
                            same = False
                            break
                    if same:
                        return steps
                if steps == kept_at:
                    kept_at *= 2
                    kept_top = -1
                    if top <= KEPT:
                        kept_pc = pc
                        kept_environment = env
                        kept_top = top
                        for k in range(top):
                            kept_code[U(k)] = stack_code[U(k)]
                            kept_env[U(k)] = stack_env[U(k)]
                steps += 1
                top -= 1
                cell_code[U(cells)] = stack_code[U(top)]
                cell_env[U(cells)] = stack_env[U(top)]
            else:
                kept_top = -1
                cell_code[U(cells)] = -1
                cell_env[U(cells)] = -1
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
            continue
        kept_top = -1  # a variable is read out, with its arguments
        k = top - 1
        while k >= 0 and stack_kind[U(k)] == PENDING:
            stack_kind[U(k)] = WAITING
            k -= 1
        if top == 0:
            return 0
        top -= 1
        pc = stack_code[U(top)]
        env = stack_env[U(top)]
    return 0
