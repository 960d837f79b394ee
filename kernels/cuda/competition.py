"""A tick of streams on the card: proposals, equal reactions, reductions, features, choice.

Per tick what changed of the snapshot goes up, and a record of each round and the winners'
normal forms come down; candidates that lost come down where they are asked for. Answers
are those of the CPU's bodies. Nothing here knows what a stream is called.

Longer than 300 lines: all steps of a tick share the columns that stay on the card.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from kernels.checks import Array
from kernels.chemistry.streams import FEATURES, SKETCH
from kernels.terms.embed import SHAPES
from kernels.terms.reduce import EMPTY

from . import arrays
from .calls import threads_for
from .compiler import cuda
from .kinds import Kinds
from .loops import WARP, compiled, launch
from .memory import Mirror, bus, card_errors, free_bytes
from .pipeline import Pipeline, rounded
from .plan import SHARE, Limits
from .snapshot import Snapshot
from .stream_loops import (
    KIND,
    OPERATOR,
    RECORD,
    SALIENCE,
    SECOND,
    SECOND_SALIENCE,
    SIZE,
    SLOT,
    STEPS,
    WORD,
    A,
    B,
)  # fmt: skip

__all__ = [
    "FEATURES",
    "KIND",
    "OPERATOR",
    "SALIENCE",
    "SECOND",
    "SECOND_SALIENCE",
    "SIZE",
    "SLOT",
    "STEPS",
    "WHOLE",
    "WORD",
    "A",
    "B",
    "Competition",
    "StoreError",
    "Tick",
    "prepare",
]

#: Columns of a reaction, as the pipeline has them: by slot, or by kind of reaction.
REACTED = {"outcomes": np.uint8, "steps": np.int32, "sizes": np.int32, "results": np.int64}
#: Columns by slot, beside those.
BY_SLOT = {
    "places_a": np.int32, "places_b": np.int32, "operators": np.int32, "salience": np.int32,
    "won": np.uint8, "words": np.uint32, "vetoed": np.uint8,
}  # fmt: skip
#: Of the columns by slot, those that come down where all candidates are asked for.
WHOLE = (
    "outcomes", "steps", "sizes", "results", "places_a", "places_b", "operators", "salience",
)  # fmt: skip
#: What the streams look at, int32 each, in the order of `streams.propose`.
POOLS = (
    "choices_a", "choices_b", "everything", "sensed", "recalled", "felt", "numerals", "ruled",
    "operator_of", "arithmetic", "rewriting", "rewritten",
)  # fmt: skip
#: What candidates are weighed by.
WEIGHING = {
    "policies": np.uint8, "recent": np.int32, "archive": np.int16, "archive_norms": np.int64,
    "weights": np.int64, "mixture": np.int64,
}  # fmt: skip
#: What is launched for a tick.
KERNELS_OF_A_TICK = (
    "update_rows", "propose_slots", "fill_words", "class_slots", "group_slots", "first_slots",
    "kind_rows", "proposed_slots", "store_rows", "share_slots", "look_kinds", "judge_rounds",
    "record_slots", "pack_slots",
)  # fmt: skip
#: Threads that look at terms at a time, each with its scratch.
LOOKING = 1 << 15
#: Share of the memory that may be taken that the candidates of a tick may have.
STORE_SHARE = 0.25


class StoreError(MemoryError):
    """The card has not the room to keep the candidates of a tick."""


class Tick(NamedTuple):
    """What a tick is computed from, beside its columns."""

    seed: np.uint64
    tick: np.uint64
    operator: int
    composing: int
    copies: bool
    max_input: int
    recent_norm: int


class Competition:
    """Ticks of so many rounds of streams; the candidates of the last one stay on the card."""

    def __init__(
        self, rounds: int, streams: int, limits: Limits, *, limit: int | None = None,
        share: float = SHARE,
    ) -> None:  # fmt: skip
        self.rounds, self.streams, self.slots = rounds, streams, rounds * streams
        self.limits = limits
        self.words = 0  # that the candidates' normal forms have
        self.kinds = -1  # of reactions; -1: each slot's was made
        with card_errors():
            self._check_room(share)
            bus()
            self._arrays = arrays.opened()
            self._stream = cuda.stream()
            self.snapshot = Snapshot(self._stream)
            self._pools, self._lists = Mirror(), Mirror()
            self._column = self._made({**REACTED, **BY_SLOT}, self.slots)
            self._round = self._made({"seconds": np.int32}, rounds)
            self._round |= self._made({"features": np.int32}, rounds * FEATURES)
            self._looked = self._made({"relevance": np.int32, "novelty": np.int32}, self.slots)
            self._store = cuda.device_array(self.slots * limits.max_size, np.int32)
            self._records = cuda.device_array(rounds * RECORD, np.int32)
            self._told = cuda.pinned_array(rounds * RECORD, np.int32)
            self._outcomes = cuda.pinned_array(self.slots, np.uint8)
            self._nothing = cuda.device_array(0, np.int32)
            self._of_kinds: Kinds | None = None
            self._scratch = [
                cuda.device_array((rows, self._looking), dtype) for rows, dtype in self._looks()
            ]
            for name, dtype in (("slots", np.int32), ("vetoed", np.uint8)):
                self._lists.reserve(name, self.slots, dtype)
        self._pipeline = Pipeline(self.slots, limits, REACTED, "results", limit=limit, share=share)
        with card_errors():
            self._pipeline.reserve(rounds)
        self._vetoing = True  # whether the card may hold a veto: its memory holds anything now

    def _check_room(self, share: float) -> None:
        """Divide what the candidates may have among their terms and who looks at them."""
        room = free_bytes() * share * STORE_SHARE
        store = 4 * self.slots * self.limits.max_size
        each = sum(rows * np.dtype(dtype).itemsize for rows, dtype in self._looks())
        if store + each * WARP > room:
            raise StoreError(
                f"a tick's candidates, {store / 1e6:.0f} MB, do not fit into "
                f"{room / 1e6:.0f} MB of the GPU's memory"
            )
        most = min(LOOKING, self.slots + -self.slots % WARP, (room - store) / each)
        self._looking = rounded(int(most))

    def _looks(self) -> list[tuple[int, Any]]:
        """Numbers and dtypes of a thread's scratch, where it looks at terms."""
        shapes = SHAPES * self.limits.max_size
        return [(shapes, np.uint64), (SKETCH, np.int32), (SKETCH, np.int16)]

    @staticmethod
    def _made(dtypes: Mapping[str, Any], count: int) -> dict[str, Any]:
        return {name: cuda.device_array(count, dtype) for name, dtype in dtypes.items()}

    # -- candidates ----------------------------------------------------------------

    def propose(
        self, tick: Tick, code: Array, end: int, columns: Mapping[str, Array],
        pools: Mapping[str, Array], weighing: Mapping[str, Array],
    ) -> None:  # fmt: skip
        """Have every slot's reactants proposed.

        columns: those of `snapshot.TERMS`, FACTS and SEEN; pools by the names of POOLS;
        weighing by those of WEIGHING.
        """
        with card_errors():
            self.tick, self.kinds = tick, -1
            self.snapshot.update(code, end, columns)
            put, image = self._pools.put_changed, self.snapshot.image
            self._weighing = {
                name: put(name, weighing[name].astype(dtype, copy=False), self._stream)
                for name, dtype in WEIGHING.items()
            }
            given = {name: put(name, pools[name], self._stream) for name in POOLS}
            launch(
                "propose_slots", threads_for(self.slots), self._stream, tick.seed, tick.tick,
                self.slots, self._weighing["policies"], *(given[name] for name in POOLS[:8]),
                tick.operator, given["operator_of"], given["arithmetic"], tick.composing,
                given["rewriting"], given["rewritten"], image["uses"], image["salience"],
                *self._drawn,
            )  # fmt: skip
            self._stream.synchronize()

    def group(self, most: int) -> int:
        """Find equal reactions; how many kinds there are, -1 where more than `most`."""
        with card_errors():
            if self._of_kinds is None:
                self._of_kinds = Kinds(self.slots, self._stream)
            self.kinds = self._of_kinds.find(self.snapshot.image, self._drawn, most)
            return self.kinds

    @property
    def _drawn(self) -> list[Any]:
        return [self._column[name] for name in ("places_a", "places_b", "operators")]

    def react(self) -> None:
        """React what was proposed: each kind once where they were found, else every slot."""
        tick, image = self.tick, self.snapshot.image
        with card_errors():
            drawn = self._kinds.reactants(self._drawn) if self.grouped else self._drawn
            terms = [image[name] for name in ("code", "start", "size", "normal", "value", "form")]
            made = [self._pipeline.columns.card[name] for name in REACTED]
            limits = self.limits

        def enqueue(
            threads: int, stream: Any, todo: Any, first: int, steps: int, rows: Any, *scratch: Any
        ) -> None:
            launch(
                "proposed_slots", threads, stream, todo, first, *terms, tick.copies, steps,
                limits.max_size, limits.max_depth, tick.max_input, *made[:-1], *drawn, made[-1],
                rows, *scratch,
            )  # fmt: skip

        self.words = self._pipeline.run_there(self._made_count, enqueue, self._store)
        if self.grouped:
            columns = [self._column[name] for name in REACTED]
            with card_errors():
                self._kinds.share(EMPTY, made, columns)

    @property
    def grouped(self) -> bool:
        """Whether equal reactions were found."""
        return self.kinds >= 0

    @property
    def _made_count(self) -> int:
        """How many reactions are made."""
        return self.kinds if self.grouped else self.slots

    @property
    def _kinds(self) -> Kinds:
        assert self._of_kinds is not None
        return self._of_kinds

    @property
    def _reacted(self) -> Mapping[str, Any]:
        """The columns of REACTED by slot."""
        return self._column if self.grouped else self._pipeline.columns.card

    # -- the choice ----------------------------------------------------------------

    def judge(self, vetoed: Array, outcomes: Array) -> Array:
        """Let the candidates of each round compete; the rounds' records, int32 [rounds, RECORD].

        vetoed uint8 by slot; outcomes uint8 by slot is filled.
        """
        with card_errors():
            self._veto(vetoed)
            self._look()
            tick, column, image = self.tick, self._column, self.snapshot.image
            of, reacted, weighing = self._round, self._reacted, self._weighing
            launch(
                "judge_rounds", threads_for(self.rounds), self._stream, tick.seed, tick.tick,
                self.streams, self.limits.max_steps, reacted["outcomes"], column["vetoed"],
                reacted["steps"], reacted["sizes"], column["places_a"], column["places_b"],
                image["size"], image["uses"], image["used"], self._kind_of(),
                self._looked["relevance"], self._looked["novelty"], weighing["weights"],
                weighing["mixture"], column["salience"], column["won"], column["words"],
                of["features"], of["seconds"],
            )  # fmt: skip
            reacted["outcomes"].copy_to_host(self._outcomes, self._stream)
            records = self._records_of(self._nothing, self.rounds)
            outcomes[: self.slots] = self._outcomes
            return records

    def _kind_of(self) -> Any:
        return self._kinds.number if self.grouped else self._nothing

    def _veto(self, vetoed: Array) -> None:
        """Have the card know what is vetoed, where anything is or was."""
        vetoing = bool(vetoed.any())
        if vetoing or self._vetoing:
            staging = self._lists.staging("vetoed", self.slots)
            staging[:] = vetoed
            self._column["vetoed"].copy_to_device(staging, self._stream)
            self._stream.synchronize()
        self._vetoing = vetoing

    def _look(self) -> None:
        """What candidates are worth by their terms alone."""
        made, weighing, count = self._pipeline.columns.card, self._weighing, self._made_count
        if count:
            threads = min(self._looking, threads_for(count))
            launch(
                "look_kinds", threads, self._stream, count, self._nothing, self._store,
                made["outcomes"], made["sizes"], made["results"], self.snapshot.image["seen"],
                weighing["recent"], self.tick.recent_norm, weighing["archive"],
                weighing["archive_norms"], self._looked["relevance"], self._looked["novelty"],
                *self._scratch,
            )  # fmt: skip

    def _records_of(self, slots: Any, count: int) -> Array:
        """The records of slots, or of the winners by round where none are given."""
        column, reacted, of = self._column, self._reacted, self._round
        records, told = self._records[: count * RECORD], self._told[: count * RECORD]
        launch(
            "record_slots", threads_for(count), self._stream, slots, self.streams, column["won"],
            of["seconds"], column["salience"], reacted["steps"], reacted["sizes"],
            column["places_a"], column["places_b"], column["operators"], column["words"],
            self._kind_of(), of["features"], records,
        )  # fmt: skip
        records.copy_to_host(told, self._stream)
        self._stream.synchronize()
        found: Array = told.reshape(count, RECORD).copy()
        return found

    def records(self, slots: Array) -> Array:
        """The records of some slots (int32), at most as many as there are rounds."""
        with card_errors():
            listed = self._lists.put("slots", slots, self._stream)
            return self._records_of(listed, len(slots))

    def bring(self, slots: Array, begins: Array, out: Array) -> None:
        """The normal forms of some slots (int32) to where they begin in out; begins int64 [n+1]."""
        reacted = self._reacted
        with card_errors():
            self._pipeline.bring(
                slots, begins, (reacted["sizes"], reacted["results"]), self._store, out
            )

    def bring_all(self, columns: Mapping[str, Array], out: Array) -> None:
        """Every slot's columns by the names of WHOLE, and all normal forms, to the host."""
        for name in WHOLE:
            self.bring_column(name, columns[name])
        if self.words:
            with card_errors():
                bus().get(self._store[: self.words], out[: self.words])

    def bring_column(self, name: str, column: Array) -> None:
        """One column by slot to the host."""
        image = self._reacted[name] if name in REACTED else self._column[name]
        with card_errors():
            self._stream.synchronize()
            bus().get(image, column[: self.slots])


def prepare() -> None:
    """Compile what a tick of streams needs, so that no clock sees it."""
    with card_errors():
        for name in KERNELS_OF_A_TICK:
            compiled(name)
