"""The card's batches, called like the CPU's bodies: host arrays in, host arrays out.

What is asked of the arguments is what the bodies ask; callers check them first
(`arguments`). Each call copies its inputs to the card. `MemoryError` says that
the card has not the room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from kernels.checks import Array

from . import arrays
from .compiler import cuda
from .loops import BLOCK, BLOCKS, WARP, compiled, launch
from .memory import CardError, Mirror, NoRoomError, bus, card_errors, free_bytes, multiprocessors
from .pipeline import Pipeline, rounded
from .plan import SHARE, Limits

__all__ = [
    "ANSWERED",
    "REACTION",
    "REDUCTION",
    "SHARE",
    "CardError",
    "Draws",
    "Limits",
    "NoRoomError",
    "Reactor",
    "Reducer",
    "add_counts",
    "bind_terms",
    "church_reactions",
    "decode_numerals",
    "embed_terms",
    "encode_numerals",
    "give_back",
    "match_numerals",
    "match_terms",
    "mult_counts",
    "prepare",
]

#: Columns of a reduction by term, and of a reaction by slot, as the bodies have them.
REDUCTION = {"outcomes": np.uint8, "steps": np.int32, "sizes": np.int32, "places": np.int64}
REACTION = {
    "outcomes": np.uint8, "steps": np.int32, "sizes": np.int32, "salience": np.int32,
    "places_a": np.int32, "places_b": np.int32, "operators": np.int32, "results": np.int64,
}  # fmt: skip
#: Of these columns, those that are given where streams have proposed, and those filled then.
PROPOSED = ("places_a", "places_b", "operators")
ANSWERED = ("outcomes", "steps", "sizes", "results")
#: What a reaction reads: all terms, by place; and who may react.
TERMS = ("code", "start", "size", "normal", "value", "form")
SNAPSHOT = (*TERMS, "choices_a", "choices_b", "operator_of")


def prepare() -> None:
    """Compile what a batch of reactions needs, so that no clock sees it."""
    with card_errors():
        for name in ("react_slots", "proposed_slots", "gather"):
            compiled(name)


def give_back() -> None:
    """Return to the driver what is kept of the card's memory and used by no batch."""
    with card_errors():
        arrays.opened().give_back()


class Draws(NamedTuple):
    """What a slot's reactants are drawn from, beside its number; uint64 each."""

    seed: np.uint64
    tick: np.uint64
    purpose: np.uint64


class Reactor:
    """Batches of `react.react` and `react.react_proposed` of at most so many slots.

    Results by slot as there.
    """

    def __init__(
        self, slots: int, limits: Limits, *, limit: int | None = None, share: float = SHARE
    ) -> None:
        self.limits = limits
        self.pipeline = Pipeline(slots, limits, REACTION, "results", limit=limit, share=share)
        self._mirror = Mirror()

    def run(
        self, draws: Draws, snapshot: Mapping[str, Array], operator: int, copies: bool,
        max_input: int, count: int, columns: Mapping[str, Array], out: Array,
    ) -> None:  # fmt: skip
        """The slots 0..count-1; columns by the names of REACTION; out int32 has room for all."""
        with card_errors():
            images = [self._mirror.put(name, snapshot[name], 0) for name in SNAPSHOT]
            cuda.synchronize()
        terms, operator_of = images[:-1], images[-1]
        card = [self.pipeline.columns.card[name] for name in REACTION]
        limits = self.limits

        def enqueue(
            threads: int, stream: Any, todo: Any, first: int, steps: int, rows: Any, *scratch: Any
        ) -> None:
            launch(
                "react_slots", threads, stream, *draws, todo, first, *terms, operator, operator_of,
                copies, steps, limits.max_size, limits.max_depth, max_input, *card, rows, *scratch,
            )  # fmt: skip

        self.pipeline.run(count, enqueue, {name: columns[name] for name in REACTION}, out)

    def run_proposed(
        self, snapshot: Mapping[str, Array], copies: bool, max_input: int, count: int,
        columns: Mapping[str, Array], out: Array,
    ) -> None:  # fmt: skip
        """The slots 0..count-1 whose PROPOSED columns are given; fills those of ANSWERED."""
        held = self.pipeline.columns
        with card_errors():
            terms = [self._mirror.put(name, snapshot[name], 0) for name in TERMS]
            for name in PROPOSED:
                held.put(name, columns[name][:count], 0)
            cuda.synchronize()
        card = [held.card[name] for name in (*ANSWERED[:-1], *PROPOSED, ANSWERED[-1])]
        limits = self.limits

        def enqueue(
            threads: int, stream: Any, todo: Any, first: int, steps: int, rows: Any, *scratch: Any
        ) -> None:
            launch(
                "proposed_slots", threads, stream, todo, first, *terms, copies, steps,
                limits.max_size, limits.max_depth, max_input, *card, rows, *scratch,
            )  # fmt: skip

        self.pipeline.run(count, enqueue, {name: columns[name] for name in ANSWERED}, out)


