"""What the conditions of a tick are answered with: draws, means and the winners.

Functions of the snapshot, the batch and the seed. What the disk has to say is
handed in; nothing here opens it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from automaton.backends.batch import CandidateBatch
from automaton.chemistry.world import World
from automaton.compute.reduction import SubstitutionReducer, application
from automaton.format.machine_state import MachineState
from automaton.format.stream_options import FIXED_ONE
from kernels import cpu, philox
from kernels.chemistry import winner_queries
from kernels.terms import unify

_SAMPLE = 16  # winners that `majority_agree` recomputes
_WORD = 1 << 32


class ConditionAnswers:
    """The answers of one tick; each is worked out once, draws are numbered as they are asked."""

    def __init__(
        self, world: World, batch: CandidateBatch, tick: int, reference: SubstitutionReducer,
        file_exists: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.world, self.batch, self.tick = world, batch, tick
        self._reference = reference
        self._file_exists = file_exists
        self._draws = 0
        self.facts: list[tuple[str, bool]] = []  # answers that a replay reads from the log

    def __call__(self, question: str) -> bool:
        """The answer to one of `conditions.QUESTIONS`."""
        answers: dict[str, Callable[[], bool]] = {
            "file_exists": self._file,
            "observation": lambda: self._chance(_WORD // 2),
            "quantum_collapse": self._collapse,
            "gradient_descent": lambda: self.mean_salience > (self._state.baseline or 0),
            "unifiable": lambda: self._unifiable,
            "numeric": lambda: self._numeric,
            "majority_agree": lambda: self._majority,
        }
        return answers[question]()

    @property
    def _state(self) -> MachineState:
        return self.world.state

    @cached_property
    def winners(self) -> npt.NDArray[np.int64]:
        """The slots that won, ascending."""
        return np.flatnonzero(self.batch.won)

    @cached_property
    def mean_salience(self) -> int:
        """The winners' mean salience, rounded down; 0 without winners.

        In fixed point where streams compete, else in nodes * ONE.
        """
        count = len(self.winners)
        total = int(self.batch.salience[self.winners].sum(dtype=np.int64))
        unit = 1 if self.world.streams else FIXED_ONE
        return total * unit // count if count else 0

    @cached_property
    def wins(self) -> list[int]:
        """How many rounds each stream won; of one stream, all."""
        streams = len(self._state.weights)
        return [int(n) for n in np.bincount(self.winners % streams, minlength=streams)]

    @cached_property
    def best(self) -> int | None:
        """The winner with the greatest salience (ties: the lowest slot)."""
        if not len(self.winners):
            return None
        return int(self.winners[np.argmax(self.batch.salience[self.winners])])

    def _file(self) -> bool:
        answer = self._file_exists()
        self.facts.append(("file_exists", answer))
        return answer

    def _chance(self, of: int) -> bool:
        """A seeded draw that is true with probability of / 2**32."""
        word = philox.words(self.world.options.seed, self.tick, self._draws, philox.CONDITION)[0]
        self._draws += 1
        return int(word) < of

    def _collapse(self) -> bool:
        weights = self._state.weights
        half = len(weights) == 1
        return self._chance(_WORD // 2 if half else max(weights) * _WORD // FIXED_ONE)

    @cached_property
    def _numeric(self) -> bool:
        return bool(cpu.compiled(winner_queries.some_numeric)(*self._reactants()))

    @cached_property
    def _unifiable(self) -> bool:
        largest = int(self.world.population.column["size"].max())
        work = np.empty(2 * unify.ROOM * largest, dtype=np.int32)
        return bool(cpu.compiled(winner_queries.some_unifiable)(*self._reactants(), work))

    def _reactants(self) -> tuple[object, ...]:
        population, batch = self.world.population, self.batch
        return (
            population.code, population.column["start"], population.column["size"],
            batch.places_a, batch.places_b, batch.won, batch.slots,
        )  # fmt: skip

    @cached_property
    def _majority(self) -> bool:
        """Whether more than half of a sample of winners are what the reference reducer finds."""
        count = len(self.winners)
        size = min(_SAMPLE, count)
        sample = self.winners
        if count > _SAMPLE:
            drawn = [
                philox.words(self.world.options.seed, self.tick, k, philox.SAMPLE)[0]
                for k in range(_SAMPLE)
            ]
            sample = self.winners[[philox.index_of(w, count) for w in drawn]]
        return 2 * sum(self._agrees(int(slot)) for slot in sample) > size

    def _agrees(self, slot: int) -> bool:
        population, batch = self.world.population, self.batch
        rows = (batch.operators[slot], batch.places_a[slot], batch.places_b[slot])
        words = application(*(population.words(int(row)) for row in rows))
        normal_form, steps = self._reference.normal_form(words, self.world.options.max_steps)
        return (
            normal_form is not None
            and steps == batch.steps[slot]
            and np.array_equal(normal_form, batch.word_span(slot))
        )
