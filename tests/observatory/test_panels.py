"""The panels say what the commands print for the same log."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small import TERMS, automaton, ran, rich, transition, written

from automaton.log.side_files import cache_folder
from automaton.observatory import (
    ObservedLog,
    Scope,
    commit_columns,
    json_text,
    observed_log,
    world_cache,
)
from automaton.observatory.commit_columns import CommitColumns
from automaton.observatory.observed_log import CacheSettings
from automaton.observatory.panel_threads import made
from automaton.observatory.panels import shortened
from automaton.observatory.panels.population_map import CELL_TEXT, LISTED
from automaton.observatory.views import EVERY, QUICK
from automaton.replay.world_checkpoint import CheckpointWriter

TICKS = 40


def said(*words: object) -> Any:
    """What a command prints as JSON: one value, or a list of lines."""
    command = [sys.executable, "-m", "automaton", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return rows[0] if len(rows) == 1 else rows


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of forty ticks with streams, actions and input."""
    found = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    found.with_name("log.jsonl.inbox").write_bytes(b'{"id":"in","term":"\xce\xbbx.x x"}\nno\n')
    ran(found, TICKS, parallel=32, max_objects=60, streams="all", seed=3)
    return found


@pytest.fixture(scope="module")
def log(path: Path) -> Iterator[ObservedLog]:
    with ObservedLog(path) as opened:
        yield opened


def view(log: ObservedLog, name: str, **asked: Any) -> dict[str, Any]:
    """A panel as the page gets it."""
    found: dict[str, Any] = json.loads(made(EVERY[name], log, Scope(**asked)))
    return found


