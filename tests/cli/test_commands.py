"""The command line: what a command means, what it prints, how it ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.cli import command_line, exit_codes
from automaton.cli.text import one_line, printable
from automaton.errors import AutomatonError, DamagedError, LockedError, StorageError
from automaton.format.machine_state import MachineState
from automaton.format.records import OUTCOMES, CommitFields
from automaton.log import Log
from automaton.run.stats import Stats
from automaton.verify.live import LiveVerification

FULL = "the output cannot be written: No space left; make room, or send it elsewhere"
ROOT = Path(__file__).resolve().parents[2]

TWO = "λf.λx.f (f x)"
THREE = "λf.λx.f (f (f x))"
TIMES = "λm.λn.λf.m (n f)"

FIGURES: dict[str, Any] = {
    **dict.fromkeys((field.name for field in fields(Stats)), 0),
    "automaton": "a",
    "device": "cpu",
    "head": "f" * 64,
    "outcomes": {"normal": 3},
    "actions": {},
    "counters": {},
    "unknown_conditions": ("odd\x1b",),
    "moved": False,
    "verify": LiveVerification().report(0).as_json(),
    "ends": None,
    "remembered": None,
    "final": False,
}
STATS = Stats(**FIGURES)


def invoke(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """What a command does when it is given these arguments."""
    return CliRunner().invoke(command_line, list(arguments), input=stdin)


def refused(result: Result, code: int = 2) -> str:
    """The one line on standard error that a refused command ends with."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


class NoRun:
    """In the place of a run: writes down what it is asked for and ends at once."""

    asked: ClassVar[list[tuple[Path, dict[str, Any]]]] = []

    def __init__(self, log: Path, given: dict[str, Any], **opening: object) -> None:
        self.tick, self.outcomes = 0, dict[str, int]()
        self.log = SimpleNamespace(notices=["torn\x07"], path=str(log))
        self.aside = None
        self.short_of_room = ""
        self.left = False
        self.malformed = SimpleNamespace(first=[(3, "no brace")], count=2)
        reader, program = (
            SimpleNamespace(skipped=0),
            SimpleNamespace(problems=["odd: no action"], transitions={}),
        )
        self.world = SimpleNamespace(reader=reader, program=program, state=SimpleNamespace(inbox=0))
        self.settings = {**given, **opening}
        self.asked.append((log, self.settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def stop(self) -> None:
        raise AssertionError

    def go(self, **looping: Any) -> Stats:
        self.settings.update(looping)
        looping["show"](STATS)
        return replace(STATS, final=True)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, dict[str, Any]]]:
    """The runs that were asked for; none is made."""
    runs: list[tuple[Path, dict[str, Any]]] = []
    monkeypatch.setattr(NoRun, "asked", runs)
    monkeypatch.setattr("automaton.run.runner.Run", NoRun)
    return runs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Which command it is.


@pytest.mark.parametrize(
    ("arguments", "log"),
    [
        ([], "automaton.jsonl"),
        (["--ticks", "3"], "automaton.jsonl"),
        (["other.jsonl"], "other.jsonl"),
        (["./check"], "check"),
        (["run/automaton.jsonl", "--ticks", "3"], "run/automaton.jsonl"),
        (["run", "other.jsonl"], "other.jsonl"),
        (["--", "check"], "check"),
        (["there"], "there"),
    ],
)
def test_what_is_no_command_is_a_log(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path, arguments: list[str], log: str
) -> None:
    (folder / "there").touch()
    assert invoke(*arguments).exit_code == 0
    assert [path for path, _ in ran] == [Path(log)]


def test_a_command_s_name_is_the_command_even_where_a_file_is_called_so(folder: Path) -> None:
    (folder / "reduce").touch()
    assert invoke("reduce", "λx.x").exit_code == 0


def test_a_misspelt_command_is_told_its_neighbour(folder: Path) -> None:
    assert "did you mean 'reduce'?" in refused(invoke("reduc"))
    assert "commands: ablate, " in refused(invoke("zzz"))


def test_version_is_one_line() -> None:
    result = invoke("--version")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert result.stdout.startswith("automaton-scalable ")


def test_help_shows_what_a_run_is_asked_most_without_naming_it() -> None:
    assert "--parallel N" in invoke("--help").stdout


