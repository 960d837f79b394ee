"""Canvas, GraphML, DOT and PROV-JSON, read by parsers of the standard library."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from exports import ODD, odd_objects, program, streamed, winners_in
from small import Members, commits_in, ran, rich, written

from automaton.export.canvas_layout import place
from automaton.export.dot import quoted
from automaton.export.prov import local

CANVAS_TYPES = {"text": "text", "file": "file", "link": "url", "group": None}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which terms under odd ids are parents."""
    return streamed(tmp_path_factory.mktemp("log") / "log.jsonl", 8)


def exported(log: Path, form: str, *words: object) -> str:
    """What goes to standard output."""
    return program("export", log, "--to", form, "-o", "-", *words).stdout.decode()


def relations(log: Path, role: str | None = None) -> set[tuple[str, str, str]]:
    """Child, parent and role of all winners."""
    roles = ("operator", "a", "b")
    return {
        (winner["id"], parent, name)
        for winner in winners_in(log)
        for name, parent in zip(roles, winner["parents"], strict=True)
        if role in {None, name}
    }


# Canvas.


def canvas(log: Path, *words: object) -> Members:
    """The canvas, once it is one by the specification."""
    found: dict[str, Any] = json.loads(exported(log, "canvas", *words))
    assert found.keys() == {"nodes", "edges"}
    for node in found["nodes"]:
        assert all(type(node[name]) is int for name in ("x", "y", "width", "height"))
        needed = CANVAS_TYPES[node["type"]]
        assert needed is None or isinstance(node[needed], str)
    ids = [item["id"] for item in found["nodes"] + found["edges"]]
    assert len(set(ids)) == len(ids)
    names = {node["id"] for node in found["nodes"]}
    for item in found["nodes"] + found["edges"]:
        assert re.fullmatch("[1-6]|#[0-9a-fA-F]{6}", item.get("color", "1"))
    assert all({edge["fromNode"], edge["toNode"]} <= names for edge in found["edges"])
    return found


def test_a_canvas_made_into_a_log_again_has_the_same_objects_and_runs_alike(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "log.jsonl", [*rich(), *odd_objects()[1:]])
    (tmp_path / "x.canvas").write_text(exported(path, "canvas", "--until", 0), encoding="utf-8")
    again = tmp_path / "again.jsonl"
    program("init", again, "--from", tmp_path / "x.canvas")
    objects = [json.loads(line) for line in path.read_bytes().splitlines()]
    back = [json.loads(line) for line in again.read_bytes().splitlines()]
    assert sorted(map(json.dumps, back)) == sorted(map(json.dumps, objects))
    for one in (path, again):
        ran(one, 5, parallel=8)
    for ours, theirs in zip(commits_in(path), commits_in(again), strict=True):
        assert (ours["population"], ours["outcomes"]) == (theirs["population"], theirs["outcomes"])


def test_a_canvas_shows_what_a_fork_would_keep(log: Path, tmp_path: Path) -> None:
    program("fork", log, "--out", tmp_path / "fork.jsonl")
    kept = [json.loads(line) for line in (tmp_path / "fork.jsonl").read_bytes().splitlines()]
    found = canvas(log)
    assert {i["id"] for i in found["nodes"] + found["edges"]} == {o["id"] for o in kept}
    terms = {o["id"]: o["term"] for o in kept if o.get("type") == "modification"}
    shown = {n["id"]: n["term"] for n in found["nodes"] if n["id"] in terms}
    assert shown == terms


def test_ways_between_automata_are_edges_that_say_what_they_do(log: Path) -> None:
    labels = {edge["id"]: edge["label"] for edge in canvas(log)["edges"]}
    assert labels["loop:io"] == "self-io if file_exists or observation"


def test_objects_keep_their_places_and_others_are_put_where_nothing_stands() -> None:
    own = {"x": -100, "y": 50.4, "width": 200, "height": 90}
    boxes = place([own, *({"type": kind} for kind in ("automaton", "text", "modification") * 20)])
    assert boxes[0] == (-100, 50, 200, 90)
    for k, one in enumerate(boxes):
        for other in boxes[:k]:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y


