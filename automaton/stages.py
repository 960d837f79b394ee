"""The standard stages of a cycle: analyze, then architect beside mentor, then build.

Each is a function of (cycle, inputs), in a table with what it needs. Terms are
reduced by the same kernels as a run's. Pure; must not know threads or the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton import terms
from automaton.answers import application
from automaton.branch import (
    Branch,
    Hashes,
    Numbers,
    Operator,
    gathered,
    hashed,
    together,
    vectors_of,
)
from automaton.cycles import Built, Candidate, Cycle, Graph, Stage, Told, Values
from automaton.device import OUTCOMES, Reference
from automaton.packed import Words, apply, lam, var
from automaton.population import Places
from kernels import cpu, cycles, react, reduce

#: Terms of the branch that the catalyst meets, drawn with replacement.
PARTNERS = 24
#: Operators of the branch that a cycle tries, beside plain application.
OPERATORS = 3
#: Compositions of the catalyst that are proposed.
COMPOSED = 4
#: Remembered candidates that are recalled, and of these how many are tried again.
RECALLED, RETRIED = 16, 4
#: Reactions of a cycle; terms that each candidate is scored on; candidates that are scored, kept.
REACTIONS, PROBES, SCORED, KEPT = 384, 32, 6, 3
#: Reactions that are computed again, by literal substitution.
RECOMPUTED = 4
_COPIES = False  # a normal form equal to a reactant is no candidate, whatever the log's option


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


def analyze(cycle: Cycle, _: Values) -> Told:
    """Draw the catalyst's term among those that match, and its partners."""
    branch, found = cycle.branch, cycle.matches
    name, words, rows = "term", found.term, len(found.a)
    if words is None:
        row = int(found.a[cycle.draws("catalyst", 1, rows)[0]])
        name, words = branch.names[row], branch.words(row)
    partners = found.b[cycle.draws("analyze", PARTNERS, len(found.b))]
    analysis = Analysis(name, words, partners, found.operators, found.ordered)
    facts = {"catalyst": name, "size": len(words), "matched": max(1, rows), "among": len(found.b)}
    return Told(analysis, facts)


def architect(cycle: Cycle, of: Values) -> Told:
    """Propose operators of the branch, and compositions of the catalyst with partners."""
    found: Analysis = of["analyze"]
    if found.ordered:
        chosen = [(one.name, one.words) for one in found.operators]
        return Told(Proposal(chosen), {"operators": [name for name, _ in chosen], "composed": 0})
    drawn = cycle.draws("architect", OPERATORS, len(found.operators)).tolist()
    chosen = [("application", terms.APPLICATION)]
    chosen += [(one.name, one.words) for k in drawn for one in (found.operators[k],)]
    composed = []
    for k, row in enumerate(found.partners[:COMPOSED].tolist()):
        other, name = cycle.branch.words(row), cycle.branch.names[row]
        first, second = (found.words, other) if k % 2 == 0 else (other, found.words)
        composed.append((f"compose({found.name},{name})", _composition(first, second)))
    names = sorted({name for name, _ in chosen})
    return Told(Proposal(chosen, composed), {"operators": names, "composed": len(composed)})


def _composition(first: Words, second: Words) -> Words:
    """λx. first (second x), of closed terms."""
    return lam(apply(first, apply(second, var(0))))


def mentor(cycle: Cycle, of: Values) -> Told:
    """Recall what is most like the catalyst and how it went; propose to try again what won."""
    branch, found = cycle.branch, of["analyze"]
    vectors, norms = branch.vectors
    if not len(norms):
        return Told(Proposal(), {"recalled": 0})
    begin, size = np.zeros(1, dtype=np.int64), np.array([len(found.words)], dtype=np.int32)
    own = vectors_of(found.words, begin, size)[0][0]
    likeness = np.empty(len(norms), dtype=np.int64)
    cpu.compiled(cycles.alike)(own, vectors, norms, likeness)
    alike = np.argsort(-likeness, kind="stable")[:RECALLED]
    won = branch.memory_won[alike]
    again = np.concatenate([alike[won], alike[~won]])[:RETRIED].tolist()
    tried = [branch.recalled(k) for k in again]
    facts = {
        "recalled": len(alike),
        "won": int(won.sum()),
        "steps": int(branch.memory_steps[alike].sum()),
        "again": len(tried),
    }
    return Told(Proposal((), tried), facts)


def build(cycle: Cycle, of: Values, reactions: int = REACTIONS) -> Told:
    """React, keep what is new or smaller, score the best on the same probes as the catalyst."""
    found: Analysis = of["analyze"]
    proposals = [value for value in of.values() if isinstance(value, Proposal)]
    table = _Table(cycle.branch, found, proposals)
    reacted = table.reactions(cycle, reactions)
    built, kept = _judged(cycle, table, reacted)
    best = built.candidates[0] if built.candidates else None
    facts = {
        "reactions": reactions,
        "scored": kept,
        "best": None if best is None else list(best.parents),
        "score": built.score,
        "catalyst_score": built.metrics["catalyst_score"],
    }
    return Told(built, facts)


