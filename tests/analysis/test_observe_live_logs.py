"""Logs that are looked at: while they run, after their streams changed, before they ran."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from logs import GENESIS, Quick, append, side, write
from small import TERMS, automaton, objects_in, ran, written

from automaton.analysis.series import read_series
from automaton.cli import command_line
from automaton.log import Log, file_io, recovery

SOUP = [automaton("0D", 0, term="λa.λb.a b"), *TERMS]


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def soup(path: Path, *runs: tuple[int, dict[str, Any]]) -> Path:
    """A log of some runs, one after the other."""
    written(path, SOUP)
    for ticks, given in runs:
        ran(path, ticks, **{"parallel": 8, **given})
    return path


def test_ticks_that_come_while_a_log_is_opened_are_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    write(path, 2)
    looked_for, look = list[int](), file_io.size_of

    def size_of(fd: int) -> int:
        """What a reader asks between the hint and the end: two ticks come before, two after."""
        looked_for.append(fd)
        if len(looked_for) > 1:
            return look(fd)
        with Log.open(path, write=True, disk=Quick()) as log:
            append(log, 3)
            append(log, 4)
            size = look(fd)
            append(log, 5)
            append(log, 6)
        return size

    monkeypatch.setattr(recovery, "size_of", size_of)
    with Log.open(path, write=False) as log:
        assert (len(log.commits), log.notices) == (4, [])


def test_a_log_that_was_cut_is_still_missed_by_its_readers(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, 3)
    with Log.open(path, write=False) as log:
        end = log.commits.row(2).end
    path.write_bytes(path.read_bytes()[:end])
    with Log.open(path, write=False) as log:
        assert ["durable up to tick 3" in text for text in log.notices] == [True]


@pytest.mark.parametrize("command", ["check", "stats"])
def test_of_an_edited_genesis_a_reader_says_what_a_run_would_do(
    tmp_path: Path, command: str
) -> None:
    path = tmp_path / "log"
    write(path, 1)
    path.write_bytes(GENESIS + b'{"id":"c"}\n')
    pinned = side(path, ".genesis").read_bytes()
    said = invoke(command, path)
    assert said.exit_code == 0, said.output
    assert "edited since it was pinned; a run's first tick pins it anew" in said.stderr
    assert side(path, ".genesis").read_bytes() == pinned


def test_a_window_begins_where_streams_were_changed_and_a_note_says_so(tmp_path: Path) -> None:
    path = soup(tmp_path / "log", (6, {"streams": "all"}), (3, {"streams": "none"}))
    ran(path, 2)  # a run that changes nothing
    with Log.open(path, write=False) as log:
        series = read_series(log, 1000)
        last = read_series(log, 2)
    assert (series.since, series.first_tick, len(series.salience)) == (7, 7, 5)
    assert {winner.stream for winner in series.winners} == {None}
    assert not last.cut
    said = invoke("observe", path, "--json")
    assert said.stderr.count("the window begins at tick 7") == 1
    figures = json.loads(said.stdout)["figures"]
    assert all(f["source"] != "winners' salience" for f in figures)


def test_streams_that_won_nothing_have_a_row_in_their_window(tmp_path: Path) -> None:
    path = soup(tmp_path / "log", (4, {}), (1, {"streams": "all", "parallel": 1}))
    won = {line.get("stream") for line in objects_in(path, "modification")} - {None}
    assert len(won) == 1
    figures = json.loads(invoke("observe", path, "--json").stdout)["figures"]
    shares = [f for f in figures if f["name"].startswith("win share of ")]
    assert len(shares) == 5


def test_a_log_whose_streams_stayed_is_observed_without_a_note(tmp_path: Path) -> None:
    path = soup(tmp_path / "log", (2, {"streams": "all"}), (2, {}))
    said = invoke("observe", path)
    assert (said.exit_code, said.stderr) == (0, "")


def test_a_log_that_had_streams_is_no_null_model(tmp_path: Path) -> None:
    path = soup(tmp_path / "log", (4, {"streams": "all"}))
    null = soup(tmp_path / "null", (2, {"streams": "all"}), (2, {"streams": "none"}))
    said = invoke("observe", path, "--null", null)
    assert said.exit_code == 2
    assert "streams competed in it before tick 3" in said.stderr


def test_figures_that_cannot_be_had_have_no_value(tmp_path: Path) -> None:
    said = invoke("observe", written(tmp_path / "log", SOUP), "--json")
    figures = {f["name"]: f for f in json.loads(said.stdout)["figures"]}
    assert figures["effective terms"]["value"] is None
    assert {figures["novelty rate"].get(key) for key in ("value", "low", "high")} == {None}
    assert figures["distinct terms"]["value"] == 0


@pytest.mark.parametrize("streams", ["none", "all"])
def test_of_a_slot_that_lost_why_names_the_command_that_shows_it(
    tmp_path: Path, streams: str
) -> None:
    path = soup(tmp_path / "log", (3, {"streams": streams, "max_steps": 2}))
    slots = 8 * (5 if streams == "all" else 1)
    won = {line["id"] for line in objects_in(path, "modification")}
    lost = next(f"m3.{k}" for k in range(slots) if f"m3.{k}" not in won)
    said = invoke("why", path, lost)
    assert said.exit_code == 2
    assert said.stderr.startswith(f"error: {lost}: ")
    assert f"; see replay {path} --tick 3" in said.stderr
    assert invoke("replay", path, "--tick", 3).exit_code == 0
    for nobody in (f"m3.{slots}", "m4.0", "m0.0"):
        assert "no modification of" in invoke("why", path, nobody).stderr


def test_why_says_what_became_of_each_slot_that_has_no_line(tmp_path: Path) -> None:
    path = soup(tmp_path / "log", (3, {"max_steps": 2}))
    said = invoke("replay", path, "--tick", 3, "--json").stdout
    rows = [json.loads(line) for line in said.splitlines()]
    fates = {
        "copy": "it did not compete: its normal form equals a reactant",
        "steps": "it did not compete: out of its budget of steps",
    }
    seen = set()
    for row in rows:
        if row["outcome"] != "normal":
            said = invoke("why", path, f"m3.{row['round']}").stderr
            assert fates[row["outcome"]] in said
            seen.add(row["outcome"])
    assert seen


def test_why_says_of_an_empty_slot_that_it_is_empty(tmp_path: Path) -> None:
    path = written(tmp_path / "log", [automaton("op", 0, a="numeral"), *TERMS[:2]])
    assert ran(path, 1, parallel=4).outcomes["empty"] == 4
    assert "m1.0: it is empty: nothing was drawn for it" in invoke("why", path, "m1.0").stderr


def test_of_a_cycle_why_names_the_command_that_runs_it(tmp_path: Path) -> None:
    path = soup(tmp_path / "log", (1, {}))
    said = invoke("why", path, "cycle:1.7")
    assert said.exit_code == 2
    assert f"cycle {path.resolve()} --seed 7" in said.stderr


LATE = """
import atexit, os, signal
from automaton import cli

def again(number=os.getpid(), kill=os.kill, what=signal.SIGINT):
    kill(number, what)

class Last:
    __del__ = lambda self, again=again: again()

def ended():
    {}
    raise SystemExit(0)

last = None
cli.command_line.main = ended
cli.main()
"""


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("again()", 130),  # before the code is given
        ("atexit.register(again)", 130),  # while threads and processes are ended
        ("globals()['last'] = Last()", 0),  # while Python ends itself: the command is over
    ],
)
def test_ctrl_c_after_the_report_is_no_death_by_a_signal(when: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE.format(when)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, "")
