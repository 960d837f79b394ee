"""What a comparison runs: cases of equal work, or ticks, each under its own seeds; placebos.

A case is a number of islands, rounds a tick and ticks an epoch. No two runs of a
comparison share a seed: the draws of equal seeds are equal, and runs of two cases would not
be independent. Read from the values of a TOML file. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from automaton.errors import UsageError
from automaton.format.options import Options
from automaton.soups.sweep_plan import (
    MOST_RUNS,
    canonical_settings,
    digest_of,
    is_count,
    settings_table,
)

#: The factors of a case: scale, speed, and how often islands exchange.
FACTORS = ("islands", "parallel", "epoch")
CASE, PLACEBO = "case", "placebo"
_WANTED = {
    "log", "work", "ticks", "seeds", "first_seed", "places", "topology", "migrants", "delay",
    "permutations", "settings", "grid",
}  # fmt: skip
_NUMBERS = {"seeds": 12, "migrants": 8, "permutations": 9999}
#: Fewer runs of a case have no spread that could be told from chance.
FEWEST_SEEDS = 3


class ComparisonRun(NamedTuple):
    """One archipelago of a comparison."""

    number: int  # from 0
    point: dict[str, Any]  # the factors, and the arm
    seed: int

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"{self.number:05d}"


@dataclass(frozen=True)
class ComparisonPlan:
    """The runs of a comparison; `of` reads one from the values of a file."""

    log: str  # whose genesis all islands begin with
    work: int | None  # rounds of every run, over all its islands; None: ticks are given
    ticks: int | None  # of every island
    places: int | None  # terms alive at once, over all islands of a run; None: as in settings
    topology: str
    migrants: int
    delay: int
    permutations: int
    settings: dict[str, Any]  # deciding options that all islands share
    levels: dict[str, list[int]]  # by factor; the first one is what others are compared with
    runs: tuple[ComparisonRun, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> ComparisonPlan:
        """The plan that a file's values describe; what cannot be is a `UsageError`."""
        if unknown := sorted(set(values) - _WANTED):
            raise UsageError(
                f"a comparison has no {unknown[0]!r}; it has {', '.join(sorted(_WANTED))}"
            )
        if not isinstance(values.get("log"), str):
            raise UsageError('a comparison needs log = "FILE", whose genesis all islands have')
        count = {name: _count(values, name, other) for name, other in _NUMBERS.items()}
        if count["seeds"] < FEWEST_SEEDS:
            raise UsageError(f"seeds is {count['seeds']}; a comparison needs {FEWEST_SEEDS} a case")
        first, delay, places = (values.get(name) for name in ("first_seed", "delay", "places"))
        levels = _levels(values.get("grid"))
        room = None if places is None else _count(values, "places", None)
        plan = cls(
            values["log"], *_lengths(values), room,
            str(values.get("topology", "ring")), count["migrants"], _whole("delay", delay),
            count["permutations"], canonical_settings(settings_table(values, "settings")), levels,
            _runs(levels, count["seeds"], _whole("first_seed", first)),
        )  # fmt: skip
        for run in plan.runs:
            plan.epochs(run)
            Options().updated(plan.options(run))  # says what cannot be
        return plan

    def epochs(self, run: ComparisonRun) -> int:
        """Epochs after which a run is at its end; a `UsageError` where none has just that."""
        if self.ticks is not None:
            if self.ticks % run.point["epoch"]:
                raise UsageError(
                    f"ticks is {self.ticks:,}, which epoch {run.point['epoch']} does not divide"
                )
            return self.ticks // int(run.point["epoch"])
        assert self.work is not None
        rounds = run.point["islands"] * run.point["parallel"] * run.point["epoch"]
        if self.work % rounds:
            said = " x ".join(f"{name} {run.point[name]}" for name in FACTORS)
            raise UsageError(
                f"work is {self.work:,} rounds, which {said} = {rounds:,} do not divide: every "
                "run is to end with a whole epoch"
            )
        epochs: int = self.work // rounds
        return epochs

    @property
    def length(self) -> str:
        """How long runs are, in words."""
        if self.ticks is not None:
            return f"{self.ticks:,} ticks an island"
        return f"{self.work:,} rounds over all islands"

    def options(self, run: ComparisonRun) -> dict[str, Any]:
        """The deciding options that a run's islands share."""
        own: dict[str, Any] = {"parallel": run.point["parallel"]}
        if self.places is not None:
            if self.places % run.point["islands"]:
                raise UsageError(
                    f"places is {self.places:,}, which {run.point['islands']} islands cannot share"
                )
            own["max_objects"] = self.places // run.point["islands"]
        return {**self.settings, **own}

    def said(self) -> dict[str, Any]:
        """What the manifest's first line says of it."""
        length = {"work": self.work} if self.ticks is None else {"ticks": self.ticks}
        return {
            "log": self.log, **length, "places": self.places, "topology": self.topology,
            "migrants": self.migrants, "delay": self.delay, "settings": self.settings,
            "grid": self.levels, "runs": len(self.runs),
        }  # fmt: skip

    def digest(self, genesis: bytes) -> str:
        """SHA-256, in hex, of all that decides the runs' bytes; `genesis` is that of the log."""
        return digest_of(self.said(), self.runs, genesis)


def _count(values: Mapping[str, Any], name: str, other: int | None) -> int:
    found = values.get(name, other)
    if not isinstance(found, int) or not is_count(found):
        raise UsageError(f"{name} is {found!r}; a comparison needs a whole number above 0")
    return found


def _lengths(values: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Work and ticks, of which one is given."""
    if ("work" in values) == ("ticks" in values):
        raise UsageError(
            "a comparison needs work, the rounds of every run over all its islands, or ticks, "
            "those of every island; not both"
        )
    if "ticks" in values:
        return None, _count(values, "ticks", None)
    return _count(values, "work", None), None


def _whole(name: str, value: object) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{name} is {value!r}; it is a whole number from 0 on")
    return value


def _levels(grid: object) -> dict[str, list[int]]:
    """The levels of each factor; one that is not named has one."""
    if not isinstance(grid, dict) or set(grid) != set(FACTORS):
        raise UsageError(f"a comparison needs a table [grid] with {', '.join(FACTORS)}")
    for name, values in grid.items():
        if not isinstance(values, list) or not values or not all(map(is_count, values)):
            raise UsageError(f"[grid] {name} is {values!r}; it is a list of numbers above 0")
        if len(set(values)) < len(values):
            raise UsageError(f"[grid] {name} has a value twice")
    return {name: list(grid[name]) for name in FACTORS}


def _runs(levels: dict[str, list[int]], seeds: int, first: int) -> tuple[ComparisonRun, ...]:
    """All cases under their seeds, then the first and the last one again: the placebos.

    An island alone exchanges nothing, whatever its epochs: it has one case.
    """
    chosen = itertools.product(*levels.values())
    points = [dict(zip(levels, values, strict=True)) for values in chosen]
    kept = [p for p in points if p["islands"] > 1 or p["epoch"] == levels["epoch"][0]]
    arms: list[dict[str, Any]] = [{**p, "arm": CASE} for p in kept]
    arms += [{**kept[k], "arm": PLACEBO} for k in dict.fromkeys((0, len(kept) - 1))]
    if len(arms) * seeds > MOST_RUNS:
        raise UsageError(f"{len(arms)} cases times {seeds} seeds are more than {MOST_RUNS:,} runs")
    each = itertools.product(arms, range(seeds))
    return tuple(ComparisonRun(k, point, first + k) for k, (point, _) in enumerate(each))
