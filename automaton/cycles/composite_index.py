"""The composite index of cycles: the mean of five shares, each counted, none assumed.

Pure. A component that nothing was counted for has no value, and then the index has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from automaton.cycles.results import Result


@dataclass(frozen=True)
class CompositeIndex:
    """Five numbers in [0, 1], or None where there was nothing to count.

    adaptability: cycles whose best candidate scored more than their catalyst on the
    same probes. clarity: reactions with a normal form within the budgets. stability:
    recomputed samples that agree. innovation: distinct results that neither log nor
    archive held. depth: mean of log(1 + beta steps) / log(1 + max_steps) over the
    reactions that reached a normal form.
    """

    adaptability: float | None
    clarity: float | None
    stability: float | None
    innovation: float | None
    depth: float | None

    @property
    def index(self) -> float | None:
        """The mean of the five; None unless all were measured."""
        parts = [self.adaptability, self.clarity, self.stability, self.innovation, self.depth]
        known = [part for part in parts if part is not None]
        return sum(known) / len(parts) if len(known) == len(parts) else None

    def as_json(self) -> dict[str, Any]:
        """The index and its components."""
        return {"cii": self.index, **asdict(self)}


def composite_index(results: Iterable[Result]) -> CompositeIndex:
    """The index of all that these cycles counted; failed cycles count nothing."""
    total = dict.fromkeys(_COUNTED, 0.0)
    cycles = improved = 0
    for result in results:
        metrics = result.built.metrics
        if result.error:
            continue
        if "catalyst_score" in metrics:  # a stage of one's own may count other things
            cycles += 1
            improved += (result.built.score or 0) > metrics["catalyst_score"]
        for name in _COUNTED:
            total[name] += metrics.get(name, 0)
    whole = total["normal_forms"]
    return CompositeIndex(
        _share(improved, cycles),
        _share(whole, total["reactions"]),
        _share(total["agreed"], total["recomputed"]),
        _share(total["new"], total["results"]),
        _share(total["depth"], whole),
    )


_COUNTED = (
    "normal_forms", "reactions", "agreed", "recomputed", "new", "results", "depth",
)  # fmt: skip


def _share(part: float, of: float) -> float | None:
    return part / of if of else None
