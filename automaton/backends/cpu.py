"""Computes a tick's batches on the processor, in shards that a pool deals to workers.

A batch's results are columns by slot; which of them wins and what a line means is decided
elsewhere, and so is whether a GPU computes instead (`automaton.backends.device_choice`).
"""

from __future__ import annotations

from collections.abc import Callable

from automaton.backends import shards
from automaton.backends.batch import BatchJob, CandidateBatch, LineBuffer, WinnerTemplate
from automaton.backends.grouping import Grouping
from automaton.backends.sequence import SequentialReactor
from automaton.format import stream_options
from automaton.format.options import Options
from automaton.population import Population
from automaton.population.selection import ON_CPU, Matcher
from automaton.workers import Pool, Threads, available_cores, open_pool
from automaton.workers.autoscale_policy import ScalingOptions
from automaton.workers.sharding import ScratchFactory, ShardSizer, ShardTask
from kernels.text import archive_codec

#: Beside digits and constants, what a winner line may take: ids of up to 40 bytes each.
_LINE_ROOM = 256
#: Slots at a time under pressure: half of the most at first, never fewer than the least.
MOST_SLOTS, LEAST_SLOTS = 1 << 16, 1 << 10


class CpuBackend:
    """The CPU target: compiled kernels, sharded over the workers of a pool."""

    name = "cpu"
    matcher: Matcher = ON_CPU

    def __init__(
        self, options: Options, threads: int | None = None, pool: Pool | None = None
    ) -> None:
        self.options = options
        self.pool: Pool = pool or Threads(threads or available_cores(), recipe(options))
        self._largest = self.pool.dealer.largest
        self.grouping = Grouping()
        self._sequence: SequentialReactor | None = None

    def batch(self, slots: int, streams: int = 0) -> CandidateBatch:
        """Columns for so many slots, where the workers see them; see `Batch`."""
        return CandidateBatch(slots, self.options.max_size, self.pool.allocate, streams)

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

    def react(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Fill a batch's columns: every slot's reactants, outcome and normal form."""
        if self.grouping.wanted(job.choice.operator):
            self.draw(job, batch)
            if self._react_kinds(job, batch, weighed=True):
                return
        batch.shared = False
        self._react_each(job, batch)

    def _react_each(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Draw and react every slot."""
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
        self.pool.run(ShardTask(shards.react_shard, arguments), batch.slots)

    def react_in_order(self, job: BatchJob, batch: CandidateBatch) -> None:
        """The same one after another: each product may react before the tick ends."""
        if self._sequence is None:
            self._sequence = SequentialReactor(self.options)
        self._sequence.react(job, batch)

    def draw(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Fill a batch's columns of reactants and operators alone."""
        choice = job.choice
        arguments = (
            self.options.seed, job.tick, int(job.purpose), choice.a, choice.b, choice.operator,
            choice.operator_of, batch.places_a, batch.places_b, batch.operators,
        )  # fmt: skip
        self.pool.run(ShardTask(shards.draw_shard, arguments), batch.slots)

    def propose(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Let the streams propose, and react what they do: fill a batch's columns."""
        if self.grouping.wanted(job.choice.operator):
            self.line_up(job, batch)
            if self._react_kinds(job, batch, weighed=False):
                return
        batch.shared = False
        self._propose_each(job, batch)

    def _propose_each(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Let the streams propose for every slot, and react it."""
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
        self.pool.run(ShardTask(shards.propose_shard, arguments), batch.slots // batch.streams)

    def _react_kinds(self, job: BatchJob, batch: CandidateBatch, *, weighed: bool) -> bool:
        """React each kind of reaction once, whose reactants are drawn; False if they are many."""
        kinds = self.grouping.find(job.population, batch, job.choice.operator)
        if kinds < 0:
            return False
        batch.shared, batch.kinds = True, kinds
        self._react_distinct(job, batch)
        sharing = (
            batch.first, job.population.column["size"], batch.places_a, batch.places_b, weighed,
            batch.outcomes, batch.steps, batch.sizes, batch.results, batch.salience,
        )  # fmt: skip
        self.pool.run(ShardTask(shards.share_shard, sharing), batch.slots)
        return True

    def _react_distinct(self, job: BatchJob, batch: CandidateBatch) -> None:
        """React the first slot of each kind."""
        o, column = self.options, job.population.column
        arguments = (
            batch.max_size, batch.distinct, job.population.code, column["start"], column["size"],
            column["normal"], column["value"], column["form"],
            o.copies, o.max_steps, o.max_size, o.max_depth, o.input_limit,
            batch.outcomes, batch.steps, batch.sizes,
            batch.places_a, batch.places_b, batch.operators, batch.results, batch.out,
        )  # fmt: skip
        self.pool.run(ShardTask(shards.distinct_shard, arguments), batch.kinds)

    def line_up(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Let the streams propose: fill a batch's columns of reactants and operators alone."""
        arguments = (
            self.options.seed, job.tick, *job.choice.proposing(),
            batch.places_a, batch.places_b, batch.operators,
        )  # fmt: skip
        self.pool.run(ShardTask(shards.line_up_shard, arguments), batch.slots // batch.streams)

    def judge(
        self, job: BatchJob, batch: CandidateBatch, fragments: WinnerTemplate, buffer: LineBuffer
    ) -> None:
        """Let the candidates of each round compete; write the winners' lines."""
        room = self._line_room(job.population)
        rounds = batch.slots // batch.streams
        buffer.reserve(rounds * room)
        column, names, of = job.population.column, job.population.names, job.choice.competing
        looking = (
            batch.distinct if batch.shared else batch.distinct[:0], batch.out, batch.outcomes,
            batch.sizes, batch.results, job.population.seen, of.recent, of.recent_norm,
            of.archive, of.archive_norms, batch.relevance, batch.novelty,
        )  # fmt: skip
        kinds = batch.kinds if batch.shared else batch.slots
        self.pool.run(ShardTask(shards.look_shard, looking), kinds)
        arguments = (
            self.options.seed, job.tick, room, batch.streams, self.options.max_steps,
            of.facts["uses"], of.facts["used"], batch.relevance, batch.novelty,
            of.weights, of.mixture,
            batch.outcomes, batch.vetoed, batch.won, batch.words, batch.features, batch.seconds,
            buffer.bytes, fragments.text, fragments.mark, job.population.labels,
            column["born_slot"], names.text(), names.starts(), column["size"], batch.steps,
            batch.sizes, batch.salience, batch.places_a, batch.places_b, batch.operators,
            batch.results, batch.out, batch.copied,
        )  # fmt: skip
        done = self.pool.run(ShardTask(shards.judge_shard, arguments), rounds)
        buffer.parts = [buffer.bytes[part.low * room :][: part.result].data for part in done]

    def complete(self, _batch: CandidateBatch) -> None:
        """Have a batch's columns and normal forms here for all slots: they are."""

    def bring(self, _batch: CandidateBatch, _slots: list[int]) -> None:
        """Have them here for some slots: they are."""

    def write_won(
        self, job: BatchJob, batch: CandidateBatch, fragments: WinnerTemplate, buffer: LineBuffer
    ) -> None:
        """Write the lines of winners that are known."""
        room, rounds = self._line_room(job.population), batch.slots // batch.streams
        buffer.reserve(rounds * room)
        column, names = job.population.column, job.population.names
        arguments = (
            room, batch.streams, batch.won, buffer.bytes, batch.copied, fragments.text,
            fragments.mark, job.population.labels, column["born_slot"], names.text(),
            names.starts(), batch.steps, batch.sizes, batch.salience, batch.places_a,
            batch.places_b, batch.operators, batch.results, batch.out,
        )  # fmt: skip
        done = self.pool.run(ShardTask(shards.lines_shard, arguments), rounds)
        buffer.parts = [buffer.bytes[part.low * room :][: part.result].data for part in done]

    def archive(self, batch: CandidateBatch, buffer: LineBuffer) -> None:
        """Put the candidates that lost into a buffer, as the archive has them."""
        room = archive_codec.HEAD + 5 * batch.max_size
        buffer.reserve(batch.slots * room)
        arguments = (
            room, batch.outcomes, batch.won, batch.vetoed, batch.salience, batch.steps,
            batch.sizes, batch.results, batch.out, buffer.bytes,
        )  # fmt: skip
        done = self.pool.run(ShardTask(shards.archive_shard, arguments), batch.slots)
        buffer.parts = [buffer.bytes[part.low * room :][: part.result].data for part in done]

    def write(
        self, job: BatchJob, batch: CandidateBatch, fragments: WinnerTemplate, buffer: LineBuffer
    ) -> None:
        """Let every candidate win its round; draw the winners' places, write their lines."""
        room = self._line_room(job.population)
        buffer.reserve(batch.slots * room)
        column, names = job.population.column, job.population.names
        arguments = (
            self.options.seed, job.tick, room, batch.outcomes, batch.won, batch.words,
            buffer.bytes, batch.copied, batch.placed, fragments.text, fragments.mark,
            job.population.labels, column["born_slot"], names.text(), names.starts(),
            batch.steps, batch.sizes,
            batch.salience, batch.places_a, batch.places_b, batch.operators, batch.results,
            batch.out,
        )  # fmt: skip
        done = self.pool.run(ShardTask(shards.write_shard, arguments), batch.slots)
        buffer.parts = [buffer.bytes[part.low * room :][: part.result].data for part in done]

    def _line_room(self, population: Population) -> int:
        """Bytes that a winner line can take at most."""
        node = max(4, len(str(self.options.max_size)) + 1)
        return _LINE_ROOM + 3 * max(40, population.names.longest) + node * self.options.max_size

    def close(self) -> None:
        """End the workers."""
        if self._sequence is not None:
            self._sequence.close()
            self._sequence = None
        self.pool.close()


def opened(options: Options, scaling: ScalingOptions, say: Callable[[str], None]) -> Pool:
    """The workers that a run begins with."""
    count = scaling.start(available_cores())
    dealer = ShardSizer(scaling.execution_batch_size)
    return open_pool(scaling.engine, count, recipe(options), dealer, say)


def recipe(options: Options) -> ScratchFactory:
    """How a worker makes its scratch."""
    slots = options.parallel * max(1, len(stream_options.parse_streams(options.streams)))
    budgets = (options.max_steps, options.max_size, options.max_depth)
    return ScratchFactory(shards.scratch, (*budgets, slots))
