"""Random soups, copies, and how a run is ended and configured, as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small import objects_in

from automaton.terms.notation import parse


def said(*words: object) -> subprocess.CompletedProcess[str]:
    """What the program says, as a user starts it."""
    command = [sys.executable, "-m", "automaton", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def soup(tmp_path: Path) -> Path:
    """A soup of fifty terms."""
    path = tmp_path / "soup.jsonl"
    done = said("init", path, "--random", 50, "--size", "3-9", "--depth", 4, "--seed", 5)
    assert done.returncode == 0, done.stderr
    return path


def test_a_soup_has_the_terms_that_were_asked_for_and_its_seed_decides_them(
    soup: Path, tmp_path: Path
) -> None:
    terms = [parse(o["term"]) for o in objects_in(soup, "term")]
    assert len(terms) == 50
    assert {len(term) for term in terms} <= set(range(3, 10))
    again, other = tmp_path / "again.jsonl", tmp_path / "other.jsonl"
    said("init", again, "--random", 50, "--size", "3-9", "--depth", 4, "--seed", 5)
    said("init", other, "--random", 50, "--size", "3-9", "--depth", 4, "--seed", 6)
    assert again.read_bytes() == soup.read_bytes() != other.read_bytes()


def test_with_an_operator_the_soup_runs_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "soup.jsonl"
    said("init", path, "--random", 20, "--size", 6, "--operator", "λx.λy.x y")
    done = said(path, "--ticks", 3, "--interval", 0, "--max-objects", 21)
    assert done.returncode == 0, done.stderr


def test_copies_count_where_they_are_asked_for_until_they_are_taken_back(soup: Path) -> None:
    more = ["--operator", "λx.λy.x y", "--max-objects", 50, "--ticks", 5, "--interval", 0, "--json"]
    for flags, some in (([], True), (["--copies"], False), (["--no-copies"], True)):
        final = json.loads(said(soup, *flags, *more).stdout.splitlines()[-1])
        assert (final["outcomes"]["copy"] > 0) is some


@pytest.mark.parametrize("size", ["1-3", "9-3", "3-9999", "many"])
def test_sizes_that_cannot_be_meant_are_refused(tmp_path: Path, size: str) -> None:
    done = said("init", tmp_path / "soup.jsonl", "--random", 5, "--size", size)
    assert done.returncode == 2
    assert "--size" in done.stderr
    assert not (tmp_path / "soup.jsonl").exists()


def test_a_hangup_ends_a_run_as_a_termination_does(soup: Path) -> None:
    command = [sys.executable, "-m", "automaton", str(soup), "--operator", "λx.λy.x y"]
    command += ["--interval", "1", "--stats-interval", "0.01", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        run.stdout.readline()  # it is under way
        os.kill(run.pid, signal.SIGHUP)
        lines = run.stdout.read().splitlines()
    assert run.returncode == 0
    assert json.loads(lines[-1])["final"] is True


def test_a_section_in_a_configuration_is_told_how_to_be_written(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[run]\nparallel = 128\n")
    done = said("config", "--config", file)
    assert done.returncode == 2
    assert "parallel = 128" in done.stderr
    assert "[run]" in done.stderr


def test_the_shipped_log_of_a_checkout_is_not_appended_to() -> None:
    shipped = Path(__file__).resolve().parents[2] / "automaton.jsonl"
    before = shipped.read_bytes()
    command = [sys.executable, "-m", "automaton", "--ticks", "1"]
    done = subprocess.run(
        command, cwd=shipped.parent, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 2
    assert "init my.jsonl" in done.stderr
    assert shipped.read_bytes() == before
