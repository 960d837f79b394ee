"""What a sweep runs: every combination of a grid of settings, under every seed.

Read from the values of a TOML file. Pure: the file, the logs and the clock are others'.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from automaton.errors import UsageError
from automaton.format.options import NAMES, Options, generator, parse_inflow
from automaton.soups.genesis_recipe import GenesisRecipe
from automaton.terms.notation import format_term, parse
from automaton.terms.random_terms import generated

MOST_RUNS = 100_000
_WANTED = {
    "log", "genesis", "ticks", "seeds", "first_seed", "settings", "grid", "count", "keep_logs",
}  # fmt: skip
_SHARE = ".share"  # of a part of the genesis, in a grid
_OURS = {"seed", "graph", "archipelago", "island"}  # that a sweep itself, or nobody, gives


class SweepRun(NamedTuple):
    """One run of a sweep."""

    number: int  # from 0, in the order of the grid, seeds last
    point: dict[str, Any]  # the settings that the grid gives
    seed: int

    @property
    def name(self) -> str:
        """Its log's name."""
        return f"{self.number:05d}.jsonl"


@dataclass(frozen=True)
class SweepPlan:
    """The runs of a sweep; `of` reads one from the values of a file."""

    log: str  # whose genesis all runs begin with; "": each has one of the recipe
    ticks: int  # of each run
    settings: dict[str, Any]  # deciding options that all runs share
    runs: tuple[SweepRun, ...]
    recipe: GenesisRecipe | None = None
    counted: dict[str, str] = field(default_factory=dict)  # terms by name, canonical
    keep_logs: bool = True

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> SweepPlan:
        """The plan that a file's values describe; what cannot be is a `UsageError`."""
        if unknown := sorted(set(values) - _WANTED):
            raise UsageError(
                f"a sweep has no {unknown[0]!r}; it has log or [genesis], ticks, seeds, "
                "first_seed, keep_logs and the tables [settings], [grid] and [count]"
            )
        log, ticks = values.get("log"), values.get("ticks")
        recipe = GenesisRecipe.of(values["genesis"]) if "genesis" in values else None
        if isinstance(log, str) == (recipe is not None):
            raise UsageError(
                'a sweep needs log = "FILE", whose genesis all runs begin with, or a table '
                "[genesis]"
            )
        if not isinstance(ticks, int) or not is_count(ticks):
            raise UsageError(f"ticks is {ticks!r}; a sweep needs a whole number above 0")
        settings = settings_table(values, "settings")
        listed = settings_table(values, "grid")
        grid = {name: _listed(name, found) for name, found in listed.items()}
        if both := sorted(set(settings) & set(grid)):
            raise UsageError(f"{both[0]} stands in [settings] and in [grid]; leave one")
        points = [
            dict(zip(grid, chosen, strict=True)) for chosen in itertools.product(*grid.values())
        ]
        seeds = listed_seeds(values.get("seeds", 10), values.get("first_seed", 0))
        if len(points) * len(seeds) > MOST_RUNS:
            raise UsageError(
                f"{len(points)} settings times {len(seeds)} seeds are more than {MOST_RUNS:,} runs"
            )
        runs = tuple(
            SweepRun(number, point, seed)
            for number, (point, seed) in enumerate(itertools.product(points, seeds))
        )
        counted = {name: _counted(name, text) for name, text in values.get("count", {}).items()}
        keeping = values.get("keep_logs", True) is not False
        plan = cls(
            log if isinstance(log, str) else "", ticks, canonical_settings(settings), runs, recipe,
            counted, keeping,
        )  # fmt: skip
        for run in runs[:: len(seeds)]:
            refuse(plan.options(run))
            plan.recipe_of(run)
        return plan

    def said(self) -> dict[str, Any]:
        """What the manifest's first line says of it."""
        own = {"ticks": self.ticks, "log": self.log, "settings": self.settings}
        return {**own, "runs": len(self.runs)}

    def options(self, run: Any) -> dict[str, Any]:
        """The deciding options of a run."""
        point = {name: value for name, value in run.point.items() if not name.endswith(_SHARE)}
        return {**self.settings, **point, "seed": run.seed}

    def recipe_of(self, run: Any) -> GenesisRecipe | None:
        """What a run's genesis is made of; None: all begin with that of the log."""
        shares = {name: value for name, value in run.point.items() if name.endswith(_SHARE)}
        if self.recipe is None and shares:
            raise UsageError(f"[grid] has {next(iter(shares))}, which needs a table [genesis]")
        return None if self.recipe is None else self.recipe.with_shares(shares)

    def digest(self, genesis: bytes) -> str:
        """SHA-256, in hex, of all that decides the runs' bytes; `genesis` is that of the log."""
        runs = [[run.point, str(run.seed)] for run in self.runs]
        said = json.dumps([self.ticks, self.settings, runs], sort_keys=True)
        if self.recipe is not None or self.counted:
            said += repr((self.recipe, sorted(self.counted.items())))
        return hashlib.sha256(genesis + said.encode()).hexdigest()


