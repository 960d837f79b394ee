"""What a tick may react: reactants that selectors chose, and the pools of the streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.program.definitions import Automaton
from automaton.terms.arrays import Ints, Numbers, Places, Sketches


@dataclass(frozen=True)
class StreamPools:
    """What the streams look at in a tick: the snapshot's side of the kernels' arguments."""

    policies: npt.NDArray[np.uint8]
    everything: Places
    sensed: Places
    recalled: Places
    felt: Places
    numerals: Places
    ruled: Places
    arithmetic: Places
    composing: int
    rewriting: Places  # rows of operators
    rewritten: Places  # of each of them the place that it rewrites
    facts: dict[str, npt.NDArray[Any]]
    recent: Ints
    recent_norm: int
    archive: Sketches
    archive_norms: Numbers
    weights: Numbers
    mixture: Numbers


@dataclass(frozen=True)
class Reactants:
    """What a tick reacts: the operator's row, the places of a and of b, rules' operators."""

    automaton: Automaton | None
    level: int
    operator: int
    a: Places
    b: Places
    operator_of: Places
    proposals: StreamPools | None = None  # where streams compete

    @property
    def competing(self) -> StreamPools:
        """What the streams look at, where they compete."""
        assert self.proposals is not None
        return self.proposals

    def proposing(self) -> tuple[Any, ...]:
        """What `kernels.chemistry.streams.propose_one` takes of a tick, from the policies on."""
        of = self.competing
        return (
            of.policies, self.a, self.b, of.everything, of.sensed, of.recalled, of.felt,
            of.numerals, of.ruled, self.operator, self.operator_of, of.arithmetic, of.composing,
            of.rewriting, of.rewritten, of.facts["uses"], of.facts["salience"],
        )  # fmt: skip
