"""What a tick of streams moves over the bus and launches, as docs/kernels.md says it.

The formulas of that page are read from it and held against what a recording device
counts (dry_card); what scripts/gpu_check says of its steps. In numba's simulator alone
(test_cuda_simulator). No figure of time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import dry_card
import numpy as np
import pytest
from cuda_cases import HASHING, SHIPPED
from dry_card import DryCard

from automaton.backends import request
from automaton.backends.batch import CandidateBatch
from automaton.backends.card_competition import CardCompetition
from automaton.run import Run
from automaton.run.sidecar_writer import SidecarOptions
from kernels.cuda import competition, snapshot
from kernels.terms import reduce
from scripts.gpu.streams import steps as steps_on_card

PAGE = Path(__file__).resolve().parents[2] / "docs/kernels.md"
ROW = re.compile(r"^\| ([a-z ,]+?)(†?) \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)
TICKS = 3
NOTHING_KEPT = SidecarOptions(archive=0)


class Step(NamedTuple):
    """A row of the page: bytes up, bytes down, launches; by_host: without CuPy alone."""

    by_host: bool
    up: str
    down: str
    launches: str


def steps() -> dict[str, Step]:
    """The rows of the page's table."""
    table = PAGE.read_text().partition("<!-- account -->")[2].partition("<!-- end -->")[0]
    return {name: Step(bool(mark), *cells) for name, mark, *cells in ROW.findall(table)}


def worth(formula: str, symbols: Mapping[str, int]) -> int:
    """A formula of sums and products of numbers and symbols, read by our own grammar."""

    def value(node: ast.expr) -> int:
        match node:
            case ast.BinOp(left, ast.Add(), right):
                return value(left) + value(right)
            case ast.BinOp(left, ast.Mult(), right):
                return value(left) * value(right)
            case ast.Constant(int(number)):
                return number
            case ast.Name(name):
                return symbols[name]
        raise AssertionError(formula)

    return value(ast.parse(formula, mode="eval").body)


class Ticks:
    """What every tick was given, and what came of it, in numbers of the host alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, card: DryCard) -> None:
        self.card = card
        self.symbols: dict[str, int] = {}
        self._given: list[tuple[int, dict[str, Any], dict[str, Any]]] = []
        propose = competition.Competition.propose
        bring = competition.Competition.records

        def proposed(own: Any, tick: Any, code: Any, end: int, *given: Any) -> None:
            self._begin()
            columns, pools, weighing = (
                {name: array.copy() for name, array in part.items()} for part in given
            )
            self._given.append((end, columns, pools | weighing))
            propose(own, tick, code, end, *given)

        def records(own: Any, slots: Any) -> Any:
            self.symbols["asked"] += len(slots)
            found = bring(own, slots)
            self.symbols["asked_nodes"] += int(found[:, competition.SIZE].sum())
            return found

        monkeypatch.setattr(competition.Competition, "propose", proposed)
        monkeypatch.setattr(competition.Competition, "records", records)

    def _begin(self) -> None:
        card = self.card
        card.up = card.down = 0
        card.launched.clear()
        card.todo.clear()
        self.symbols = {"asked": 0, "asked_nodes": 0}

    def changes(self) -> dict[str, int]:
        """What changed of a snapshot from the tick before to the last one."""
        (end, before, listed), (now, after, lists) = self._given[-2:]

        def rows(group: Mapping[str, Any]) -> int:
            return int(np.any([before[name] != after[name] for name in group], axis=0).sum())

        changed = [
            array.nbytes for name, array in lists.items()
            if not np.array_equal(array, listed[name])
        ]  # fmt: skip
        return {
            "words": now - end, "rows": rows(snapshot.TERMS), "places": rows(snapshot.FACTS),
            "seen": rows(snapshot.SEEN), "pools": sum(changed),
        }  # fmt: skip


def made_of(batch: CandidateBatch, there: Any) -> dict[str, int]:
    """The symbols that a tick's candidates are, from the columns on the host."""
    made = there.kinds if there.grouped else batch.slots
    winners = np.flatnonzero(batch.won)
    forms, begins = np.unique(batch.results[winners], return_index=True)
    return {
        "slots": batch.slots, "rounds": batch.slots // batch.streams,
        "kinds": there.kinds if there.grouped else 0, "made": made,
        "forms": len(forms), "nodes": int(batch.sizes[winners][begins].sum()),
    }  # fmt: skip


@HASHING
@pytest.mark.parametrize(
    ("cupy", "grouped", "max_steps"),
    [(False, False, 60), (False, True, 150), (True, False, 150), (True, True, 60)],
)
def test_a_tick_moves_and_launches_what_the_page_says(
    cupy: bool, grouped: bool, max_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(SHIPPED.read_bytes())
    ticks = Ticks(monkeypatch, dry_card.put_in(DryCard(), monkeypatch, cupy=cupy))
    given = {"streams": "all", "parallel": 12, "max_size": 60, "seed": 4, "max_steps": max_steps}
    wanted = request.DeviceRequest("cuda")
    with Run(log, given, durability="off", wanted=wanted, keeping=NOTHING_KEPT) as run:
        device: Any = run.device
        device.grouping.forced = grouped
        run.go(ticks=TICKS, interval_ms=0)
        card, batch = ticks.card, run.space.batch
        counted = card.up, card.down, len(card.launched)
        there = device._candidates._of[batch.slots]
        symbols = {**ticks.symbols, **ticks.changes(), **made_of(batch, there)}
        device.complete(batch)
        form = batch.outcomes == reduce.NORMAL
        _, first = np.unique(batch.results[form], return_index=True)
        symbols["formed"] = len(first)
        symbols["all_nodes"] = int(batch.sizes[form][first].sum())
        again = card.todo[1:]
        symbols["tiers"], symbols["again"] = 1 + len(again), sum(again)
        whole = card.up - counted[0], card.down - counted[1], len(card.launched) - counted[2]
    page = steps()
    wanted_steps = set(page) - {"losers, all", *(() if grouped else ("equal reactions",))}
    sums = [0, 0, 0]
    for name in wanted_steps:
        step = page[name]
        for k, formula in enumerate(step[1:]):
            if k == 2 or not step.by_host or not cupy:
                sums[k] += worth(formula, symbols)
    assert symbols["formed"]
    assert symbols["asked"]
    assert tuple(sums) == counted, symbols
    assert tuple(worth(formula, symbols) for formula in page["losers, all"][1:]) == whole


@HASHING
def test_gpu_check_names_the_step_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    complete = CardCompetition.complete

    def damaged(own: Any, batch: CandidateBatch) -> None:
        complete(own, batch)
        batch.steps[0] += 1

    rows = steps_on_card(1, grouped=True)
    assert all(row.ok for row in rows)
    monkeypatch.setattr(CardCompetition, "complete", damaged)
    wrong = [row for row in steps_on_card(1, grouped=True) if not row.ok]
    found = [(row.name, row.figure) for row in wrong]
    assert found == [("streams by kinds: reactions", "differ in steps, on cuda")]