OPTIONS = [
    pytest.param(command, option, id=f"{name}-{option.name}")
    for name, command in command_line.commands.items()
    for option in command.params
    if isinstance(option, click.Option)
]


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_every_option_has_help_with_its_default(
    command: click.Command, option: click.Option
) -> None:
    record = option.get_help_record(click.Context(command))
    assert record is not None
    assert "[default: " in record[1]
    assert option.help


def test_every_option_with_a_value_names_its_unit() -> None:
    units = (
        "count seconds milliseconds steps nodes integer number probability path word term bytes "
        "share"
    )
    valued = [
        o for c in command_line.commands.values() for o in c.params if isinstance(o, click.Option)
    ]
    silent = [
        option.opts
        for option in valued
        if not option.is_flag and not any(unit in (option.help or "") for unit in units.split())
    ]
    assert not silent


# Options of a run.


def test_only_options_that_were_given_reach_the_run(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path
) -> None:
    invoke("--ticks", "3", "--seed", "7", "--operator", "\\x.x", "--focus-probability", "0.5")
    given = ran[0][1]
    assert given["operator"] == "λ0"
    assert given["focus_probability"] == 1 << 31
    assert (given["seed"], given["ticks"]) == (7, 3)
    assert not {"parallel", "max_steps", "lock_dimension", "config"} & given.keys()


def test_the_loop_has_its_defaults(ran: list[tuple[Path, dict[str, Any]]], folder: Path) -> None:
    invoke()
    given = ran[0][1]
    assert (given["interval_ms"], given["stats_every"], given["durability"]) == (1000, 10, "commit")
    assert (given["ticks"], given["seconds"], given["as_genesis"]) == (None, None, False)


def test_the_block_has_the_labels_that_people_know(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path
) -> None:
    shown = invoke().stdout
    labels = ["CPU cores", "Workers active/total", "GPU", "Memory", "Objects (modifications)"]
    assert all(f"  {label}  " in shown for label in [*labels, "Parallel modifications"])
    assert shown.index("Tick 0") < shown.index("Summary")
    first = [line.split()[0] for line in shown.partition("Summary\n")[2].splitlines()[:4]]
    assert first == ["Population", "Modifications/s", "Candidates/s", "Durable"]
    assert "odd\\x1b (false)" in shown
    assert "it stays" in shown


def test_what_opening_found_is_said_beside_the_output(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path
) -> None:
    notes = invoke().stderr.splitlines()
    assert notes[0] == "note: torn\\x07"
    assert notes[1] == "note: line 3 is kept and skipped: no brace"
    assert notes[2].startswith("note: 1 more lines")


def test_json_statistics_are_one_object_a_line_and_the_last_is_final(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path
) -> None:
    lines = [json.loads(line) for line in invoke("--json").stdout.splitlines()]
    assert [line["final"] for line in lines] == [False, True]
    promised = """tick seconds modifications modifications_per_s objects rss_bytes workers_active
        workers_total device dimension outcomes durable_bytes head"""
    assert set(promised.split()) <= lines[0].keys()


