"""Strong call-by-need: the machine of `kernels.terms.reduce` that evaluates no argument twice.

Crégut's machine with update frames (Sestoft, Deriving a lazy abstract machine,
1997) for weak values and for normal forms; strong call-by-need is described by
Biernacka, Charatonik and Drab (2022). What an argument comes to is kept in
its cell, with the beta steps that leftmost-outermost reduction takes to it
and the most arguments that are pending meanwhile. Both are the same wherever it
is evaluated, so a reuse adds them, and outcome, steps and size are those of the
plain machine. A reuse that would meet a limit on the way is not made: the
argument is evaluated again, and the limit is met where it must be met.
Nothing here allocates: the machine stops with MORE where its arrays are full,
and goes on from `state` in larger or collected ones (`kernels.terms.collect`).

A cell has four int32 fields, of which env, next and info are cells where they
are not negative and no cells where they are, and an int64 cost:
  code >= 0   what is bound: closure (code, env); next: the environment's tail; info:
              its record or -1; cost, where there is a record: beta steps to the weak value
              that code and env are then
  NEUTRAL     the same, evaluated to the application of a variable at the spine env
  ALIAS       bound to the cell env, which is no alias; next as above
  VARIABLE    a variable of the result; cost: its level, or -(k+1) for the free variable k
  SPINE       an application in the result: env its function (a spine or a variable), next its
              argument
  a record    code, env: the closure that was evaluated (code LOST: forgotten); next: ~(most
              pending arguments); info: the normal form or -1
  a normal form  code, ~env: begin and size in the result; ~next: lambdas around it;
              ~info: most pending arguments; cost: beta steps to it from the closure
Stack entries (code, env, level, node, cost): PENDING and waiting arguments as in
`kernels.terms.reduce`, with code ALIAS where the argument is the cell env; frames keep
the most pending arguments so far (node) and the beta steps at their beginning
(cost): UPDATE, what comes out is the weak value of the cell env; NORMAL_FORM - k, the
result from `code` on is its normal form under k lambdas. A frame's env is -1
where nothing refers to its cell any more.
"""

from __future__ import annotations

import numpy as np

from kernels.typed import U

from .packed import APP, LAM, VAR
from .reduce import DEPTH, NORMAL, PENDING, SIZE, STEPS

#: Outcomes beside those of `kernels.terms.reduce`: beta steps made here are as many as
#: allowed; arrays are full; a closure was forgotten that is wanted again.
WORK, MORE, AGAIN = 7, 8, 9
NEUTRAL, ALIAS, VARIABLE, SPINE, LOST = -1, -2, -3, -4, -5
UPDATE, NORMAL_FORM = -2, -3
#: Costs and steps are exact up to here; COUNTLESS is more.
MOST = np.int64((1 << 63) - 1)
COUNTLESS = -1
#: Places of `state`; NEED: entries that the stack must have.
PC, ENV, TOP, PENDING_NOW, PEAK, CELLS, MADE, SHARED, NODES, LEVEL, NEED = range(11)
STATE = 11
#: Cells that one turn of the loop may take beside two for each stack entry, and stack entries.
SPARE_CELLS, SPARE_ENTRIES = 8, 2
NOWHERE = -1  # the code position where the cell env is looked up


def begin(state, pc, free, cell_code, cell_env, cell_next, cell_info, cell_cost):  # type: ignore[no-untyped-def]
    """Make `state` (int64[STATE]) the beginning of the reduction of the term at code[pc].

    `free` cells are made, one for each free variable.
    """
    env = -1
    cells = 0
    for k in range(free - 1, -1, -1):
        cell_code[U(cells)] = VARIABLE
        cell_env[U(cells)] = -1
        cell_next[U(cells)] = env
        cell_info[U(cells)] = -1
        cell_cost[U(cells)] = -(k + 1)
        env = cells
        cells += 1
    for k in range(STATE):
        state[U(k)] = 0
    state[U(PC)] = pc
    state[U(ENV)] = env
    state[U(CELLS)] = cells


