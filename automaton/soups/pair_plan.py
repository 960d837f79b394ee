"""Merged soups to be run: every pair of some logs' living terms, each in one soup.

Pure: the logs, the disk and the clock are others'.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from automaton.errors import UsageError
from automaton.format.options import Options
from automaton.format.records import dump
from automaton.soups.many_soups import soup_seed
from automaton.soups.merger import BETWEEN, LEFT, RIGHT
from automaton.soups.sweep_plan import MOST_RUNS

#: Options that the merged soups have from the logs, which must agree in them.
COMMON = (
    "operator", "updating", "copies", "evaluation", "max_steps", "max_size", "max_depth",
    "max_input",
)  # fmt: skip
_ROOM = 5, 4  # places for objects that are put in: as published, 2,500 for 2,000


class SoupPart(NamedTuple):
    """What lives in a log: its name and head, and how many objects each term has."""

    name: str
    head: str
    options: dict[str, Any]
    counts: tuple[tuple[str, int], ...]  # terms in de Bruijn notation
    maintained: float = 0.0  # share of the objects whose terms make each other

    @property
    def objects(self) -> int:
        """How many there are."""
        return sum(count for _, count in self.counts)

    def as_json(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"head": self.head, "terms": len(self.counts), "maintained": self.maintained}


class Merging(NamedTuple):
    """How parts are merged two by two."""

    ticks: int = 100  # collisions of a merged soup for each of its places
    seed: int = 0
    repeats: int = 1  # of each pair
    least: float = 0.0  # parts of which a smaller share maintains itself are left out
    between: bool = False  # also with the parts that stand between the two in their order
    keep_logs: bool = True


class PairRun(NamedTuple):
    """One merged soup."""

    number: int  # from 0: pairs in the order of the logs, repeats last
    point: dict[str, Any]  # left, right: names of the logs; repeat
    seed: int
    members: tuple[int, ...]  # the parts by number; the first is left, the last is right

    @property
    def name(self) -> str:
        """Its log's name."""
        return f"{self.number:05d}.jsonl"


@dataclass(frozen=True)
class PairPlan:
    """The merged soups of some parts."""

    parts: tuple[SoupPart, ...]
    settings: dict[str, Any]  # deciding options that all share
    ticks: int  # collisions of a soup for each of its places
    runs: tuple[PairRun, ...]
    left_out: tuple[SoupPart, ...] = ()
    keep_logs: bool = True

    @classmethod
    def of(cls, parts: Sequence[SoupPart], how: Merging) -> PairPlan:
        """Every pair of the parts, so many times; what cannot be is a `UsageError`."""
        logs, parts = parts, [part for part in parts if part.maintained >= how.least]
        if len(parts) < 2:
            raise UsageError(
                f"a pair takes two logs; of {len(logs)} given {len(parts)} maintain themselves "
                f"to {how.least}"
            )
        if len({part.name for part in parts}) < len(parts):
            raise UsageError("a log is given twice")
        for part in parts:
            _refuse(part, parts[0])
        pairs = list(itertools.combinations(range(len(parts)), 2))
        if len(pairs) * how.repeats > MOST_RUNS:
            raise UsageError(
                f"{len(pairs)} pairs, {how.repeats} times: at most {MOST_RUNS:,} soups"
            )
        runs = []
        for number, ((a, b), repeat) in enumerate(itertools.product(pairs, range(how.repeats))):
            point = {LEFT: parts[a].name, RIGHT: parts[b].name, "repeat": repeat}
            members = tuple(range(a, b + 1)) if how.between else (a, b)
            runs.append(PairRun(number, point, soup_seed(how.seed, number), members))
        out = tuple(part for part in logs if part.maintained < how.least)
        return cls(tuple(parts), dict(parts[0].options), how.ticks, tuple(runs), out, how.keep_logs)

    def said(self) -> dict[str, Any]:
        """What the manifest's first line says of it."""
        logs, out = ({part.name: part.as_json() for part in parts}
                     for parts in (self.parts, self.left_out))  # fmt: skip
        own = {"ticks": self.ticks, "settings": self.settings, "logs": logs, "left_out": out}
        return {**own, "runs": len(self.runs)}

    def options(self, run: PairRun) -> dict[str, Any]:
        """The deciding options of a soup: a tick is as many collisions as it has places."""
        objects = sum(self.parts[k].objects for k in run.members)
        places = -(-objects * _ROOM[0] // _ROOM[1])
        found = {**self.settings, "max_objects": places, "parallel": places, "seed": run.seed}
        Options().updated(found)  # says what cannot be
        return found

    def lines(self, run: PairRun) -> Iterator[bytes]:
        """A soup's genesis: an object a line, of the type of its part."""
        for k in run.members:
            kind = {run.members[0]: LEFT, run.members[-1]: RIGHT}.get(k, BETWEEN)
            number = itertools.count(1)
            for term, count in self.parts[k].counts:
                for _ in range(count):
                    name = f"{kind}{k}.{next(number)}"
                    yield dump({"id": name, "type": kind, "term": term}) + b"\n"

    def digest(self, genesis: bytes) -> str:
        """SHA-256, in hex, of all that decides the soups' bytes."""
        runs = [[run.members, str(run.seed)] for run in self.runs]
        heads = [part.head for part in self.parts]
        said = json.dumps([self.ticks, self.settings, heads, runs], sort_keys=True)
        return hashlib.sha256(genesis + said.encode()).hexdigest()


def _refuse(part: SoupPart, first: SoupPart) -> None:
    if not part.counts:
        raise UsageError(f"{part.name}: no term in normal form lives there")
    if part.options["operator"] is None:
        raise UsageError(
            f"{part.name}: its collisions have the operator of an automaton, which may be diluted; "
            "run soups with --operator"
        )
    for name in COMMON:
        if part.options[name] != first.options[name]:
            raise UsageError(
                f"{part.name} has {name} {part.options[name]}, {first.name} has "
                f"{first.options[name]}; soups of one law are merged"
            )
