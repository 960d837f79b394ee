"""What `check` says of words that nobody knows, and when it fails for them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from small import TERMS, automaton, transition, written


def check(log: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """What `check` says, as a user starts it."""
    command = [sys.executable, "-m", "automaton", "check", str(log), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_word_that_is_nearly_known_is_named_with_the_known_one(tmp_path: Path) -> None:
    objects = [
        automaton("0D", currentState="identty"),
        automaton("1D", 1),
        transition("t", "0D", "1D", "evolv", "numric(m,n) and step_cout > 3"),
    ]
    done = check(written(tmp_path / "log.jsonl", [*objects, *TERMS]))
    for word in ("`identity`", "`evolve`", "`numeric`", "`step_count`"):
        assert f"did you mean {word}?" in done.stdout
    assert done.returncode == 0


def test_strict_fails_where_anything_does_nothing_and_only_there(tmp_path: Path) -> None:
    whole = [automaton("0D", currentState="identity"), automaton("1D", 1)]
    ways = [transition("t", "0D", "1D")]
    good = written(tmp_path / "good.jsonl", [*whole, *ways, *TERMS])
    assert check(good, "--strict").returncode == 0
    bad = written(tmp_path / "bad.jsonl", [*whole, transition("t", "0D", "1D", "fly"), *TERMS])
    done = check(bad, "--strict")
    assert done.returncode == 13
    assert "1 finding" in done.stderr


def test_a_transition_without_an_action_is_normal(tmp_path: Path) -> None:
    plain = {"id": "t", "type": "transition", "from": "0D", "to": "1D"}
    log = written(tmp_path / "log.jsonl", [automaton("0D"), automaton("1D", 1), plain, *TERMS])
    done = check(log, "--strict")
    assert done.returncode == 0, done.stdout
    assert "action" not in done.stdout


def test_states_that_cannot_be_reached_are_named(tmp_path: Path) -> None:
    states = [automaton(f"{k}D", k) for k in range(4)]
    ways = [transition("a", "0D", "1D"), transition("b", "3D", "2D")]
    log = written(tmp_path / "log.jsonl", [*states, *ways, *TERMS])
    assert "cannot be reached" in check(log).stdout
    found = json.loads(check(log, "--json").stdout)["unreachable"]
    assert [row["id"] for row in found] == ["2D", "3D"]


def test_what_was_not_found_has_no_line(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [automaton("0D"), *TERMS])
    assert "none" not in check(log).stdout
    assert ": 0" not in check(log).stdout


def test_a_run_says_what_an_unknown_state_stands_for(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [automaton("0D", currentState="identty"), *TERMS])
    command = [sys.executable, "-m", "automaton", str(log), "--ticks", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "names no operator; it is the application; did you mean `identity`?" in done.stderr


def test_a_drawing_whose_edges_move_nothing_is_told_so(tmp_path: Path) -> None:
    boxes = [{"id": name, "type": "text", "text": name} for name in ("idle", "busy")]
    arrow = {"id": "e", "fromNode": "idle", "toNode": "busy"}
    done = check(written(tmp_path / "drawing.jsonl", [*boxes, arrow]))
    assert "machine: none, for no object is of type automaton; 1 edge of type edge" in done.stdout
    moving = written(tmp_path / "log.jsonl", [automaton("0D"), automaton("1D", 1), *TERMS])
    assert "machine: none" not in check(moving).stdout
