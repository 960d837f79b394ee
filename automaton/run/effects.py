"""What a tick's actions ask of the shell: trials, normal forms, versions of objects, input.

Here the core's questions meet the log, the inbox and the device; what comes of the
answers is decided by `actions` and the fold. Whatever looks into the log waits until
the batch before is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from automaton.backends import Workspace
from automaton.chemistry import World, operator_trial
from automaton.chemistry.effects import AcceptedInput, Effects
from automaton.errors import UsageError
from automaton.format.admission import admit
from automaton.log import Log
from automaton.program.definitions import Automaton
from automaton.replay import spot_check
from automaton.terms.arrays import Words
from automaton.workers import SingleTaskExecutor


class RunEffects:
    """What one run answers its actions; `begin` comes before the questions of a tick."""

    def __init__(
        self, log: Log, world: World, space: Workspace, background: SingleTaskExecutor
    ) -> None:
        self._log, self._world, self._space = log, world, space
        self._background = background
        self._tick = len(log.commits) + 1  # under way, or next
        self._given = AcceptedInput([], [])  # to this tick, where nothing has taken it yet
        self._accepted = AcceptedInput([], [])
        self.refused: Counter[str] = Counter()  # lines of the inbox, by reason
        self._check: Callable[[], object] | None = None  # waits for what `validate-self` checks

    def effects(self) -> Effects:
        """What the core may ask; not kept here, so that the end of a run frees its arrays."""
        return Effects(
            self._trial, self._normal_form, self._current, self._versions,
            self._take_inbox, self._validate, self._in_place, self._all_accepted,
        )  # fmt: skip

    def begin(self, tick: int, given: Sequence[bytes]) -> None:
        """A tick begins, with these lines of input; one that cannot be input is a `UsageError`."""
        found, taken, refused = admit(given, self._log.prefix)
        if refused:
            raise UsageError(f"what is given to a tick is no input: {min(refused)}")
        self._tick, self._check = tick, None
        self._given, self._accepted = AcceptedInput(found, taken), AcceptedInput([], [])

    def _all_accepted(self) -> AcceptedInput:
        self._take_given()
        return self._accepted

    def _in_place(self) -> bool:
        """Whether the pinned genesis is in place; the first append pins it before it writes."""
        self._background.wait()
        return self._tick == 1 or self._log.genesis_in_place()

    def _trial(self, target: Automaton, words: Words) -> int:
        return operator_trial.count_candidates(self._world, self._space, self._tick, target, words)

    def _normal_form(self, words: Words) -> tuple[Words | None, int]:
        return operator_trial.normal_form(self._world.options, words)

    def _current(self, object_id: str) -> bytes | None:
        found, taken = self._accepted
        accepted = dict(zip((f.id for f in found), taken, strict=True))
        self._settle()
        return accepted.get(object_id) or self._log.current(object_id)

    def _versions(self, object_id: str) -> list[int]:
        self._settle()
        return self._log.find(object_id)

    def _take_given(self) -> None:
        found, taken = self._given
        if taken:
            self._settle()  # whether these objects are new, the log's index says
        self._given = AcceptedInput([], [])
        self._take(AcceptedInput(found, taken))

    def _take_inbox(self) -> None:
        self._take_given()
        self._settle()
        self._log.sync()
        state = self._world.state
        lines, state.inbox = self._log.inbox_lines(state.inbox)
        found, taken, refused = admit(lines, self._log.prefix)
        state.counters["refused"] += refused.total()
        self.refused += refused
        self._take(AcceptedInput(found, taken))

    def _take(self, more: AcceptedInput) -> None:
        self._world.state.counters["accepted"] += len(more.lines)
        found, lines = self._accepted
        self._accepted = AcceptedInput(found + more.found, lines + more.lines)

    def _validate(self) -> tuple[int, int, int]:
        """What the line says if all is so; whether it is, is found out beside the loop."""
        self._settle()
        sample = spot_check.drawn(self._log, self._world.options.seed, self._tick - 1)
        self._check = self._background.ahead(spot_check.validate_sample, self._log, sample)
        return sample.said()

    def _settle(self) -> None:
        """Wait until the batch before is in the log, and nobody else reads it."""
        self._background.wait()
        if self._check is not None:
            self._check()

    def validated(self) -> Callable[[], object] | None:
        """Waits for what this tick's `validate-self` checks, and raises what is not so.

        To be called before the tick is written, which says that all is so.
        """
        return self._check
