"""People's mistakes and bad luck: one line that says what, why and what to do."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small import TERMS, automaton, commits_in, objects_in, ran, rich, term, transition, written

from automaton.cli import command_line, exit_codes
from automaton.errors import DamagedError, NothingToRunError, UsageError, whole_number
from automaton.format import admission
from automaton.log import Log
from automaton.run import Run

PROGRAM = [sys.executable, "-m", "automaton"]


def invoke(*arguments: object) -> Result:
    """What the command does."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


# Options.


@pytest.mark.parametrize(("option", "said"), [("--ticks", "whole number"), ("--seconds", "number")])
def test_what_is_no_number_is_said_to_be_none(tmp_path: Path, option: str, said: str) -> None:
    command = [*PROGRAM, "run", str(tmp_path / "log.jsonl"), option, "many"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2
    assert f"'{option}': 'many' is not a {said} (see" in done.stderr.decode()


def test_a_genesis_of_terms_that_are_all_too_large_says_so(tmp_path: Path) -> None:
    log = written(
        tmp_path / "log.jsonl", [automaton("op", currentState="identity"), term("k", "λλλλ0 1 2")]
    )
    with pytest.raises(NothingToRunError, match=r"larger than --max-size 1 .* smallest .* 2 nodes"):
        Run(log, {"max_size": 1})


@pytest.mark.parametrize("option", ["lock_dimension", "focus_dimension", "operator"])
def test_what_a_log_remembers_can_be_taken_back(tmp_path: Path, option: str) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    flag = "--" + option.replace("_", "-")
    value = "λλλ0" if option == "operator" else "1"
    for given, wanted in ((value, value), (None, value), ("none", None), (None, None)):
        flags = [] if given is None else [flag, given]
        result = invoke(log, "--ticks", 2, "--interval", 0, "--parallel", 4, *flags)
        assert result.exit_code == 0, result.output
        with Log.open(log, write=False) as opened:
            assert opened.run is not None
            found = opened.run.options[option]
        assert found == (wanted if option == "operator" or wanted is None else int(wanted))
    assert len(objects_in(log, "run")) == 2
    assert commits_in(log)[-1]["state"]["automaton"] is not None
    assert invoke("verify", log).exit_code == 0


def test_an_operator_can_be_replaced_by_a_lock_in_one_command(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    ran(log, 1, parallel=2, operator="λλ1 0")
    ran(log, 2, operator="none", lock_dimension=2)
    assert [commit["dimensionalLevel"] for commit in commits_in(log)] == [0, 2, 2]


def test_a_run_takes_options_by_keyword_or_none_at_all(tmp_path: Path) -> None:
    first, second, third = (written(tmp_path / name, rich()) for name in "abc")
    runs = (Run(first, {"parallel": 3, "seed": 2}), Run(second, parallel=3, seed=2), Run(third))
    for run in runs:
        with run:
            run.go(ticks=1, interval_ms=0)
    assert first.read_bytes() == second.read_bytes() != third.read_bytes()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"paralel": 3}, "no option 'paralel'; did you mean 'parallel'"),
        ({"zzz": 3}, "no option 'zzz'; there are "),
        ({"seed": "x"}, "--seed is 'x'; a whole number is wanted"),
        ({"seed": 1.5}, "--seed is 1.5; a whole number"),
        ({"parallel": True}, "--parallel is True; a whole number"),
    ],
)
def test_an_option_misspelt_in_python_is_told_its_neighbour(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    with pytest.raises(UsageError) as error:
        Run(log, given)
    assert said in str(error.value)
    with pytest.raises(UsageError) as error:
        Run(log, **given)
    assert said in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


# Input.

REFUSALS = {
    b"oops": admission.NO_JSON,
    b'{"id":"a"': admission.NO_JSON,
    b"[1]": admission.NO_OBJECT,
    b"7": admission.NO_OBJECT,
    b"@version: 1": admission.NO_OBJECT,
    b'{"term":"\\\\0"}': admission.NO_ID,
    b'{"id":7}': admission.BAD_ID,
    b'{"id":null}': admission.BAD_ID,
    b'{"id":"m1.0"}': admission.OUR_ID,
    b'{"id":"x\\ud800"}': admission.HALF_PAIR,
    b'{"id":"\\ude42\\ud83d"}': admission.HALF_PAIR,
    b'{"id":"m1.0","id":"x"}': admission.OUR_ID,
    b'{"id":"x","type":"commit"}': admission.RECORD,
    b'{"type":"run","id":"x","type":"y"}': admission.RECORD,
    admission.LONG_LINE: admission.TOO_LONG,
}


@pytest.mark.parametrize("line", REFUSALS)
def test_every_refused_line_has_a_reason(line: bytes) -> None:
    assert admission.admit([line, b""], "") == ([], [], Counter({REFUSALS[line]: 1}))


def test_every_reason_stands_on_the_page_about_the_format() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "format.md"
    text = page.read_text()
    assert all(f"`{reason}`" in text for reason in REFUSALS.values())


def test_a_run_says_what_it_refused_and_why(tmp_path: Path) -> None:
    loop = transition("l", "op", "op", "self-io", "true")
    log = written(tmp_path / "log.jsonl", [automaton("op", term="λ0"), loop, *TERMS])
    log.with_name("log.jsonl.inbox").write_text('{"id":7}\n{"id":8}\n[]\n{"id":"fine"}\n')
    with Run(log, {}) as run:
        final = run.go(ticks=2, interval_ms=0)
    assert final.refused == {admission.BAD_ID: 2, admission.NO_OBJECT: 1}
    assert (final.counters["refused"], final.counters["accepted"]) == (3, 1)


# Damage.


def test_damage_before_the_hint_can_be_run_as_mere_data_and_that_is_said(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    ran(log, 1, parallel=4)
    with Run(log, {}) as run:
        run.go(ticks=5, interval_ms=0)
    raw = log.read_bytes()
    at = raw.index(b'"id":"commit:2"')
    log.write_bytes(raw[:at] + b"x" + raw[at + 1 :])
    with pytest.raises(DamagedError) as damage, Log.open(log, write=False):
        pass
    message = str(damage.value)
    assert re.match(rf"{re.escape(str(log))} is damaged after byte [0-9]+, in tick 2: ", message)
    assert "--as-genesis" in message
    assert damage.value.offset is not None
    result = invoke(log, "--as-genesis", "--ticks", 2, "--interval", 0)
    assert result.exit_code == 0, result.output
    assert "bytes are mere data" in result.stderr
    assert "it was cut" not in result.stderr
    assert log.read_bytes().startswith(raw[:at] + b"x" + raw[at + 1 :])
    assert invoke("verify", log).exit_code == 0
    assert invoke(log, "--ticks", 1, "--interval", 0).exit_code == 0


def resealed(data: bytes) -> bytes:
    """The second tick's population changed, and everything from there on sealed anew."""
    lines = data.splitlines(keepends=True)
    head = b""
    for k, line in enumerate(lines):
        if line.startswith(b'{"type":"commit"'):
            body, _, _ = line.rpartition(b',"chain"')
            if b'"commit:2"' in line:
                at = body.index(b'"population":"') + len(b'"population":"')
                digit = b"1" if body[at : at + 1] == b"0" else b"0"
                body = body[:at] + digit + body[at + 1 :]
            if head:
                head = sha256(head + body).digest()
                lines[k] = body + b',"chain":"' + head.hex().encode() + b'"}\n'
            elif b'"commit:1"' in line:
                head = bytes.fromhex(json.loads(line)["chain"])
    return b"".join(lines)


def in_batch(data: bytes) -> bytes:
    """A winner of the second tick has another term of equal length."""
    at = data.index(b'"id":"m2.')
    at = data.index(b'"term":"', at) + len(b'"term":"')
    end = data.index(b'"', at)
    return data[:at] + b"x" * (end - at) + data[end:]


def in_genesis(data: bytes) -> bytes:
    """A term of the genesis is another one."""
    return data.replace("λx.λy.x".encode(), "λx.λy.y".encode(), 1)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (in_batch, "the batch of tick 2 (line "),
        (in_genesis, "the genesis of tick 0 (line 1, byte 0) differs"),
        (resealed, "tick 2: its lines do not lead to the population"),
    ],
)
def test_damage_of_equal_length_is_named_and_can_be_run_as_mere_data(
    tmp_path: Path, change: Callable[[bytes], bytes], named: str
) -> None:
    log = written(tmp_path / "log.jsonl", [automaton("a", 0), *TERMS])
    with Run(log, {"parallel": 4}) as run:
        run.go(ticks=5, interval_ms=0)
    whole = log.read_bytes()
    damaged = change(whole)
    assert len(damaged) == len(whole)
    assert damaged != whole
    log.write_bytes(damaged)
    result = invoke(log, "--ticks", 1, "--interval", 0)
    assert result.exit_code == 6, result.output
    assert f"error: {log} is damaged: " in result.stderr
    assert named in result.stderr
    ways = ["restore a copy", "--as-genesis"]
    ways += ["replay LOG --to 1 --out FILE"] if "tick 2" in named else []
    assert all(way in result.stderr for way in ways)
    assert log.read_bytes() == damaged
    result = invoke(log, "--as-genesis", "--ticks", 2, "--interval", 0)
    assert result.exit_code == 0, result.stderr
    assert f"all {len(damaged)} bytes are mere data" in result.stderr
    assert log.read_bytes().startswith(damaged)
    assert invoke("verify", log, "--workers", 1).exit_code == 0
    assert invoke(log, "--ticks", 1, "--interval", 0).exit_code == 0


