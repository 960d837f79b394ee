"""The reactions of a cycle: tables of terms, what came of them, which are best, and proofs.

Called by the stage `build`. The work is done by a few kernels, each a long call (see
`kernels.experiments.explore`); here names are given to it. Pure; must not know what was proposed
by whom, threads, or the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import Any

import numpy as np

from automaton.compute.reduction import OUTCOMES
from automaton.cycles.graph import Cycle, number_of
from automaton.cycles.results import Candidate, CycleOutput
from automaton.cycles.scratch import NODES, Columns, Scratch, borrow
from automaton.terms import encodings
from automaton.terms.arrays import Places, Words
from kernels import cpu
from kernels.experiments import explore as kernel

Named = tuple[str, Words]

PARTNER, OPERATOR, PROBE, SAMPLE = map(number_of, ("partner", "operator", "probe", "sample"))


@dataclass(frozen=True)
class CycleReactants:
    """What may react: rows of the branch with the catalyst, other terms, under operators.

    `ordered`: the catalyst is always a, and only a partner is b.
    """

    partners: Places
    catalyst: Named
    proposed: Sequence[Named]
    operators: Sequence[Named]
    ordered: bool


@dataclass(frozen=True)
class Sizes:
    """How many: reactions, terms to score on, candidates scored and kept, recomputed."""

    reactions: int
    probes: int
    scored: int
    kept: int
    recomputed: int


def explore(cycle: Cycle, of: CycleReactants, sizes: Sizes) -> tuple[CycleOutput, int]:
    """React; keep what is new or smaller, score the best on the same probes as the catalyst.

    A score is how many distinct new normal forms a term leads to, applied to live terms
    that are drawn once, so that scores of one cycle can be compared. Also how many
    candidates were scored.
    """
    named = [of.catalyst, *of.proposed, *of.operators]
    with borrow(cycle.branch) as bench:
        chosen, scores, metrics = _explored(cycle, of, sizes, named, bench)
        at = bench.columns("reactions", sizes.reactions)
        names = [cycle.branch.names[row] for row in of.partners.tolist()]
        names += [name for name, _ in named]
        candidates = [
            Candidate(at.words(k), int(at.steps[k]), score, bool(at.fresh[k]),
                      _parents(names, at, k))
            for k, score in zip(chosen, scores[1:], strict=True)
        ]  # fmt: skip
    candidates.sort(key=lambda c: (-c.score, len(c.words), c.steps, c.words.tobytes()))
    return CycleOutput(tuple(candidates[: sizes.kept]), metrics), len(chosen)


class _Table:
    """Room for terms as the kernels take them: code, start, size, normal."""

    def __init__(self, rows: int, nodes: int) -> None:
        self.columns = (
            np.empty(nodes, dtype=np.int32), np.empty(rows, dtype=np.int64),
            np.empty(rows, dtype=np.int32), np.empty(rows, dtype=np.bool_),
        )  # fmt: skip


def _explored(
    cycle: Cycle, of: CycleReactants, sizes: Sizes, named: list[Named], bench: Scratch
) -> tuple[list[int], list[int], dict[str, Any]]:
    """The kernel's call: the numbers of the best reactions, all scores, what was counted.

    Where selectors say what b may be, nothing that was proposed is one. The first score is
    the catalyst's.
    """
    branch, o = cycle.branch, cycle.branch.options
    at, rows = bench.columns("reactions", sizes.reactions), len(of.partners)
    more: Words = np.concatenate([words for _, words in named])
    more_size = np.array([len(words) for _, words in named], dtype=np.int32)
    table = _Table(rows + len(named), rows * branch.largest + len(more))
    most = len(of.catalyst[1]) + sizes.scored * o.max_size + len(encodings.APPLICATION)
    probed = _Table(sizes.probes + 2 + sizes.scored, sizes.probes * branch.largest + most)
    scoring = bench.columns("scores", (1 + sizes.scored) * sizes.probes)
    chosen, scores = np.empty(sizes.scored, np.int64), np.empty(1 + sizes.scored, np.int64)
    counts = np.empty(len(OUTCOMES), dtype=np.int64)
    _, distinct, new, kept, whole, made, depth, decided, agreed = cpu.compiled(kernel.explore)(
        np.uint64(cycle.seed), PARTNER, OPERATOR, SAMPLE, PROBE,
        rows + 1 + len(of.proposed), len(of.operators), of.ordered, sizes.recomputed, NODES,
        o.max_steps, o.max_size, o.max_depth, o.input_limit,
        branch.known, branch.columns, of.partners, (more, more_size), encodings.APPLICATION,
        table.columns, at.reacted, (at.hashes, at.fresh, at.seen, at.rows, chosen, counts),
        np.empty(sizes.probes, dtype=np.int32), probed.columns,
        scoring.reacted, (scoring.hashes, scores), bench.machine, bench.reference,
    )  # fmt: skip
    metrics = {
        "catalyst_score": int(scores[0]),
        "reactions": len(at),
        "outcomes": dict(zip(OUTCOMES, counts.tolist(), strict=True)),
        "normal_forms": whole,
        "beta_steps": int(made),
        "depth": round(float(depth) / log1p(o.max_steps), 9),
        "results": distinct,
        "new": new,
        "recomputed": decided,
        "agreed": agreed,
    }
    return chosen[:kept].tolist(), scores[: 1 + kept].tolist(), metrics


def _parents(names: list[str], at: Columns, k: int) -> tuple[str, str, str]:
    """The names of what reacted."""
    return names[at.operators[k]], names[at.a[k]], names[at.b[k]]
