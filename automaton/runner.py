"""The loop: snapshot, candidates, winners, next snapshot, one write.

Touches the clock and the gauges; hands seeds and snapshots to the core, batches
to the device, bytes to the log. It decides nothing about what wins or moves.
While one tick's bytes are hashed, written and made durable, the next is computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any, Literal, Self

import numpy as np

from automaton import conditions, recompute
from automaton.actions import ACTIONS, TRIALS, Scene, Seams, fact_line
from automaton.answers import Answers
from automaton.device import (
    OUTCOMES,
    Batch,
    Fragments,
    Job,
    LineBuffer,
    Reference,
    reduce_batch,
)
from automaton.gauges import Gauges
from automaton.gpu import ON_CPU, Wanted, open_device
from automaton.intake import accept
from automaton.log import Log
from automaton.modify import Automaton, moves
from automaton.pool import Background
from automaton.population import Entering, Named, Words
from automaton.records import CommitFields
from automaton.restore import Malformed, options_for, restored
from automaton.sources import Found
from automaton.stats import Stats
from automaton.warm import warm_up
from automaton.world import Choice, Made
from kernels import philox

Durability = Literal["commit", "interval", "off"]


class Run:
    """A log under way. Use as a context manager; `go` runs, `stop` ends it after the tick."""

    def __init__(
        self, path: str | Path, given: Mapping[str, Any], *, durability: Durability = "commit",
        as_genesis: bool = False, progress: Callable[[int], None] = lambda _tick: None,
        wanted: Wanted = ON_CPU,
    ) -> None:  # fmt: skip
        self.log = Log.open(
            path, write=True, durability=durability, as_genesis=as_genesis, clock=time.monotonic
        )
        try:
            self._begin(given, progress, wanted)
        except BaseException:
            self.log.close()
            raise

    def _begin(
        self, given: Mapping[str, Any], progress: Callable[[int], None], wanted: Wanted
    ) -> None:
        warm_up()
        self.malformed = Malformed()
        self.options = options_for(self.log, given)
        self.world = restored(self.log, self.options, self.malformed, progress)
        self.tick = len(self.log.commits)
        self._new_run = self.log.run is None or dict(self.log.run.options) != self.options.record()
        if self._new_run:
            self.world.use_options(self.options, self.log.run_count + 1)
        self._count_genesis()
        self.device = open_device(self.options, wanted)
        self.batch = Batch(self.options.parallel, self.options.max_size)
        self.trials = Batch(TRIALS, self.options.max_size)
        self.buffers = (LineBuffer(), LineBuffer())
        self.background = Background()
        self.reference = Reference()
        self.unknown: dict[str, None] = {}
        self.moved = True
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self._stopping = Event()
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
    ) -> Stats:  # fmt: skip
        """Run until a bound is reached or `stop` is called; returns the closing statistics."""
        started = shown = self.gauges.start()
        first = self.tick
        while not self._stopping.is_set():
            begun = time.monotonic()
            self.step()
            now = time.monotonic()
            if now - shown >= stats_every:
                show(self.stats())
                shown = now
            if ticks is not None and self.tick - first >= ticks:
                break
            if seconds is not None and now - started >= seconds:
                break
            pause = begun + interval_ms / 1000 - now
            if seconds is not None:
                pause = min(pause, started + seconds - now)
            if pause > 0:
                self._stopping.wait(pause)
        self.background.wait()
        self.log.sync()
        return self.stats(final=True)

    def stop(self) -> None:
        """End `go` after the tick under way; safe in a signal handler."""
        self._stopping.set()

    def step(self) -> None:
        """One tick, whose bytes are written while the next is computed."""
        tick = self.tick + 1
        choice = self.world.choice(tick)
        buffer = self.buffers[tick % 2]
        fragments = Fragments.of(self.log.prefix, tick, choice.level)
        job = Job(self.world.population, choice, tick, philox.REACTANTS)
        self.device.react(job, self.batch)
        self.device.write(job, self.batch, fragments, buffer)
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
        self.world.state.salience = answers.mean_salience
        self._count(found, len(winners), made)
        self.world.fold(tick, found, self._entering(winners), choice.level, made)
        self._append(tick, dict(zip(OUTCOMES, counts, strict=True)), taken, found, buffer, made)

    def _act(self, tick: int, answers: Answers) -> list[Made]:
        """Evaluate the conditions, perform the actions, move; returns the lines made."""
        world, state = self.world, self.world.state
        current = world.current
        if not current:
            return []
        locked = self.options.lock_dimension is not None
        going = moves(world.program, current, self._holds(tick, answers), locked=locked)
        automaton = world.program.automata[current]
        scene = Scene(
            world, answers, tick, self.options.parallel, self._seams(), automaton, automaton
        )
        scene.made += [fact_line(scene, name, answer=answer) for name, answer in answers.facts]
        for transition in going.performed:
            if not locked:
                scene.target = world.program.automata.get(transition.target, automaton)
            if transition.action in ACTIONS:
                ACTIONS[transition.action](scene)
                state.actions[transition.action] += 1
        self.moved = going.fired
        state.counters["stayed"] += not going.fired
        if going.next != current:
            state.automaton, state.entered = going.next, tick + 1
        return scene.made

    def _holds(self, tick: int, answers: Answers) -> Callable[[conditions.Condition], bool]:
        """How this tick evaluates a condition."""
        state = self.world.state
        numbers = {
            "line_number": state.counters["lines"],
            "step_count": tick - state.entered,
            "object_count": state.counters["objects"],
            "dimension": self.world.dimension(),
        }

        def holds(condition: conditions.Condition) -> bool:
            for text in conditions.unknowns(condition):
                state.counters["unknown"] += 1
                self.unknown[text] = None
            return conditions.holds(condition, numbers, answers)

        return holds

    def _seams(self) -> Seams:
        return Seams(
            self._trial, self._normal_form, self._current, self._versions,
            self._take_inbox, self._validate,
        )  # fmt: skip

    def _entering(self, winners: np.ndarray[Any, np.dtype[np.int64]]) -> Entering:
        batch = self.batch
        return Entering(
            winners, winners, batch.out, batch.results, batch.sizes, batch.steps,
            batch.words[winners],
        )  # fmt: skip

    def _count(self, found: list[Found], winners: int, made: list[Made]) -> None:
        counters = self.world.state.counters
        new = sum(not self.log.index.lines_of(identity) for identity in {f.id for f in found})
        renewed = sum(line.found is not None for line in made)
        counters["modifications"] += winners
        counters["objects"] += winners + new + len(made) - renewed
        counters["lines"] += int(self._new_run) + len(found) + winners + len(made) + 1

    def _append(
        self, tick: int, outcomes: dict[str, int], taken: list[bytes], found: list[Found],
        buffer: LineBuffer, made: list[Made],
    ) -> None:  # fmt: skip
        """Hand the batch to the log, once the one before is safe."""
        for name, count in outcomes.items():
            self.outcomes[name] += count
        self.background.wait()
        head = self.log.run_record(self.options.record()) if self._new_run else b""
        self._new_run = False
        made_bytes = b"".join(line.line for line in made)
        parts = [part for part in (head, *taken, *buffer.parts, made_bytes) if len(part)]
        winners = outcomes["normal"]
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
        self.background.start(self.log.append, parts, lines, fields, named)

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
        state.counters["refused"] += refused
        self._accepted = (self._accepted[0] + found, self._accepted[1] + taken)

    def _validate(self) -> tuple[int, int, int]:
        self.background.wait()
        return recompute.validate(self.log, self.options.seed, self.tick)

    def stats(self, *, final: bool = False) -> Stats:
        """The statistics now; the window is since the set before, of the last one the run."""
        return self.gauges.read(self, final=final)

    def close(self) -> None:
        """Finish what is being written, end the threads, give the log back."""
        self.background.close()
        self.device.close()
        self.log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
