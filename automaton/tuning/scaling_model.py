"""How a rate grows with workers, and what it might become: fits and a table of nodes.

Pure: measured rates in, values out; resampling is seeded. What lies beyond the
measured numbers of workers is called extrapolated wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from automaton.terms.arrays import Floats

HOUR = 3600.0  # seconds
BILLION = 1e9  # candidates
#: Resamplings of the repeats.
RESAMPLED = 1000
#: Repeats from which their resampling is more than a rough one.
ENOUGH_REPEATS = 8
#: Steps of a fit at most; it ends sooner, by an improvement of this share or a step so small.
_ITERATIONS, _ENOUGH, _MOST_DAMPED = 200, 1e-10, 1e9
#: Columns of a model: N / rate = a + b N + c N (N - 1), with a, b, c >= 0.
MODELS = {"Amdahl": 2, "USL": 3}


class Range(NamedTuple):
    """An estimate with the 2.5th and the 97.5th percentile of its resamplings, or without."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class RateSamples:
    """Rates (a second) of one number of workers, one a repeat."""

    workers: int
    rates: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return float(np.median(self.rates))


@dataclass(frozen=True, slots=True)
class Fit:
    """A model of the rate by the number of workers N.

    rate(N) = rate(1) N / (1 + sigma (N - 1) + kappa N (N - 1)); Amdahl's law has
    kappa = 0. sigma: share that only one can do at a time; kappa: cost of keeping
    each pair in agreement.
    """

    model: str
    points: int
    freedom: int  # points less parameters; 0: the curve passes through them whatever they are
    rate_1: Range
    sigma: Range
    kappa: Range
    note: str
    resampled: Floats  # a, b, c by row; the estimate is the first row

    def rate(self, workers: float) -> Range:
        """The rate (a second) that the model gives for so many workers."""
        return _range(workers / (self.resampled @ _columns(np.array([workers]))[0]))

    def as_json(self) -> dict[str, Any]:
        """Every member by name but the resamplings."""
        named = asdict(self)
        del named["resampled"]
        return named | {k: getattr(self, k)._asdict() for k in ("rate_1", "sigma", "kappa")}


@dataclass(frozen=True, slots=True)
class ProjectionRow:
    """So many nodes, candidates an hour by each model, and hours to a billion."""

    nodes: int
    workers: int
    kind: str  # measured or extrapolated
    per_hour: dict[str, Range]
    hours_to_a_billion: dict[str, Range]

    def as_json(self) -> dict[str, Any]:
        """Every member by name."""
        return asdict(self) | {
            name: {model: found._asdict() for model, found in getattr(self, name).items()}
            for name in ("per_hour", "hours_to_a_billion")
        }


def _columns(workers: Floats) -> Floats:
    return np.stack([np.ones_like(workers), workers, workers * (workers - 1)], axis=-1)


def _start(workers: Floats, rates: Floats, parameters: int) -> Floats:
    """a, b, c >= 0 of the least sum of squared relative errors of N / rate.

    With c = 0 where there are two parameters. sigma = b / (a + b) then lies in
    [0, 1]. The problem is convex, so it needs no start of its own.
    """
    scaled = _columns(workers)[:, :parameters] * (rates / workers)[:, None]
    answer = np.zeros(3)
    answer[:parameters] = _least_squares(scaled, np.ones(len(rates)))
    return answer


def _least_squares(columns: Floats, values: Floats) -> Floats:
    """The p >= 0 of the least |columns p - values|, with p[0] + p[1] > 0.

    Every set of columns is solved, the best of the feasible answers is the answer
    (Lawson and Hanson 1974, by enumeration); all of them at once are the best where
    that is feasible. An answer by which a single worker would be infinitely fast
    (a + b = 0) is none.
    """
    count = columns.shape[1]
    best, answer = np.inf, np.zeros(count)
    for size in range(count, 0, -1):
        for chosen in combinations(range(count), size):
            found = np.linalg.lstsq(columns[:, chosen], values, rcond=None)[0]
            error = float(((columns[:, chosen] @ found - values) ** 2).sum())
            alone = found[[k < 2 for k in chosen]].sum()
            if (found >= 0).all() and alone > 0 and error < best - 1e-15:
                best, answer = error, np.zeros(count)
                answer[list(chosen)] = found
        if size == count and np.isfinite(best):
            break
    return answer


def _fitted(workers: Floats, rates: Floats, parameters: int) -> Floats:
    """a, b, c >= 0 of the least sum of squared errors of the rates.

    Least squares of what was measured, as R's usl and usl4j have it, by the method of
    Levenberg and Marquardt, whose steps keep to the bounds. It starts at the least
    relative errors of N / rate, which weigh the small rates of few workers as much as
    the others and so follow one bad first point.
    """
    unit = float(rates.max())
    values, columns = rates / unit, _columns(workers)[:, :parameters]
    answer = _start(workers, values, parameters)[:parameters]
    error, damping = _error(workers, values, columns, answer), 1e-3
    for _ in range(_ITERATIONS):
        divisors = columns @ answer
        slopes = -(workers / divisors**2)[:, None] * columns
        weights = np.sqrt(damping) * np.diag(np.linalg.norm(slopes, axis=0))
        aims = values - workers / divisors + slopes @ answer
        step = _least_squares(
            np.vstack([slopes, weights]), np.concatenate([aims, weights @ answer])
        )
        found = _error(workers, values, columns, step)
        if found < error:
            better, answer, error = error - found, step, found
            damping /= 10
            if better <= _ENOUGH * error:
                break
        else:
            damping *= 10
            if damping > _MOST_DAMPED:
                break
    return np.concatenate([answer, np.zeros(3 - parameters)]) / unit


