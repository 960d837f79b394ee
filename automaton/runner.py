"""The loop: snapshot, candidates, winners, next snapshot, one write.

Touches the clock and the gauges; hands seeds and snapshots to the core, batches
to the device, bytes to the log. It decides nothing about what wins or moves.
While one tick's bytes are hashed, written and made durable, the next is computed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any, Literal, Self

from automaton import competition, recompute, turn
from automaton.actions import TRIALS, Seams
from automaton.answers import Answers
from automaton.aside import Aside, Keeping
from automaton.begun import Begun, worth
from automaton.budget import Scaling
from automaton.device import (
    OUTCOMES,
    Job,
    LineBuffer,
    Reference,
    opened,
    reduce_batch,
)
from automaton.gauges import Gauges
from automaton.gpu import ON_CPU, Wanted, open_device
from automaton.growth import MEASURED_TICKS, Growth
from automaton.intake import accept
from automaton.log import Log
from automaton.modify import Automaton
from automaton.options import NAMES as DECIDING
from automaton.options import known
from automaton.pace import OFF, Pace, Pacing
from automaton.pool import Background, Pool
from automaton.population import Named, Words
from automaton.records import CommitFields
from automaton.refill import refilled
from automaton.restore import Malformed, options_for, record_for, restored
from automaton.scaling import Scaler
from automaton.snapshot import Keeper
from automaton.sources import Found
from automaton.stats import Stats
from automaton.warm import warm_up
from automaton.world import Choice, Made
from kernels import philox

Durability = Literal["commit", "interval", "off"]
SCALING = Scaling()
NOTHING: Mapping[str, Any] = {}
KEEPING = Keeping()


def nothing() -> None:
    """Nothing to write beside the log."""


class Run:
    """A log under way. Use as a context manager; `go` runs, `stop` ends it after the tick."""

    def __init__(
        self, path: str | Path, given: Mapping[str, Any] = NOTHING, *,
        durability: Durability = "commit", as_genesis: bool = False,
        progress: Callable[[int], None] = lambda _tick: None,
        wanted: Wanted = ON_CPU, scaling: Scaling = SCALING, pacing: Pacing = OFF,
        keeping: Keeping = KEEPING, record: str | None = None, **more: Any,
    ) -> None:  # fmt: skip
        given = {**given, **more}
        known(given, DECIDING)  # before the log is touched
        self.log = Log.open(
            path, write=True, durability=durability, as_genesis=as_genesis, clock=time.monotonic
        )
        self.pool: Pool | None = None
        self.pace = Pace()
        self.aside: Aside | None = None
        self._parts = ExitStack()
        try:
            self.record = record_for(self.log, record)
            self._parts.enter_context(refilled(self.log))
            self.options = options_for(self.log, given)
            warm_up(self.options)
            self.pace.start(pacing, self.log.path, len(self.log.commits))
            self.pool = opened(self.options, scaling, wanted.say)  # starts while the log is read
            self._begin(progress, wanted, self.pool)
            self.scaler = Scaler(self.device, scaling, wanted.say)
            if self.world.streams is not None:
                self.aside = Aside(Path(self.log.path), keeping, self.device, self.world)
        except BaseException:
            if self.pool is not None:
                self.pool.close()
            self._parts.close()
            self.pace.close()
            self.log.close()
            raise

    def _begin(self, progress: Callable[[int], None], wanted: Wanted, pool: Pool) -> None:
        self.malformed = Malformed()
        self.world = restored(self.log, self.options, self.malformed, progress)
        self.tick = self.begun = len(self.log.commits)
        self._new_run = self.log.run is None or dict(self.log.run.options) != self.options.record()
        if self._new_run:
            self.world.use_options(self.options, self.log.run_count + 1)
        self._count_genesis()
        self.keeper = Keeper(self.log, self.world)
        self.device = open_device(self.options, wanted, pool)
        self.device.take_in(self.world.population)
        self.world.matcher = self.device.matcher
        self.batch = self.device.batch(self.world.slots, len(self.world.stream_names))
        self.trials = self.device.batch(TRIALS)
        self.buffers = (self.device.buffer(), self.device.buffer())
        self.background = Background()
        self.reference = Reference()
        self.unknown: dict[str, None] = {}
        self.moved = True
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.modifications = 0  # of this run
        self._stopping = Event()
        self.refused: Counter[str] = Counter()  # lines of the inbox, by reason
        self.short_of_room = ""  # why `go` ended, where the disk was the reason
        self.gauges = Gauges(self.tick)

    def _count_genesis(self) -> None:
        counters = self.world.state.counters
        if not self.tick:
            counters["lines"] = self.log.lines
            counters["objects"] = self.log.object_count
        if self._new_run and self.world.current:
            self.world.heed(self.tick + 1)

    # -- the loop ----------------------------------------------------------

    def go(
        self, *, ticks: int | None = None, seconds: float | None = None, interval_ms: int = 1000,
        stats_every: float = 10.0, show: Callable[[Stats], None] = lambda _stats: None,
        min_free: int = 0, say: Callable[[str], None] = lambda _text: None,
    ) -> Stats:  # fmt: skip
        """Run until a bound is reached or `stop` is called; returns the closing statistics."""
        started = shown = self.gauges.start()
        first = self.tick
        growth = Growth(self.log, min_free)
        until = None if seconds is None else started + seconds
        while self._in_step(until):
            begun = time.monotonic()
            self.short_of_room = growth.short()
            if self.short_of_room:
                break
            self.step()
            if self.tick - first == MEASURED_TICKS:
                say(growth.said(self.tick - first, time.monotonic() - started, interval_ms))
            self._say_troubles(say)
            self._keep_checkpoint()
            now = time.monotonic()
            if now - shown >= stats_every:
                show(self.stats())
                shown = now
            if ticks is not None and self.tick - first >= ticks:
                break
            if seconds is not None and now - started >= seconds:
                break
            self.scaler.after_tick(now - begun, self._stopping, until, bounded=ticks is not None)
            now = time.monotonic()
            pause = begun + interval_ms / 1000 - now
            if seconds is not None:
                pause = min(pause, started + seconds - now)
            if pause > 0:
                self._stopping.wait(pause)
        self.background.wait()
        self.log.sync()
        self.pace.finish(self.tick, self._stopping)
        self._keep_checkpoint(final=True)
        if self.aside is not None:
            self.aside.settle()
        self._say_troubles(say)
        return self.stats(final=True)

    def _in_step(self, until: float | None) -> bool:
        """Whether to go on, once verification is near enough; a mismatch is raised here."""
        if self.pace.ahead(self.tick):
            self.background.wait()
        self.pace.hold(self.tick, self._stopping, until)
        return not self._stopping.is_set() and not self.pace.ahead(self.tick)

    def _say_troubles(self, say: Callable[[str], None]) -> None:
        """What could not be kept beside the log."""
        for trouble in self.aside.troubles() if self.aside else ():
            say(trouble)

    def _keep_checkpoint(self, *, final: bool = False) -> None:
        """Where the log has grown enough, keep what makes opening it quick."""
        if self.tick and self.keeper.due(final=final):
            self.background.wait()
            self.log.sync()
            self.keeper.keep()

    def stop(self) -> None:
        """End `go` after the tick under way; safe in a signal handler."""
        self._stopping.set()

    def step(self) -> None:
        """One tick, whose bytes are written while the next is computed."""
        tick = self.begun = self.tick + 1
        choice = self.world.choice(tick)
        buffer = self.buffers[tick % 2]
        competition.compute(self.device, self.world, self.batch, tick, choice, buffer)
        parts = [part for part in buffer.parts if len(part)]
        self._begun = self.background.ahead(Begun.of, parts) if worth(parts) else None
        answers = Answers(self.world, self.batch, tick, self.reference, self._in_place)
        self._finish(tick, choice, answers, buffer)
        self.tick = tick

    def _finish(self, tick: int, choice: Choice, answers: Answers, buffer: LineBuffer) -> None:
        """Move the machine, fold, and hand the batch to the log."""
        counts = self.batch.counts()
        self._accepted: tuple[list[Found], list[bytes]] = ([], [])
        made = self._act(tick, answers)
        found, taken = self._accepted
        winners = answers.winners
        world, batch = self.world, self.batch
        world.state.salience = answers.mean_salience
        world.state.ends = competition.ends(world, batch)
        self._count(found, len(winners), made)
        lost = competition.remembered(world, tick, batch)
        world.fold(tick, found, competition.entering(batch, winners), choice.level, made, lost)
        outcomes = dict(zip(OUTCOMES, counts, strict=True))
        self._late = self.aside.take(tick, world, batch, choice) if self.aside else nothing
        self._append(tick, outcomes, len(winners), taken, found, buffer, made)

    def _act(self, tick: int, answers: Answers) -> list[Made]:
        """Evaluate the conditions, perform the actions, move; returns the lines made."""
        taken = turn.take(self.world, answers, tick, self._seams())
        self.unknown.update(dict.fromkeys(taken.unknown))
        self.moved = taken.fired
        return taken.made

    def _seams(self) -> Seams:
        return Seams(
            self._trial, self._normal_form, self._current, self._versions,
            self._take_inbox, self._validate,
        )  # fmt: skip

    def _count(self, found: list[Found], winners: int, made: list[Made]) -> None:
        new = sum(not self.log.index.lines_of(identity) for identity in {f.id for f in found})
        turn.count(self.world, made, winners, len(found), new, run=self._new_run)

    def _append(
        self, tick: int, outcomes: dict[str, int], winners: int, taken: list[bytes],
        found: list[Found], buffer: LineBuffer, made: list[Made],
    ) -> None:  # fmt: skip
        """Hand the batch to the log, once the one before is safe."""
        self.modifications += winners
        for name, count in outcomes.items():
            self.outcomes[name] += count
        self.background.wait()
        head = self.log.run_record(self.options.record()) if self._new_run else b""
        self._new_run = False
        made_bytes = b"".join(line.line for line in made)
        before, won = ([p for p in some if len(p)] for some in ((head, *taken), buffer.parts))
        parts = [*before, *won, *([made_bytes] if made_bytes else [])]
        omitted = slice(len(before), len(before) + len(won)) if self.record == "commits" else None
        lines = bool(head) + len(taken) + winners + len(made)
        first_made = lines - len(made)
        named: list[tuple[str | None, int]] = [(f.id, bool(head) + k) for k, f in enumerate(found)]
        named += [
            (line.found.id, first_made + k) for k, line in enumerate(made) if line.found is not None
        ]
        fields = CommitFields(
            tick=tick, outcomes=outcomes, dimension=self.world.dimension(),
            state=self.world.state.record(), population=self.world.population.total,
        )  # fmt: skip
        self.background.start(
            self._store, self._late, self._begun, parts, lines, fields, named, omitted
        )

    def _store(
        self, late: Callable[[], None], begun: Callable[[], Begun] | None, parts: list[Any],
        lines: int, fields: CommitFields, named: list[tuple[str | None, int]],
        omitted: slice | None,
    ) -> None:  # fmt: skip
        """Write a batch and what goes beside it; say to who verifies that it can be read."""
        self.log.append(parts, lines, fields, named, begun() if begun else None, omitted)
        late()
        self.pace.written(self.log.size)

    # -- what actions ask of the shell ---------------------------------------

    def _trial(self, target: Automaton, words: Words) -> int:
        """How many of TRIALS reactions with this operator are candidates."""
        world = self.world
        world.population.set_operator(world.trial_row, Named(b"trial", words, "trial"))
        choice = world.choice_for(target, world.trial_row)
        job = Job(world.population, choice, self.tick + 1, philox.TRIAL)
        self.device.react(job, self.trials)
        return self.trials.counts()[0]

    def _normal_form(self, words: Words) -> tuple[Words | None, int]:
        o = self.options
        if len(words) > o.input_limit:
            return None, 0
        reduced = reduce_batch([words], o.max_steps, o.max_size, o.max_depth)
        return reduced.words(0), int(reduced.steps[0])

    def _current(self, object_id: str) -> bytes | None:
        found, taken = self._accepted
        accepted = dict(zip((f.id for f in found), taken, strict=True))
        self.background.wait()
        return accepted.get(object_id) or self.log.current(object_id)

    def _versions(self, object_id: str) -> list[int]:
        self.background.wait()
        return self.log.find(object_id)

    def _in_place(self) -> bool:
        """Whether the pinned genesis is in place; the first append pins it before it writes."""
        self.background.wait()
        return self.tick == 0 or self.log.genesis_in_place()

    def _take_inbox(self) -> None:
        self.background.wait()
        self.log.sync()
        state = self.world.state
        lines, state.inbox = self.log.inbox_lines(state.inbox)
        found, taken, refused = accept(lines, self.log.prefix)
        state.counters["accepted"] += len(taken)
        state.counters["refused"] += refused.total()
        self.refused += refused
        self._accepted = (self._accepted[0] + found, self._accepted[1] + taken)

    def _validate(self) -> tuple[int, int, int]:
        self.background.wait()
        return recompute.validate(self.log, self.options.seed, self.tick)

    def stats(self, *, final: bool = False) -> Stats:
        """The statistics now; the window is since the set before, of the last one the run."""
        return self.gauges.read(self, final=final)

    def close(self) -> None:
        """Finish what is being written, end the threads, give the log back."""
        with self._parts as parts:  # each is closed whatever comes of the others
            for part in (self.log, self.pace, self.device, self.aside, self.background):
                if part is not None:
                    parts.callback(part.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
