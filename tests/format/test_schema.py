"""A record's members have the names and types that they must have, or it is damage by its place."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from logs import side
from small import encoded, rich

from automaton.cli import command_line
from automaton.errors import DamagedError
from automaton.format import schema
from automaton.format.machine_state import MachineState
from automaton.format.records import dump
from automaton.format.schema import Integer, ListOf, Text
from automaton.run import Run

TICKS = 4


@pytest.fixture(scope="module", params=["none", "all"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short log, without streams and with all of them."""
    path = tmp_path_factory.mktemp("logs") / "log.jsonl"
    path.write_bytes(encoded(rich()))
    with Run(path, {"parallel": 4, "streams": request.param}, durability="off") as run:
        run.go(ticks=TICKS, interval_ms=0)
    return path


def sealed_anew(data: bytes, tick: int, place: tuple[str, ...], value: object) -> bytes:
    """The log with one member of a commit changed, and the chain made to fit from there on."""
    head, lines = b"", []
    for line in data.splitlines(keepends=True):
        if line.startswith(b'{"type":"commit"'):
            members = json.loads(line)
            body = line.rpartition(b',"chain"')[0]
            if members["tick"] == tick:
                holder = members
                for key in place[:-1]:
                    holder = holder[key]
                holder[place[-1]] = value
                del members["chain"]
                body = dump(members)[:-1]
            if members["tick"] >= tick:
                head = sha256(head + body).digest()
                lines.append(body + b',"chain":"%s"}\n' % head.hex().encode())
                continue
            head = bytes.fromhex(members["chain"])
        lines.append(line)
    return b"".join(lines)


@pytest.mark.parametrize("tick", [2, TICKS])
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("state", "automaton"), []),
        (("state", "automaton"), {"a": 1}),
        (("state", "entered"), "x"),
        (("state", "weights"), None),
        (("state", "weights"), [None]),
        (("state", "salience"), "x"),
        (("state", "inbox"), 1 << 70),
        (("state", "counters"), [1]),
        (("state", "counters"), "x"),
        (("state", "counters", "lines"), None),
        (("state", "counters", "actions"), 0),
        (("state", "ends"), [1]),
        (("state", "surplus"), 1),
    ],
)
def test_a_state_of_other_types_is_damage_for_every_command(
    log: Path, tmp_path: Path, tick: int, place: tuple[str, ...], value: object
) -> None:
    data = sealed_anew(log.read_bytes(), tick, place, value)
    path = tmp_path / "log.jsonl"
    winner = next(
        json.loads(line)["id"] for line in data.splitlines() if b'"type":"modification"' in line
    )
    for arguments in (
        ["run", path, "--ticks", "1", "--interval", "0"],
        ["stats", path],
        ["replay", path, "--tick", str(TICKS)],
        ["why", path, winner],
    ):
        path.write_bytes(data)
        shutil.copy(side(log, ".genesis"), side(path, ".genesis"))
        result = CliRunner().invoke(command_line, list(map(str, arguments)))
        assert isinstance(result.exception, SystemExit | None), arguments
        if arguments[0] == "run" or (arguments[0] == "stats" and tick == TICKS):
            assert result.exit_code == 6, arguments
            assert f"tick {tick}" in result.stderr
            assert "log.jsonl" in result.stderr
    result = CliRunner().invoke(command_line, ["verify", str(path), "--workers", "1"])
    assert result.exit_code == 1


@pytest.mark.parametrize("value", ["x", -1, 1 << 63, None, [1]])
def test_outcomes_of_other_types_make_no_commit_of_ours(
    log: Path, tmp_path: Path, value: object
) -> None:
    path = tmp_path / "log.jsonl"
    try:
        data = sealed_anew(log.read_bytes(), 2, ("outcomes", "normal"), value)
    except TypeError:
        pytest.skip("no log of ours can be written so")
    path.write_bytes(data)
    shutil.copy(side(log, ".genesis"), side(path, ".genesis"))
    for command in ("stats", "run"):
        result = CliRunner().invoke(command_line, [command, str(path)])
        assert result.exit_code == 6
        assert "log.jsonl" in result.stderr


@pytest.mark.parametrize(
    ("value", "part", "said"),
    [
        (3, Integer(), ""),
        (True, Integer(), "it is True, not a whole number from 0"),
        (-1, Integer(), "it is -1, not a whole number from 0"),
        (None, Integer(optional=True), ""),
        (1.0, Integer(), "it is 1.0, not a whole number from 0"),
        ("x", Text(), ""),
        (None, Text(), "it is None, not a text"),
        ([1, "a"], ListOf(Integer()), "it.1 is 'a', not a whole number from 0"),
        ({"k": 1}, ListOf(Integer(), named=True), ""),
        ([1], ListOf(Integer(), named=True), "it is [1], not an object"),
        ({"k": 1}, {"k": Integer(), "more": schema.Optional(Text())}, ""),
        ({}, {"k": Integer()}, "it has no k"),
        ({"k": 1, "z": 2}, {"k": Integer()}, "it has a member 'z' that this version does not know"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(
    value: Any, part: schema.Schema, said: str
) -> None:
    assert schema.misfit(value, part, "it") == said


def test_every_state_that_is_written_fits() -> None:
    record = MachineState().record()
    assert MachineState.of(record).record() == record
    with pytest.raises(DamagedError, match=r"the commit of tick 7 cannot be: state has no inbox"):
        MachineState.of({name: value for name, value in record.items() if name != "inbox"}, 7)
