"""What a tick's actions ask of the shell: trials, normal forms, versions of objects, input.

Here the core's questions meet the log, the inbox and the device; what comes of the
answers is decided by `actions` and the fold. Whatever looks into the log waits until
the batch before is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from automaton.backends import CpuBackend
from automaton.backends.batch import BatchJob
from automaton.chemistry import World
from automaton.chemistry.effects import TRIALS, Effects
from automaton.compute import draws
from automaton.compute.reduction import reduce_batch
from automaton.errors import UsageError
from automaton.format.admission import admit
from automaton.format.objects import NamedObject
from automaton.log import Log
from automaton.program import NamedTerm
from automaton.program.definitions import Automaton
from automaton.replay import spot_check
from automaton.terms.arrays import Words
from automaton.workers import SingleTaskExecutor

Input = tuple[list[NamedObject], list[bytes]]  # objects, and the lines that hold them


class RunEffects:
    """What one run answers its actions; `begin` comes before the questions of a tick."""

    def __init__(
        self, log: Log, world: World, device: CpuBackend, background: SingleTaskExecutor
    ) -> None:
        self._log, self._world, self._device = log, world, device
        self._background = background
        self._trials = device.batch(TRIALS)
        self._tick = len(log.commits) + 1  # under way, or next
        self._given: Input = ([], [])  # to this tick, where nothing has taken it yet
        self._accepted: Input = ([], [])
        self.refused: Counter[str] = Counter()  # lines of the inbox, by reason
        self.seams = Effects(
            self._trial, self._normal_form, self._current, self._versions,
            self._take_inbox, self._validate,
        )  # fmt: skip

    def begin(self, tick: int, given: Sequence[bytes]) -> None:
        """A tick begins, with these lines of input; one that cannot be input is a `UsageError`."""
        found, taken, refused = admit(given, self._log.prefix)
        if refused:
            raise UsageError(f"what is given to a tick is no input: {min(refused)}")
        self._tick, self._given, self._accepted = tick, (found, taken), ([], [])

    def accepted(self) -> Input:
        """All input of the tick, once its actions are done."""
        self._take_given()
        return self._accepted

    def in_place(self) -> bool:
        """Whether the pinned genesis is in place; the first append pins it before it writes."""
        self._background.wait()
        return self._tick == 1 or self._log.genesis_in_place()

    def _trial(self, target: Automaton, words: Words) -> int:
        """How many of TRIALS reactions with this operator are candidates."""
        world = self._world
        world.population.set_operator(world.trial_row, NamedTerm(b"trial", words, "trial"))
        choice = world.choice_for(target, world.trial_row)
        self._device.react(
            BatchJob(world.population, choice, self._tick, draws.TRIAL), self._trials
        )
        return self._trials.counts()[0]

    def _normal_form(self, words: Words) -> tuple[Words | None, int]:
        o = self._world.options
        if len(words) > o.input_limit:
            return None, 0
        reduced = reduce_batch([words], o.max_steps, o.max_size, o.max_depth)
        return reduced.words(0), int(reduced.steps[0])

    def _current(self, object_id: str) -> bytes | None:
        found, taken = self._accepted
        accepted = dict(zip((f.id for f in found), taken, strict=True))
        self._background.wait()
        return accepted.get(object_id) or self._log.current(object_id)

    def _versions(self, object_id: str) -> list[int]:
        self._background.wait()
        return self._log.find(object_id)

    def _take_given(self) -> None:
        found, taken = self._given
        if taken:
            self._background.wait()  # whether these objects are new, the log's index says
        self._given = ([], [])
        self._take(found, taken)

    def _take_inbox(self) -> None:
        self._take_given()
        self._background.wait()
        self._log.sync()
        state = self._world.state
        lines, state.inbox = self._log.inbox_lines(state.inbox)
        found, taken, refused = admit(lines, self._log.prefix)
        state.counters["refused"] += refused.total()
        self.refused += refused
        self._take(found, taken)

    def _take(self, found: list[NamedObject], taken: list[bytes]) -> None:
        self._world.state.counters["accepted"] += len(taken)
        self._accepted = (self._accepted[0] + found, self._accepted[1] + taken)

    def _validate(self) -> tuple[int, int, int]:
        self._background.wait()
        return spot_check.validate(self._log, self._world.options.seed, self._tick - 1)
