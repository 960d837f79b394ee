"""The CUDA device: reactions on the card, lines by the CPU's threads; and which device runs.

The same columns as the CPU's, bit for bit. Where the card has not the memory it
is given less at a time, and at last the CPU goes on, which is said once. A named
device that cannot be had is an error; only `auto` falls back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from automaton.backends.batch import BatchJob, CandidateBatch, LineBuffer, WinnerTemplate
from automaton.backends.card_competition import CardCompetition
from automaton.backends.cpu import CpuBackend
from automaton.backends.request import DeviceRequest
from automaton.compute.capability import StartError, failed
from automaton.format import stream_options
from automaton.format.options import Options
from automaton.population import Population
from automaton.population.selection import Matcher, TermColumns
from automaton.terms.arrays import Places, Truth, Words
from automaton.workers import Pool
from kernels.cuda import memory

#: Fewer reactions at a time than this are not worth asking the card for.
LEAST_BATCH = 32
#: Nor are fewer rows: one core matches as many in the time that their terms take to the card.
LEAST_ROWS = 1 << 14


def _started(*, streams: bool) -> Any:
    """The card's batches, compiled for it; streams: and what ticks of these need."""
    try:
        from kernels.cuda import calls, competition  # noqa: PLC0415 - need the extra
    except ImportError as error:
        raise StartError(f"CUDA's packages do not load ({error})") from error
    try:
        calls.prepare()
        if streams:
            competition.prepare()
    except (memory.CardError, MemoryError) as error:
        raise StartError(f"CUDA does not start ({error})") from error
    return calls


