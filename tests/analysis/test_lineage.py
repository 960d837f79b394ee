"""Where objects come from, on runs that rewrite their own operators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small import ran, rich, written

from automaton.analysis.lineage import Ancestor, Branch, Lineage, Version, ancestry, tree
from automaton.cli import command_line
from automaton.log import Log

TICKS = 60


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log whose dimension 1 was rewritten many times, and whose input renewed K."""
    path = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    path.with_name("log.jsonl.inbox").write_text('{"id":"K","type":"text","term":"λλλ0"}\n')
    ran(path, TICKS, parallel=16, max_objects=50)
    return path


@pytest.fixture(scope="module")
def lines(log: Path) -> list[dict[str, Any]]:
    """Its lines as objects, the first at 0."""
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def family(log: Path, name: str) -> dict[Version, Ancestor]:
    """All ancestors of an object, by version."""
    with Log.open(log, write=False) as opened:
        known = Lineage(opened)
        found = list(ancestry(known, known.now(name)))
    assert len({row.version for row in found}) == len(found)
    return {row.version: row for row in found}


def first_line_of(lines: list[dict[str, Any]], line: int) -> int:
    """The first line of the batch that a line stands in, by the commits above it."""
    above = [n for n, o in enumerate(lines[: line - 1], 1) if o.get("type") == "commit"]
    return above[-1] + 1 if above else len(rich()) + 1


def test_the_parent_of_a_child_is_the_version_before_the_child_s_batch(
    log: Path, lines: list[dict[str, Any]]
) -> None:
    found = family(log, "1D")
    checked = 0
    for version, row in found.items():
        for role, parent in row.parents:
            if role in {"op", "a", "b"} and "." not in parent.id and version.line:
                limit = first_line_of(lines, version.line)
                name = parent.id.partition("#")[0]
                before = [n for n, o in enumerate(lines[: limit - 1], 1) if o.get("id") == name]
                assert parent.line == before[-1]
                checked += 1
    assert checked > 20
    assert len([version for version in found if version.id == "1D"]) > 2


def test_a_renewed_automaton_stems_from_the_modification_that_renewed_it(
    log: Path, lines: list[dict[str, Any]]
) -> None:
    found = family(log, "1D")
    renewed = [v for v in found if v.line and "modifiedBy" in lines[v.line - 1]]
    assert renewed
    for version in renewed:
        [(role, parent)] = found[version].parents
        assert role == "modifiedBy"
        own, origin = lines[(version.line or 0) - 1], lines[(parent.line or 0) - 1]
        assert origin["id"] == parent.id == own["modifiedBy"]
        assert origin["term"] == own["term"]


def test_the_input_of_a_tick_is_no_parent_of_that_tick_s_winners(
    log: Path, lines: list[dict[str, Any]]
) -> None:
    taken = next(n for n, o in enumerate(lines, 1) if o.get("term") == "λλλ0" and o["id"] == "K")
    same = [o for o in lines[taken:] if o.get("type") == "modification"]
    child = next(o for o in same if "K" in o["parents"][1:] or o is same[-1])
    for version, row in family(log, child["id"]).items():
        for _, parent in row.parents:
            if parent.id == "K" and version.line:
                assert (parent.line == taken) == (first_line_of(lines, version.line) > taken)


def test_a_composition_stems_from_both_automata(log: Path, lines: list[dict[str, Any]]) -> None:
    composition = next(o for o in reversed(lines) if o.get("type") == "composition")
    found = family(log, composition["id"])
    own = next(row for row in found.values() if row.version.id == composition["id"])
    assert [(p.role, p.version.id) for p in own.parents] == list(
        zip(("outer", "inner"), composition["parents"], strict=True)
    )


def test_every_line_of_a_lineage_leads_up_and_ends(log: Path) -> None:
    for version, row in family(log, "1D").items():
        assert all((p.version.line or 0) < (version.line or 0) for p in row.parents)