def test_an_edge_to_what_is_not_there_is_shown_as_a_node(tmp_path: Path) -> None:
    way = {"id": "way", "type": "transition", "fromNode": "0D", "toNode": "gone"}
    found = canvas(written(tmp_path / "log.jsonl", [*odd_objects(), way]))
    assert "way" in {node["id"] for node in found["nodes"]}


def test_a_real_canvas_with_places_and_colours_comes_back_as_it_was(tmp_path: Path) -> None:
    shipped = Path(__file__).resolve().parents[2] / "automaton.jsonl"
    (tmp_path / "x.canvas").write_text(exported(shipped, "canvas"), encoding="utf-8")
    program("init", tmp_path / "again.jsonl", "--from", tmp_path / "x.canvas")
    back = (tmp_path / "again.jsonl").read_bytes().splitlines()
    assert sorted(back) == sorted(shipped.read_bytes().splitlines())


# GraphML.

_NS = "{http://graphml.graphdrawing.org/xmlns}"


@pytest.mark.parametrize("role", [None, "a"])
def test_graphml_has_every_winner_with_its_parents(log: Path, role: str | None) -> None:
    root = ET.fromstring(exported(log, "graphml", *(["--parent", role] if role else [])))
    labels, facts = {}, {}
    for node in root.iter(f"{_NS}node"):
        data = {each.get("key"): each.text for each in node}
        labels[node.get("id")], facts[data["label"]] = data["label"], data
    edges = {
        (labels[e.get("target")], labels[e.get("source")], e[0].text)
        for e in root.iter(f"{_NS}edge")
    }
    want = {(c, p.replace("\t", "\\t").replace("\n", "\\n"), r) for c, p, r in relations(log, role)}
    assert edges == want
    for winner in winners_in(log):
        assert facts[winner["id"]]["term"] == winner["term"]
        assert facts[winner["id"]]["salience"] == str(winner["salience"])


def test_a_graph_of_one_stream_has_its_winners_and_their_parents_alone(log: Path) -> None:
    root = ET.fromstring(exported(log, "graphml", "--stream", "anchor"))
    data = [{each.get("key"): each.text for each in node} for node in root.iter(f"{_NS}node")]
    own = {winner["id"] for winner in winners_in(log) if winner["stream"] == "anchor"}
    assert {row["label"] for row in data if row.get("stream") == "anchor"} == own


# DOT.


def test_dot_has_a_statement_for_each_winner_and_each_parent(log: Path) -> None:
    lines = exported(log, "dot").splitlines()
    own = {winner["id"] for winner in winners_in(log)}
    assert sum(" -> " in line for line in lines) == 3 * len(winners_in(log))
    boxes = [line.split("[", 1)[1] for line in lines[3:] if "[label=" in line]
    parents = {parent for _, parent, _ in relations(log)}
    assert parents & set(ODD)
    assert all(any(box.startswith(f"label={quoted(p)}") for box in boxes) for p in parents - own)


def test_a_quote_and_a_backslash_stay_in_their_string() -> None:
    assert quoted('a"b\\', "c\n") == '"a\\"b\\\\\\nc\\\\n"'


# PROV-JSON.


def test_prov_derives_every_winner_from_its_parents(log: Path) -> None:
    found = json.loads(exported(log, "prov"))
    derived = {
        (r["prov:generatedEntity"], r["prov:usedEntity"], r["prov:type"].partition(":")[2])
        for r in found["wasDerivedFrom"].values()
    }
    assert derived == {(local(c), local(p), r) for c, p, r in relations(log)}
    made = {r["prov:entity"]: r["prov:activity"] for r in found["wasGeneratedBy"].values()}
    assert made == {local(w["id"]): f"log:tick.{w['tick']}" for w in winners_in(log)}
    assert set(made.values()) <= set(found["activity"])
    assert {r for row in derived for r in row[:2]} <= set(found["entity"])


@pytest.mark.parametrize("form", ["canvas", "graphml", "dot", "prov"])
def test_a_log_that_never_ran_has_a_document_without_winners(tmp_path: Path, form: str) -> None:
    text = exported(written(tmp_path / "log.jsonl", rich()), form)
    assert "modification" not in text
    assert text.endswith("\n")