class Reducer:
    """Batches of `reduce.reduce_terms` and `church.operate` of at most so many terms."""

    def __init__(
        self, slots: int, limits: Limits, *, limit: int | None = None, share: float = SHARE
    ) -> None:
        self.limits = limits
        self.pipeline = Pipeline(slots, limits, REDUCTION, "places", limit=limit, share=share)
        self._mirror = Mirror()

    def reduce(
        self, code: Array, starts: Array, free: Array, columns: Mapping[str, Array], out: Array
    ) -> int:
        """Normalise terms in CSR form; returns the words written to out."""
        return self._run("reduce_batch", len(starts), (code, starts, free), (), columns, out)

    def operate(
        self, code: Array, op: int, arity: int, left: Array, right: Array,
        columns: Mapping[str, Array], out: Array,
    ) -> int:  # fmt: skip
        """Reduce the operator at code[op] on the terms at left (and right)."""
        arrays, scalars = (code, left, right), (op, arity)
        return self._run("operate_batch", len(left), arrays, scalars, columns, out)

    def _run(
        self, kernel: str, count: int, arrays: tuple[Array, ...], scalars: tuple[int, ...],
        columns: Mapping[str, Array], out: Array,
    ) -> int:  # fmt: skip
        with card_errors():
            code, *rest = (self._mirror.put(str(k), a, 0) for k, a in enumerate(arrays))
            cuda.synchronize()
        card = [self.pipeline.columns.card[name] for name in REDUCTION]
        size, depth = self.limits.max_size, self.limits.max_depth

        def enqueue(
            threads: int, stream: Any, todo: Any, first: int, steps: int, rows: Any, *scratch: Any
        ) -> None:
            launch(
                kernel, threads, stream, todo, first, code, *scalars, *rest, steps, size, depth,
                *card, rows, *scratch,
            )  # fmt: skip

        return self.pipeline.run(count, enqueue, {n: columns[n] for n in REDUCTION}, out)


def church_reactions(
    kind: int, op_size: int, ms: Array, ns: Array, copies: bool, limits: Limits, max_input: int,
    columns: Mapping[str, Array], out: Array,
) -> int:  # fmt: skip
    """`church.church_reactions` for all pairs; columns by the names of REDUCTION."""
    pipeline = Pipeline(max(1, len(ms)), limits, REDUCTION, "places")
    with card_errors():
        left, right = cuda.to_device(ms), cuda.to_device(ns)
    card = [pipeline.columns.card[name] for name in REDUCTION]

    def enqueue(
        threads: int, stream: Any, todo: Any, first: int, steps: int, rows: Any, *_scratch: Any
    ) -> None:
        launch(
            "church_batch", threads, stream, todo, first, kind, op_size, left, right, copies,
            steps, limits.max_size, limits.max_depth, max_input, *card, rows,
        )  # fmt: skip

    return pipeline.run(len(ms), enqueue, {name: columns[name] for name in REDUCTION}, out)


