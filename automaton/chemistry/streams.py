"""Who proposes, and what a proposal is worth: the streams that compete each round.

A stream is a row of `POLICIES`; what it proposes is a function of the snapshot
and of its own draws. What the streams know of the past is a function of the
log's lines alone: uses, recent winners, seen terms, and a small window of the
archive that is computed again where a log is read. Pure: no files, no clock.

Longer than 300 lines: all policies share the columns that they are drawn from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.format.stream_options import FIXED_ONE, Stream
from automaton.population import Entrants, Population, StreamPools
from automaton.program import NamedTerm
from automaton.terms import notation
from automaton.terms.arrays import Ints, Numbers, Places, Sketches, Words
from kernels import cpu, philox
from kernels.chemistry import streams as kernel
from kernels.terms import embed

#: What a stream's name means; a new stream is a row here, in `lineup`, a branch in `propose_one`.
POLICIES = {
    "sensation": kernel.SENSATION,
    "memory": kernel.MEMORY,
    "emotion": kernel.EMOTION,
    "anchor": kernel.ANCHOR,
    "reason": kernel.REASON,
    "uniform": kernel.UNIFORM,
}
#: Winners whose sketches and places are remembered.
RECENT = 256
#: Terms in the archive's window, how many a tick enter it, how many MEMORY draws from.
WINDOW, ENTERING, RECALLED = 32, 4, 8
#: Rows for what a tick rewrites: so many rewritings are drawn.
REWRITING = 16
#: Ticks for which SENSATION looks at what came in.
SENSED_TICKS = 16
#: REASON's operators: m + n, m * n, m ** n, m - n (0 below) on numerals, and λx. a (b x).
OPERATORS = {
    "add": "λm.λn.λf.λx.m f (n f x)",
    "mult": "λm.λn.λf.m (n f)",
    "exp": "λm.λn.n m",
    "sub": "λm.λn.n (λn.λf.λx.n (λg.λh.h (g f)) (λu.x) (λu.u)) m",
    "compose": "λf.λg.λx.f (g x)",
}
_KEPT = {
    "rows": np.int32, "rewriting": np.int32, "arithmetic": np.int32, "recent": np.int16,
    "recent_rows": np.int32, "recent_born": np.int64,
}  # fmt: skip


def trained(weights: Sequence[int], wins: Sequence[int]) -> list[int]:
    """Multiplicative weights: a stream grows by an eighth of how far it won above its share.

    Arora, Hazan, Kale: The multiplicative weights update method (2012), in fixed
    point; none falls below an eighth of an equal share, and they add up to about ONE.
    """
    count, total = len(weights), sum(wins)
    if count < 2 or not total:
        return list(weights)
    gains = [won * count * FIXED_ONE // total - FIXED_ONE for won in wins]
    grown = [
        w * (8 * FIXED_ONE + gain) // (8 * FIXED_ONE)
        for w, gain in zip(weights, gains, strict=True)
    ]
    least = FIXED_ONE // (8 * count)
    return [max(least, w * FIXED_ONE // max(sum(grown), 1)) for w in grown]


@dataclass(frozen=True)
class RememberedCandidate:
    """A candidate that lost and is remembered: its slot and its term."""

    slot: int
    words: Words
    steps: int


@dataclass
class Streams:
    """What the streams know of the past; folded with the population, tick after tick."""

    population: Population
    table: list[Stream]
    mixture: Numbers
    rows: Places  # where the archive's window stands, behind the places
    rewriting: Places  # where what a tick rewrites stands, written anew each tick
    arithmetic: Places
    composing: int
    recent: Sketches  # [n <= RECENT, SKETCH], the oldest first
    recent_rows: Places
    recent_born: Numbers  # [n, 2]: tick and slot
    remembered: int = 0  # entries of the window so far; the next one takes the oldest's row
    last_sensed: int = 0

    @classmethod
    def begun(cls, population: Population, table: list[Stream], mixture: Numbers) -> Streams:
        """The streams with nothing behind them: what lives now has just come in."""
        first = population.add_rows(WINDOW + REWRITING)
        rows = [_operator(population, name, text) for name, text in OPERATORS.items()]
        population.keep_facts()
        streams = cls(
            population, table, mixture,
            rows=np.arange(first, first + WINDOW, dtype=np.int32),
            rewriting=np.arange(first + WINDOW, first + WINDOW + REWRITING, dtype=np.int32),
            arithmetic=np.array(rows[:-1], dtype=np.int32), composing=rows[-1],
            recent=np.zeros((0, kernel.SKETCH), dtype=np.int16),
            recent_rows=np.zeros(0, dtype=np.int32),
            recent_born=np.zeros((0, 2), dtype=np.int64),
        )  # fmt: skip
        every = population.choices()
        population.facts["sensed"][every] = 1
        streams.notice(every)
        return streams

    def kept(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """What a checkpoint keeps of them: numbers and columns."""
        numbers = {name: getattr(self, name) for name in ("composing", "remembered", "last_sensed")}
        columns = {name: getattr(self, name) for name in _KEPT}
        columns |= {f"fact.{name}": values for name, values in self.population.facts.items()}
        return numbers, {**columns, "seen": self.population.seen}

    @classmethod
    def of(
        cls, population: Population, table: list[Stream], mixture: Numbers,
        numbers: dict[str, int], columns: dict[str, npt.NDArray[Any]],
    ) -> Streams:  # fmt: skip
        """The streams of a checkpoint."""
        population.seen = columns["seen"].astype(np.uint64)
        population.facts = {
            name: columns[f"fact.{name}"].astype(kind) for name, kind in population.FACTS.items()
        }
        kept = {name: columns[name].astype(kind) for name, kind in _KEPT.items()}
        kept["recent"] = kept["recent"].reshape(-1, kernel.SKETCH)
        kept["recent_born"] = kept["recent_born"].reshape(-1, 2)
        values: dict[str, Any] = {**kept, **numbers}
        return cls(population, table, mixture, **values)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def reasons(self) -> bool:
        """Whether REASON is among them."""
        return any(stream.policy == "reason" for stream in self.table)

    # -- a tick ------------------------------------------------------------

    def proposals(
        self, tick: int, allowed: Callable[[Places], Places], operator_of: Places,
        weights: Sequence[int], rewriting: tuple[Places, Places],
    ) -> StreamPools:  # fmt: skip
        """What the streams look at in a tick; `allowed`: what the selector of a leaves of some.

        rewriting: rows of operators, and the place that each of them rewrites.
        """
        population = self.population
        every = population.choices()
        recent, recent_norm = self._recent_sum()
        archive, norms = self._sketches(self._window())
        neutral = [weight * len(self.table) for weight in weights]
        return StreamPools(
            policies=np.array([POLICIES[stream.policy] for stream in self.table], dtype=np.uint8),
            everything=every,
            sensed=allowed(self._sensed(tick, every)),
            recalled=allowed(self._recalled(recent, recent_norm, archive, norms)),
            felt=allowed(self._felt()),
            numerals=self._numerals(every) if self.reasons else every[:0],
            ruled=every[operator_of[every] >= 0] if len(operator_of) else every[:0],
            arithmetic=self.arithmetic,
            composing=self.composing,
            rewriting=rewriting[0],
            rewritten=rewriting[1],
            facts=population.facts,
            recent=recent,
            recent_norm=recent_norm,
            archive=archive,
            archive_norms=norms,
            weights=np.array(neutral, dtype=np.int64),
            mixture=self.mixture,
        )

    def drawn(self, seed: int, tick: int, rounds: int) -> list[int]:
        """The slots that enter the archive's window after a tick, if they lost.

        Never MEMORY's: what it proposes depends on the window, so that reading a log
        would have to compute all that ever lost.
        """
        others = [k for k, s in enumerate(self.table) if s.policy != "memory"]
        found: dict[int, None] = {}
        for number in range(ENTERING if others else 0):
            words = philox.words(seed, tick, number, philox.ARCHIVE)
            stream = others[philox.index_of(words[1], len(others))]
            found[philox.index_of(words[0], rounds) * len(self.table) + stream] = None
        return sorted(found)

    # -- the fold ----------------------------------------------------------

    def credit(self, tick: int, index: Numbers, places_a: Places, places_b: Places) -> None:
        """The winners' reactants were used; before their terms enter."""
        facts = self.population.facts
        cpu.compiled(kernel.credit)(
            index, places_a, places_b, np.int64(tick), facts["uses"], facts["used"]
        )

    def entered(self, tick: int, winners: Entrants) -> None:
        """Winners have entered; those that stay are recent, and known."""
        facts = self.population.facts
        entries, rows = self.population.entered
        facts["used"][rows] = tick
        facts["salience"][rows] = winners.salience[winners.index[entries]]
        cpu.compiled(kernel.notice)(
            winners.source, winners.starts, winners.sizes, winners.index, self.population.seen
        )
        rows, slots = rows[-RECENT:], winners.slots[entries[-RECENT:]]
        born = np.stack([np.full(len(slots), tick, dtype=np.int64), slots], axis=1)
        sketches = self._sketches(rows)[0].reshape(-1, kernel.SKETCH)
        self.recent = np.concatenate([self.recent, sketches])[-RECENT:]
        self.recent_rows = np.concatenate([self.recent_rows, rows])[-RECENT:]
        self.recent_born = np.concatenate([self.recent_born, born])[-RECENT:]

    def sense(self, tick: int, place: int) -> None:
        """A term came in from outside, or was made by an action."""
        self.population.facts["sensed"][place] = tick + 1
        self.last_sensed = tick
        self.notice(np.array([place], dtype=np.int32))

    def notice(self, rows: Places) -> None:
        """The terms of these rows are not new any more."""
        population, column = self.population, self.population.column
        cpu.compiled(kernel.notice)(
            population.code, column["start"], column["size"], rows.astype(np.int64), population.seen
        )

    def remember(self, tick: int, found: Sequence[RememberedCandidate]) -> None:
        """Candidates that lost enter the window, each in the row of the oldest."""
        for lost in found:
            row = int(self.rows[self.remembered % WINDOW])
            self.population.keep_candidate(row, tick, lost.slot, lost.words, lost.steps)
            self.remembered += 1

    # -- inside ------------------------------------------------------------

    def _window(self) -> Places:
        return self.rows[: min(self.remembered, WINDOW)]

    def _sensed(self, tick: int, every: Places) -> Places:
        if tick - self.last_sensed > SENSED_TICKS:
            return every[:0]
        at = self.population.facts["sensed"][every]
        return every[(at > 0) & (tick + 1 - at <= SENSED_TICKS)]

    def _felt(self) -> Places:
        """The recent winners that live still."""
        column, rows = self.population.column, self.recent_rows
        alive = (column["born_tick"][rows] == self.recent_born[:, 0]) & (
            column["born_slot"][rows] == self.recent_born[:, 1]
        )
        return np.ascontiguousarray(rows[alive & column["live"][rows]])

    def _numerals(self, every: Places) -> Places:
        return every[self.population.column["value"][every] >= 0]

    def _recent_sum(self) -> tuple[Ints, int]:
        total = self.recent.sum(axis=0, dtype=np.int32)
        return total, int((total.astype(np.int64) ** 2).sum())

    def _recalled(
        self, recent: Ints, recent_norm: int, archive: Sketches, norms: Numbers
    ) -> Places:
        """The rows of the window that are most like the recent winners; ties by row."""
        alike = np.empty(len(norms), dtype=np.int64)
        cpu.compiled(kernel.alike)(recent, recent_norm, archive, norms, alike)
        best = np.argsort(-alike, kind="stable")[:RECALLED]
        return self._window()[best]

    def _sketches(self, rows: Places) -> tuple[Sketches, Numbers]:
        """The sketches of rows, one behind the other, and their squared lengths."""
        column = self.population.column
        sketches = np.empty(len(rows) * kernel.SKETCH, dtype=np.int16)
        norms = np.empty(len(rows), dtype=np.int64)
        largest = int(column["size"][rows].max(initial=1))
        shapes = np.empty(embed.SHAPES * largest, dtype=np.uint64)
        sums = np.empty(kernel.SKETCH, dtype=np.int32)
        cpu.compiled(kernel.sketches)(
            self.population.code, column["start"], column["size"], rows, shapes, sums, sketches,
            norms,
        )  # fmt: skip
        return sketches, norms


def _operator(population: Population, name: str, text: str) -> int:
    """The row of one of REASON's operators, under its id."""
    identity = f"{population.prefix}reason:{name}"
    return population.add_operator(NamedTerm(identity.encode(), notation.parse(text), "stream"))


def operator_named(identity: str, prefix: str) -> Words | None:
    """The term of one of REASON's operators, by its id in the log."""
    text = OPERATORS.get(identity.removeprefix(f"{prefix}reason:"))
    known = text is not None and identity.startswith(f"{prefix}reason:")
    return notation.parse(text) if known and text is not None else None