def test_a_signal_stops_the_run_after_the_tick() -> None:
    stopped: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with import_module("automaton.cli.commands.run").ended_by_signals(
        lambda: stopped.append("once")
    ):
        signal.raise_signal(signal.SIGTERM)
    assert stopped == ["once"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_where_it_computes_reaches_the_run_apart_from_what_decides_bytes(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path
) -> None:
    flags = ["--engine", "process", "--workers", "4", "--no-auto-scale", "--memory-limit", "2GiB"]
    assert invoke(*flags).exit_code == 0
    invoke("--workers", "auto")
    scaling = ran[0][1]["scaling"]
    assert (scaling.engine, scaling.workers, scaling.auto_scale) == ("process", 4, False)
    assert scaling.memory_limit == 2 << 30
    assert not {"workers", "auto_scale", "engine"} & ran[0][1].keys()
    assert (ran[1][1]["scaling"].workers, ran[1][1]["scaling"].auto_scale) == (None, True)


def test_a_profile_gives_way_to_a_file_and_a_file_to_a_flag(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path
) -> None:
    folder.joinpath("c.toml").write_text("max_workers = 3\nauto_scale = true\n")
    invoke("--profile", "conservative")
    invoke("--config", "c.toml", "--profile", "conservative")
    invoke("--profile", "maximum", "--config", "c.toml", "--workers", "5")
    workers = [asked["scaling"].workers for _, asked in ran]
    assert workers == [2, 3, 5]
    assert [asked["scaling"].auto_scale for _, asked in ran] == [False, True, True]
    assert [asked["interval_ms"] for _, asked in ran] == [1000, 1000, 0]
    assert ran[2][1]["wanted"].device == "auto"


def test_config_prints_what_holds_and_where_it_comes_from(folder: Path) -> None:
    folder.joinpath("c.toml").write_text("max_objects = 77\n")
    result = invoke("config", "--profile", "balanced", "--config", "c.toml", "--seed", "9")
    assert result.exit_code == 0
    lines = {line.split(" ")[0]: line for line in result.stdout.splitlines()}
    assert lines["workers"].startswith("workers = 4 ")
    assert "# profile balanced: " in lines["workers"]
    assert "# c.toml: " in lines["max_objects"]
    assert "# command line: " in lines["seed"]
    assert "# default: " in lines["engine"]
    folder.joinpath("again.toml").write_text(result.stdout)
    again = invoke("config", "--config", "again.toml")
    assert again.exit_code == 0
    assert lines["max_objects"].split("#")[0] in again.stdout


@pytest.mark.parametrize("text", ["18446744073709551615", '"18446744073709551615"'])
def test_a_seed_of_64_bits_may_be_a_number_or_a_text_and_is_printed_as_one(
    folder: Path, text: str
) -> None:
    folder.joinpath("c.toml").write_text(f"seed = {text}\n")
    shown = [invoke("config", "--config", "c.toml"), invoke("config", "--seed", text.strip('"'))]
    for result in shown:
        assert result.exit_code == 0
        assert tomllib.loads(result.stdout)["seed"] == "18446744073709551615"


def test_a_configuration_may_begin_with_a_byte_order_mark(folder: Path) -> None:
    (folder / "c.toml").write_bytes("\ufeffseed = 9\n".encode())
    with process("config", "--config", "c.toml") as program:
        out, err = program.communicate()
    assert (program.returncode, err) == (0, b"")
    assert tomllib.loads(out.decode())["seed"] == 9


def test_an_error_in_a_configuration_names_its_line(folder: Path) -> None:
    folder.joinpath("c.toml").write_text("# a comment\nticks = 3\nworkerz = 3\n")
    line = refused(invoke("config", "--config", "c.toml"))
    assert "c.toml, line 3: there is no option 'workerz'; did you mean 'workers'?" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ticks", "0"],
        ["--ticks", "1.5"],
        ["--ticks", "many"],
        ["--seconds", "nan"],
        ["--seconds", "inf"],
        ["--seconds", "0"],
        ["--interval", "-1"],
        ["--parallel", "0"],
        ["--seed", "18446744073709551616"],
        ["--focus-probability", "1.5"],
        ["--focus-probability", "nan"],
        ["--durability", "maybe"],
        ["--operator", "λx.y"],
        ["--operator", "("],
        ["--ticks"],
        ["--nonsense"],
        ["one.jsonl", "two.jsonl"],
    ],
)
def test_nonsense_is_refused_in_one_line(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path, arguments: list[str]
) -> None:
    assert refused(invoke(*arguments))
    assert not ran