# -- one answer an element, no chunks ---------------------------------------------------


@card_errors()
def threads_for(count: int, scratch: int = 0) -> int:
    """Threads for so many items, each thread with so many bytes of scratch."""
    full = multiprocessors() * BLOCK * BLOCKS
    room = int(min(full, free_bytes() * SHARE / scratch)) if scratch else full
    if room < WARP:
        raise MemoryError(f"{WARP} threads of {scratch} bytes do not fit into the GPU's memory")
    return rounded(min(room, count + -count % WARP))


def _answers(name: str, threads: int, inputs: tuple[Any, ...], *outputs: Array) -> None:
    """Launch an elementwise kernel on copies of its inputs; fill the outputs, given last."""
    with card_errors():
        given = [bus().put(a) if isinstance(a, np.ndarray) else a for a in inputs]
        images = [cuda.device_array(a.shape, a.dtype) for a in outputs]
        launch(name, threads, 0, *given, *images)
        cuda.synchronize()
        for image, output in zip(images, outputs, strict=True):
            bus().get(image, output)


def match_terms(
    pattern: Array, code: Array, start: Array, rows: Array, metas: int, found: Array
) -> None:
    """`match.match_terms` for a pattern with `metas` metavariables; found bool[len(rows)]."""
    if len(rows):
        threads = threads_for(len(rows), 16 * max(1, metas))
        with card_errors():
            bounds = cuda.device_array((2, max(1, metas), threads), np.int64)
        _answers("match_rows", threads, (pattern, code, start, rows, bounds), found)


def bind_terms(
    pattern: Array, code: Array, start: Array, rows: Array, found: Array, begins: Array, ends: Array
) -> None:
    """`match.bind_terms`; begins, ends int64[len(rows), metavariables]."""
    if len(rows):
        inputs = (pattern, code, start, rows)
        _answers("bind_rows", threads_for(len(rows)), inputs, found, begins, ends)


def match_numerals(code: Array, start: Array, size: Array, rows: Array, found: Array) -> None:
    """`match.match_numerals`; found bool[len(rows)]."""
    if len(rows):
        inputs = (code, start, size, rows)
        _answers("match_numeral_rows", threads_for(len(rows)), inputs, found)


def encode_numerals(ns: Array, starts: Array, code: Array) -> None:
    """`church.encode_numerals` for all counts; code int32 has room for all."""
    if len(ns):
        _answers("encode_batch", threads_for(len(ns)), (ns, starts), code)


def decode_numerals(code: Array, starts: Array, sizes: Array, ns: Array) -> None:
    """`church.decode_numerals` for all terms; ns int64."""
    if len(ns):
        _answers("decode_batch", threads_for(len(ns)), (code, starts, sizes), ns)


def add_counts(ms: Array, ns: Array, sums: Array, status: Array) -> None:
    """`church.add_counts` for all elements."""
    if len(ms):
        _answers("add_batch", threads_for(len(ms)), (ms, ns), sums, status)


def mult_counts(ms: Array, ns: Array, products: Array, status: Array) -> None:
    """`church.mult_counts` for all elements."""
    if len(ms):
        _answers("mult_batch", threads_for(len(ms)), (ms, ns), products, status)


def embed_terms(code: Array, starts: Array, sizes: Array, vectors: Array) -> None:
    """`embed.embed_terms` for all terms; vectors int16 [n, D]."""
    if len(sizes):
        shapes, sums = 4 * int(sizes.max()), vectors.shape[1]
        threads = threads_for(len(sizes), 8 * shapes + 4 * sums)
        with card_errors():
            scratch = (
                cuda.device_array((shapes, threads), np.uint64),
                cuda.device_array((sums, threads), np.int32),
            )
        _answers("embed_batch", threads, (code, starts, sizes, *scratch), vectors)