def _error(workers: Floats, values: Floats, columns: Floats, found: Floats) -> float:
    """The sum of squared errors of the rates; infinite where one is."""
    divisors = columns @ found
    if found[:2].sum() <= 0 or (divisors <= 0).any():
        return np.inf
    return float(((values - workers / divisors) ** 2).sum())


def _range(values: Floats) -> Range:
    """The first value, and the percentiles of the others."""
    if len(values) == 1:
        return Range(float(values[0]), None, None)
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Range(float(values[0]), float(low), float(high))


def fit(measured: Sequence[RateSamples], model: str, seed: int = 0) -> Fit | None:
    """A model fitted to the medians; None where it has more parameters than there are points.

    The intervals are those of the repeats, resampled within each number of workers:
    they hold the noise of measuring, and nothing of whether the model is true.
    """
    parameters = MODELS[model]
    points = sorted(measured, key=lambda m: m.workers)
    if len({m.workers for m in points}) != len(points):
        raise ValueError("each number of workers stands once")
    if len(points) < parameters:
        return None
    workers = np.array([m.workers for m in points], dtype=np.float64)
    rows = [_fitted(workers, np.array([m.median for m in points]), parameters)]
    repeats = min(len(m.rates) for m in points)
    if repeats > 1:
        draws = np.random.default_rng([seed, 4])
        for _ in range(RESAMPLED):
            again = [float(np.median(draws.choice(m.rates, len(m.rates)))) for m in points]
            rows.append(_fitted(workers, np.array(again), parameters))
    a, b, c = np.array(rows).T
    freedom = len(points) - parameters
    return Fit(
        model, len(points), freedom, _range(1 / (a + b)), _range(b / (a + b)),
        _range(c / (a + b)), _note(freedom, repeats), np.array(rows),
    )  # fmt: skip


def _note(freedom: int, repeats: int) -> str:
    """What the fit does not show."""
    notes = []
    if freedom == 0:
        notes.append("as many parameters as points: the curve meets them whatever they are, "
                     "so nothing speaks for the model")  # fmt: skip
    elif freedom < 3:
        plural = "s" if freedom > 1 else ""
        notes.append(f"{freedom} degree{plural} of freedom: little speaks for the model")
    if repeats == 1:
        notes.append("measured once: no interval")
    elif repeats < ENOUGH_REPEATS:
        notes.append(f"{repeats} repeats: the interval is rough")
    notes.append("intervals hold the noise of the repeats, not the doubt about the model")
    return "; ".join(notes)


def why_not(measured: Sequence[RateSamples], model: str) -> str:
    """Why a model could not be fitted."""
    return (
        f"{model} has {MODELS[model]} parameters and there are {len(measured)} points: it is not "
        "determined, there are no degrees of freedom; measure more numbers of workers"
    )


def project(
    measured: Sequence[RateSamples], fits: Sequence[Fit], nodes: Sequence[int]
) -> list[ProjectionRow]:
    """Measured numbers of workers on this node, then nodes like it, each with all of them.

    `linear`: nodes that share nothing, each at the best median; an upper bound. A model
    takes all workers as if they shared what the measured ones do; one that has as many
    parameters as there were points foretells nothing.
    """
    top = max(measured, key=lambda m: m.workers)
    best = max(m.median for m in measured)
    rows = [
        _row(1, m.workers, "measured", {"measured": Range(m.median, min(m.rates), max(m.rates))})
        for m in sorted(measured, key=lambda m: m.workers)
    ]
    for count in nodes:
        if count > 1:
            workers = count * top.workers
            rates = {"linear": Range(count * best, None, None)}
            rates |= {found.model: found.rate(workers) for found in fits if found.freedom}
            rows.append(_row(count, workers, "extrapolated", rates))
    return rows


def _row(nodes: int, workers: int, kind: str, rates: dict[str, Range]) -> ProjectionRow:
    """A row from rates a second; more candidates an hour are fewer hours."""
    hourly = {name: _mapped(rate, HOUR) for name, rate in rates.items()}
    hours = {
        name: Range(
            BILLION / rate.value, rate.high and BILLION / rate.high, rate.low and BILLION / rate.low
        )
        for name, rate in hourly.items()
    }
    return ProjectionRow(nodes, workers, kind, hourly, hours)


def _mapped(found: Range, factor: float) -> Range:
    return Range(*(None if x is None else x * factor for x in found))  # type: ignore[arg-type]
