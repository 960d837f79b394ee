"""The collector of `kernels.terms.share`: marks what is reachable, slides it down.

Cells keep their order, so the arrays stay as local as they were. A frame does not
keep its cell: where nothing else refers to it, nobody will ask for its value. An
environment keeps the entries that its code names; of those before the last of them
only the place is kept, and of what stands behind it nothing.
Knows which fields of a cell are cells and what code can look up, and nothing of
what the machine does.
"""

from __future__ import annotations

import numpy as np

from kernels.typed import U

from .packed import APP, VAR
from .reduce import PENDING
from .share import CELLS, ENV, LOST, PC, SPINE, TOP, UPDATE

#: In `forward`: not reachable; only its place in an environment is; reachable; reachable
#: with all that stands behind it in its environment.
DEAD, PLACE, LIVE, WHOLE = -1, -2, 0, 1
#: Bit i of a word of `names`: the free variable i occurs; the last bit: one from there on.
LAST = 62
BEYOND = np.int64(1 << LAST)


def free_names(code, names):  # type: ignore[no-untyped-def]
    """Write into `names` (int64, a word a node) the free variables of each term in `code`."""
    for back in range(len(code)):
        at = len(code) - 1 - back
        word = code[U(at)]
        tag = word & 3
        if tag == VAR:
            index = word >> 2
            index = index if index < LAST else LAST  # noqa: FURB136 - as in `share.larger`
            names[U(at)] = np.int64(1) << np.int64(index)
        elif tag == APP:
            names[U(at)] = names[U(at + 1)] | names[U(at + (word >> 2))]
        else:
            names[U(at)] = names[U(at + 1)] >> np.int64(1) | names[U(at + 1)] & BEYOND


def enter(cell, forward, todo, top):  # type: ignore[no-untyped-def]
    """Make a field's cell LIVE and put it on top of `todo`, if it is one and was not; the top."""
    if cell < 0 or forward[U(cell)] >= LIVE:
        return top
    forward[U(cell)] = LIVE
    todo[U(top)] = cell
    return top + 1


def enter_named(named, cell, forward, todo, top, cell_next):  # type: ignore[no-untyped-def]
    """Enter the entries `named` (of `names`) of the environment `cell`; the top of `todo`."""
    passed = 0
    while named != 0 and cell >= 0:
        if passed >= LAST:  # the rest of it is entered once, whoever asks
            if forward[U(cell)] == WHOLE:
                break
            top = enter(cell, forward, todo, top)
            forward[U(cell)] = WHOLE
        elif named & 1:
            top = enter(cell, forward, todo, top)
        elif forward[U(cell)] == DEAD:
            forward[U(cell)] = PLACE
        named = named >> np.int64(1) | named & BEYOND
        passed += 1
        cell = cell_next[U(cell)]
    return top


def enter_bound(names, code, env, forward, todo, top, cell_next):  # type: ignore[no-untyped-def]
    """Enter what a closure (code, env) can look up, or the cell env where code is none."""
    if code >= 0:
        return enter_named(names[U(code)], env, forward, todo, top, cell_next)
    return enter(env, forward, todo, top)


def mark(  # type: ignore[no-untyped-def]
    names, code, env, forget, forward, todo, cell_code, cell_env, cell_next, cell_info
):  # fmt: skip
    """Make LIVE in `forward` what is reachable from (code, env), as `enter_bound` takes it.

    todo: int32 scratch, an entry a cell. forget: closures whose value is known
    become LOST, so that what only they refer to is not reachable.
    """
    top = enter_bound(names, code, env, forward, todo, 0, cell_next)
    while top > 0:
        top -= 1
        cell = todo[U(top)]
        record = cell_info[U(cell)]
        if record >= 0:
            forward[U(record)] = LIVE
            form = cell_info[U(record)]
            if form >= 0:
                forward[U(form)] = LIVE
            if forget:
                cell_code[U(record)] = LOST
                cell_env[U(record)] = -1
            top = enter_bound(
                names, cell_code[U(record)], cell_env[U(record)], forward, todo, top, cell_next
            )
        top = enter_bound(
            names, cell_code[U(cell)], cell_env[U(cell)], forward, todo, top, cell_next
        )
        if cell_code[U(cell)] == SPINE:
            top = enter(cell_next[U(cell)], forward, todo, top)


def moved(cell, forward):  # type: ignore[no-untyped-def]
    """Where a field's cell went; what is no cell stays."""
    return forward[U(cell)] if cell >= 0 else cell


def place(  # type: ignore[no-untyped-def]
    cells, forward, cell_code, cell_env, cell_info
):  # fmt: skip
    """Number in `forward` the cells that stay, and empty those that are places alone; how many."""
    live = 0
    for k in range(cells):
        if forward[U(k)] != DEAD:
            if forward[U(k)] == PLACE:
                cell_code[U(k)] = LOST
                cell_env[U(k)] = -1
                cell_info[U(k)] = -1
            forward[U(k)] = live
            live += 1
    return live


def collect(  # type: ignore[no-untyped-def]
    names, forget, state, forward, todo,
    cell_code, cell_env, cell_next, cell_info, cell_cost, stack_code, stack_env, stack_level,
):  # fmt: skip
    """Keep only the cells that the machine in `state` can reach.

    names: of the term's code, as `free_names` wrote them. forward, todo: int32
    scratch, an entry a cell. forget: keep no closure whose value is known or under
    way, so that memory follows what is live; the machine may then end with AGAIN.
    Bytes moved a cell: about 60 where it lives, 12 where not.
    """
    cells = state[U(CELLS)]
    top = state[U(TOP)]
    for k in range(cells):
        forward[U(k)] = DEAD
    if forget:
        for k in range(top):
            cell = stack_env[U(k)]
            if stack_level[U(k)] == UPDATE and cell >= 0:
                cell_code[U(cell)] = LOST
                cell_env[U(cell)] = -1
    mark(
        names, state[U(PC)], state[U(ENV)],
        forget, forward, todo, cell_code, cell_env, cell_next, cell_info,
    )  # fmt: skip
    for k in range(top):
        if stack_level[U(k)] >= PENDING:
            mark(
                names, stack_code[U(k)], stack_env[U(k)],
                forget, forward, todo, cell_code, cell_env, cell_next, cell_info,
            )  # fmt: skip
    for k in range(top):  # frames for whose cells nobody asks
        cell = stack_env[U(k)]
        if stack_level[U(k)] < PENDING and cell >= 0 and forward[U(cell)] == PLACE:
            stack_env[U(k)] = -1
    live = place(cells, forward, cell_code, cell_env, cell_info)
    for k in range(cells):
        to = forward[U(k)]
        if to >= 0:
            cell_code[U(to)] = cell_code[U(k)]
            cell_env[U(to)] = moved(cell_env[U(k)], forward)
            cell_next[U(to)] = moved(cell_next[U(k)], forward)
            cell_info[U(to)] = moved(cell_info[U(k)], forward)
            cell_cost[U(to)] = cell_cost[U(k)]
    for k in range(top):
        stack_env[U(k)] = moved(stack_env[U(k)], forward)
    state[U(ENV)] = moved(state[U(ENV)], forward)
    state[U(CELLS)] = live