def digest_of(said: Mapping[str, Any], runs: Iterable[Any], genesis: bytes) -> str:
    """SHA-256, in hex, of a plan's own words, but the log's name, its runs, and the genesis."""
    own = {name: value for name, value in said.items() if name != "log"}
    listed = [[run.point, str(run.seed)] for run in runs]
    return hashlib.sha256(genesis + json.dumps([own, listed], sort_keys=True).encode()).hexdigest()


def refuse(settings: Mapping[str, Any]) -> None:
    """Says which of the deciding options cannot be, before anything of a run stands."""
    options = Options().updated(settings)
    law = parse_inflow(options.inflow)
    for source, _ in law.sources if law else ():
        found = generator(source)
        if found is None:
            parse(source)
        else:
            generated(*found, lambda _below: 0)


def is_count(value: object) -> bool:
    """Whether a file's value is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def settings_table(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The deciding options of a table of a file."""
    found = values.get(name, {})
    if not isinstance(found, dict):
        raise UsageError(f"{name} is {found!r}; it is a table, written [{name}]")
    for option in found:
        if name == "grid" and option.endswith(_SHARE):
            continue
        if option in _OURS or option not in NAMES:
            raise UsageError(
                f"[{name}] has {option!r}, which is no deciding option of a run; "
                f"those are {', '.join(sorted(NAMES - _OURS))}"
            )
    return found


def _listed(name: str, values: object) -> list[Any]:
    if not isinstance(values, list) or not values:
        raise UsageError(f"[grid] {name} is {values!r}; it is a list of values")
    found = [canonical_settings({name: value})[name] for value in values]
    if len({json.dumps(value) for value in found}) < len(found):
        raise UsageError(f"[grid] {name} has a value twice")
    return found


def canonical_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with terms as a log has them."""
    operator = settings.get("operator")
    if not isinstance(operator, str):
        return settings
    return {**settings, "operator": format_term(parse(operator))}


def _counted(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise UsageError(f"[count] {name} is {text!r}; it is a term whose like are counted")
    return format_term(parse(text))


def listed_seeds(seeds: object, first: object) -> list[int]:
    """The seeds that a file names, or how many from a first one on."""
    if isinstance(seeds, list):
        listed = [seed for seed in seeds if isinstance(seed, int) and not isinstance(seed, bool)]
        if len(listed) < len(seeds) or len(set(listed)) < len(listed) or not listed:
            raise UsageError(f"seeds is {seeds!r}; it is how many, or a list of different numbers")
    elif isinstance(seeds, int) and is_count(seeds) and isinstance(first, int):
        listed = list(range(first, first + min(seeds, MOST_RUNS + 1)))
    else:
        raise UsageError(f"seeds is {seeds!r}; it is how many, or a list of numbers")
    for seed in (min(listed), max(listed)):
        Options(seed=seed)  # says what cannot be
    return listed
