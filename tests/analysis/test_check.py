"""`check`: what a log holds, as many winners at a time as follow one another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small import automaton, ran, rich, rule, term, transition, written

from automaton.analysis import check_log
from automaton.analysis.check_report import survey
from automaton.cli import command_line
from automaton.log import Log

TICKS = 40


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with every kind of line; its genesis has no final newline."""
    path = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    path.with_name("log.jsonl.inbox").write_text(
        '{"id":"K","type":"text","term":"λλλ0"}\n{"id":"e","fromNode":"m1.0","toNode":"m1.99"}\n'
    )
    ran(path, TICKS, parallel=16, max_objects=50)
    ran(path, 3, seed=7)
    return path


def invoke(*arguments: object) -> Result:
    """What the command does."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def figures(command: str, path: Path) -> dict[str, Any]:
    """The JSON of a command."""
    found: dict[str, Any] = json.loads(invoke(command, path, "--json").stdout)
    return found


def test_objects_are_as_many_as_the_statistics_say(log: Path) -> None:
    checked, stats = figures("check", log), figures("stats", log)
    assert checked["objects"] == stats["counters"]["objects"]
    assert checked["records"] == TICKS + 3 + 2
    lines = len(log.read_bytes().splitlines())
    assert sum(checked["types"].values()) == lines == stats["lines"]
    assert checked["objects"] + checked["versions"] + checked["records"] == lines


def test_winners_read_by_the_kernel_count_as_they_would_line_by_line(log: Path) -> None:
    lines, offset = [], 0
    for number, raw in enumerate(log.read_bytes().splitlines(keepends=True), 1):
        lines.append((number, offset, raw))
        offset += len(raw)
    slow = survey(lines)
    with Log.open(log, write=False) as opened:
        fast = check_log(opened)
    assert (fast.types, fast.terms, fast.versions) == (slow.types, slow.terms, slow.versions)
    assert (fast.self_references, fast.dangling) == (slow.self_references, slow.dangling)
    assert (fast.unknown_conditions, fast.unreadable) == (slow.unknown_conditions, slow.unreadable)
    assert fast.ids == slow.ids - fast.records


def test_an_edge_to_a_winner_leads_somewhere_and_to_no_winner_nowhere(log: Path) -> None:
    assert [(end["end"], end["id"]) for end in figures("check", log)["dangling"]] == [
        ("to", "m1.99")
    ]


def test_progress_ends_at_the_last_byte(log: Path) -> None:
    told: list[int] = []
    with Log.open(log, write=False) as opened:
        check_log(opened, told.append)
        assert told == sorted(told)
        assert told[-1] == opened.size


def test_what_a_run_cannot_use_is_named_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log.jsonl",
        [
            automaton("op", term="λλ3", a="size <", selfReference={"line": 7}),
            transition("t", "op", "op", "fly", "later and step_count > 2"),
            term("k", "λ("),
            rule("r", "numeral", "λx.y"),
            {"id": "s", "text": "`λx.` and `λx.x`"},
        ],
    )
    report = figures("check", path)
    assert report["unknown_actions"] == [{"line": 2, "member": "action", "what": "fly"}]
    assert report["unknown_conditions"] == [{"line": 2, "member": "condition", "what": "later"}]
    assert report["self_references"] == [{"line": 1, "claims": 7}]
    unread = [(row["line"], row["member"]) for row in report["unreadable"]]
    assert unread == [(1, "term"), (1, "a"), (3, "term"), (4, "operator"), (5, "text")]
    assert all(row["what"] for row in report["unreadable"])
    text = invoke("check", path).stdout
    assert "line 2: action: fly" in text
    assert "line 1: names line 7" in text


def test_a_head_that_the_chain_had_is_found_and_another_is_a_mismatch(log: Path) -> None:
    head = figures("stats", log)["head"]
    found = invoke("check", log, "--head", head, "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["chain"]["head_tick"] == TICKS + 3
    other = invoke("check", log, "--head", "0" * 64)
    assert other.exit_code == 1
    assert "its chain never was" in other.stderr
    assert invoke("check", log, "--head", "x").exit_code == 2
