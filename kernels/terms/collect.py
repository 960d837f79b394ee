"""The collector of `kernels.terms.share`: marks what is reachable, slides it down.

Cells keep their order, so the arrays stay as local as they were. A frame does not
keep its cell: where nothing else refers to it, nobody will ask for its value.
Knows which fields of a cell are cells, and nothing of what the machine does.
"""

from __future__ import annotations

from kernels.typed import U

from .reduce import PENDING
from .share import CELLS, ENV, LOST, TOP, UPDATE

DEAD, LIVE = -1, 0


def enter(cell, forward, todo, top):  # type: ignore[no-untyped-def]
    """Make a field's cell LIVE and put it on top of `todo`, if it is one and was not; the top."""
    if cell < 0 or forward[U(cell)] != DEAD:
        return top
    forward[U(cell)] = LIVE
    todo[U(top)] = cell
    return top + 1


def mark(first, forget, forward, todo, cell_code, cell_env, cell_next, cell_info):  # type: ignore[no-untyped-def]
    """Make LIVE in `forward` what is reachable from the cell `first` (-1: none).

    todo: int32 scratch, an entry a cell. forget: closures whose value is known
    become LOST, so that what only they refer to is not reachable.
    """
    top = enter(first, forward, todo, 0)
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
            top = enter(cell_env[U(record)], forward, todo, top)
        top = enter(cell_env[U(cell)], forward, todo, top)
        top = enter(cell_next[U(cell)], forward, todo, top)


def moved(cell, forward):  # type: ignore[no-untyped-def]
    """Where a field's cell went; what is no cell stays."""
    return forward[U(cell)] if cell >= 0 else cell


def collect(  # type: ignore[no-untyped-def]
    forget, state, forward, todo,
    cell_code, cell_env, cell_next, cell_info, cell_cost, stack_env, stack_level,
):  # fmt: skip
    """Keep only the cells that the machine in `state` can reach.

    forward, todo: int32 scratch, an entry a cell. forget: keep no closure whose
    value is known or under way, so that memory follows what is live; the machine
    may then end with AGAIN. Bytes moved a cell: about 60 where it lives, 12 where not.
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
    mark(state[U(ENV)], forget, forward, todo, cell_code, cell_env, cell_next, cell_info)
    for k in range(top):
        if stack_level[U(k)] >= PENDING:
            mark(stack_env[U(k)], forget, forward, todo, cell_code, cell_env, cell_next, cell_info)
    live = 0
    for k in range(cells):
        if forward[U(k)] == LIVE:
            forward[U(k)] = live
            live += 1
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