@pytest.mark.parametrize("name", EVERY)
def test_panels_are_the_same_where_orjson_cannot_be_had(
    path: Path, log: ObservedLog, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shown = EVERY[name](log, Scope())
    quickly, lines = json_text.written(shown), path.read_bytes().splitlines()
    read = [json_text.read(line) for line in lines]
    monkeypatch.setattr(json_text, "_loads", None)
    monkeypatch.setattr(json_text, "_dumps", None)
    assert json.loads(json_text.written(shown)) == json.loads(quickly)
    assert [json_text.read(line) for line in lines] == read


@pytest.mark.parametrize("name", EVERY)
def test_every_panel_says_where_its_figures_come_from(log: ObservedLog, name: str) -> None:
    found = view(log, name)
    assert found["source"]
    assert found["window"]
    assert isinstance(found["n"], int)
    assert found["age"] >= 0
    assert not found.get("failed")


def test_the_head_has_the_figures_of_stats(log: ObservedLog, path: Path) -> None:
    found, stats = view(log, "head"), said("stats", path)
    for name in ("tick", "dimension", "automaton", "counters", "actions", "lines", "bytes",
                 "durable_bytes", "verified", "record", "options"):  # fmt: skip
        assert found[name] == stats[name], name
    assert found["chain"] == stats["head"]


def test_the_totals_of_outcomes_are_those_of_stats(log: ObservedLog, path: Path) -> None:
    found = view(log, "outcomes")
    assert found["whole"]
    assert found["totals"] == said("stats", path)["outcomes"]
    assert found["n"] == sum(found["totals"].values())


def test_the_rates_a_tick_and_the_dimensions_are_those_of_series(
    log: ObservedLog, path: Path
) -> None:
    rows, rates, machine = said("series", path), view(log, "rates"), view(log, "kymograph")
    assert rates["tick_of"] == [row["tick"] for row in rows]
    assert rates["modifications"] == [row["winners"] for row in rows]
    assert rates["candidates"] == [sum(row["outcomes"].values()) for row in rows]
    for row, *shares in zip(rows, *machine["shares"], strict=True):
        assert machine["dimensions"][shares.index(1.0)] == row["dimension"]


def test_the_actions_and_versions_of_the_kymograph_are_those_of_the_log(
    log: ObservedLog, path: Path
) -> None:
    machine, stats = view(log, "kymograph"), said("stats", path)
    acted = {name: count for name, count in stats["actions"].items() if count}
    assert {name: sum(counts) for name, counts in machine["actions"].items()} == acted
    for version in machine["versions"]:
        assert version["line"] in said("show", path, version["automaton"], "--depth", 0)["versions"]
    assert sum(row["ticks"] for row in machine["operators"]) == TICKS


def test_shares_diversity_and_label_are_those_of_observe(log: ObservedLog, path: Path) -> None:
    observed = said("observe", path)
    rows = [*view(log, "competition")["figures"], *view(log, "diversity")["figures"]]
    ours = {(row["name"], row["window"]): row for row in rows}
    for row in observed["figures"]:
        found = ours.pop((row["name"], row["window"]))
        assert {**found, "age": 0} == {**row, "age": 0}
    assert not ours
    assert view(log, "diversity")["label"]["evidence"][:2] == observed["label"]["evidence"][:2]


def test_the_distributions_hold_every_winner_of_the_window(log: ObservedLog) -> None:
    found = view(log, "diversity")
    assert sum(found["sizes"]["counts"]) == sum(found["beta"]["counts"]) == found["n"] > 0
    assert sum(view(log, "competition")["salience"]["counts"]) == found["n"]


@pytest.mark.parametrize("tick", [0, 7, TICKS])
def test_the_population_after_a_tick_is_that_of_the_command(
    log: ObservedLog, path: Path, tick: int
) -> None:
    found = view(log, "timeline", tick=tick)
    rows = said("population", path, "--at", tick)
    texts = ("term", "readable")
    assert found["species"] == [
        row | {name: shortened(row[name]) for name in texts} for row in rows[:LISTED]
    ]
    assert (found["live"], found["distinct"]) == (sum(row["count"] for row in rows), len(rows))
    cells = found["cells"]
    assert [cells["species"].count(k) for k in range(len(rows))] == [row["count"] for row in rows]
    assert cells["term"] == [shortened(row["readable"], CELL_TEXT) for row in rows]


def test_the_playhead_at_a_tick_shows_the_log_that_replay_writes(
    log: ObservedLog, path: Path, tmp_path: Path
) -> None:
    shorter = tmp_path / "seven.jsonl"
    command = [sys.executable, "-m", "automaton", "replay", path, "--to", "7", "--out", shorter]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    stats, found = said("stats", shorter), view(log, "timeline", tick=7)
    assert found["chain"] == stats["head"]
    for name in ("automaton", "dimension", "counters", "actions"):
        assert found[name] == stats[name], name


def test_the_ancestry_is_that_of_show(log: ObservedLog, path: Path) -> None:
    newest = view(log, "lineage")
    shown = said("show", path, newest["id"], "--depth", newest["depth"])["lineage"]
    assert [node["id"] for node in newest["nodes"]] == [row["id"] for row in shown]
    names = [node["id"] for node in newest["nodes"]]
    drawn = {(names[child], names[parent], role) for child, parent, role in newest["edges"]}
    told = {
        (row["id"], parent, role)
        for row in shown
        for parent, role in zip(row["parents"], row["roles"], strict=True)
        if parent in names
    }
    assert drawn == told
    assert newest["term"].startswith("λa")  # with names, as terms stand elsewhere on the page


def test_the_phylogeny_ends_in_the_most_frequent_living_terms(log: ObservedLog, path: Path) -> None:
    found = view(log, "phylogeny")
    living = {row["ids"][0]: row["count"] for row in said("population", path, "--top", 32)}
    assert {n["id"]: n["count"] for n in found["nodes"] if n["count"]} == living
    for node in found["nodes"]:
        above = found["nodes"][node["parent"]] if node["parent"] is not None else None
        assert above is None or above["tick"] <= node["tick"]


def test_a_decision_is_that_of_why(log: ObservedLog, path: Path) -> None:
    found = view(log, "decisions")
    assert found["why"] == said("why", path, found["id"])
    asked = view(log, "decisions", id="m7.1")
    done = subprocess.run(
        [sys.executable, "-m", "automaton", "why", path, "m7.1", "--json"],
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        assert asked["why_reason"] in done.stderr.decode()
    else:
        assert asked["why"] == json.loads(done.stdout)


def test_an_object_that_won_nothing_leads_to_the_winners_that_carry_its_term(
    log: ObservedLog,
) -> None:
    species = view(log, "population")["species"]
    named = next(s for s in species if s["winner"] and not re.match(r"m[0-9]", s["ids"][0]))
    found = view(log, "decisions", id=named["ids"][0])
    assert found["why"] is None
    assert found["why_ids"][0] == named["winner"]
    assert view(log, "decisions", id=named["winner"])["why"]["id"] == named["winner"]


def test_the_weights_are_those_of_a_decision(log: ObservedLog) -> None:
    decision = view(log, "decisions")["why"]
    weights = view(log, "competition")["weights"]
    before = weights["tick_of"].index(decision["tick"] - 1)
    found = weights["by_stream"][decision["stream"]][before]
    assert found == pytest.approx(decision["weight"] / 65536, abs=2e-5)


def test_input_and_vetoes_are_those_of_the_commits(log: ObservedLog, path: Path) -> None:
    found, counters = view(log, "decisions"), said("stats", path)["counters"]
    assert (found["accepted"], found["refused"]) == (counters["accepted"], counters["refused"])
    assert [row["id"] for row in found["inputs"]] == ["in"]


def test_the_plane_of_likeness_shows_each_living_term_once(log: ObservedLog, path: Path) -> None:
    found, rows = view(log, "memory"), said("population", path)
    assert found["count"] == [row["count"] for row in rows]
    assert len(found["x"]) == len(found["y"]) == len(rows)
    assert 0 < sum(found["explained"]) <= 1
    assert "memory reindex" in found["recall_reason"]


def test_what_is_recalled_is_what_recall_prints(tmp_path: Path) -> None:
    pytest.importorskip("qdrant_edge")
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 10, parallel=16, streams="all")
    command = [sys.executable, "-m", "automaton", "memory", "reindex", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    with ObservedLog(path) as log:
        found = view(log, "memory", term="λx.x x")["recalled"]
    assert found == said("recall", path, "λx.x x")


def test_an_unknown_tick_or_id_is_said_and_not_thrown(log: ObservedLog) -> None:
    assert f"the last is {TICKS}" in view(log, "timeline", tick=TICKS + 1)["reason"]
    assert "no object has the id" in view(log, "lineage", id="nobody")["reason"]
    assert "no modification's id" in view(log, "decisions", id="nobody")["why_reason"]


def test_a_log_without_a_commit_has_reasons_and_no_figures(tmp_path: Path) -> None:
    with ObservedLog(written(tmp_path / "log.jsonl", rich())) as log:
        found = {name: view(log, name) for name in EVERY}
    assert found["head"]["tick"] == 0
    for name in ("rates", "outcomes", "kymograph", "competition", "decisions"):
        assert "no commit yet" in found[name]["reason"], name
    assert found["population"]["live"] > 0
    assert found["timeline"]["tick"] == 0


def test_a_log_that_holds_no_terms_says_so(tmp_path: Path) -> None:
    with ObservedLog(written(tmp_path / "log.jsonl", [{"id": "a"}])) as log:
        assert "no lambda terms" in view(log, "population")["reason"]
        assert not view(log, "head").get("failed")


def test_a_log_of_commits_alone_shows_what_the_whole_log_shows(tmp_path: Path, path: Path) -> None:
    from automaton.run import Run  # noqa: PLC0415 - with an option that `ran` does not know

    short = written(tmp_path / "log.jsonl", rich())
    whole = written(tmp_path / "whole.jsonl", rich())
    for target, record in ((short, "commits"), (whole, "full")):
        given = {"parallel": 32, "max_objects": 60, "streams": "all", "seed": 3}
        with Run(target, given, durability="off", record=record) as run:
            run.go(ticks=12, interval_ms=0)
    with ObservedLog(short) as one, ObservedLog(whole) as other:
        for name in EVERY:
            left, right = view(one, name), view(other, name)
            for values in (left, right):
                for passing in ("age", "log", "bytes", "record", "recall_reason", "durable_bytes"):
                    values.pop(passing, None)
                for row in values.get("figures", []):
                    row.pop("age")
            assert left == right, name


def test_ticks_that_are_added_are_taken_in(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    with ObservedLog(path) as log:
        ran(path, 3, parallel=8)
        log.refresh()
        assert view(log, "rates")["tick_of"] == [1, 2, 3]
        ran(path, 2)
        log.refresh()
        assert view(log, "rates")["tick_of"] == [1, 2, 3, 4, 5]
        assert view(log, "population")["tick"] == 5


def test_columns_read_backwards_are_those_read_at_once(path: Path) -> None:
    with ObservedLog(path) as log:
        whole = view(log, "kymograph")
        log.columns = CommitColumns()  # as if nothing had been read
        log.columns.begin(log.log, 3)
        assert view(log, "outcomes")["window"] == f"ticks {TICKS - 2} to {TICKS}"
        assert "still reading" in view(log, "outcomes")["reason"]
        while not log.columns.whole:
            log.columns.reach_back(log.log, 5)
        assert view(log, "kymograph") | {"age": 0} == whole | {"age": 0}


def test_a_snapshot_is_the_same_from_whichever_it_was_folded(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world_cache, "KEEP_AFTER", 0.0)
    with ObservedLog(path, caching=CacheSettings(tmp_path)) as log:
        while log.worlds.sweep(0.1):
            pass
        assert log.worlds.swept == TICKS
    assert len([*tmp_path.rglob("*.snapshot")]) == TICKS
    with ObservedLog(path, caching=CacheSettings(tmp_path)) as log, ObservedLog(path) as other:
        assert log.worlds.swept == TICKS
        for tick in (25, 5, 40, 12, 0, 30):
            found, expected = (view(one, "timeline", tick=tick) for one in (log, other))
            assert found | {"swept": 0, "age": 0} == expected | {"swept": 0, "age": 0}


def test_a_snapshot_that_was_damaged_or_is_of_another_log_is_folded_anew(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world_cache, "KEEP_AFTER", 0.0)
    with ObservedLog(path, caching=CacheSettings(tmp_path)) as log:
        log.worlds.newest()
        log.worlds.sweep(60)
        expected = view(log, "timeline", tick=20)
    kept = {int(file.name.split("-")[1]): file for file in tmp_path.rglob("*.snapshot")}
    kept[20].write_bytes(kept[20].read_bytes()[:-50])
    kept[19].write_bytes(kept[5].read_bytes())
    kept[18].rename(kept[18].with_name("0-18-0123456789abcdef.snapshot"))
    with ObservedLog(path, caching=CacheSettings(tmp_path)) as log:
        found = view(log, "timeline", tick=20)
        assert found | {"swept": 0, "age": 0} == expected | {"swept": 0, "age": 0}
        assert not kept[20].exists()
        while log.worlds.sweep(60):
            pass
        assert log.worlds.swept == TICKS


def test_where_room_is_short_every_second_snapshot_goes_and_all_ticks_stay_near(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world_cache, "KEEP_AFTER", 0.0)
    monkeypatch.setattr(cache_folder.MemoryCache, "most", 60_000)
    with ObservedLog(path) as log:
        while log.worlds.sweep(60):
            pass
        assert log.worlds.swept == TICKS
        assert view(log, "timeline", tick=33)["tick"] == 33


def test_the_newest_population_goes_on_from_a_checkpoint_where_folding_costs_too_much(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 9, parallel=8)
    with ObservedLog(path, caching=CacheSettings(budget=lambda: 0.0)) as log:
        assert view(log, "population")["tick"] == 0
        with ObservedLog(path) as other:
            CheckpointWriter(other.log, other.worlds.newest().world).keep()
            assert view(log, "population")["cells"] == view(other, "population")["cells"]
        assert view(log, "memory")["tick"] == 9
        assert log.worlds.swept == 0
        while log.worlds.sweep(60):  # what lies before the checkpoint is folded, up to it
            pass
        assert log.worlds.swept == 9


def test_columns_that_were_kept_are_those_that_are_read(path: Path, tmp_path: Path) -> None:
    with ObservedLog(path, caching=CacheSettings(tmp_path)) as log:
        log.read_back(60)
        log.keep_columns()
        expected = [view(log, name) for name in QUICK]
    with ObservedLog(path, caching=CacheSettings(tmp_path)) as log:
        assert log.columns.whole
        for name, panel in zip(QUICK, expected, strict=True):
            assert view(log, name) | {"age": 0} == panel | {"age": 0}


@pytest.mark.parametrize("rows", [8, 64])
def test_columns_of_few_rows_have_the_totals_of_many(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    with ObservedLog(path) as log:
        expected = view(log, "outcomes"), view(log, "kymograph")
    monkeypatch.setattr(commit_columns, "ROWS", rows)
    monkeypatch.setattr(observed_log, "FIRST_TICKS", 5)
    with ObservedLog(path) as log:
        while not log.columns.whole:
            log.columns.reach_back(log.log, 3)
        found = view(log, "outcomes"), view(log, "kymograph")
        forward = CommitColumns()
        forward.grow(log.log)
        assert forward.divided(8, ["modifications"]).sums.tolist() == (
            log.columns.divided(8, ["modifications"]).sums.tolist()
        )
        assert forward.at_ends(8, "automaton").size == log.columns.at_ends(8, "automaton").size
    assert found[0]["totals"] == expected[0]["totals"]
    assert found[0]["tick_of"][-1] == TICKS
    for name, counts in expected[1]["actions"].items():
        assert sum(found[1]["actions"][name]) == sum(counts)
    assert found[1]["operators"] == expected[1]["operators"]


def test_texts_of_a_log_stay_texts_and_bounded(tmp_path: Path) -> None:
    long = "x" * 900
    machine = [automaton("<b>'\"&\u202e" + long, term="λx.x", currentState=long)]
    path = written(
        tmp_path / "log.jsonl", [*machine, transition("t", machine[0]["id"], "x"), *TERMS]
    )
    ran(path, 3, parallel=8)
    with ObservedLog(path) as log:
        for name in EVERY:
            text = made(EVERY[name], log, Scope())
            assert "\n" not in text, name
            assert long not in text, name
