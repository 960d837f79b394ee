"""How a program that has run is changed: forked, or given lines; and what is said of other ways."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small import TERMS, automaton, encoded, objects_in, ran, rich, term, transition, written

from automaton.run import Run

NEW = {"id": "guest", "type": "text", "term": "λx.λy.λz.z"}


def said(*words: object, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    """What the program says, as a user starts it."""
    command = [sys.executable, "-m", "automaton", *map(str, words)]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of twelve ticks, most of whose first terms have been replaced."""
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 12, parallel=16, max_objects=20, seed=3)
    return path


@pytest.fixture
def deaf(tmp_path: Path) -> Path:
    """A log whose program never reads its inbox."""
    path = written(tmp_path / "deaf.jsonl", [automaton("0D"), *TERMS])
    ran(path, 3, parallel=8)
    return path


# Forks.


def test_a_fork_begins_with_the_terms_that_lived(log: Path, tmp_path: Path) -> None:
    fork = tmp_path / "fork.jsonl"
    done = said("fork", log, "--to", 7, "--out", fork)
    assert done.returncode == 0, done.stderr
    assert not objects_in(fork, "commit")
    assert not objects_in(fork, "run")
    earlier = written(tmp_path / "earlier.jsonl", rich())
    ran(earlier, 7, parallel=16, max_objects=20, seed=3)
    with Run(earlier) as run, Run(fork, {"max_objects": 20}) as forked:
        assert sorted(terms(run)) == sorted(terms(forked))


def terms(run: Run) -> list[bytes]:
    """The words of the living terms."""
    population = run.world.population
    return [population.words(row).tobytes() for row in population.choices()]


def test_a_fork_can_be_edited_and_run_with_the_command_that_it_prints(
    log: Path, tmp_path: Path
) -> None:
    fork = tmp_path / "fork.jsonl"
    command = said("fork", log, "--out", fork).stdout.splitlines()[-1]
    assert command == f"automaton-scalable {fork} --seed 3 --parallel 16 --max-objects 20"
    lines = fork.read_text().replace("step_count >= 2", "step_count >= 1")
    fork.write_text(lines + json.dumps(NEW) + "\n")
    done = said(*command.split()[1:], "--ticks", 2, "--interval", 0, "--max-objects", 30)
    assert done.returncode == 0, done.stderr
    assert len(objects_in(fork, "commit")) == 2


def test_a_fork_to_tick_0_is_the_genesis_byte_for_byte(log: Path, tmp_path: Path) -> None:
    fork = tmp_path / "fork.jsonl"
    assert said("fork", log, "--to", 0, "--out", fork).returncode == 0
    assert fork.read_bytes() == encoded(rich())


def test_a_fork_overwrites_nothing_and_knows_the_last_tick(log: Path, tmp_path: Path) -> None:
    assert said("fork", log, "--out", log).returncode == 4
    done = said("fork", log, "--to", 13, "--out", tmp_path / "fork.jsonl")
    assert done.returncode == 2
    assert "there is no tick 13; the last is 12" in done.stderr
    assert not (tmp_path / "fork.jsonl").exists()


# Lines that are given.


def test_given_lines_wait_in_the_inbox_until_the_program_takes_them(tmp_path: Path) -> None:
    way = transition("io", "0D", "0D", "self-io")
    log = written(tmp_path / "log.jsonl", [automaton("0D"), way, *TERMS])
    done = said("give", log, "-", given=json.dumps(NEW).encode())
    assert done.returncode == 0, done.stderr
    ran(log, 2)
    assert [o["id"] for o in objects_in(log, "text")].count("guest") == 1


def test_lines_for_a_program_that_never_reads_are_refused_with_the_way_that_works(
    deaf: Path, tmp_path: Path
) -> None:
    source = written(tmp_path / "lines.jsonl", [NEW])
    done = said("give", deaf, source)
    assert done.returncode == 2
    assert "no transition has the action self-io" in done.stderr
    assert "--now" in done.stderr
    assert not Path(f"{deaf}.inbox").exists()


def test_now_gives_the_lines_to_one_tick_of_any_program(deaf: Path, tmp_path: Path) -> None:
    source = written(tmp_path / "lines.jsonl", [NEW])
    done = said("give", deaf, source, "--now")
    assert done.returncode == 0, done.stderr
    assert "tick 4 took in 1 line" in done.stdout
    assert [o["id"] for o in objects_in(deaf, "text")].count("guest") == 1
    assert said("verify", deaf).returncode == 0


def test_of_lines_with_a_bad_one_none_is_given(tmp_path: Path) -> None:
    way = transition("io", "0D", "0D", "self-io")
    log = written(tmp_path / "log.jsonl", [automaton("0D"), way, *TERMS])
    source = tmp_path / "lines.jsonl"
    source.write_bytes(encoded([NEW]) + b'{"term":"\xce\xbbx.x"}\n')
    done = said("give", log, source)
    assert done.returncode == 2
    assert "line 2: no id" in done.stderr
    assert not Path(f"{log}.inbox").exists()


def test_an_inbox_in_which_somebody_writes_is_left_alone(tmp_path: Path) -> None:
    way = transition("io", "0D", "0D", "self-io")
    log = written(tmp_path / "log.jsonl", [automaton("0D"), way, *TERMS])
    inbox = Path(f"{log}.inbox")
    inbox.write_bytes(b'{"id":"half')
    assert said("give", log, "-", given=json.dumps(NEW).encode()).returncode == 4
    assert inbox.read_bytes() == b'{"id":"half'


# What is said of ways that do not work.


def test_a_line_appended_by_hand_is_kept_and_both_ways_are_named(deaf: Path) -> None:
    with deaf.open("ab") as file:
        file.write(encoded([NEW]))
    done = said(deaf, "--ticks", 1, "--interval", 0)
    assert done.returncode == 0
    assert "1 line stood behind tick 3" in done.stderr
    assert "give LOG" in done.stderr
    assert "fork LOG" in done.stderr
    assert Path(f"{deaf}.torn-1").read_bytes() == encoded([NEW])


def test_a_tick_that_was_cut_off_is_not_called_appended_by_hand(deaf: Path) -> None:
    whole = deaf.read_bytes()
    deaf.write_bytes(whole[:-40])
    done = said(deaf, "--ticks", 1, "--interval", 0)
    assert "were torn" in done.stderr
    assert "by hand" not in done.stderr


def test_an_edited_log_is_told_of_the_two_ways(deaf: Path) -> None:
    deaf.write_bytes(deaf.read_bytes().replace(b'"id": "0D"', b'"id": "ground"', 1))
    done = said(deaf, "--ticks", 1)
    assert done.returncode == 6
    assert "fork LOG --out NEW" in done.stderr
    assert "give LOG FILE" in done.stderr


def test_a_run_says_how_many_lines_wait_in_an_inbox_that_nobody_reads(deaf: Path) -> None:
    Path(f"{deaf}.inbox").write_bytes(encoded([NEW, term("other", "λx.x")]))
    done = said(deaf, "--ticks", 1, "--interval", 0)
    assert "2 lines wait in" in done.stderr
    assert not Path(f"{deaf}.inbox-position").exists()
