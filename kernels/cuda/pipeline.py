"""Batches on the card: chunks, tiers of budget, buffers and transfers around `cuda`'s loops.

A batch is cut into chunks of rows; while the host waits for one chunk and takes
its results, the card computes the next, on a stream and in buffers of its own.
Everything crosses the bus through pinned memory, asynchronously. A chunk is run
with a small budget of beta steps first; only what met that limit is run again
with the next, packed into full warps, so one divergent term holds up no warp of
others. The last budget decides, so no answer depends on the tiers. Normal forms
are gathered on the card and cross the bus without gaps.

Where the card has not the memory, `MemoryError` is raised; what is then done is
`automaton.backends.cuda`'s business. Nothing here knows what a term is for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.checks import Array
from kernels.terms.reduce import NORMAL, STEPS

from . import arrays
from .compiler import cuda
from .loops import BLOCK, BLOCKS, FIELDS, WARP, launch
from .memory import Columns, Mirror, NoRoomError, card_errors, free_bytes, multiprocessors

#: What is computed, and what is waited for.
LANES = 2
#: The first budget of beta steps, and by how much each tier's is larger: repeating
#: the steps of the tiers before costs at most a seventh.
FIRST_TIER, TIER_FACTOR = 64, 8
#: Rows that are worth a chunk of their own, to hide its transfers.
CHUNK_ROWS = 1 << 14
#: Share of the free memory that is taken; halved when the card says it has less.
SHARE = 0.8
_MOST_WORDS = 1 << 31  # of a chunk's rows: positions stay within 32 bits

Enqueue: TypeAlias = Callable[..., None]


@dataclass(frozen=True)
class Limits:
    """The budgets of a batch; free: variables that may be free."""

    max_steps: int
    max_size: int
    max_depth: int
    free: int = 0

    def cells(self, steps: int) -> int:
        """Arena cells that a term needs under a budget of beta steps."""
        return 1 + self.free + steps + self.max_size

    @property
    def entries(self) -> int:
        """Stack entries that a term needs."""
        return max(2, self.max_depth)

    def tiers(self) -> list[int]:
        """The budgets of beta steps, ascending, the last one that of the batch."""
        found, steps = [], FIRST_TIER
        while 2 * steps <= self.max_steps:
            found.append(steps)
            steps *= TIER_FACTOR
        return [*found, self.max_steps]


@dataclass(frozen=True)
class Plan:
    """Sizes of one lane's buffers: threads at the last tier, rows, words gathered at a time."""

    threads: int
    rows: int
    packed: int

    @classmethod
    def of(
        cls, free_bytes: float, multiprocessors: int, slots: int, limits: Limits,
        limit: int | None = None, share: float = SHARE,
    ) -> Plan:  # fmt: skip
        """What fits into a share of the free memory; half goes to scratch, half to rows."""
        half = free_bytes * share / 2 / LANES
        wanted = max(1, min(slots, limit or slots, _MOST_WORDS // limits.max_size))
        rows = int(min(wanted, half / (4 * limits.max_size * 1.25 + 32)))
        scratch = 4 * FIELDS * (limits.cells(limits.max_steps) + limits.entries)
        full = multiprocessors * BLOCK * BLOCKS
        threads = int(min(full, rows + -rows % WARP, half / scratch)) // WARP * WARP
        if rows < min(wanted, WARP) or threads < WARP:
            raise NoRoomError(
                f"{WARP} threads of {scratch / 1e6:.1f} MB do not fit into "
                f"{free_bytes / 1e6:.0f} MB of the GPU's memory"
            )
        return cls(threads, rows, max(limits.max_size, rows * limits.max_size // 4))


def rounded(threads: int) -> int:
    """A number of threads that `launch` takes: whole blocks, or whole warps of less than one."""
    return threads - threads % (BLOCK if threads >= BLOCK else WARP)


def chunks(count: int, rows: int) -> list[tuple[int, int]]:
    """Ranges of at most `rows` that cover 0..count-1: several, where that hides transfers."""
    parts = max(-(-count // rows), min(2 * LANES, count // CHUNK_ROWS), 1)
    edges = [count * k // parts for k in range(parts + 1)]
    return [(low, high) for low, high in pairwise(edges) if low < high]


class Lane:
    """One stream with its scratch, rows of normal forms, and the way back to the host."""

    def __init__(self, plan: Plan, limits: Limits) -> None:
        cells = plan.threads * limits.cells(limits.max_steps)
        self.stream = cuda.stream()
        self.cells = cuda.device_array(cells * FIELDS, np.int32)
        self.stack = cuda.device_array(plan.threads * limits.entries * FIELDS, np.int32)
        self.out = cuda.device_array((plan.rows, limits.max_size), np.int32)
        self.packed = cuda.device_array(plan.packed, np.int32)
        self.words = cuda.pinned_array(plan.packed, np.int32)
        self._listed = Mirror()

    def list(self, name: str, items: Array) -> Any:
        """Numbers as an array on the card."""
        return self._listed.put(name, items, self.stream)

    def scratch(self, cells: int, entries: int, threads: int) -> tuple[Any, Any]:
        """Arena and stack for so many threads."""
        shapes = (cells, threads, FIELDS), (entries, threads, FIELDS)
        arena, stack = (
            whole[: math.prod(shape)].reshape(shape)
            for whole, shape in zip((self.cells, self.stack), shapes, strict=True)
        )
        return arena, stack

    def threads(self, cells: int, entries: int) -> int:
        """Threads that the scratch is enough for."""
        return int(min(self.cells.size // cells, self.stack.size // entries)) // FIELDS


class Pipeline:
    """Runs batches of one kind; its buffers are made once."""

    def __init__(
        self, slots: int, limits: Limits, dtypes: Mapping[str, npt.DTypeLike], places: str,
        *, limit: int | None = None, share: float = SHARE,
    ) -> None:  # fmt: skip
        self.limits = limits
        self._places = places
        self._full = multiprocessors() * BLOCK * BLOCKS
        with card_errors():
            self._arrays = arrays.opened()
            self.columns = Columns(slots, dtypes)
            self._every = cuda.to_device(np.arange(slots, dtype=np.int32))
            self.plan = Plan.of(free_bytes(), multiprocessors(), slots, limits, limit, share)
            self._lanes = [Lane(self.plan, limits) for _ in range(LANES)]

    def run(self, count: int, enqueue: Enqueue, columns: Mapping[str, Array], out: Array) -> int:
        """Compute the slots 0..count-1: host columns by name, normal forms one behind the other.

        `enqueue(threads, stream, todo, first, max_steps, out, cells, stack)` launches
        the kernel. Returns the number of words in out.
        """
        at = 0
        waiting: tuple[Lane, tuple[int, int]] | None = None
        with card_errors():
            for number, span in enumerate(chunks(count, self.plan.rows)):
                lane = self._lanes[number % LANES]
                self._launch(lane, span, None, self.limits.tiers()[0], enqueue)
                if waiting:
                    at = self._finish(*waiting, enqueue, columns, out, at)
                waiting = lane, span
            return self._finish(*waiting, enqueue, columns, out, at) if waiting else at

    def _launch(
        self, lane: Lane, span: tuple[int, int], todo: Any, steps: int, enqueue: Enqueue
    ) -> None:
        """Run a chunk, or what is left to do of it, under a budget of steps."""
        low, high = span
        listed = self._every[low:high] if todo is None else todo
        cells, entries = self.limits.cells(steps), self.limits.entries
        count = len(listed)
        most = min(self._full, count + -count % WARP, lane.threads(cells, entries))
        threads = rounded(most)
        scratch = lane.scratch(cells, entries, threads)
        enqueue(threads, lane.stream, listed, low, steps, lane.out, *scratch)
        if self._arrays.on_host:
            self.columns.fetch("outcomes", span, lane.stream)

    def _finish(
        self, lane: Lane, span: tuple[int, int], enqueue: Enqueue,
        columns: Mapping[str, Array], out: Array, at: int,
    ) -> int:  # fmt: skip
        """Raise the budget of what needs it, then take the results of a chunk."""
        low, high = span
        for steps in self.limits.tiers()[1:]:
            left = self._slots_with(STEPS, lane, span)
            if not len(left):
                break
            self._launch(lane, span, self._arrays.image(left, lane, "todo"), steps, enqueue)
        if self._arrays.on_host:
            self._fetch_columns(columns, lane, span)
        slots = self._slots_with(NORMAL, lane, span)
        begins = arrays.begins_of(self._arrays.xp, self._seen("sizes", lane, span)[slots - low])
        self._seen(self._places, lane, span)[slots - low] = begins[:-1] + at
        if not self._arrays.on_host:
            self._fetch_columns(columns, lane, span)
        for name, column in columns.items():
            column[low:high] = self.columns.host[name][low:high]
        self._gather(lane, low, slots, begins, out[at:])
        return at + int(begins[-1])

    def _seen(self, name: str, lane: Lane, span: tuple[int, int]) -> Any:
        """A chunk of a column, for the library that works on arrays."""
        low, high = span
        image, host = self.columns.card[name][low:high], self.columns.host[name][low:high]
        return self._arrays.seen(image, host, lane.stream)

    def _slots_with(self, outcome: int, lane: Lane, span: tuple[int, int]) -> Any:
        """The slots of a chunk that have an outcome, when the card is done with it."""
        if self._arrays.on_host:
            lane.stream.synchronize()
        seen = self._seen("outcomes", lane, span)
        return arrays.slots_with(self._arrays.xp, seen, outcome, span[0])

    def _fetch_columns(
        self, columns: Mapping[str, Array], lane: Lane, span: tuple[int, int]
    ) -> None:
        for name in columns:
            self.columns.fetch(name, span, lane.stream)
        lane.stream.synchronize()

    def _gather(self, lane: Lane, low: int, slots: Any, begins: Any, out: Array) -> None:
        """Fetch normal forms, those of these slots, to where they begin in `out`."""
        xp, done = self._arrays.xp, 0
        while done < len(slots):
            upto = arrays.last_that_fits(xp, begins, done, self.plan.packed)
            base, end = int(begins[done]), int(begins[upto])
            self._fetch(lane, low, slots[done:upto], begins[done:upto] - base, end - base)
            out[base:end] = lane.words[: end - base]
            done = upto

    def _fetch(self, lane: Lane, low: int, slots: Any, begins: Any, size: int) -> None:
        """Bring some rows to the lane's words on the host, without gaps."""
        threads = rounded(min(self._full, WARP * len(slots)))
        launch(
            "gather", threads, lane.stream, low,
            self._arrays.image(slots, lane, "slots"), self._arrays.image(begins, lane, "begins"),
            self.columns.card["sizes"], lane.out, lane.packed,
        )  # fmt: skip
        lane.packed[:size].copy_to_host(lane.words[:size], lane.stream)
        lane.stream.synchronize()