class CudaBackend(CpuBackend):
    """The CUDA target: reactions and matches there, everything else on the CPU's workers."""

    def __init__(
        self, options: Options, wanted: DeviceRequest, threads: int | None = None,
        pool: Pool | None = None,
    ) -> None:  # fmt: skip
        self._target = _started(streams=bool(stream_options.parse_streams(options.streams)))
        self._wanted = wanted
        self._limit = wanted.gpu_batch_size
        self._share = self._target.SHARE
        self._short = False  # of memory, since the last batch that fitted
        self._reactors: dict[int, Any] = {}
        super().__init__(options, threads, pool)
        self.name = "cuda"
        self._competes = True  # whether streams compete on the card
        self._candidates = CardCompetition(options, self.grouping)
        self.matcher = CudaMatcher(self)

    def propose(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Let the streams propose, and react what they do, on the card; there it stays."""
        if not (self._competes and self._done(self._propose_there, job, batch)):
            super().propose(job, batch)

    def _propose_there(self, job: BatchJob, batch: CandidateBatch) -> None:
        self._candidates.propose(job, batch, self._limit, self._share)

    def judge(
        self, job: BatchJob, batch: CandidateBatch, fragments: WinnerTemplate, buffer: LineBuffer
    ) -> None:
        """Let the candidates of each round compete where they are; write the winners' lines."""
        if not self._candidates.holds(batch):
            super().judge(job, batch, fragments, buffer)
            return
        with self._no_way_back():
            self._candidates.judge(batch)
        self.write_won(job, batch, fragments, buffer)

    def complete(self, batch: CandidateBatch) -> None:
        """Bring all of a batch's candidates to the host."""
        if self._candidates.holds(batch):
            with self._no_way_back():
                self._candidates.complete(batch)

    def bring(self, batch: CandidateBatch, slots: list[int]) -> None:
        """Bring some of a batch's candidates to the host."""
        if self._candidates.holds(batch):
            with self._no_way_back():
                self._candidates.bring(batch, slots)

    def archive(self, batch: CandidateBatch, buffer: LineBuffer) -> None:
        """Put the candidates that lost into a buffer, as the archive has them."""
        self.complete(batch)
        super().archive(batch, buffer)

    @contextmanager
    def _no_way_back(self) -> Iterator[None]:
        """For what needs the candidates there: it asks for no memory, and a failure is an error."""
        try:
            yield
        except (self._target.CardError, MemoryError) as error:
            raise failed(error) from error

    def _propose_each(self, job: BatchJob, batch: CandidateBatch) -> None:
        if self.name == "cuda":
            self.line_up(job, batch)
        if not self._done(self._react_proposed, job, batch):
            super()._propose_each(job, batch)

    def _react_each(self, job: BatchJob, batch: CandidateBatch) -> None:
        if not self._done(self._react, job, batch):
            super()._react_each(job, batch)

    def _react_distinct(self, job: BatchJob, batch: CandidateBatch) -> None:
        if not self._done(self._react_kinds_there, job, batch):
            super()._react_distinct(job, batch)

    def _done(
        self, task: Callable[[BatchJob, CandidateBatch], None], job: BatchJob, batch: CandidateBatch
    ) -> bool:
        """Whether the card computed a batch, given less at a time where it had to be."""
        while self.name == "cuda":
            try:
                task(job, batch)
            except self._candidates.no_room as error:
                self._compete_here(str(error))
                return False
            except self._target.NoRoomError as error:
                self._give_up(str(error))
            except MemoryError as error:
                self._take_less(batch.slots, str(error))
            except self._target.CardError as error:
                raise failed(error) from error
            else:
                self._say_if_short(batch.slots)
                return True
        return False

    def match(self, name: str, *arguments: Any) -> bool:
        """Run a match on the card; False where it has not the memory, or is not used any more."""
        if self.name != "cuda":
            return False
        try:
            getattr(self._target, name)(*arguments)
        except MemoryError:
            return False
        except self._target.CardError as error:
            raise failed(error) from error
        return True

    def _react(self, job: BatchJob, batch: CandidateBatch) -> None:
        o, choice = self.options, job.choice
        snapshot = {
            **_terms(job.population),
            "choices_a": choice.a, "choices_b": choice.b, "operator_of": choice.operator_of,
        }  # fmt: skip
        draws = self._target.Draws(np.uint64(o.seed), np.uint64(job.tick), job.purpose)
        self._reactor(batch.slots).run(
            draws, snapshot, choice.operator, bool(o.copies), o.input_limit, batch.slots,
            self._columns(batch), batch.out,
        )  # fmt: skip

    def _react_proposed(self, job: BatchJob, batch: CandidateBatch) -> None:
        self._react_given(job, batch, batch.slots, self._columns(batch))

    def _react_kinds_there(self, job: BatchJob, batch: CandidateBatch) -> None:
        """React the first slot of each kind there; nothing else crosses the bus."""
        slots = batch.distinct[: batch.kinds]
        columns = {name: column[slots] for name, column in self._columns(batch).items()}
        self._react_given(job, batch, batch.kinds, columns)
        for name in self._target.ANSWERED:
            getattr(batch, name)[slots] = columns[name]

    def _react_given(
        self, job: BatchJob, batch: CandidateBatch, count: int, columns: dict[str, Any]
    ) -> None:
        """React so many rows of columns whose reactants are known."""
        o = self.options
        self._reactor(batch.slots).run_proposed(
            _terms(job.population), bool(o.copies), o.input_limit, count, columns, batch.out
        )

    def _columns(self, batch: CandidateBatch) -> dict[str, Any]:
        return {name: getattr(batch, name) for name in self._target.REACTION}

    def _reactor(self, slots: int) -> Any:
        """The buffers for batches of so many slots, made at the first."""
        if slots not in self._reactors:
            o = self.options
            limits = self._target.Limits(o.max_steps, o.max_size, o.max_depth)
            self._reactors[slots] = self._target.Reactor(
                slots, limits, limit=self._limit, share=self._share
            )
        return self._reactors[slots]

    def close(self) -> None:
        """Give the card's memory back, and end the workers."""
        self._forget()
        super().close()

    def _forget(self) -> None:
        """Drop what batches hold of the card's memory; the next makes its buffers anew."""
        self._reactors.clear()
        self._forget_candidates()
        self._target.give_back()

    def _forget_candidates(self) -> None:
        """The same of a tick's candidates; those that are there come here first."""
        with self._no_way_back():
            self._candidates.forget()

    def narrow(self) -> None:
        """Ask the card for half as much at a time, too."""
        super().narrow()
        sizes = [*self._reactors, *self._candidates.sizes]
        self._limit = max(LEAST_BATCH, (self._limit or max(sizes, default=1 << 16)) // 2)
        self._forget()

    def widen(self) -> None:
        """As much at a time as in the beginning."""
        super().widen()
        self._limit = self._wanted.gpu_batch_size
        self._forget()

    def _take_less(self, slots: int, reason: str) -> None:
        """Try half as much at a time; where that is not worth it, give up."""
        self._forget()
        self._limit = min(slots, self._limit or slots) // 2
        self._share /= 2
        self._short = True
        if self._limit < LEAST_BATCH:
            self._give_up(reason)

    def _say_if_short(self, slots: int) -> None:
        if self._short and slots > (self._limit or slots):
            self._wanted.say(
                f"the GPU ran out of memory; at most {self._limit} reactions at a time from now on"
            )
        self._short = False

    def _compete_here(self, reason: str) -> None:
        self._competes = False
        self._forget_candidates()
        self._wanted.say(f"{reason}; the CPU weighs and chooses, the GPU computes reactions")

    def _give_up(self, reason: str) -> None:
        self._reactors.clear()
        self._forget_candidates()
        self.name = "cpu"
        self._wanted.say(f"{reason}; this run goes on on the CPU")


def _terms(population: Population) -> dict[str, Any]:
    """What a reaction reads of all terms."""
    column = population.column
    facts = {name: column[name] for name in ("start", "size", "normal", "value", "form")}
    return {"code": population.code[: population.end], **facts}


class CudaMatcher(Matcher):
    """Matches on the card where there are rows enough; what does not fit there, the CPU does."""

    def __init__(self, device: CudaBackend) -> None:
        self._device = device

    def numerals(self, population: TermColumns, rows: Places) -> Truth:
        """Which rows are Church numerals."""
        if not isinstance(population, Population):
            return super().numerals(population, rows)
        column, found = population.column, np.empty(len(rows), dtype=np.bool_)
        code = population.code[: population.end]
        arguments = (code, column["start"], column["size"], rows, found)
        if len(rows) >= LEAST_ROWS and self._device.match("match_numerals", *arguments):
            return found
        return super().numerals(population, rows)

    def terms(self, population: TermColumns, rows: Places, pattern: Words, metas: int) -> Truth:
        """Which rows match a pattern."""
        if not isinstance(population, Population):
            return super().terms(population, rows, pattern, metas)
        column, found = population.column, np.empty(len(rows), dtype=np.bool_)
        code = population.code[: population.end]
        arguments = (pattern, code, column["start"], rows, metas, found)
        if len(rows) >= LEAST_ROWS and self._device.match("match_terms", *arguments):
            return found
        return super().terms(population, rows, pattern, metas)
