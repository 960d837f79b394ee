"""The standard stages of a cycle: analyze, then architect beside mentor, then build.

Each is a function of (cycle, inputs), in a table with what it needs. Terms are
reduced by the same kernels as a run's. Pure; must not know threads or the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automaton.cycles.exploration import CycleReactants, Sizes, explore
from automaton.cycles.frozen_population import FrozenPopulation, Operator
from automaton.cycles.graph import Cycle, Graph, Stage, StageOutput, Values
from automaton.cycles.scratch import borrow
from automaton.errors import UsageError
from automaton.terms import encodings
from automaton.terms.arrays import Numbers, Places, Words
from automaton.terms.packed import APP, LAM, VAR
from kernels import cpu
from kernels.experiments import gather
from kernels.terms import embed

#: Terms of the branch that the catalyst meets, drawn with replacement.
PARTNERS = 24
#: Operators of the branch that a cycle tries, beside plain application.
OPERATORS = 3
#: Compositions of the catalyst that are proposed.
COMPOSED = 4
#: Remembered candidates that are recalled, and of these how many are tried again.
RECALLED, RETRIED = 16, 4
#: So many are looked through in some 20 microseconds, for which the lock is kept.
QUICK = 2048
#: Reactions of a cycle; terms that each candidate is scored on; candidates that are scored, kept.
REACTIONS, PROBES, SCORED, KEPT = 384, 32, 6, 3
#: Reactions that are computed again, by literal substitution.
RECOMPUTED = 4


@dataclass(frozen=True)
class Analysis:
    """The catalyst's term, and what it may react with."""

    name: str
    words: Words
    partners: Places  # rows of the branch
    operators: tuple[Operator, ...]
    ordered: bool  # the catalyst is always a


@dataclass(frozen=True)
class Proposal:
    """What a stage proposes to `build`: operators, and more terms to react with."""

    operators: Sequence[tuple[str, Words]] = ()
    terms: Sequence[tuple[str, Words]] = ()


def analyze(cycle: Cycle, _: Values) -> StageOutput:
    """Draw the catalyst's term among those that match, and its partners."""
    branch, found = cycle.branch, cycle.matches
    name, words, rows = "term", found.term, len(found.a)
    if words is None:
        row = int(found.a[cycle.draws("catalyst", 1, rows)[0]])
        name, words = branch.names[row], branch.words(row)
    partners = found.b[cycle.draws("analyze", PARTNERS, len(found.b))]
    analysis = Analysis(name, words, partners, found.operators, found.ordered)
    facts = {"catalyst": name, "size": len(words), "matched": max(1, rows), "among": len(found.b)}
    return StageOutput(analysis, facts)


def architect(cycle: Cycle, of: Values) -> StageOutput:
    """Propose operators of the branch, and compositions of the catalyst with partners."""
    found: Analysis = of["analyze"]
    if found.ordered:
        chosen = [(one.name, one.words) for one in found.operators]
        return StageOutput(
            Proposal(chosen), {"operators": [name for name, _ in chosen], "composed": 0}
        )
    drawn = cycle.draws("architect", OPERATORS, len(found.operators)).tolist()
    chosen = [("application", encodings.APPLICATION)]
    chosen += [(one.name, one.words) for k in drawn for one in (found.operators[k],)]
    composed = []
    for k, row in enumerate(found.partners[:COMPOSED].tolist()):
        other, name = cycle.branch.words(row), cycle.branch.names[row]
        first, second = (found.words, other) if k % 2 == 0 else (other, found.words)
        composed.append((f"compose({found.name},{name})", _composition(first, second)))
    names = sorted({name for name, _ in chosen})
    return StageOutput(Proposal(chosen, composed), {"operators": names, "composed": len(composed)})


def _composition(first: Words, second: Words) -> Words:
    """λx. first (second x), of closed terms."""
    n, words = len(first), np.empty(4 + len(first) + len(second), dtype=np.int32)
    words[0], words[1] = LAM, (1 + n) << 2 | APP
    words[2 : 2 + n] = first
    words[2 + n] = (1 + len(second)) << 2 | APP
    words[3 + n : -1] = second
    words[-1] = VAR
    return words


def mentor(cycle: Cycle, of: Values) -> StageOutput:
    """Recall what is most like the catalyst and how it went; propose to try again what won.

    Where selectors say what may react, what is remembered may not: nothing is proposed.
    """
    branch, found = cycle.branch, of["analyze"]
    alike = _alike(branch, found.words)
    if not len(alike):
        return StageOutput(Proposal(), {"recalled": 0})
    won = branch.memory_won[alike]
    again = np.concatenate([alike[won], alike[~won]])[:RETRIED].tolist()
    tried = [branch.recalled(k) for k in again if not found.ordered]
    facts = {
        "recalled": len(alike),
        "won": int(won.sum()),
        "steps": int(branch.memory_steps[alike].sum()),
        "again": len(tried),
    }
    return StageOutput(Proposal((), tried), facts)


def _alike(branch: FrozenPopulation, words: Words) -> Numbers:
    """The numbers of what is remembered that is most like a term, the most alike first."""
    vectors, norms = branch.vectors
    best, likeness = np.empty(RECALLED, dtype=np.int64), np.empty(RECALLED, dtype=np.int64)
    shapes = np.empty(embed.SHAPES * len(words), dtype=np.uint64)
    form = cpu.held if len(norms) <= QUICK else cpu.compiled
    with borrow(branch) as bench:
        kept = form(gather.recall)(words, shapes, bench.sums, vectors, norms, best, likeness)
    return best[:kept]


def build(cycle: Cycle, of: Values, reactions: int = REACTIONS) -> StageOutput:
    """React, keep what is new or smaller, score the best on the same probes as the catalyst.

    Raises UsageError where a stage that feeds it returned anything but a Proposal.
    """
    found: Analysis = of["analyze"]
    proposals = [_proposal(name, value) for name, value in of.items() if name != "analyze"]
    proposed = [one for proposal in proposals for one in proposal.terms]
    operators = [one for proposal in proposals for one in proposal.operators]
    reactants = CycleReactants(
        found.partners, (found.name, found.words), proposed,
        operators or [("application", encodings.APPLICATION)], found.ordered,
    )  # fmt: skip
    built, scored = explore(
        cycle, reactants, Sizes(reactions, PROBES, SCORED, KEPT, RECOMPUTED)
    )  # fmt: skip
    best = built.candidates[0] if built.candidates else None
    facts = {
        "reactions": reactions,
        "scored": scored,
        "best": None if best is None else list(best.parents),
        "score": built.score,
        "catalyst_score": built.metrics["catalyst_score"],
    }
    return StageOutput(built, facts)


def _proposal(stage: str, value: object) -> Proposal:
    """What a stage proposes; silence about anything else would hide a mistake."""
    if isinstance(value, Proposal):
        return value
    raise UsageError(
        f"stage {stage!r} feeds build but returned {type(value).__name__}, which is no Proposal; "
        "return Proposal(...) or StageOutput(Proposal(...), decision), "
        "empty where it proposes nothing"
    )


#: The standard graph: architect and mentor need the same and may run at the same time.
STANDARD = Graph(
    (
        Stage("analyze", analyze),
        Stage("architect", architect, ("analyze",)),
        Stage("mentor", mentor, ("analyze",)),
        Stage("build", build, ("analyze", "architect", "mentor")),
    )
)
