"""Stages for the tests of the engine: functions of a module, so that processes find them."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import Any

from automaton.cycles.graph import Cycle, Graph, Stage, StageOutput, Values
from automaton.cycles.results import CycleOutput
from automaton.cycles.stages import STANDARD, Proposal
from automaton.cycles.thread_executor import _StageCosts
from automaton.terms.encodings import numeral


class Measured(_StageCosts):
    """Costs by which every stage is worth sharing, as if each thread had measured it."""

    def worth_sharing(self, stage: str) -> bool:  # noqa: ARG002
        """Always."""
        return True


async def nap(_: Cycle, __: Values) -> Proposal:
    """Wait on an event loop, and propose nothing."""
    await asyncio.sleep(0.005)
    return Proposal()


def block(_: Cycle, __: Values) -> str:
    """Wait on a thread."""
    time.sleep(0.005)
    return "woke"


async def forever(_: Cycle, __: Values) -> None:
    """Wait for what never comes."""
    await asyncio.Event().wait()


def advise(_: Cycle, __: Values) -> StageOutput:
    """Propose a term, so often that it is drawn often."""
    return StageOutput(Proposal(terms=[("advice", numeral(2))] * 200), {"advice": "two"})


def advise_as_text(_: Cycle, __: Values) -> StageOutput:
    """Say what it would propose, and propose nothing."""
    return StageOutput("λf.λx.f (f x)", {"advice": "two"})


def forgets(_: Cycle, __: Values) -> None:
    """Propose a term, but forget to return it."""
    Proposal(terms=[("advice", numeral(2))])


def odd_fails(cycle: Cycle, _: Values) -> int:
    """Fail for every odd seed."""
    if cycle.seed % 2:
        raise ValueError(f"seed {cycle.seed} is odd")
    return cycle.seed


def leaves(cycle: Cycle, _: Values) -> None:
    """Ask the interpreter to end, which must end the cycle alone."""
    raise SystemExit(cycle.seed)


def killed(cycle: Cycle, _: Values) -> None:
    """The process of the third cycle is killed, as by a lack of memory."""
    if cycle.seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)


def hangs(cycle: Cycle, _: Values) -> None:
    """The third cycle computes for ever, so to speak."""
    if cycle.seed == 3:
        time.sleep(600)


def untellable(cycle: Cycle, _: Values) -> StageOutput:
    """Decide something for which JSON has no word, for odd seeds."""
    return StageOutput(cycle.seed, {"seen": {1} if cycle.seed % 2 else 1})


def counts_its_own(_: Cycle, __: Values) -> CycleOutput:
    """Count what no standard stage counts."""
    return CycleOutput((), {"jumps": 3})


class Meeting:
    """A stage that returns once as many cycles are in it at the same time as are invited."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count)

    def __call__(self, _: Cycle, __: Values) -> int:
        """Wait for the others."""
        return self.barrier.wait(60)


def graph(work: Any, **settings: Any) -> Graph:
    """A graph of one stage."""
    return Graph((Stage("own", work, **settings),), "own")


NAP, BLOCK, FOREVER = graph(nap), graph(block, waits=True), graph(forever)
FAILS, LEAVES, KILLED, HANGS = graph(odd_fails), graph(leaves), graph(killed), graph(hangs)
UNTELLABLE, COUNTS = graph(untellable), graph(counts_its_own)
EMPTY = Graph((), "none")
ADVISED = STANDARD.plus(Stage("advise", advise, ("analyze",)), feeds="build")
WAITING = STANDARD.plus(Stage("nap", nap, ("analyze",)), feeds="build")
