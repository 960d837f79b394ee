"""Small machines: their objects, logs of them, ticks run on them, and what was appended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from automaton.backends import CpuBackend
from automaton.backends.batch import BatchJob, CandidateBatch
from automaton.chemistry import ConditionAnswers, World
from automaton.chemistry.tick_plan import plan_tick
from automaton.compute.reduction import OUTCOMES, SubstitutionReducer
from automaton.format.objects import NamedObject
from automaton.format.options import Options
from automaton.run import Run
from automaton.run.stats import Stats
from kernels import philox

Members = dict[str, Any]

IDENTITY, K, S = "λx.x", "λx.λy.x", "λx.λy.λz.x z (y z)"
B, C, W = "λx.λy.λz.x (y z)", "λx.λy.λz.x z y", "λx.λy.x y y"
TWO, THREE = "λf.λx.f (f x)", "λf.λx.f (f (f x))"
HALF_OMEGA = "λx.x x"  # applied to itself it is Ω
OMEGA = "(λx.x x) (λx.x x)"


def automaton(name: str, level: int = 0, **more: Any) -> Members:
    """A state of the machine; without a term its operator is the application."""
    return {"id": name, "type": "automaton", "dimensionalLevel": level, **more}


def transition(
    name: str, source: str, target: str, action: str = "evolve", condition: str = "true"
) -> Members:
    """A way from one automaton to another."""
    ends = {"fromNode": source, "toNode": target}
    return {"id": name, "type": "transition", **ends, "condition": condition, "action": action}


def vertical(name: str, source: str, target: str) -> Members:
    """An edge that is the way where no transition leads on."""
    return {"id": name, "type": "vertical", "fromNode": source, "toNode": target}


def rule(name: str, match: str, operator: str) -> Members:
    """An operator for the reactants that match."""
    return {"id": name, "type": "rule", "match": match, "operator": operator}


def term(name: str, text: str, **more: Any) -> Members:
    """An object that carries a term."""
    return {"id": name, "type": "text", "term": text, **more}


#: A soup that stays alive for some hundred ticks.
TERMS = [
    term(name, text)
    for name, text in {
        "I": IDENTITY,
        "K": K,
        "S": S,
        "B": B,
        "C": C,
        "W": W,
        "2": TWO,
        "3": THREE,
    }.items()
]


def rich() -> list[Members]:
    """A machine that visits three dimensions and performs all eight actions again and again."""
    loops = [
        transition("loop:reference", "0D", "0D", "self-reference"),
        transition("loop:io", "0D", "0D", "self-io", "file_exists or observation"),
        transition("loop:compose", "1D", "1D", "compose", "unifiable(a,b)"),
        transition("loop:modify", "1D", "1D", "self-modify", "observation"),
        transition("loop:train", "2D", "2D", "self-train", "quantum_collapse"),
        transition("loop:validate", "2D", "2D", "validate-self", "majority_agree"),
    ]
    ways = [
        transition("way:01", "0D", "1D", "evolve", "step_count >= 2 or numeric(m,n)"),
        transition("way:12", "1D", "2D", "evolve", "step_count > 1 and not later"),
        transition("way:20", "2D", "1D", "self-observe", "gradient_descent or step_count = 3"),
    ]
    machine = [
        automaton("0D", 0, currentState="identity", selfReference={"line": 99, "file": "x"}),
        automaton("1D", 1, term="λa.λb.b a", a="size < 40", b="not numeral"),
        automaton("2D", 2, currentState="application"),
        rule("rule", "term ~ 'λx.λy.?f'", "λa.λb.λc.b (a c)"),
        {"id": "note", "type": "text", "text": "two terms, `λx.λy.y` and `λf.λx.f(f(fx))`"},
    ]
    return [*machine, *loops, *ways, *TERMS]


def encoded(objects: Iterable[Members]) -> bytes:
    """The lines of a genesis."""
    return b"".join(json.dumps(o, ensure_ascii=False).encode() + b"\n" for o in objects)


def written(path: Path, objects: Iterable[Members]) -> Path:
    """A log that never ran."""
    path.write_bytes(encoded(objects))
    return path


def ran(path: Path, ticks: int, **given: Any) -> Stats:
    """So many ticks run on a log, by a run of their own; the disk is not waited for."""
    with Run(path, given, durability="off") as run:
        return run.go(ticks=ticks, interval_ms=0)


def objects_in(path: Path, kind: str) -> list[Members]:
    """All objects of a type that the log holds, in order."""
    parsed = map(json.loads, path.read_bytes().splitlines())
    return [members for members in parsed if members.get("type") == kind]


def commits_in(path: Path) -> list[Members]:
    """The commits."""
    return objects_in(path, "commit")


def versions_in(path: Path, identity: str) -> list[Members]:
    """All versions of an object, the first one first."""
    parsed = map(json.loads, path.read_bytes().splitlines())
    return [members for members in parsed if members.get("id") == identity]


def world_of(objects: Sequence[Members], **options: Any) -> World:
    """The snapshot before the first tick, without a file."""
    world = World(Options(**options))
    world.found([NamedObject(members["id"], members) for members in objects], 1)
    return world


def reacted(world: World, tick: int = 1) -> CandidateBatch:
    """The first batch of a snapshot, as a run makes it; every candidate wins its round."""
    batch = CandidateBatch(world.options.parallel, world.options.max_size)
    device = CpuBackend(world.options, threads=1)
    device.react(BatchJob(world.population, plan_tick(world, tick), tick, philox.REACTANTS), batch)
    device.close()
    batch.won[:] = batch.outcomes == OUTCOMES.index("normal")
    return batch


def answers_of(world: World, tick: int = 1, *, file_exists: bool = True) -> ConditionAnswers:
    """What conditions are answered with after that batch."""
    return ConditionAnswers(
        world, reacted(world, tick), tick, SubstitutionReducer(), lambda: file_exists
    )
