"""The picture of what `scale` measured, as values: rates by workers, and the laws fitted to them.

Reads the text that `scale LOG --json` printed, which is somebody's file. Must not know: logs,
how anything was measured or fitted, who draws.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from automaton.errors import UsageError
from automaton.export.charts import Chart, ChartSeries
from automaton.terms.arrays import Floats

#: Points of a law's curve, and workers and repeats that are drawn at most.
_POINTS, _MOST = 100, 4096


def scaling(text: bytes, name: str) -> Chart:
    """Every repeat as a point, the laws as curves; `name` is the file's. Raises `UsageError`."""
    try:
        found = json.loads(text)
        points = [
            (float(row["workers"]), float(rate))
            for row in found["measured"]
            for rate in row["rates"]
        ]
        laws = {str(law): _parameters(fit) for law, fit in found["fits"].items()}
        parallel, source, turns = int(found["parallel"]), str(found["source"]), int(found["turns"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _not_measured(name) from None
    if (
        not points
        or len(points) > _MOST
        or not all(0 < p < math.inf for row in points for p in row)
    ):
        raise _not_measured(name)
    x, y = np.array(points).T
    ends = np.linspace(1.0, max(x.max(), 2.0), _POINTS)
    return Chart(
        "scaling", "Candidates a second by workers", "workers", "candidates a second", "fits",
        [ChartSeries("measured", x, y),
         *(ChartSeries(law, ends, _rate(ends, *fit)) for law, fit in laws.items())],
        f"scale --json, {name}", f"{turns:,} turns of {parallel:,} rounds a tick", len(points),
        f"{source[:80]}. A point is a repeat; {_said(laws)}",
    )  # fmt: skip


def _parameters(fit: dict[str, Any]) -> tuple[float, float, float]:
    """rate(1), sigma and kappa of a law."""
    rate, sigma, kappa = (float(fit[name]["value"]) for name in ("rate_1", "sigma", "kappa"))
    return rate, sigma, kappa


def _rate(workers: Floats, one: float, sigma: float, kappa: float) -> Floats:
    """The rate by workers N: rate(1) N / (1 + sigma (N - 1) + kappa N (N - 1))."""
    more = workers - 1
    found: Floats = one * workers / (1 + sigma * more + kappa * workers * more)
    return found


def _said(laws: dict[str, tuple[float, float, float]]) -> str:
    if not laws:
        return "no law was fitted."
    each = (f"{law}: sigma {s:.3g}, kappa {k:.2g}" for law, (_, s, k) in laws.items())
    return f"{'; '.join(each)}."


def _not_measured(name: str) -> UsageError:
    return UsageError(
        f"{name} is not what `scale LOG --json` prints; `scale LOG --json > {name}` makes it"
    )
