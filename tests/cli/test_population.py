"""What lives, how that went, and what is shown first."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small import commits_in, objects_in, ran, rich, written

from automaton.run import Run


def said(*words: object) -> str:
    """What the program prints, as a user starts it."""
    command = [sys.executable, "-m", "automaton", *map(str, words)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def rows(*words: object) -> list[dict[str, Any]]:
    """The objects that it prints."""
    return [json.loads(line) for line in said(*words, "--json").splitlines()]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of ten ticks in which terms died."""
    path = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    ran(path, 10, parallel=16, max_objects=30)
    return path


def test_the_population_is_that_of_the_run(log: Path) -> None:
    found = rows("population", log)
    with Run(log) as run:
        population = run.world.population
        words = [population.words(row).tobytes() for row in population.choices()]
    assert sum(row["count"] for row in found) == len(words)
    assert len(found) == len(set(words))
    assert sum(row["share"] for row in found) == pytest.approx(1)
    assert [row["count"] for row in found] == sorted((row["count"] for row in found), reverse=True)


def test_a_made_term_names_who_made_it(log: Path) -> None:
    made = next(row for row in rows("population", log) if row["makers"])
    [winner] = [o for o in objects_in(log, "modification") if o["id"] == made["ids"][0]]
    assert (winner["term"], winner["parents"]) == (made["term"], made["makers"])


def terms_taken(log: Path) -> dict[str, tuple[int, str]]:
    """By automaton, since which tick it has the term that it has at last, and the term."""
    found: dict[str, tuple[int, str]] = {}
    tick = 0  # of the line; the genesis has no commit
    for line in log.read_bytes().splitlines():
        members = json.loads(line)
        kind, term = members.get("type"), members.get("term")
        if kind == "run":
            tick = max(tick, 1)
        elif kind == "commit":
            tick = members["tick"] + 1
        elif kind == "automaton" and term and found.get(members["id"], (0, ""))[1] != term:
            found[members["id"]] = tick, term
    return found


def test_an_automaton_has_a_term_since_the_tick_in_which_it_took_it(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    ran(log, 30, parallel=64, max_objects=1000)
    taken = {name: since for name, since in terms_taken(log).items() if since[0]}
    listed = {identity: row for row in rows("population", log) for identity in row["ids"][:1]}
    compared = taken.keys() & listed.keys()
    assert compared
    for name in compared:
        assert (listed[name]["first_tick"], listed[name]["term"]) == taken[name]


def test_the_oldest_winner_of_a_term_is_named(log: Path) -> None:
    found = [row for row in rows("population", log) if row["count"] <= len(row["ids"])]
    assert {row["winner"] is None for row in found} == {True, False}
    for row in found:
        winners = [name for name in row["ids"] if re.fullmatch(r"m[0-9]+\.[0-9]+", name)]
        assert row["winner"] == (winners[0] if winners else None)


def test_an_earlier_population_is_that_of_a_run_that_ended_there(log: Path, tmp_path: Path) -> None:
    shorter = written(tmp_path / "shorter.jsonl", rich())
    ran(shorter, 4, parallel=16, max_objects=30)
    assert rows("population", log, "--at", 4) == rows("population", shorter)


def test_people_are_shown_the_first_and_told_of_the_rest(log: Path) -> None:
    lines = said("population", log, "--top", 2).splitlines()
    assert "live" in lines[0]
    assert len(lines) == 5
    assert "more terms" in lines[-1]


def test_the_series_has_a_row_a_tick_with_the_commits_outcomes(log: Path) -> None:
    found = rows("series", log)
    assert [row["tick"] for row in found] == list(range(1, 11))
    for row, commit in zip(found, commits_in(log), strict=True):
        assert row["outcomes"] == commit["outcomes"]
        assert row["dimension"] == commit["dimensionalLevel"]
        assert 1 <= row["effective"] <= row["distinct"] + 1e-9
        assert row["distinct"] <= row["live"] <= 30
        assert row["winners"] <= row["outcomes"]["normal"]


def test_the_last_row_and_the_population_and_a_run_agree_on_distinct(log: Path) -> None:
    last = rows("series", log, "--every", 7)[-1]
    with Run(log) as run:
        assert run.living() == (last["live"], last["distinct"])
    assert len(rows("population", log)) == last["distinct"]


def test_csv_has_the_names_first_and_whole_figures(log: Path) -> None:
    table = list(csv.DictReader(io.StringIO(said("series", log, "--csv"))))
    found = rows("series", log)
    assert [float(row["effective"]) for row in table] == [row["effective"] for row in found]
    assert [int(row["copy"]) for row in table] == [row["outcomes"]["copy"] for row in found]


def test_show_prints_the_term_first_and_the_ancestry_only_when_asked(log: Path) -> None:
    winner = objects_in(log, "modification")[-1]
    text = said("show", log, winner["id"])
    assert text.startswith("term: λ")
    assert f"de Bruijn: {winner['term']}   " in text.splitlines()[0]
    assert "lineage:" not in text
    assert "lineage:" in said("show", log, winner["id"], "--depth", 2)


def test_replay_says_where_the_machine_stood_and_what_fired(log: Path) -> None:
    for tick in (1, 5, 10):
        states = [{"automaton": "0D"}, *(commit["state"] for commit in commits_in(log))]
        counts = [state.get("counters", {}).get("actions", {}) for state in states]
        lines = said("replay", log, "--tick", tick).splitlines()
        assert lines[0].startswith(f"before tick {tick}: {states[tick - 1]['automaton']} ")
        assert lines[-1].startswith(f"after tick {tick}: {states[tick]['automaton']} ")
        performed = {name for name, n in counts[tick].items() if n > counts[tick - 1].get(name, 0)}
        for name in performed:
            assert f"({name})" in lines[-2]
        if not performed:
            assert "nothing" in lines[-2] or "vertical" in lines[-2]


def test_replay_says_of_each_transition_why_it_fired_or_did_not(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"id":"a","type":"automaton"}\n{"id":"b","type":"automaton"}\n'
        '{"id":"typo","type":"transition","from":"a","to":"b","condition":"step_cuont > 3"}\n'
        '{"id":"late","type":"transition","from":"a","to":"b","condition":"step_count >= 2"}\n'
        '{"id":"never","type":"transition","from":"a","to":"b","condition":"numeric and false"}\n'
        '{"id":"K","type":"term","term":"\\\\x.\\\\y.x"}\n'
    )
    said("run", log, "--ticks", 3, "--interval", 0)
    assert said("replay", log, "--tick", 2).splitlines()[-5:-1] == [
        "tried typo to b: step_cuont > 3 does not hold (step_cuont > 3 is no known condition)",
        "tried late to b: step_count >= 2 does not hold (step_count is 1)",
        "tried never to b: numeric and false does not hold (numeric is false)",
        "fired: nothing: the machine stays",
    ]
    assert said("replay", log, "--tick", 3).splitlines()[-3:-1] == [
        "tried late to b: step_count >= 2 holds (step_count is 2)",
        "fired: late (no action)",
    ]
