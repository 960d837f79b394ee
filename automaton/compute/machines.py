"""Which machine reduces a term that takes many steps, and the sharing machine's arena.

The choice is a function of the term and its budgets alone, and no outcome, step
count or normal form depends on it (docs/kernels.md): the plain machine, then whether
a state recurs, then the sharing machine. The arena begins small for every term, is
collected when it is full, and grows when much of it lives. Knows no text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.compute.budgets import UNLIMITED, Budgets
from automaton.terms.arrays import Words
from automaton.terms.parser import MAX_FREE
from kernels import cpu
from kernels.terms import collect, match, recur, share
from kernels.terms.reduce import NORMAL, OUTCOMES, STEPS

#: Cells and stack entries that every term begins with: a megabyte.
FIRST = 1 << 14
#: Beta steps of the plain machine before the sharing one begins anew: it makes two to three
#: where the sharing one makes one, and these take half a millisecond.
PLAIN_STEPS = 1 << 16
#: Beta steps within which a state should recur.
RECUR_STEPS = 1 << 12
#: Cells for each unit of work, as a shift: 2**22 cells of 32 bytes at the default.
CELLS_SHIFT = 2
#: The least limit of cells, and the most that an int32 can name.
LEAST_CELLS, MOST_CELLS = 1 << 18, 1 << 30
#: One in so many cells must be free after a collection at the limit, or it would collect for ever.
FREE_SHARE = 8
WORK = "work"

Form = Callable[[Callable[..., Any]], Callable[..., Any]]


def plain_steps(budgets: Budgets) -> int:
    """Beta steps that the plain machine makes."""
    most = min(PLAIN_STEPS, budgets.max_work)
    return most if budgets.max_steps == UNLIMITED else min(most, budgets.max_steps)


def is_undecided(outcome: int, budgets: Budgets) -> bool:
    """Whether the plain machine stopped for want of steps that the budgets allow."""
    return outcome == STEPS and plain_steps(budgets) != budgets.max_steps


def most_cells(budgets: Budgets) -> int:
    """Cells that may be in use at a time: memory follows the work that is allowed."""
    return min(max(budgets.max_work >> CELLS_SHIFT, LEAST_CELLS), MOST_CELLS)


@dataclass(frozen=True, eq=False)
class MachineResult:
    """How a term ended; steps None: more than 2**63 - 1.

    words: the normal form, if there is one, until the next term. made: beta steps
    really made; cells: most in use at a time (None: the plain machine's).
    """

    outcome: str
    steps: int | None
    words: Words
    made: int
    cells: int | None = None


@dataclass(frozen=True)
class Sample:
    """Where a reduction stood; steps None: more than 2**63 - 1."""

    made: int  # beta steps, really
    steps: int | None  # beta steps, leftmost-outermost
    cells: int  # in use, those not yet collected included
    pending: int  # arguments
    nodes: int  # of the normal form, read out so far


class Machines:
    """One thread's machines for terms that the plain one does not decide in `plain_steps`."""

    def __init__(self, budgets: Budgets, form: Form = cpu.compiled) -> None:
        self.budgets = budgets
        self._recurs = form(recur.recurs)
        self._cells = [np.empty(MAX_FREE + 2 * RECUR_STEPS, np.int32) for _ in range(3)]
        self._stack = [np.empty(budgets.max_depth, np.int32) for _ in range(3)]
        self._kept = [np.empty(recur.KEPT, np.int32) for _ in range(2)]
        self._arena = Arena(budgets.max_size, form)

    def reduce(self, code: Words, start: int, free: int) -> MachineResult:
        """Reduce the term at code[start]."""
        b = self.budgets
        if UNLIMITED != b.max_steps <= b.max_work:  # running on would not end for want of work
            made = self._recurs(
                code, start, free, min(RECUR_STEPS, plain_steps(b)), b.max_depth,
                *self._cells, *self._stack, *self._kept,
            )  # fmt: skip
            if made > 0:
                return MachineResult(OUTCOMES[STEPS], b.max_steps, np.empty(0, np.int32), made)
        return self._arena.reduce(code, start, free, b)


class Arena:
    """Cells, stack and result of one thread's sharing machine."""

    def __init__(self, max_size: int, form: Form = cpu.compiled) -> None:
        self._share, self._begin = form(share.share), form(share.begin)
        self._collect, self._free_names = form(collect.collect), form(collect.free_names)
        self._end = form(match.subterm_end)
        self._names = np.empty(0, np.int64)  # of the term's nodes
        self._named = False  # whether they are of this term
        self._out, self._heads = (np.empty(max_size, np.int32) for _ in range(2))
        self.state = np.zeros(share.STATE, np.int64)
        self._cells = _columns(FIRST)
        self._marks = [np.empty(FIRST, np.int32) for _ in range(2)]
        self._stack = _columns(FIRST)
        self._limits, self._peak = (FIRST, FIRST), 0

    def reduce(self, code: Words, start: int, free: int, budgets: Budgets) -> MachineResult:
        """Reduce the term at code[start]."""
        term = code[start : self._end(code, start)]
        found = self._attempt(term, free, budgets, forget=True)
        if found is None:  # an argument was forgotten within which a limit is met
            found = self._attempt(term, free, budgets, forget=False)
        assert found is not None
        return found

    def _attempt(
        self, term: Words, free: int, budgets: Budgets, *, forget: bool
    ) -> MachineResult | None:
        """The reduction from its beginning; None where what was forgotten is wanted."""
        self._start(free)
        outcome = self._go_on(term, budgets, budgets.max_work, forget=forget)
        if outcome == share.AGAIN:
            return None
        state = self.state
        steps = int(state[share.MADE])
        words = self._out[: state[share.NODES] if outcome == NORMAL else 0]
        name = WORK if outcome == share.WORK else OUTCOMES[outcome]
        counted = None if steps == share.COUNTLESS else steps
        return MachineResult(name, counted, words, int(state[share.SHARED]), self._peak)

    def growth(self, code: Words, start: int, free: int, budgets: Budgets) -> Iterator[Sample]:
        """Where the reduction of the term at code[start] stands after 1, 2, 4, ... steps made.

        The last sample is the end of it.
        """
        self._start(free)
        term = code[start : self._end(code, start)]
        work, outcome = 0, share.WORK
        while outcome == share.WORK and work < budgets.max_work:
            work = min(max(1, 2 * work), budgets.max_work)
            outcome = self._go_on(term, budgets, work, forget=False)
            at = (share.SHARED, share.MADE, share.CELLS, share.PENDING_NOW, share.NODES)
            made, steps, cells, pending, nodes = (int(self.state[k]) for k in at)
            yield Sample(made, None if steps == share.COUNTLESS else steps, cells, pending, nodes)
            if made < work:  # memory is used up, whatever more work there were
                return

    def _start(self, free: int) -> None:
        """Begin with a term."""
        self._limits = (FIRST, FIRST)
        if free + share.SPARE_CELLS > FIRST:
            self._limits = (self._room_for_cells(2 * free + share.SPARE_CELLS), FIRST)
        self._begin(self.state, 0, free, *self._cells)
        self._peak, self._named = 0, False

    def _go_on(self, term: Words, budgets: Budgets, work: int, *, forget: bool) -> int:
        """Go on until the term has its outcome, so much work is done or memory is used up."""
        state = self.state
        while True:
            outcome = int(self._share(
                term, budgets.max_steps, budgets.max_size, budgets.max_depth, work,
                *self._limits, state, self._out, self._heads, *self._cells, *self._stack,
            ))  # fmt: skip
            self._peak = max(self._peak, int(state[share.CELLS]))
            if outcome != share.MORE:
                return outcome
            self.collect(term, forget=forget)
            if not self._grown(most_cells(budgets)):
                return share.WORK

    def _grown(self, most: int) -> bool:
        """Make room for what the machine needs next; false where that is more than allowed."""
        state, (cells, stack) = self.state, self._limits
        need = int(state[share.CELLS] + 2 * state[share.TOP]) + share.SPARE_CELLS
        entries = int(state[share.NEED])
        if need > most - most // FREE_SHARE or entries > most:
            return False
        try:
            if 2 * need > cells:
                cells = self._room_for_cells(min(2 * need, most))
            if entries > stack:
                stack = self._room_for_stack(min(2 * entries, most))
        except MemoryError:
            return False
        self._limits = (cells, stack)
        return True

    def collect(self, term: Words, *, forget: bool) -> None:
        """Keep only the cells that can be reached."""
        if not self._named:
            if len(self._names) < len(term):
                self._names = np.empty(len(term), np.int64)
            self._free_names(term, self._names)
            self._named = True
        stack = self._stack[:3]
        self._collect(self._names, forget, self.state, *self._marks, *self._cells, *stack)

    def _room_for_cells(self, count: int) -> int:
        """Make the cells at least so many."""
        if len(self._cells[0]) < count:
            self._cells = [_longer(column, count) for column in self._cells]
            self._marks = [np.empty(count, np.int32) for _ in range(2)]
        return count

    def _room_for_stack(self, count: int) -> int:
        """Make the stack's entries at least so many."""
        if len(self._stack[0]) < count:
            self._stack = [_longer(column, count) for column in self._stack]
        return count


def _columns(count: int) -> list[npt.NDArray[Any]]:
    """Four columns of int32 and one of int64."""
    return [*(np.empty(count, np.int32) for _ in range(4)), np.empty(count, np.int64)]


def _longer(column: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """The column with room behind it."""
    longer = np.empty(count, column.dtype)
    longer[: len(column)] = column
    return longer