#: The standard graph: architect and mentor need the same and may run at the same time.
STANDARD = Graph(
    (
        Stage("analyze", analyze),
        Stage("architect", architect, ("analyze",)),
        Stage("mentor", mentor, ("analyze",)),
        Stage("build", build, ("analyze", "architect", "mentor")),
    )
)


# How build does it.


@dataclass(frozen=True)
class _Reacted:
    """Columns of reactions: what was drawn, and what came of it."""

    operators: Places
    a: Places
    b: Places
    outcomes: npt.NDArray[np.uint8]
    steps: Places
    sizes: Places
    results: Numbers  # where the normal form begins in `out`, -1: there is none
    out: Words

    def words(self, k: int) -> Words:
        """The normal form of a reaction, a view."""
        return self.out[self.results[k] : self.results[k] + self.sizes[k]]


class _Terms:
    """Some terms as the kernels take them; of those behind the first few nothing is known."""

    def __init__(self, code: Words, start: Numbers, size: Places, normal: Any = ()) -> None:
        self.code, self.start, self.size = code, start, size
        self.normal = np.zeros(len(start), dtype=np.bool_)
        self.normal[: len(normal)] = normal
        self.value = np.full(len(start), -1, dtype=np.int32)  # no closed forms: the machine
        self.form = np.zeros(len(start), dtype=np.uint8)

    def react(self, branch: Branch, operators: Places, a: Places, b: Places) -> _Reacted:
        """The reactions (operator a) b of these rows, within the budgets of the branch."""
        n, o = len(a), branch.options
        outcomes, results = np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.int64)
        steps, sizes = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
        out: Words = np.empty(n * o.max_size, dtype=np.int32)
        machine = [np.empty(1 + o.max_steps + o.max_size, dtype=np.int32) for _ in range(3)]
        machine += [np.empty(o.max_depth, dtype=np.int32) for _ in range(4)]
        cpu.compiled(react.react_proposed)(
            0, n, self.code, self.start, self.size, self.normal, self.value, self.form,
            _COPIES, o.max_steps, o.max_size, o.max_depth, o.input_limit,
            outcomes, steps, sizes, a, b, operators, results, out, 0, *machine,
        )  # fmt: skip
        return _Reacted(operators, a, b, outcomes, steps, sizes, results, out)


class _Table:
    """What a cycle reacts: partners, then the catalyst, proposed terms, operators."""

    def __init__(self, branch: Branch, found: Analysis, proposals: list[Proposal]) -> None:
        self.branch, self.found = branch, found
        partners = [branch.names[row] for row in found.partners.tolist()]
        proposed = [one for proposal in proposals for one in proposal.terms]
        chosen = [one for proposal in proposals for one in proposal.operators]
        chosen = chosen or [("application", terms.APPLICATION)]
        more = [(found.name, found.words), *proposed, *chosen]
        self.names = [*partners, *(name for name, _ in more)]
        self.catalyst = len(partners)
        self.others = len(partners) + 1 + len(proposed)  # rows that may be partners, itself too
        self.operators = len(chosen)
        first = gathered(branch.code, branch.start, branch.size, found.partners)
        code, start, size = together([words for _, words in more])
        self.terms = _Terms(
            np.concatenate([first[0], code]), np.concatenate([first[1], start + len(first[0])]),
            np.concatenate([first[2], size]), branch.normal[found.partners],
        )  # fmt: skip

    def reactions(self, cycle: Cycle, count: int) -> _Reacted:
        """The catalyst with drawn partners under drawn operators, on either side.

        Where selectors say what b may be, nothing that was proposed is one.
        """
        bound = self.catalyst if self.found.ordered else self.others
        other = cycle.draws("partner", count, bound).astype(np.int32)
        operators = self.others + cycle.draws("operator", count, self.operators)
        own = np.full(count, self.catalyst, dtype=np.int32)
        swapped = np.arange(count) % 2 == 1 if not self.found.ordered else False
        a, b = np.where(swapped, other, own), np.where(swapped, own, other)
        return self.terms.react(cycle.branch, operators.astype(np.int32), a, b)

    def parents(self, reacted: _Reacted, k: int) -> tuple[str, str, str]:
        """The names of what reacted."""
        rows = (reacted.operators[k], reacted.a[k], reacted.b[k])
        op, a, b = (self.names[int(row)] for row in rows)
        return op, a, b


