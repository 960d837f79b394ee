"""The loop: snapshot, candidates, winners, next snapshot, one write.

Touches the clock and the gauges; hands seeds and snapshots to the core, batches
to the device, bytes to the log. It decides nothing about what wins or moves.
While one tick's bytes are hashed, written and made durable, the next is computed.

Longer than 300 lines: the loop is read from top to bottom.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Literal, Self

from automaton.backends import ON_CPU, DeviceRequest, attach, open_backend, opened
from automaton.chemistry.tick import TickResult, compute_tick, finish_tick, take_turn
from automaton.compute import capability
from automaton.errors import MismatchError, StoppedError, WorkerError
from automaton.format.options import NAMES as DECIDING
from automaton.format.options import known
from automaton.format.records import CommitFields
from automaton.log import Log
from automaton.log.prefix_hash import HashedPrefix, worth_hashing_ahead
from automaton.replay import CheckpointWriter, MalformedLines
from automaton.replay.damaged_genesis import as_data_if_damaged
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.replay.restore import restore_world
from automaton.replay.run_options import options_for, record_for, refuse_island
from automaton.run.autoscaler import Autoscaler
from automaton.run.background_sealing import BackgroundSealing
from automaton.run.background_sync import BackgroundSync
from automaton.run.effects import RunEffects
from automaton.run.free_space import MEASURED_TICKS, FreeSpaceGuard
from automaton.run.metrics import RunMeter, RunParts, RunTotals
from automaton.run.report_timer import ReportTimer
from automaton.run.sidecar_writer import SidecarOptions, SidecarWriter
from automaton.run.stats import Stats
from automaton.run.trace import NO_TRACE, Trace
from automaton.run.warmup import warm_up
from automaton.verify.live import OFF, LiveOptions, LiveVerification
from automaton.workers import Pool, SingleTaskExecutor
from automaton.workers.autoscale_policy import ScalingOptions

PROGRAM = "automaton-scalable"  # what is installed
Durability = Literal["commit", "interval", "off"]
SCALING = ScalingOptions()
NOTHING: Mapping[str, Any] = {}
KEEPING = SidecarOptions()


@dataclass(frozen=True)
class PendingBatch:
    """A tick's batch on its way to the log, as `Log.append` takes it."""

    parts: list[Any]  # bytes, in their order
    lines: int
    fields: CommitFields
    named: list[tuple[str | None, int]]  # ids of objects, by line of the batch
    winners: slice  # of `parts`

    @classmethod
    def of(cls, result: TickResult, head: bytes) -> Self:
        """A tick's lines behind a run record, or behind nothing."""
        lines = result.lines
        found, made = lines.accepted.found, lines.step.made
        first = bool(head) + len(found) + lines.computed  # line of those that actions made
        named: list[tuple[str | None, int]] = [(f.id, bool(head) + k) for k, f in enumerate(found)]
        named += [(line.found.id, first + k) for k, line in enumerate(made) if line.found]
        sections = lines.sections(head)
        before = sum(section.kind in {"run", "input"} for section in sections)
        winners = slice(before, before + len(lines.winner_lines))
        parts = [section.data for section in sections]
        return cls(parts, bool(head) + lines.count, result.fields, named, winners)


