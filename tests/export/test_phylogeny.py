"""The phylogeny of a log: every row's times are those of the folded population."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest
from exports import ODD, program, streamed, winners_in
from small import Members, objects_in, rich, written

from automaton.analysis import snapshot
from automaton.export.lifetimes import ALIVE, Lifetimes
from automaton.export.phylogeny import one_line
from automaton.format.json_edit import quote
from automaton.log import Log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which terms die, streams take what lost, and actions compose."""
    return streamed(tmp_path_factory.mktemp("log") / "log.jsonl", 15)


def table(log: Path, *words: object) -> list[Members]:
    """The rows of the file."""
    text = program("export", log, "--to", "phylogeny", "-o", "-", *words).stdout.decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def ancestors(row: Members) -> list[int]:
    """The ids in an ancestor list."""
    inside = str(row["ancestor_list"])[1:-1]
    return [] if inside == "none" else [int(number) for number in inside.split(",")]


def living(log: Path) -> list[set[str]]:
    """Who lives after each tick, by id."""
    with Log.open(log, write=False) as opened:
        found = []
        for tick in range(len(opened.commits) + 1):
            population = snapshot.world_at(opened, tick).population
            rows = population.choices().tolist()
            found.append({population.id_of(row).decode() for row in rows})
        return found


def test_terms_live_from_their_tick_until_they_leave_their_place(log: Path) -> None:
    after = living(log)
    escaped = {one_line(name): quote(name)[1:-1].decode() for name in ODD}
    for row in table(log):
        name = escaped.get(row["taxon_label"], row["taxon_label"])
        ticks = [tick for tick, names in enumerate(after) if name in names]
        if not ticks:
            continue
        assert int(row["origin_time"]) == ticks[0]
        end = math.inf if ticks[-1] == len(after) - 1 else ticks[-1] + 1
        assert float(row["destruction_time"]) == end
    labels = {row["taxon_label"] for row in table(log)}
    assert labels >= {name for names in after for name in names if name[0] == "m"}


def test_ancestors_are_the_parents_of_the_line_and_stand_before(log: Path) -> None:
    rows = table(log)
    labels = [row["taxon_label"] for row in rows]
    assert len(set(labels)) == len(labels)
    assert [int(row["id"]) for row in rows] == list(range(len(rows)))
    for winner in winners_in(log):
        row = rows[labels.index(winner["id"])]
        above = ancestors(row)
        assert {labels[k] for k in above} == set(map(one_line, winner["parents"]))
        assert all(k < int(row["id"]) for k in above)
        assert all(int(rows[k]["origin_time"]) <= int(row["origin_time"]) for k in above)


def test_compositions_descend_from_both_of_their_automata(log: Path) -> None:
    rows = table(log)
    labels = [row["taxon_label"] for row in rows]
    composed = [line for line in objects_in(log, "composition") if line["id"] in labels]
    for line in composed:
        above = ancestors(rows[labels.index(line["id"])])
        assert {labels[k] for k in above} == set(line["parents"])
    assert composed


@pytest.mark.parametrize("role", ["operator", "a", "b"])
def test_with_one_parent_it_is_a_forest(log: Path, role: str) -> None:
    rows = table(log, "--parent", role)
    labels = [row["taxon_label"] for row in rows]
    place = ("operator", "a", "b").index(role)
    for winner in winners_in(log):
        [above] = ancestors(rows[labels.index(winner["id"])])
        assert labels[above] == one_line(winner["parents"][place])


def test_of_later_ticks_the_parents_from_before_are_roots(log: Path) -> None:
    rows = table(log, "--from", 8, "--until", 12)
    labels = [row["taxon_label"] for row in rows]
    inside = {w["id"] for w in winners_in(log) if 8 <= w["tick"] <= 12}
    assert inside <= set(labels)
    for row in rows:
        if ancestors(row):
            assert int(row["origin_time"]) >= 8


def test_a_log_that_never_ran_has_its_objects_as_roots(tmp_path: Path) -> None:
    rows = table(written(tmp_path / "log.jsonl", rich()))
    assert {row["ancestor_list"] for row in rows} == {"[none]"}
    assert {row["destruction_time"] for row in rows} == {"inf"}
    assert {"S", "K", "note#1"} <= {row["taxon_label"] for row in rows}


def test_winners_live_where_named_terms_alone_have_left() -> None:
    keys = np.array([1 << 31 | 4, 2 << 31 | 7])
    found = Lifetimes(gone=[(keys[:0], 2)], living=keys[1:])
    assert found.ends(keys).tolist() == [1, ALIVE]


def test_a_stream_alone_is_no_phylogeny(log: Path) -> None:
    line = ("export", log, "--to", "phylogeny", "-o", "-", "--stream", "anchor")
    assert b"--to phylogeny takes no --stream" in program(*line, code=2).stderr
