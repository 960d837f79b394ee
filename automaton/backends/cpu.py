"""Chooses where batches are computed, and runs them there: the CPU's threads.

The only room that knows targets. A batch's results are columns by slot; which
of them wins and what a line means is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.backends import shards
from automaton.chemistry.world import Choice
from automaton.format.options import Options
from automaton.format.records import winner_parts
from automaton.population.population import Population, Words
from automaton.population.selection import ON_CPU, Matcher
from automaton.workers.autoscale_policy import Scaling
from automaton.workers.pool import Pool, Threads, available_cores, open_pool
from automaton.workers.sharding import Call, Dealer, Recipe
from kernels import cpu
from kernels.chemistry import streams as kernel
from kernels.terms import packed, reduce, substitute
from kernels.text import archive_codec, winner_lines

OUTCOMES = reduce.OUTCOMES
#: Makes an array of a length and a type: numpy's own, or shared with worker processes.
Allocate = Callable[[int, Any], npt.NDArray[Any]]
#: Beside digits and constants, what a winner line may take: ids of up to 40 bytes each.
_LINE_ROOM = 256
#: Slots at a time under pressure: half of the most at first, never fewer than the least.
MOST_SLOTS, LEAST_SLOTS = 1 << 16, 1 << 10
_REFERENCE_NODES = 65_536  # nodes on the way that the reference reducer allows


@dataclass(frozen=True)
class Fragments:
    """The constant parts of a tick's winner lines (`records.winner_parts`).

    text uint8, part k in text[mark[k]:mark[k+1]]; the dimension is part of the second.
    """

    text: npt.NDArray[np.uint8]
    mark: npt.NDArray[np.int64]

    @classmethod
    def of(cls, prefix: str, tick: int, level: int, streams: Sequence[str] = ()) -> Fragments:
        """The parts for a tick whose operator has the dimension `level`."""
        first, second, third, *others = winner_parts(prefix, tick, streams)
        parts = [first, second + b"%d" % level + third, *others]
        mark = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return cls(
            np.frombuffer(b"".join(parts) + bytes(2 * winner_lines.SPARE), dtype=np.uint8), mark
        )


@dataclass(frozen=True)
class Job:
    """What a batch of slots is computed from."""

    population: Population
    choice: Choice
    tick: int
    purpose: np.uint64  # of the draws of reactants


class Batch:
    """The columns of one batch of slots, and the bytes of its winner lines.

    Made once and used again every tick; pages that no tick touched cost nothing.
    """

    def __init__(
        self, slots: int, max_size: int, allocate: Allocate = np.empty, streams: int = 0
    ) -> None:
        self.slots = slots
        self.streams = streams  # that compete: slots of a round; 0: each slot wins if it can
        self.max_size = max_size
        self.outcomes = allocate(slots, np.uint8)
        self.steps = allocate(slots, np.int32)
        self.sizes = allocate(slots, np.int32)
        self.salience = allocate(slots, np.int32)
        self.places_a = allocate(slots, np.int32)
        self.places_b = allocate(slots, np.int32)
        self.operators = allocate(slots, np.int32)
        self.results = allocate(slots, np.int64)
        self.out: Words = allocate(slots * max_size, np.int32)
        self.won = allocate(slots, np.uint8)
        self.words = allocate(slots, np.uint32)  # winners' draws for their places
        rounds = slots // streams if streams else 0
        self.vetoed = allocate(slots if streams else 0, np.uint8)  # number of the rule, 0: none
        self.features = allocate(rounds * kernel.FEATURES, np.int32)  # of the winner, by round
        self.seconds = allocate(rounds, np.int32)  # by round: the runner-up's slot, -1: none

    def counts(self) -> list[int]:
        """How many slots have each outcome, in the order of `OUTCOMES`."""
        return [int(n) for n in np.bincount(self.outcomes, minlength=len(OUTCOMES))]

    def word_span(self, slot: int) -> Words:
        """The normal form of a slot whose outcome is `normal`, a view."""
        begin = self.results[slot]
        return self.out[begin : begin + self.sizes[slot]]


class LineBuffer:
    """Room for the winner lines of a batch, and where its shards wrote."""

    def __init__(self, allocate: Allocate = np.empty) -> None:
        self._allocate = allocate
        self.bytes: npt.NDArray[np.uint8] = allocate(0, np.uint8)
        self.parts: list[memoryview] = []

    def reserve(self, size: int) -> None:
        """At least `size` bytes; untouched pages cost nothing."""
        if len(self.bytes) < size:
            self.bytes = self._allocate(size, np.uint8)


class Cpu:
    """The CPU target: compiled kernels, sharded over the workers of a pool."""

    name = "cpu"
    matcher: Matcher = ON_CPU

    def __init__(
        self, options: Options, threads: int | None = None, pool: Pool | None = None
    ) -> None:
        self.options = options
        self.pool: Pool = pool or Threads(threads or available_cores(), recipe(options))
        self._largest = self.pool.dealer.largest

    def batch(self, slots: int, streams: int = 0) -> Batch:
        """Columns for so many slots, where the workers see them; see `Batch`."""
        return Batch(slots, self.options.max_size, self.pool.allocate, streams)

    def buffer(self) -> LineBuffer:
        """Room for lines, where the workers see it."""
        return LineBuffer(self.pool.allocate)

    def narrow(self) -> None:
        """Hand out half as much at a time; the bytes stay the same."""
        dealer = self.pool.dealer
        dealer.largest = max(LEAST_SLOTS, (dealer.largest or MOST_SLOTS) // 2)

    def widen(self) -> None:
        """Hand out as much at a time as in the beginning."""
        self.pool.dealer.largest = self._largest

    def take_in(self, population: Population) -> None:
        """Have a population live where the workers see it."""
        if self.pool.shared:
            population.live_in(self.pool.allocate)

    def react(self, job: Job, batch: Batch) -> None:
        """Fill a batch's columns: every slot's reactants, outcome and normal form."""
        o, column, choice = self.options, job.population.column, job.choice
        arguments = (
            o.seed, job.tick, int(job.purpose), batch.max_size,
            job.population.code, column["start"], column["size"], column["normal"],
            column["value"], column["form"],
            choice.a, choice.b, choice.operator, choice.operator_of,
            o.copies, o.max_steps, o.max_size, o.max_depth, o.input_limit,
            batch.outcomes, batch.steps, batch.sizes, batch.salience,
            batch.places_a, batch.places_b, batch.operators, batch.results, batch.out,
        )  # fmt: skip
        self.pool.run(Call(shards.react_shard, arguments), batch.slots)

    def propose(self, job: Job, batch: Batch) -> None:
        """Let the streams propose, and react what they do: fill a batch's columns."""
        o, column = self.options, job.population.column
        arguments = (
            o.seed, job.tick, batch.max_size,
            *job.choice.proposing(),
            job.population.code, column["start"], column["size"], column["normal"],
            column["value"], column["form"],
            o.copies, o.max_steps, o.max_size, o.max_depth, o.input_limit,
            batch.outcomes, batch.steps, batch.sizes,
            batch.places_a, batch.places_b, batch.operators, batch.results, batch.out,
        )  # fmt: skip
        self.pool.run(Call(shards.propose_shard, arguments), batch.slots // batch.streams)

    def line_up(self, job: Job, batch: Batch) -> None:
        """Let the streams propose: fill a batch's columns of reactants and operators alone."""
        arguments = (
            self.options.seed, job.tick, *job.choice.proposing(),
            batch.places_a, batch.places_b, batch.operators,
        )  # fmt: skip
        self.pool.run(Call(shards.line_up_shard, arguments), batch.slots // batch.streams)

    def judge(self, job: Job, batch: Batch, fragments: Fragments, buffer: LineBuffer) -> None:
        """Let the candidates of each round compete; write the winners' lines."""
        room = self._line_room(job.population)
        rounds = batch.slots // batch.streams
        buffer.reserve(rounds * room)
        column, names, of = job.population.column, job.population.names, job.choice.competing
        arguments = (
            self.options.seed, job.tick, room, batch.streams, self.options.max_steps,
            of.facts["uses"], of.facts["used"], job.population.seen, of.recent, of.recent_norm,
            of.archive, of.archive_norms, of.weights, of.mixture,
            batch.outcomes, batch.vetoed, batch.won, batch.words, batch.features, batch.seconds,
            buffer.bytes, fragments.text, fragments.mark, job.population.labels,
            column["born_slot"], names.text(), names.starts(), column["size"], batch.steps,
            batch.sizes, batch.salience, batch.places_a, batch.places_b, batch.operators,
            batch.results, batch.out,
        )  # fmt: skip
        done = self.pool.run(Call(shards.judge_shard, arguments), rounds)
        buffer.parts = [buffer.bytes[part.low * room :][: part.result].data for part in done]

    def archive(self, batch: Batch, buffer: LineBuffer) -> None:
        """Put the candidates that lost into a buffer, as the archive has them."""
        room = archive_codec.HEAD + 5 * batch.max_size
        buffer.reserve(batch.slots * room)
        arguments = (
            room, batch.outcomes, batch.won, batch.vetoed, batch.salience, batch.steps,
            batch.sizes, batch.results, batch.out, buffer.bytes,
        )  # fmt: skip
        done = self.pool.run(Call(shards.archive_shard, arguments), batch.slots)
        buffer.parts = [buffer.bytes[part.low * room :][: part.result].data for part in done]

    def write(self, job: Job, batch: Batch, fragments: Fragments, buffer: LineBuffer) -> None:
        """Let every candidate win its round; draw the winners' places, write their lines."""
        room = self._line_room(job.population)
        buffer.reserve(batch.slots * room)
        column, names = job.population.column, job.population.names
        arguments = (
            self.options.seed, job.tick, room, batch.outcomes, batch.won, batch.words,
            buffer.bytes, fragments.text, fragments.mark, job.population.labels,
            column["born_slot"], names.text(), names.starts(), batch.steps, batch.sizes,
            batch.salience, batch.places_a, batch.places_b, batch.operators, batch.results,
            batch.out,
        )  # fmt: skip
        done = self.pool.run(Call(shards.write_shard, arguments), batch.slots)
        buffer.parts = [buffer.bytes[part.low * room :][: part.result].data for part in done]

    def _line_room(self, population: Population) -> int:
        """Bytes that a winner line can take at most."""
        node = max(4, len(str(self.options.max_size)) + 1)
        return _LINE_ROOM + 3 * max(40, population.names.longest) + node * self.options.max_size

    def close(self) -> None:
        """End the workers."""
        self.pool.close()


def opened(options: Options, scaling: Scaling, say: Callable[[str], None]) -> Pool:
    """The workers that a run begins with."""
    count = scaling.start(available_cores())
    dealer = Dealer(scaling.execution_batch_size)
    return open_pool(scaling.engine, count, recipe(options), dealer, say)


def recipe(options: Options) -> Recipe:
    """How a worker makes its scratch."""
    return Recipe(shards.scratch, (options.max_steps, options.max_size, options.max_depth))


@dataclass(frozen=True)
class Reductions:
    """The results of a batch of terms, in input order."""

    outcomes: npt.NDArray[np.uint8]
    steps: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    normal_forms: list[Words | None]

    def outcome(self, i: int) -> str:
        """The name of a term's outcome."""
        return OUTCOMES[self.outcomes[i]]

    def words(self, i: int) -> Words | None:
        """A term's normal form, or None."""
        return self.normal_forms[i]


def reduce_batch(
    terms: Sequence[Words], max_steps: int, max_size: int, max_depth: int,
    free: Sequence[int] | None = None,
) -> Reductions:  # fmt: skip
    """Normalise terms (with free[i] free variables each; None: all closed)."""
    n = len(terms)
    results = Reductions(
        np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int32),
        [None] * n,
    )  # fmt: skip
    if not n:
        return results
    starts = np.cumsum([0, *map(len, terms)], dtype=np.int64)[:-1]
    code = np.concatenate(terms)
    free_counts = np.zeros(n, dtype=np.int32) if free is None else np.array(free, dtype=np.int32)
    cells = 1 + int(free_counts.max()) + max_steps + max_size
    machine = [np.empty(cells, dtype=np.int32) for _ in range(3)]
    machine += [np.empty(max_depth, dtype=np.int32) for _ in range(4)]
    out: Words = np.empty(max(2 * max_size, 1 << 20), dtype=np.int32)
    places = np.empty(n, dtype=np.int64)
    done = 0
    while done < n:
        upto = cpu.compiled(reduce.reduce_terms)(
            code, starts, free_counts, done, n, max_steps, max_size, max_depth, out, len(out),
            results.outcomes, results.steps, results.sizes, places, *machine,
        )  # fmt: skip
        for i in range(done, upto):
            if places[i] >= 0:
                results.normal_forms[i] = out[places[i] : places[i] + results.sizes[i]].copy()
        done = upto
    return results


class Reference:
    """Literal substitution, compiled: what `majority_agree` recomputes with."""

    def __init__(self) -> None:
        sizes = (2 * _REFERENCE_NODES, 2 * _REFERENCE_NODES, _REFERENCE_NODES, _REFERENCE_NODES)
        self._term, self._other, *self._marks = (np.empty(n, dtype=np.int32) for n in sizes)

    def normal_form(self, words: Words, max_steps: int) -> tuple[Words | None, int]:
        """The normal form (None: none found within the limits) and the beta steps made."""
        if len(words) > _REFERENCE_NODES:
            return None, 0
        self._term[: len(words)] = words
        outcome, steps, size = cpu.compiled(substitute.substitute)(
            self._term, len(words), max_steps, _REFERENCE_NODES, self._other, *self._marks
        )
        return (self._term[:size].copy() if outcome == substitute.NORMAL else None), int(steps)


def hash_of(words: Words) -> int:
    """The 64-bit hash of a packed term."""
    return int(cpu.compiled(packed.term_hash)(words, 0, len(words)))