class Run:
    """A log under way. Use as a context manager; `go` runs, `stop` ends it after the tick."""

    def __init__(
        self, path: str | Path, given: Mapping[str, Any] = NOTHING, *,
        durability: Durability = "commit", as_genesis: bool = False,
        progress: Callable[[int], None] = lambda _tick: None,
        wanted: DeviceRequest = ON_CPU, scaling: ScalingOptions = SCALING,
        pacing: LiveOptions = OFF, keeping: SidecarOptions = KEEPING,
        record: str | None = None, segment_bytes: int = 0, **more: Any,
    ) -> None:  # fmt: skip
        given = {**given, **more}
        known(given, DECIDING)  # before the log is touched
        self.log = Log.open(
            path, write=True, durability=durability, as_genesis=as_genesis, clock=time.monotonic,
            version=capability.installed(PROGRAM),
        )  # fmt: skip
        self.pool: Pool | None = None
        self.pace = LiveVerification()
        self.trace: Trace = NO_TRACE
        self.aside: SidecarWriter | None = None
        self.sealing: BackgroundSealing | None = None
        self._parts = ExitStack()
        try:
            if as_genesis:
                as_data_if_damaged(self.log, given)
            refuse_island(self.log, given)
            self.record = record_for(self.log, record)
            self._parts.enter_context(with_omitted_batches(self.log))
            self.options = options_for(self.log, given)
            warm_up(self.options)
            self.pace.start(pacing, self.log.path, len(self.log.commits), self.log.size)
            self.pool = opened(self.options, scaling, wanted.say)  # starts while the log is read
            self._begin(progress, wanted, self.pool)
            self.scaler = Autoscaler(self.device, scaling, wanted.say)
            if self.world.streams is not None:
                self.aside = SidecarWriter(self.log, keeping, self.device, self.world)
            if segment_bytes:
                self.sealing = BackgroundSealing(self.log, segment_bytes)
        except BaseException:
            if self.pool is not None:
                self.pool.close()
            self._parts.close()
            self.pace.close()
            self.log.close()
            raise

    def _begin(self, progress: Callable[[int], None], wanted: DeviceRequest, pool: Pool) -> None:
        self.malformed = MalformedLines()
        self.world = restore_world(self.log, self.options, self.malformed, progress)
        self.begun = len(self.log.commits)
        self.totals = RunTotals(self.begun)
        self._new_run = self.log.run is None or dict(self.log.run.options) != self._record()
        if self._new_run:
            self.world.begin_run(self.options, self.log.run_count + 1, self.tick + 1)
        self._count_genesis()
        self.keeper = CheckpointWriter(self.log, self.world)
        self.device = open_backend(self.options, wanted, pool)
        self.space = attach(self.device, self.world)
        self.background = SingleTaskExecutor()
        self.syncing = BackgroundSync(self.log) if self.log.durability == "commit" else None
        if self.syncing is not None:
            self.log.defer_syncs()
        self.shell = RunEffects(self.log, self.world, self.space, self.background)
        self._stopping = Event()
        self.left = False  # a tick was left unfinished; this run makes no more of them
        self._living = (0, 0)  # live and distinct terms before the last tick with input
        self.world.watch_with(partial(_leave, self._stopping))
        self.short_of_room = ""  # why `go` ended, where the disk was the reason
        self.gauges = RunMeter(self.tick)

    def _record(self) -> dict[str, Any]:
        """The options as they stand in a run record of this log."""
        return self.options.record(self.log.format)

    def _count_genesis(self) -> None:
        counters = self.world.state.counters
        if not self.tick:
            counters["lines"] = self.log.lines
            counters["objects"] = self.log.object_count

    @property
    def tick(self) -> int:
        """The last tick that is done."""
        return self.totals.tick

    @property
    def outcomes(self) -> dict[str, int]:
        """How many candidates of this run had each outcome."""
        return self.totals.outcomes

    # -- the loop ----------------------------------------------------------

    def go(
        self, *, ticks: int | None = None, seconds: float | None = None, interval_ms: int = 1000,
        stats_every: float = 10.0, show: Callable[[Stats], None] = lambda _stats: None,
        min_free: int = 0, say: Callable[[str], None] = lambda _text: None,
    ) -> Stats:  # fmt: skip
        """Run until a bound is reached or `stop` is called; returns the closing statistics."""
        started = self.gauges.start()
        shown = ReportTimer(self.stats, show, stats_every, started)
        first = self.tick
        growth = FreeSpaceGuard(self.log, min_free, sealing=self.sealing is not None)
        until = None if seconds is None else started + seconds
        while self._in_step(until, shown):
            begun = time.monotonic()
            self.short_of_room = growth.short()
            if self.short_of_room:
                break
            self.step()
            if self.tick - first == MEASURED_TICKS:
                spent = time.monotonic() - started
                ends_in = _ends_in(spent, MEASURED_TICKS, interval_ms, ticks, seconds)
                self.background.wait()  # for the commits that are looked at
                if text := growth.said(MEASURED_TICKS, spent, interval_ms, ends_in):
                    say(text)
            self._say_troubles(say)
            self._keep_checkpoint()
            now = time.monotonic()
            shown.when_due(now)
            if self._over(first, ticks, until):
                break
            self.scaler.after_tick(now - begun, self._stopping, until, bounded=ticks is not None)
            following = begun + interval_ms / 1000
            self._pause(following if until is None else min(following, until), shown)
            if self._over(first, None, until):
                break  # no tick begins when the time is over
        self.background.wait()
        self._sync()
        with self._name_first():
            while not self.pace.finish(self.tick, self._stopping, shown.due):
                shown.when_due(time.monotonic())
        self._settle_beside(final=True)
        self._say_troubles(say)
        return self.stats(final=True)

    def short_of_disk(self, min_free: int) -> str:
        """Why not to go on, where fewer bytes are free than `min_free`; or nothing."""
        return FreeSpaceGuard(self.log, min_free).short()

    def settle(self) -> None:
        """Have all ticks so far on the disk, for who makes them one by one with `step`."""
        self.background.wait()
        self._sync()
        self._settle_beside(final=False)

    def _settle_beside(self, *, final: bool) -> None:
        self._keep_checkpoint(final=final)
        if self.aside is not None:
            self.aside.settle()

    def _over(self, first: int, ticks: int | None, until: float | None) -> bool:
        """Whether a bound is reached: so many ticks since `first`, or the time."""
        made = ticks is not None and self.tick - first >= ticks
        return made or (until is not None and time.monotonic() >= until)

    def _pause(self, until: float, shown: ReportTimer[Stats]) -> None:
        """Wait for the next tick; statistics that become due meanwhile say that it lives."""
        while not self._stopping.is_set() and (now := time.monotonic()) < until:
            self._stopping.wait(max(0.0, shown.before(until) - now))
            shown.when_due(time.monotonic())

    def _in_step(self, until: float | None, shown: ReportTimer[Stats]) -> bool:
        """Whether to go on, once verification is near enough; a mismatch is raised here."""
        if self.pace.ahead(self.tick):
            self.background.wait()
        while True:
            now = time.monotonic()
            with self._name_first():
                self.pace.hold(self.tick, self._stopping, shown.before(until))
            out_of_time = until is not None and now >= until
            if self._stopping.is_set() or out_of_time or not self.pace.ahead(self.tick):
                break
            shown.when_due(time.monotonic())
        return not self._stopping.is_set() and not self.pace.ahead(self.tick)

    @contextmanager
    def _name_first(self) -> Iterator[None]:
        """What verification finds may come of another file under the log's name: said first."""
        try:
            yield
        except (MismatchError, WorkerError):
            self.background.wait()
            self.log.look()
            raise

    def _say_troubles(self, say: Callable[[str], None]) -> None:
        """What could not be kept beside the log, and what became of its inbox."""
        for news in self.log.news():
            say(news)
        for part in (self.aside, self.sealing):
            for trouble in part.troubles() if part else ():
                say(trouble)

    def _keep_checkpoint(self, *, final: bool = False) -> None:
        """Where the log has grown enough, keep what makes opening it quick."""
        if self.tick and not self.left and self.keeper.due(final=final):
            self.background.wait()
            self._sync()
            self.keeper.keep()

    def _sync(self) -> None:
        """Have all that is written durable, however it is made so."""
        if self.syncing is not None:
            self.syncing.wait()
        self.log.sync()

    def stop(self) -> None:
        """End `go` after the tick under way; safe in a signal handler.

        A tick that reads so much input that it would last is left: nothing of it is
        written, `left` is set, and this run can make no more ticks.
        """
        self._stopping.set()

    def step(self, given: Sequence[bytes] = ()) -> None:
        """One tick, whose bytes are written while the next is computed.

        `given`: lines of input for this tick, whether its program reads its inbox or
        not: its first `self-io` takes them before those of the inbox; without one they
        are taken after the actions. A line that cannot be input is a `UsageError`.
        """
        tick = self.tick + 1
        if self.syncing is not None:
            self.syncing.check()
        self.shell.begin(tick, given)
        self.begun = tick
        with self.trace.stage("react and write lines", tick):
            computed = compute_tick(self.world, self.space, tick)
        parts = computed.winner_lines
        begun = (
            self.background.ahead(HashedPrefix.of, parts, self.log.format)
            if worth_hashing_ahead(parts)
            else None
        )
        state, refused = self.world.state.copy(), self.shell.refused.copy()
        try:
            with self.trace.stage("conditions and actions", tick):
                lines = take_turn(computed, self.shell.effects(), run=self._new_run)
            if lines.accepted.found:
                self._living = self.living()
            with self.trace.stage("fold", tick):
                result = finish_tick(computed, lines)
        except StoppedError:
            self.world.state, self.shell.refused, self.left = state, refused, True
            return
        self.totals.add(result)
        choice, batch = computed.choice, self.space.batch
        aside = self.aside.take(tick, self.world, batch, choice) if self.aside else None
        with self.trace.stage("wait for the log", tick):
            self.background.wait()
        head = self.log.run_record(self._record()) if self._new_run else b""
        self._new_run = False
        handed = PendingBatch.of(result, head)
        omitted = handed.winners if self.record == "commits" else None
        validated = self.shell.validated()
        if begun is None and aside is None and self.log.durability != "interval":
            self._store(handed, begun, omitted, aside, validated)  # not worth a thread
        else:
            self.background.start(self._store, handed, begun, omitted, aside, validated)

    def _store(
        self, handed: PendingBatch, begun: Callable[[], HashedPrefix] | None, omitted: slice | None,
        aside: Callable[[bytes], None] | None, validated: Callable[[], object] | None,
    ) -> None:  # fmt: skip
        """Write a batch and what goes beside it; say to who verifies that it can be read."""
        if validated is not None:
            validated()  # raises what is not so: then the tick that says it is, is not written
        if self.sealing is not None:
            self.sealing.switch()
        with self.trace.stage("hash and append", handed.fields.tick):
            self.log.append(
                handed.parts, handed.lines, handed.fields, handed.named,
                begun() if begun else None, omitted, aside,
            )  # fmt: skip
        for part in (self.syncing, self.sealing):
            if part is not None:
                part.request()
        self.pace.written(self.log.size, self.log.path)

    def living(self) -> tuple[int, int]:
        """Terms alive after the last tick that was finished, and different ones among them."""
        population = self.world.population
        return self._living if self.left else (len(population), population.distinct())

    def stats(self, *, final: bool = False) -> Stats:
        """The statistics now; the window is since the set before, of the last one the run."""
        parts = RunParts(
            self.log, self.world, self.device, self.background, self.shell, self.scaler,
            self.pace, self.aside, self.living(),
        )  # fmt: skip
        return self.gauges.read(parts, self.totals, final=final)

    def close(self) -> None:
        """Finish what is being written, end the threads, give the log back."""
        with self._parts as parts:  # each is closed whatever comes of the others
            beside = (self.sealing, self.syncing, self.pace, self.device, self.aside)
            for part in (self.log, *beside, self.background):
                if part is not None:
                    parts.callback(part.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _leave(stopping: Event) -> None:
    """Leave a tick that reads much input, where the run is to end."""
    if stopping.is_set():
        raise StoppedError("the run was stopped while a tick read its input")


def _ends_in(
    spent: float, done: int, interval_ms: int, ticks: int | None, seconds: float | None
) -> float | None:
    """Seconds until a bounded run ends, by the pace of what is done; None: it has no bound."""
    a_tick = max(spent / done, interval_ms / 1000)
    bounds = [] if seconds is None else [seconds - spent]
    bounds += [] if ticks is None else [(ticks - done) * a_tick]
    return min(bounds, default=None)