def test_the_tree_follows_each_version_once_and_no_deeper_than_asked(log: Path) -> None:
    with Log.open(log, write=False) as opened:
        known = Lineage(opened)
        whole = list(tree(known, known.now("1D")))
        short = list(tree(known, known.now("1D"), 3))
    followed = [b.version for b in whole if not b.above]
    parents = [v for v in followed if family(log, "1D")[v].parents]
    assert len(set(parents)) == len(parents)
    assert max(b.depth for b in short) == 3
    assert any(b.more for b in short)
    assert not any(b.more for b in whole)
    assert isinstance(whole[0], Branch)


def shown(*arguments: object) -> str:
    """What `show` prints."""
    result = CliRunner().invoke(command_line, ["show", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("flags", [[], ["--lineage"]])
def test_people_are_shown_some_steps_and_told_of_the_rest(log: Path, flags: list[str]) -> None:
    text = shown(log, "1D", *flags, "--depth", 2)
    assert "and more" in text
    assert "--depth 10" in text
    assert len(text.splitlines()) < len(shown(log, "1D", *flags, "--depth", 4).splitlines())


def test_json_is_complete_and_names_every_version(log: Path) -> None:
    facts = json.loads(shown(log, "1D", "--json"))
    versions = {(row["id"], row["line"]) for row in facts["lineage"]}
    assert versions == {tuple(version) for version in family(log, "1D")}
    for row in facts["lineage"]:
        assert set(zip(row["parents"], row["parent_lines"], strict=True)) <= versions


def test_the_nested_json_of_a_lineage_thousands_of_steps_deep_is_written(tmp_path: Path) -> None:
    chain = [{"id": "g", "term": "λ0"}]
    for k in range(3000):
        parents = ["g" if k == 0 else f"x{k - 1}"]
        chain.append({"id": f"x{k}", "type": "composition", "parents": parents})  # type: ignore[dict-item]
    path = written(tmp_path / "deep.jsonl", chain)
    text = shown(path, "x2999", "--lineage", "--json")
    assert text.count('"parents":[') == 3001
    assert text.count("]}") == 3001
    assert len(json.loads(shown(path, "x2999", "--json"))["lineage"]) == 3001


def test_a_line_that_claims_itself_as_its_parent_ends_its_lineage(tmp_path: Path) -> None:
    own = {"id": "x", "type": "modification", "parents": ["x", "y", 3]}
    path = written(tmp_path / "log.jsonl", [own])
    rows = json.loads(shown(path, "x", "--json"))["lineage"]
    assert [(row["id"], row["line"]) for row in rows] == [("x", 1), ("x", None), ("y", None)]


# A genesis, whose lines may stand in any order.


def made(name: str, *parents: str) -> dict[str, Any]:
    """An object of a genesis that says what it was made of."""
    return {"id": name, "type": "modification", "parents": list(parents), "term": "λλ1"}


def test_ancestors_that_stand_lower_in_the_genesis_are_in_the_log(tmp_path: Path) -> None:
    automaton = {"id": "op", "type": "automaton", "term": "λλ1 0"}
    path = written(
        tmp_path / "log.jsonl",
        [made("x", "op", "y", "z"), made("y", "op", "z", "x"), made("z"), automaton, made("z")],
    )
    found = family(path, "x")
    assert set(found) == {Version("x", 1), Version("y", 2), Version("z", 3), Version("op", 4)}
    done = CliRunner().invoke(command_line, ["show", str(path), "x"])
    assert "not in this log" not in done.stdout


def test_a_version_above_is_an_ancestor_before_one_below(tmp_path: Path) -> None:
    objects = [made("z"), made("x", "gone", "z", "z"), made("z")]
    path = written(tmp_path / "log.jsonl", [*objects, *rich()])
    ran(path, 1, parallel=2)
    assert set(family(path, "x")) == {Version("x", 2), Version("gone", None), Version("z", 1)}


def test_a_parent_that_is_a_reference_is_an_ancestor(tmp_path: Path) -> None:
    objects = [{"id": "team", "parent": "#division"}, {"id": "division", "parent": "the board"}]
    path = written(tmp_path / "log.jsonl", objects)
    found = family(path, "team")
    assert set(found) == {Version("team", 1), Version("division", 2)}
    assert [parent.role for parent in found[Version("team", 1)].parents] == ["parent"]