def test_a_configuration_gives_options_and_the_command_line_wins(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path
) -> None:
    (folder / "c.toml").write_text("ticks = 5\nmax-objects = 20\nmax_size = 30\n")
    invoke("--config", "c.toml", "--ticks", "6")
    assert {**ran[0][1]}.items() >= {
        "ticks": 6,
        "max_objects": 20,
        "max_size": 30,
    }.items()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tick = 5", "did you mean 'ticks'"),
        ("ticks = true", "one number or text is wanted"),
        ("ticks = 1.5", "ticks: '1.5' is not"),
        ("ticks = [1]", "one number or text is wanted"),
        ("seconds = nan", "seconds:"),
        ("json = 1", "true or false is wanted"),
        ("config = 'x'", "no option 'config'"),
        ("log = 'x'", "no option 'log'"),
        ("ticks = ", "not a TOML file"),
        ("\udcff", "not a TOML file"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused_by_name(
    ran: list[tuple[Path, dict[str, Any]]], folder: Path, text: str, said: str
) -> None:
    (folder / "c.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    line = refused(invoke("--config", "c.toml"))
    assert "c.toml" in line
    assert said in line


def test_a_configuration_that_is_not_there_is_a_file_error(folder: Path) -> None:
    assert "c.toml" in refused(invoke("--config", "c.toml"), 4)


def test_a_second_signal_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with import_module("automaton.cli.commands.run").ended_by_signals(lambda: None):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert ended == [exit_codes.INTERRUPTED]


# init.


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What is shipped."""
    lines = b'{"id":"a"}\n{"id":"b"}\n'
    monkeypatch.setattr(import_module("automaton.cli.commands.init"), "shipped", lambda: lines)
    return lines


def test_init_writes_the_shipped_bytes_to_a_new_place(folder: Path, content: bytes) -> None:
    result = invoke("init", "new.jsonl")
    assert "2 lines" in result.stdout
    assert "automaton-scalable new.jsonl" in result.stdout
    assert (folder / "new.jsonl").read_bytes() == content


def test_init_never_touches_what_is_there(folder: Path, content: bytes) -> None:
    (folder / "mine.jsonl").write_bytes(b"mine")
    assert "exists" in refused(invoke("init", "mine.jsonl"), 4)
    assert (folder / "mine.jsonl").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("path", "said"),
    [("absent/new.jsonl", "no folder absent"), (".", "is a folder"), ("file/new.jsonl", "file")],
)
def test_init_says_what_is_wrong_with_a_place(
    folder: Path, content: bytes, path: str, said: str
) -> None:
    (folder / "file").touch()
    assert said in refused(invoke("init", path), 4)


# reduce.


def test_reduce_prints_the_normal_form_and_what_it_is() -> None:
    result = invoke("reduce", f"({TIMES}) ({TWO}) ({THREE})")
    term, said = result.stdout.splitlines()
    assert term == "λa.λb.a (a (a (a (a (a b)))))"
    assert said == "normal form after 7 beta steps, 15 nodes, the numeral 6"


def test_reduce_keeps_free_variables_by_name() -> None:
    assert invoke("reduce", "(λx.x y) z").stdout.splitlines()[0] == "z y"


def test_reduce_json_has_the_promised_members() -> None:
    answer = json.loads(invoke("reduce", "--json", "λx.(λy.y) x").stdout)
    assert answer == {
        "outcome": "normal",
        "steps": 1,
        "size": 2,
        "term": "λa.a",
        "numeral": None,
        "more_steps": False,
        "shared_steps": 1,
        "peak_cells": None,
        "machine": "plain",
    }


def test_reduce_out_of_budget_is_an_answer_with_an_exit_code_of_its_own() -> None:
    result = invoke("reduce", "--json", "--max-steps", "9", "(λx.x x) (λx.x x)")
    assert result.exit_code == 12
    assert result.stderr == "error: no normal form within --max-steps 9; raise it\n"
    members = {"outcome": "steps", "steps": 9, "size": None, "term": None, "numeral": None}
    assert members.items() <= json.loads(result.stdout).items()


@pytest.mark.parametrize(
    ("term", "flags", "said"),
    [
        ("(λx.x x) (λx.x x)", ["--max-steps", "9"], "no normal form within --max-steps 9"),
        ("λf.λx.f (f x)", ["--max-size", "3"], "the normal form is larger than --max-size 3"),
        ("λx.x x x x x", ["--max-depth", "2"], "more pending arguments than --max-depth 2"),
    ],
)
def test_reduce_says_which_budget_was_exceeded_in_single_and_in_batch(
    term: str, flags: list[str], said: str
) -> None:
    single = invoke("reduce", term, *flags)
    assert (single.exit_code, single.stdout) == (12, "")
    assert single.stderr == f"error: {said}; raise it\n"
    text = f"λ0\n{term}\nK = λx.x\nK\n{term}\n"
    batch = invoke("reduce", "--batch", "-", *flags, stdin=text)
    assert (batch.exit_code, len(batch.stdout.splitlines())) == (12, 4)
    assert batch.stderr == f"error: standard input: line 2: {said}; raise it (and 1 more)\n"
    wrong = invoke("reduce", "--batch", "-", *flags, stdin=f"{text}λx.\n")
    assert (wrong.exit_code, "line 6: " in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("notation", "term", "normal"),
    [
        ("lambda", "(\\x y.x) (λz.z)", "λa.λb.b"),
        ("debruijn", "(λλ1) (λ0)", "λλ0"),
        ("blc", "0100001100010", "000010"),
    ],
)
def test_reduce_answers_in_the_notation_it_was_asked_in(
    notation: str, term: str, normal: str
) -> None:
    assert invoke("reduce", "--notation", notation, term).stdout.splitlines()[0] == normal


def test_reduce_of_a_file_answers_every_line_in_order(folder: Path) -> None:
    (folder / "terms").write_text(f"{TWO}\n\n  λx.(λy.y) x\r\n(λx.x x) (λx.x x)", "utf-8")
    rows = invoke("reduce", "--batch", "terms", "--max-steps", "5").stdout.splitlines()
    assert rows == [
        "λa.λb.a (a b)\t2\t0\tnormal",
        "λa.a\t-\t1\tnormal",
        "-\t-\t5\tsteps",
    ]


@given(st.lists(st.integers(0, 40), max_size=12))
@settings(max_examples=20, deadline=None)
def test_reduce_of_standard_input_gives_each_term_s_own_answer(numbers: list[int]) -> None:
    church = [f"λf.λx.{'f (' * n}x{')' * n}" for n in numbers]
    text = "".join(f"({TIMES}) ({TWO}) ({term})\n" for term in church)
    lines = invoke("reduce", "--batch", "-", "--json", stdin=text).stdout.splitlines()
    assert [json.loads(line)["numeral"] for line in lines] == [2 * n for n in numbers]


def test_reduce_wants_a_term_or_a_file(folder: Path) -> None:
    assert "TERM or --batch" in refused(invoke("reduce"))
    assert "TERM or --batch" in refused(invoke("reduce", "λx.x", "--batch", "terms"))
    assert "terms" in refused(invoke("reduce", "--batch", "terms"), 4)


# check, stats and show.


ODD = b"""@version: 1.0

{"id":"a","type":"node","term":"\\u03bbx.x"}
{"id":"a","type":"node","term":"\\u03bbx.x"}
{"id":"e","fromNode":"a","toNode":"nobody\\u001b"}
{"broken":
{"type":"node"}"""


@pytest.fixture
def odd(folder: Path) -> Path:
    """A file with one of each oddity, never run."""
    path = folder / "odd.jsonl"
    path.write_bytes(ODD)
    return path


def test_check_json_has_the_promised_members(odd: Path) -> None:
    report = json.loads(invoke("check", str(odd), "--json").stdout)
    assert (report["objects"], report["ids"], report["versions"]) == (3, 2, 1)
    assert report["types"]["node"] == 3
    assert report["directives"] == [{"line": 1, "name": "version", "value": "1.0"}]
    assert report["dangling"] == [{"line": 5, "end": "to", "id": "nobody\x1b"}]
    assert (report["self_references_wrong"], report["terms"]) == (0, 1)
    bad = report["malformed"][0]
    assert (bad["line"], bad["offset"]) == (6, ODD.index(b'{"broken'))
    assert bad["reason"]


def test_check_lists_its_findings_for_people_and_obeys_none(odd: Path) -> None:
    result = invoke("check", str(odd), "--chain")
    assert result.exit_code == 0
    assert "line 6, byte" in result.stdout
    assert "line 5: to nobody\\x1b" in result.stdout
    assert "nothing is sealed yet" in result.stdout


@pytest.mark.parametrize("command", ["check", "stats"])
def test_a_log_that_is_not_there_is_a_file_error(folder: Path, command: str) -> None:
    assert "absent.jsonl" in refused(invoke(command, "absent.jsonl"), 4)


def commit_of(tick: int) -> CommitFields:
    """What a run would say of a tick."""
    outcomes = {**dict.fromkeys(OUTCOMES, 0), "normal": 2, "copy": tick}
    state = MachineState(automaton="a")
    state.counters["objects"], state.actions["evolve"] = 4, tick
    return CommitFields(tick, outcomes, 3, state.record(), 0)


@pytest.fixture
def sealed(odd: Path) -> Path:
    """The odd file after two ticks."""
    winner = '{"id":"m%d.0","type":"modification","dimensionalLevel":3,"parents":%s,"term":"λ0"}\n'
    with Log.open(odd, write=True) as log:
        first = [log.run_record({"seed": 1}), (winner % (1, '["a","a","line:7"]')).encode()]
        log.append(first, 2, commit_of(1))
        log.append([(winner % (2, '["a","m1.0","a#2"]')).encode()], 1, commit_of(2))
    return odd


def test_check_verifies_a_sealed_log(sealed: Path) -> None:
    report = json.loads(invoke("check", str(sealed), "--chain", "--json").stdout)
    assert report["chain"]["ok"] is True
    assert report["chain"]["commits"] == 2
    assert report["types"]["commit"] == 2
    assert "2 commits" in invoke("check", str(sealed), "--chain").stdout


def test_check_says_that_it_did_not_check_the_chain_unless_it_did(sealed: Path, odd: Path) -> None:
    said = "chain: not checked (--chain checks every sealed byte)"
    assert said in invoke("check", str(sealed)).stdout
    assert said not in invoke("check", str(sealed), "--chain").stdout
    odd.write_bytes(b'{"id":"a"}\n')  # no commit, so nothing is sealed
    odd.with_name(f"{odd.name}.genesis").unlink()
    assert said not in invoke("check", str(odd)).stdout


def test_check_names_damage_and_ends_with_its_code(sealed: Path) -> None:
    whole = sealed.read_bytes()
    at = whole.index(b'"dimensionalLevel":3') + len(b'"dimensionalLevel":')
    sealed.write_bytes(whole[:at] + b"4" + whole[at + 1 :])
    result = invoke("check", str(sealed), "--chain")
    assert result.exit_code == 6
    assert "batch of tick 1" in result.stderr


def test_stats_adds_up_what_the_commits_say(sealed: Path) -> None:
    figures = json.loads(invoke("stats", str(sealed), "--json").stdout)
    assert (figures["tick"], figures["dimension"], figures["automaton"]) == (2, 3, "a")
    assert (figures["outcomes"]["normal"], figures["outcomes"]["copy"]) == (4, 3)
    assert figures["bytes"] == sealed.stat().st_size
    assert figures["options"] == {"seed": 1}
    assert len(figures["head"]) == 64


def test_stats_of_a_file_that_never_ran_are_zeros(odd: Path) -> None:
    result = invoke("stats", str(odd))
    assert result.exit_code == 0
    assert result.stdout.split("\n")[0].split() == ["tick", "0"]


def test_show_follows_an_object_to_the_genesis(sealed: Path) -> None:
    facts = json.loads(invoke("show", str(sealed), "m2.0", "--json").stdout)
    assert facts["object"]["parents"] == ["a", "m1.0", "a#2"]
    origins = {row["id"]: (row["line"], row["parents"]) for row in facts["lineage"]}
    assert origins["m1.0"][1] == ["a", "a", "line:7"]
    assert origins["a"] == origins["a#2"] == (4, [])
    assert origins["line:7"] == (7, [])


def test_show_names_every_version_by_its_line(sealed: Path) -> None:
    assert "versions: line 3, 4\n" in invoke("show", str(sealed), "a").stdout


def test_show_of_an_unknown_id_is_refused(sealed: Path) -> None:
    assert "'nobody'" in refused(invoke("show", str(sealed), "nobody"))


# Endings.


def raising(error: BaseException) -> Callable[[], int]:
    """A command that ends with the error."""

    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (AutomatonError("a\nb"), 1, "error: a b"),
        (LockedError("taken", 7), 5, "error: taken"),
        (DamagedError("bad", 9), 6, "error: bad"),
        (StorageError("full"), 8, "error: full"),
        (click.UsageError("what?"), 2, "error: what?"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), 4, "error: x: No such file"),
        (OSError(errno.ENOSPC, "No space left"), 8, f"error: {FULL}"),
        (KeyboardInterrupt(), 130, "error: interrupted"),
        (click.Abort(), 130, "error: interrupted"),
        (AutomatonError("\x1b[2Jx"), 1, "error: \\x1b[2Jx"),
    ],
)
def test_every_error_is_one_line_and_a_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    assert exit_codes.status(raising(error)) == code
    assert capsys.readouterr() == ("", f"{line}\n")


def test_too_little_memory_says_what_to_ask_less_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_codes.status(raising(MemoryError())) == 11
    assert "--max-steps" in capsys.readouterr().err


def test_a_defect_of_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_codes.status(raising(ZeroDivisionError()))


@given(st.text())
def test_what_is_printed_is_printable_and_one_line(text: str) -> None:
    assert printable(text).isprintable()
    assert len(one_line(text, 50)) <= 50


def process(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    """The program as a process of its own, from this checkout whatever is installed."""
    command = [sys.executable, "-m", "automaton", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)


@pytest.fixture
def many(folder: Path) -> Path:
    """A file whose answers do not fit into a pipe."""
    path = folder / "many"
    path.write_text("λx.x\n" * 20_000, "utf-8")
    return path


def test_a_reader_that_leaves_ends_the_program_quietly(many: Path) -> None:
    with process("reduce", "--batch", str(many)) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == b""
    assert program.returncode == exit_codes.PIPE_CLOSED


def test_a_terminal_without_lambda_gets_a_backslash_and_json_of_ascii(folder: Path) -> None:
    narrow = {"PYTHONIOENCODING": "ascii"}
    with process("reduce", "λx.x", **narrow) as program:
        out, _ = program.communicate()
    assert (program.returncode, out.splitlines()[0]) == (0, b"\\a.a")
    with process("reduce", "--json", "λx.𝜆y.x é", **narrow) as program:
        out, _ = program.communicate()
    assert (program.returncode, json.loads(out)["term"]) == (0, "λa.λb.a é")
    with process("reduce", "foo λx.(", **narrow) as program:
        _, err = program.communicate()
    assert (program.returncode, b"add a ')'" in err) == (2, True)
    with process("reduce", "", PYTHONIOENCODING="latin-1") as program:
        _, err = program.communicate()
    assert b"write one such as \\x.x\n" in err


def test_lines_of_a_log_and_configurations_keep_their_meaning_on_such_terminals(
    folder: Path,
) -> None:
    narrow = {"PYTHONIOENCODING": "ascii"}
    (folder / "log").write_text('{"id":"a","term":"λx.x"}\n', "utf-8")
    for call in (("show", "log", "a"), ("match", "log", "λx")):
        with process(*call, **narrow) as program:
            out, _ = program.communicate()
        first = next(line for line in out.splitlines() if b'{"' in line)
        assert json.loads(first[first.index(b"{") :]) == {"id": "a", "term": "λx.x"}
    calls: tuple[tuple[str, ...], ...] = (
        ("show", "log", "a"),
        ("reduce", "(λx.x x) (λy.y)", "--trace", "3"),
        ("--help",),
    )
    for words in calls:
        with process(*words, **narrow) as program:
            out, _ = program.communicate()
        assert (program.returncode, out.isascii()) == (0, True)
        assert b"\\a.a" in out or words == ("--help",)
    with process("config", "--operator", "λx.x", **narrow) as program:
        out, _ = program.communicate()
    assert tomllib.loads(out.decode("ascii"))["operator"] == "λ0"


def test_the_program_runs_as_a_module_without_traceback(folder: Path) -> None:
    with process("reduce", "(") as program:
        _, err = program.communicate()
    assert program.returncode == 2
    assert err.startswith(b"error: ")
    assert err.count(b"\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_tick_commits_and_exits_with_0(
    folder: Path, number: signal.Signals
) -> None:
    log = folder / "small.jsonl"
    log.write_text(
        '{"id":"0D","type":"automaton","currentState":"identity","dimensionalLevel":0}\n'
        '{"id":"K","type":"text","text":"`λx.λy.x`"}\n{"id":"I","type":"text","text":"`λx.x`"}\n',
        "utf-8",
    )
    with process(str(log), "--interval", "0", "--json", "--stats-interval", "0.01") as program:
        assert program.stdout is not None
        first = json.loads(program.stdout.readline())
        program.send_signal(number)
        rest = program.stdout.read().splitlines()
        assert program.stderr is not None
        noted = program.stderr.read().splitlines()
        assert all(line.startswith(b"note: the log grows by ") for line in noted)
    assert program.returncode == 0
    last = json.loads(rest[-1])
    assert (first["final"], last["final"]) == (False, True)
    assert last["durable_bytes"] == log.stat().st_size
    report = json.loads(invoke("check", str(log), "--chain", "--json").stdout)
    assert (report["chain"]["ok"], report["chain"]["commits"]) == (True, last["tick"])
