"""Who leaves an island: the best distinct winners, by columns and by lines."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from island_cases import QUICK, small_archipelago, written_folder

from automaton.islands.emigrant_selection import EmigrantSelection, WinnerColumns, parse_migrant
from automaton.islands.island import Control, Island, Task
from automaton.islands.log_emigrants import emigrant_lines, emigrants
from automaton.log import Log
from automaton.terms import notation
from kernels.chemistry import best_winners

#: Closed terms of one to three nodes and more, told apart by their words.
TERMS = [notation.parse(text) for text in ("λx.x", "λx.λy.x", "λx.λy.y", "λx.x x")]


def columns(rows: list[tuple[int, int, int]]) -> WinnerColumns:
    """Winners of slot, salience and number of a term."""
    terms = [TERMS[term] for _, _, term in rows]
    sizes = np.array([len(term) for term in terms], dtype=np.int32)
    starts = np.cumsum(sizes) - sizes
    words = np.concatenate(terms) if terms else np.zeros(0, dtype=np.int32)
    slots, salience = (np.array([row[k] for row in rows], dtype=np.int64) for k in (0, 1))
    chosen = np.ones(len(rows), dtype=np.uint8)
    valued = salience.astype(np.int32)
    return WinnerColumns(chosen, 1, slots, valued, True, starts, sizes, words)


ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(-2, 2), st.integers(0, 3)),
    max_size=6, unique_by=lambda row: row[0],
).map(sorted)  # fmt: skip


@pytest.mark.parametrize("form", ["compiled", "plain"])
@given(st.lists(ROWS, max_size=4), st.integers(0, 5), st.randoms())
def test_the_selection_is_the_front_of_all_winners_in_the_stated_order(
    form: str, ticks: list[list[tuple[int, int, int]]], most: int, order: random.Random
) -> None:
    selection = EmigrantSelection(most, 8)
    if form == "plain":
        selection.take = best_winners.take_winners
    shown = list(enumerate(ticks, 1))
    order.shuffle(shown)
    for tick, rows in shown:
        selection.add(tick, columns(rows))
    everyone = [(-s, -tick, slot, term) for tick, rows in enumerate(ticks, 1)
                for slot, s, term in rows]  # fmt: skip
    front: dict[int, tuple[int, int, int]] = {}
    for salience, tick, slot, term in sorted(everyone):
        front.setdefault(term, (salience, tick, slot))
    found = [(-one.salience, -one.tick, one.slot) for one in selection.best]
    assert found == list(front.values())[:most]
    texts = [notation.format_term(TERMS[term]).encode() for term in list(front)[:most]]
    assert selection.texts == texts


@pytest.mark.parametrize("streams", ["none", "all"])
@pytest.mark.parametrize("record", ["full", "commits"])
def test_columns_of_the_run_and_lines_of_the_log_give_the_same_emigrants(
    tmp_path: Path, streams: str, record: str
) -> None:
    one = small_archipelago(1, options={"streams": streams}, migrants=4)
    folder = written_folder(tmp_path / "a", one)
    island = Island(folder, 0, QUICK._replace(record=record))
    found = [island.perform(Task(0, epoch, ())) for epoch in range(3)]
    island.close()
    again = Island(folder, 0, QUICK)
    for epoch, report in enumerate(found):
        told = again.perform(Task(0, epoch))
        assert report is not None
        assert told is not None
        assert report.lines == told.lines
        assert len(report.lines) == 4
    again.close()


def test_an_island_that_is_stopped_within_an_epoch_goes_on_to_the_same_emigrants(
    tmp_path: Path,
) -> None:
    one = small_archipelago(1)
    straight = written_folder(tmp_path / "a", one)
    island = Island(straight, 0, QUICK)
    wanted = island.perform(Task(0, 0, ()))
    island.close()
    stopped = written_folder(tmp_path / "b", one)
    looks = iter([False, False, False, True])
    island = Island(stopped, 0, QUICK, Control(stopping=lambda: next(looks)))
    assert island.perform(Task(0, 0, ())) is None
    island.close()
    island = Island(stopped, 0, QUICK)
    assert island.run.tick == 3
    report = island.perform(Task(0, 0, ()))
    island.close()
    assert report is not None
    assert wanted is not None
    assert (report.lines, report.head) == (wanted.lines, wanted.head)


def test_a_migrants_line_names_its_island_tick_winner_rank_and_chain(tmp_path: Path) -> None:
    one = small_archipelago(2)
    folder = written_folder(tmp_path / "a", one)
    island = Island(folder, 1, QUICK)
    island.perform(Task(1, 0, ()))
    island.close()
    with Log.open(folder.log(1), write=False) as log:
        lines = emigrant_lines(one, 1, log, emigrants(one, log, 0))
        for rank, line in enumerate(lines):
            said = parse_migrant(line)
            assert (said.island, said.rank) == (1, rank)
            assert said.chain == log.chain_at(said.tick)
            stands = log.current(said.winner)
            assert stands is not None
            assert f'"term":"{said.term}"' in stands.decode()
