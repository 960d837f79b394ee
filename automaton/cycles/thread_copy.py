"""What one thread has of a plan: objects of its own, views of the same arrays.

Without a global lock every thread that reads an object counts the reference in that
object, by an atomic step that waits for those of others; in an object that the thread
made itself it counts alone. Copied once a thread. Must not know who runs what, or when.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from automaton.cycles.catalysts import CatalystMatches
from automaton.cycles.frozen_population import FrozenPopulation, Operator
from automaton.cycles.plan import Plan


def copy_plan(plan: Plan) -> Plan:
    """The plan for this thread alone."""
    stages = tuple(replace(stage) for stage in plan.graph.stages)
    found = {
        text: (replace(catalyst), _copy_matches(matched))
        for text, (catalyst, matched) in plan.catalysts.items()
    }
    branch = copy_population(plan.branch)
    return Plan(branch, replace(plan.graph, stages=stages), found, plan.deadline)


def copy_population(branch: FrozenPopulation) -> FrozenPopulation:
    """The snapshot; what is computed once is not computed again, and room to compute in is one."""
    values = {field.name: getattr(branch, field.name) for field in fields(branch)}
    copied = FrozenPopulation(**{name: _view(value) for name, value in values.items()})
    vectors, norms = branch.vectors
    vars(copied).update(
        names=(*branch.names,), operators=tuple(map(_copy_operator, branch.operators)),
        vectors=(vectors.view(), norms.view()), largest=branch.largest, spare=branch.spare,
    )  # fmt: skip
    return copied


def _view(value: Any) -> Any:
    return value.view() if isinstance(value, np.ndarray) else value


def _copy_operator(one: Operator) -> Operator:
    return replace(one, words=one.words.view())


def _copy_matches(of: CatalystMatches) -> CatalystMatches:
    operators = tuple(map(_copy_operator, of.operators))
    return replace(of, a=of.a.view(), b=of.b.view(), operators=operators, term=_view(of.term))