def total(steps, cost):  # type: ignore[no-untyped-def]
    """The sum of two counts of beta steps, COUNTLESS beyond MOST."""
    if steps < 0 or cost < 0 or steps > MOST - cost:
        return COUNTLESS
    return steps + cost


def larger(one, other):  # type: ignore[no-untyped-def]
    """The larger of two numbers; numba-cuda does not always find the built-in `max`."""
    return one if one > other else other  # noqa: FURB136


def share(  # type: ignore[no-untyped-def]
    code, max_steps, max_size, max_depth, max_work, cell_limit, stack_limit, state, out, heads,
    cell_code, cell_env, cell_next, cell_info, cell_cost,
    stack_code, stack_env, stack_level, stack_node, stack_cost,
):  # fmt: skip
    """Go on with the reduction that stands in `state`, until it ends or arrays are full.

    code: int32 words of the term. max_steps: of leftmost-outermost reduction, COUNTLESS for
    no limit; max_size, max_depth as for `reduce.normalise`; max_work: beta steps made
    here. out, heads: int32[max_size], the normal form and the levels of its variables.
    Five arrays of cells and five of stack entries, of which cell_limit and
    stack_limit may be used; the last ones are int64, the others int32.
    Returns an outcome: of NORMAL the form is out[:state[NODES]]; state[MADE] are the
    steps of leftmost-outermost reduction (COUNTLESS: more than MOST), state[SHARED]
    those made here. MORE: call again with more room, at least state[NEED] stack
    entries; AGAIN: begin again and forget nothing. Bytes moved a step: about 90.
    """
    pc = state[U(PC)]
    env = state[U(ENV)]
    top = state[U(TOP)]
    depth = state[U(PENDING_NOW)]
    peak = state[U(PEAK)]
    cells = state[U(CELLS)]
    steps = state[U(MADE)]
    work = state[U(SHARED)]
    size = state[U(NODES)]
    level = state[U(LEVEL)]
    need = top + SPARE_ENTRIES
    bounded = max_steps >= 0
    most = max_steps if bounded else MOST
    outcome = NORMAL
    while True:
        if cells + 2 * top + SPARE_CELLS > cell_limit or top + SPARE_ENTRIES > stack_limit:
            need = top + SPARE_ENTRIES
            outcome = MORE
            break
        cell = env
        if pc >= 0:
            word = code[U(pc)]
            tag = word & 3
            if tag == APP:
                if depth >= max_depth:
                    outcome = DEPTH
                    break
                argument = pc + (word >> 2)
                word = code[U(argument)]
                stack_code[U(top)] = argument
                stack_env[U(top)] = env
                stack_level[U(top)] = PENDING
                if word & 3 == VAR:
                    for _ in range(word >> 2):
                        cell = cell_next[U(cell)]
                    if cell_code[U(cell)] == ALIAS:
                        cell = cell_env[U(cell)]
                    stack_code[U(top)] = ALIAS
                    stack_env[U(top)] = cell
                top += 1
                depth += 1
                peak = larger(peak, depth)
                pc += 1
                continue
            if tag == LAM:
                kind = stack_level[U(top - 1)] if top > 0 else 0
                if kind == UPDATE:
                    top -= 1
                    cell = stack_env[U(top)]
                    if cell >= 0:
                        cell_code[U(cells)] = cell_code[U(cell)]
                        cell_env[U(cells)] = cell_env[U(cell)]
                        cell_next[U(cells)] = ~(peak - depth)
                        cell_info[U(cells)] = -1
                        cell_code[U(cell)] = pc
                        cell_env[U(cell)] = env
                        cell_info[U(cell)] = cells
                        cell_cost[U(cell)] = steps - stack_cost[U(top)] if steps >= 0 else COUNTLESS
                        cells += 1
                    peak = larger(peak, stack_node[U(top)])
                    continue
                if kind == PENDING:
                    spent = steps < 0 or steps >= most
                    if spent and bounded:
                        outcome = STEPS
                        break
                    if work >= max_work:
                        outcome = WORK
                        break
                    steps = COUNTLESS if spent else steps + 1
                    work += 1
                    top -= 1
                    depth -= 1
                    cell_code[U(cells)] = stack_code[U(top)]
                    cell_env[U(cells)] = stack_env[U(top)]
                else:
                    if size >= max_size:
                        outcome = SIZE
                        break
                    out[U(size)] = LAM
                    size += 1
                    cell_code[U(cells)] = VARIABLE
                    cell_env[U(cells)] = -1
                    cell_cost[U(cells)] = level
                    level += 1
                cell_next[U(cells)] = env
                cell_info[U(cells)] = -1
                env = cells
                cells += 1
                pc += 1
                continue
            for _ in range(word >> 2):
                cell = cell_next[U(cell)]
            if cell_code[U(cell)] == ALIAS:
                cell = cell_env[U(cell)]
        # The cell is looked up: for its weak value, or where nothing is pending for its
        # normal form.
        spine = cell
        copied = False
        held = cell_code[U(cell)]
        if held >= 0 or held == NEUTRAL:
            record = cell_info[U(cell)]
            kind = stack_level[U(top - 1)] if top > 0 else 0
            if kind >= 0 or kind <= NORMAL_FORM:
                form = cell_info[U(record)] if record >= 0 else -1
                if form < 0:
                    stack_code[U(top)] = size
                    stack_env[U(top)] = cell
                    stack_level[U(top)] = NORMAL_FORM - level
                    stack_node[U(top)] = peak
                    stack_cost[U(top)] = steps
                    top += 1
                    peak = depth
                else:
                    nodes = ~cell_env[U(form)]
                    height = depth + ~cell_info[U(form)]
                    if size + nodes <= max_size and height <= max_depth:
                        after = total(steps, cell_cost[U(form)])
                        if bounded and (after < 0 or after > most):
                            steps = most
                            outcome = STEPS
                            break
                        steps = after
                        peak = larger(peak, height)
                        at = cell_code[U(form)]
                        around = ~cell_next[U(form)]
                        for k in range(nodes):
                            word = out[U(at + k)]
                            if word & 3 == VAR:
                                head = heads[U(at + k)]
                                if head < around:
                                    word += (level - around) << 2
                                else:
                                    head += level - around
                                heads[U(size + k)] = head
                            out[U(size + k)] = word
                        size += nodes
                        copied = True
            if not copied:
                if record >= 0:
                    height = depth + ~cell_next[U(record)]
                    if height > max_depth:  # a limit is met before the value is there
                        pc = cell_code[U(record)]
                        env = cell_env[U(record)]
                        if pc < 0:
                            outcome = AGAIN
                            break
                        continue
                    after = total(steps, cell_cost[U(cell)])
                    if bounded and (after < 0 or after > most):
                        steps = most
                        outcome = STEPS
                        break
                    steps = after
                    peak = larger(peak, height)
                if held >= 0:
                    pc = held
                    env = cell_env[U(cell)]
                    if record < 0 and code[U(pc)] & 3 != LAM:
                        stack_env[U(top)] = cell
                        stack_level[U(top)] = UPDATE
                        stack_node[U(top)] = peak
                        stack_cost[U(top)] = steps
                        top += 1
                        peak = depth
                    continue
                spine = cell_env[U(cell)]
        if not copied:
            # A variable with the arguments of its spine, and with those that are pending.
            pending = 0
            while True:
                pending = 0
                while top - pending > 0 and stack_level[U(top - 1 - pending)] == PENDING:
                    pending += 1
                if top == pending or stack_level[U(top - 1 - pending)] != UPDATE:
                    break
                for _ in range(pending):
                    top -= 1
                    argument = stack_env[U(top)]
                    if stack_code[U(top)] != ALIAS:
                        cell_code[U(cells)] = stack_code[U(top)]
                        cell_env[U(cells)] = argument
                        cell_next[U(cells)] = -1
                        cell_info[U(cells)] = -1
                        argument = cells
                        cells += 1
                    cell_code[U(cells)] = SPINE
                    cell_env[U(cells)] = spine
                    cell_next[U(cells)] = argument
                    cell_info[U(cells)] = -1
                    spine = cells
                    cells += 1
                depth -= pending
                top -= 1
                cell = stack_env[U(top)]
                if cell >= 0:
                    cell_code[U(cells)] = cell_code[U(cell)]
                    cell_env[U(cells)] = cell_env[U(cell)]
                    cell_next[U(cells)] = ~(peak - depth)
                    cell_info[U(cells)] = -1
                    cell_code[U(cell)] = NEUTRAL
                    cell_env[U(cell)] = spine
                    cell_info[U(cell)] = cells
                    cell_cost[U(cell)] = steps - stack_cost[U(top)] if steps >= 0 else COUNTLESS
                    cells += 1
                peak = larger(peak, stack_node[U(top)])
            arguments = 0
            head = spine
            while cell_code[U(head)] == SPINE:
                arguments += 1
                head = cell_env[U(head)]
            if size + arguments + pending + 1 > max_size:
                outcome = SIZE
                break
            if top + arguments + SPARE_ENTRIES > stack_limit:
                need = top + arguments + SPARE_ENTRIES
                pc = NOWHERE
                env = spine
                outcome = MORE
                break
            for k in range(pending):  # the outermost application holds the last argument
                stack_level[U(top - pending + k)] = level
                stack_node[U(top - pending + k)] = size
                size += 1
            while cell_code[U(spine)] == SPINE:
                stack_code[U(top)] = ALIAS
                stack_env[U(top)] = cell_next[U(spine)]
                stack_level[U(top)] = level
                stack_node[U(top)] = size
                size += 1
                top += 1
                depth += 1
                spine = cell_env[U(spine)]
            bound = cell_cost[U(head)]
            out[U(size)] = (level - 1 - bound) << 2  # free k: bound -(k+1), index level + k
            heads[U(size)] = bound
            size += 1
        # What stands before out[size] is complete.
        while top > 0 and stack_level[U(top - 1)] <= NORMAL_FORM:
            top -= 1
            cell = stack_env[U(top)]
            # What took no step is read out again as fast as it would be copied.
            if cell >= 0 and (steps < 0 or steps != stack_cost[U(top)]):
                record = cell_info[U(cell)]
                if record < 0:  # an abstraction from the beginning
                    record = cells
                    cell_code[U(cells)] = cell_code[U(cell)]
                    cell_env[U(cells)] = cell_env[U(cell)]
                    cell_next[U(cells)] = ~0
                    cell_info[U(cells)] = -1
                    cell_info[U(cell)] = cells
                    cell_cost[U(cell)] = 0
                    cells += 1
                cell_code[U(cells)] = stack_code[U(top)]
                cell_env[U(cells)] = ~(size - stack_code[U(top)])
                cell_next[U(cells)] = ~(NORMAL_FORM - stack_level[U(top)])
                cell_info[U(cells)] = ~(peak - depth)
                cell_cost[U(cells)] = steps - stack_cost[U(top)] if steps >= 0 else COUNTLESS
                cell_info[U(record)] = cells
                cells += 1
            peak = larger(peak, stack_node[U(top)])
        if top == 0:
            break
        top -= 1
        depth -= 1
        level = stack_level[U(top)]
        node = stack_node[U(top)]
        out[U(node)] = ((size - node) << 2) | APP
        pc = stack_code[U(top)]
        env = stack_env[U(top)]
        if pc == ALIAS:
            pc = NOWHERE
    state[U(PC)] = pc
    state[U(ENV)] = env
    state[U(TOP)] = top
    state[U(PENDING_NOW)] = depth
    state[U(PEAK)] = peak
    state[U(CELLS)] = cells
    state[U(MADE)] = steps
    state[U(SHARED)] = work
    state[U(NODES)] = size
    state[U(LEVEL)] = level
    state[U(NEED)] = need
    return outcome