def test_a_sound_log_is_no_data_for_being_called_so(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    ran(log, 2, parallel=4)
    result = invoke(log, "--as-genesis", "--ticks", 1, "--interval", 0)
    assert "mere data" not in result.stderr
    assert len(commits_in(log)) == 3


# Endings.


def test_a_full_disk_behind_the_output_is_said(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    log = written(tmp_path / "log.jsonl", rich())
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, "check", log], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 8
    assert done.stderr.decode().startswith("error: the output cannot be written: No space left")
    assert done.stderr.count(b"\n") == 1


LONG = """
import automaton.calculator.text_batch
from automaton.cli import main
answer = automaton.calculator.text_batch.TextReducer.answer
def said(*arguments):
    print("ready", flush=True)
    return answer(*arguments)
automaton.calculator.text_batch.TextReducer.answer = said
main()
"""


def test_one_long_reduction_answers_ctrl_c() -> None:
    endless = ["reduce", "(λx.x x) (λx.x x)", "--max-steps", str(1 << 28)]
    process = subprocess.Popen(
        [sys.executable, "-c", LONG, *endless], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (-signal.SIGINT, b"")


@pytest.mark.parametrize("module", ["click", "rich", "automaton.cli.commands.verify"])
def test_ctrl_c_while_modules_are_loaded_is_no_traceback(module: str) -> None:
    code = f"""
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
import automaton.__main__
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"error: interrupted\n")


def test_an_error_that_came_of_ctrl_c_is_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise ImportError("half loaded") from KeyboardInterrupt()

    assert exit_codes.status(command) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("18446744073709551615", 2**64 - 1), ("9" * 21, None), ("9" * 5000, None),
        *((text, None) for text in ("", "-1", "1.0", "²", "١", " 1")),
    ],
)  # fmt: skip
def test_a_number_has_ascii_digits_and_at_most_twenty(text: str, number: int | None) -> None:
    assert whole_number(text) == number
