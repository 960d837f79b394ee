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
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.checks import Array
from kernels.terms.reduce import NORMAL, STEPS

from . import arrays
from .compiler import cuda
from .loops import BLOCK, BLOCKS, FIELDS, WARP, launch
from .memory import Columns, Mirror, card_errors, free_bytes, multiprocessors
from .plan import LANES, SHARE, Limits, Plan

#: Rows that are worth a chunk of their own, to hide its transfers.
CHUNK_ROWS = 1 << 14

Enqueue: TypeAlias = Callable[..., None]


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

    def reserve(self, count: int) -> None:
        """Make the room for so many rows' places."""
        self._listed.reserve("slots", count, np.int32)
        self._listed.reserve("begins", count, np.int64)

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

        def take(lane: Lane, span: tuple[int, int], at: int) -> int:
            return self._take(lane, span, columns, out, at)

        return self._in_chunks(count, enqueue, take)

    def run_there(self, count: int, enqueue: Enqueue, store: Any) -> int:
        """The same, but columns and normal forms stay on the card: these in store, int32."""

        def take(lane: Lane, span: tuple[int, int], at: int) -> int:
            return self._keep(lane, span, store, at)

        at = self._in_chunks(count, enqueue, take)
        with card_errors():
            for lane in self._lanes:
                lane.stream.synchronize()
        return at

    def _in_chunks(
        self, count: int, enqueue: Enqueue, take: Callable[[Lane, tuple[int, int], int], int]
    ) -> int:
        """Chunk after chunk, each taken while the card computes the next."""
        at = 0
        waiting: tuple[Lane, tuple[int, int]] | None = None
        with card_errors():
            for number, span in enumerate(chunks(count, self.plan.rows)):
                lane = self._lanes[number % LANES]
                self._launch(lane, span, None, self.limits.tiers()[0], enqueue)
                if waiting:
                    self._raise_budgets(*waiting, enqueue)
                    at = take(*waiting, at)
                waiting = lane, span
            if waiting:
                self._raise_budgets(*waiting, enqueue)
                at = take(*waiting, at)
        return at

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

    def _raise_budgets(self, lane: Lane, span: tuple[int, int], enqueue: Enqueue) -> None:
        """Run again, with the next budget of steps, what has met its budget."""
        for steps in self.limits.tiers()[1:]:
            left = self._slots_with(STEPS, lane, span)
            if not len(left):
                break
            self._launch(lane, span, self._arrays.image(left, lane, "todo"), steps, enqueue)

    def _take(
        self, lane: Lane, span: tuple[int, int], columns: Mapping[str, Array], out: Array, at: int
    ) -> int:
        """Take the results of a chunk to the host; returns where its words end in out."""
        low, high = span
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

    def _keep(self, lane: Lane, span: tuple[int, int], store: Any, at: int) -> int:
        """Keep a chunk's normal forms on the card; returns where their words end in store."""
        low = span[0]
        if self._arrays.on_host:
            self._fetch_columns(("sizes",), lane, span)
        slots = self._slots_with(NORMAL, lane, span)
        begins = arrays.begins_of(self._arrays.xp, self._seen("sizes", lane, span)[slots - low])
        if len(slots):
            card = self.columns.card
            launch(
                "store_rows", self.threads(WARP * len(slots)), lane.stream, low,
                self._arrays.image(slots, lane, "slots"),
                self._arrays.image(begins[:-1], lane, "begins"), at, card["sizes"], lane.out, store,
                card[self._places],
            )  # fmt: skip
        return at + int(begins[-1])

    def threads(self, count: int) -> int:
        """Threads for so many items without scratch."""
        return rounded(min(self._full, count + -count % WARP))

    def reserve(self, count: int) -> None:
        """Make the room that `bring` needs for so many slots, so that it asks for none."""
        self._lanes[0].reserve(count)

    def bring(
        self, slots: Array, begins: Array, columns: tuple[Any, Any], store: Any, out: Array
    ) -> None:
        """Fetch normal forms that were kept to where they begin in out; begins int64 [n + 1].

        columns: the slots' sizes and where they stand in store, on the card.
        """
        lane, done = self._lanes[0], 0
        while done < len(slots):
            upto = arrays.last_that_fits(np, begins, done, self.plan.packed)
            base, end = int(begins[done]), int(begins[upto])
            part, there = slots[done:upto], begins[done:upto] - base
            launch(
                "pack_slots", self.threads(WARP * len(part)), lane.stream, lane.list("slots", part),
                lane.list("begins", there), *columns, store, lane.packed,
            )  # fmt: skip
            self._words_down(lane, end - base)
            out[base:end] = lane.words[: end - base]
            done = upto

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

    def _fetch_columns(self, names: Iterable[str], lane: Lane, span: tuple[int, int]) -> None:
        for name in names:
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
        launch(
            "gather", self.threads(WARP * len(slots)), lane.stream, low,
            self._arrays.image(slots, lane, "slots"), self._arrays.image(begins, lane, "begins"),
            self.columns.card["sizes"], lane.out, lane.packed,
        )  # fmt: skip
        self._words_down(lane, size)

    @staticmethod
    def _words_down(lane: Lane, size: int) -> None:
        """Copy so many packed words to the lane's words on the host."""
        lane.packed[:size].copy_to_host(lane.words[:size], lane.stream)
        lane.stream.synchronize()