def _judged(cycle: Cycle, table: _Table, reacted: _Reacted) -> tuple[Built, int]:
    """The best candidates with their scores, what was counted, and how many were scored."""
    branch = cycle.branch
    normal = reacted.outcomes == reduce.NORMAL
    found = hashed(reacted.out, np.where(normal, reacted.results, -1), reacted.sizes)
    fresh = _unknown(found, branch.known)
    _, first = np.unique(found, return_index=True)
    distinct = first[found[first] != 0]
    before = table.terms.size[reacted.a] + table.terms.size[reacted.b]
    order = np.lexsort((distinct, reacted.sizes[distinct] - before[distinct], 1 - fresh[distinct]))
    chosen = distinct[order][:SCORED].tolist()
    scores = _scores(cycle, [table.found.words, *(reacted.words(k) for k in chosen)])
    candidates = [
        Candidate(reacted.words(k).copy(), int(reacted.steps[k]), score, bool(fresh[k]),
                  table.parents(reacted, k))
        for k, score in zip(chosen, scores[1:], strict=True)
    ]  # fmt: skip
    candidates.sort(key=lambda c: (-c.score, len(c.words), c.steps, c.words.tobytes()))
    metrics = _metrics(branch, reacted, scores[0])
    metrics |= {"results": len(distinct), "new": int(fresh[distinct].sum())}
    metrics |= _recomputed(cycle, table, reacted)
    return Built(tuple(candidates[:KEPT]), metrics), len(chosen)


def _unknown(found: Hashes, known: Hashes) -> npt.NDArray[np.uint8]:
    """Which are not known, nor earlier among them."""
    fresh = np.empty(len(found), dtype=np.uint8)
    cpu.compiled(cycles.unknown)(found, known, fresh)
    return fresh


def _scores(cycle: Cycle, scored: list[Words]) -> list[int]:
    """Of each term: how many distinct new normal forms it leads to, applied to the probes.

    The probes are drawn once, so that scores of one cycle can be compared.
    """
    branch, n = cycle.branch, len(scored)
    rows = cycle.draws("probe", PROBES, len(branch)).astype(np.int32)
    probes = gathered(branch.code, branch.start, branch.size, rows)
    code, start, size = together([*scored, terms.APPLICATION])
    table = _Terms(
        np.concatenate([probes[0], code]), np.concatenate([probes[1], start + len(probes[0])]),
        np.concatenate([probes[2], size]), branch.normal[rows],
    )  # fmt: skip
    a = np.repeat(np.arange(PROBES, PROBES + n, dtype=np.int32), PROBES)
    b = np.tile(np.arange(PROBES, dtype=np.int32), n)
    operators = np.full(n * PROBES, PROBES + n, dtype=np.int32)
    reacted = table.react(branch, operators, a, b)
    normal = reacted.outcomes == reduce.NORMAL
    found = hashed(reacted.out, np.where(normal, reacted.results, -1), reacted.sizes)
    return [
        int(_unknown(found[k * PROBES : (k + 1) * PROBES], branch.known).sum()) for k in range(n)
    ]


def _metrics(branch: Branch, reacted: _Reacted, catalyst_score: int) -> dict[str, Any]:
    """What is counted of reactions: outcomes, and the depth of those that have a normal form."""
    counts = np.bincount(reacted.outcomes, minlength=len(OUTCOMES)).tolist()
    whole = (reacted.outcomes == reduce.NORMAL) | (reacted.outcomes == reduce.COPY)
    depth = np.log1p(reacted.steps[whole].astype(np.float64)).sum() / log1p(
        branch.options.max_steps
    )
    return {
        "catalyst_score": catalyst_score,
        "reactions": len(reacted.a),
        "outcomes": dict(zip(OUTCOMES, counts, strict=True)),
        "normal_forms": int(whole.sum()),
        "beta_steps": int(reacted.steps.sum(dtype=np.int64)),
        "depth": round(float(depth), 9),
    }


def _recomputed(cycle: Cycle, table: _Table, reacted: _Reacted) -> dict[str, int]:
    """A sample of reactions computed again by literal substitution, and how many agree.

    Terms that grow too large on the way for the substitution are not counted.
    """
    rows = np.flatnonzero(reacted.outcomes == reduce.NORMAL)
    if not len(rows):
        return {"recomputed": 0, "agreed": 0}
    reference, decided, agreed = Reference(), 0, 0
    sample = rows[cycle.draws("sample", RECOMPUTED, len(rows))].tolist()
    own = table.terms
    for k in sample:
        parts = (int(row[k]) for row in (reacted.operators, reacted.a, reacted.b))
        term = application(*(own.code[own.start[r] : own.start[r] + own.size[r]] for r in parts))
        found, steps = reference.normal_form(term, cycle.branch.options.max_steps)
        if found is not None:
            decided += 1
            agreed += np.array_equal(found, reacted.words(k)) and steps == reacted.steps[k]
    return {"recomputed": decided, "agreed": int(agreed)}
