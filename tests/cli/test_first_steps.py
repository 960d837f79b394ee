"""What people stumbled over on their first day."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from small import TERMS, automaton, encoded, ran, rich, rule, term, written

from automaton.cli import command_line
from automaton.run import Run
from kernels import cpu

ROOT = Path(__file__).resolve().parents[2]


def invoke(*arguments: object) -> Result:
    """What the command does."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of a few ticks."""
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 4, parallel=8)
    return path


# Words and figures.


def test_indexed_means_put_into_the_memory_wherever_it_stands(log: Path) -> None:
    pytest.importorskip("qdrant_edge")
    put = json.loads(invoke("memory", "reindex", log, "--json").stdout)
    facts = json.loads(invoke("memory", "stats", log, "--json").stdout)
    assert put["indexed"] == facts["items"] > 0
    assert "indexed" not in facts
    assert facts["in_graph"] <= facts["items"]


def test_a_cycle_shows_the_depth_that_the_index_is_made_of_with_its_formula(log: Path) -> None:
    metrics = json.loads(invoke("cycle", log, "--json").stdout)["metrics"]
    mean = metrics["depth"] / metrics["normal_forms"]
    formula = f"log(1 + beta steps) / log(1 + 500) over {metrics['normal_forms']} normal forms"
    assert f"{mean:.4f}, the mean of {formula}" in invoke("cycle", log).stdout


def test_stats_say_up_to_where_and_when_a_log_was_verified_here(log: Path) -> None:
    assert "verified" not in invoke("stats", log).stdout
    assert json.loads(invoke("stats", log, "--json").stdout)["verified"] is None
    assert invoke("verify", log, "--resume").exit_code == 0
    ran(log, 2)
    found = json.loads(invoke("stats", log, "--json").stdout)["verified"]
    assert found["tick"] == 4
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["when"])
    assert f"verified        tick 4, when {found['when']}\n" in invoke("stats", log).stdout


def test_stats_says_when_the_log_was_last_written_to(log: Path) -> None:
    os.utime(log, (1_700_000_000, 1_700_000_000))
    said = json.loads(invoke("stats", log, "--json").stdout)["last_commit_at"]
    assert said == "2023-11-14T22:13:20Z"


def test_a_note_of_another_log_verifies_nothing(log: Path, tmp_path: Path) -> None:
    assert invoke("verify", log, "--resume").exit_code == 0
    other = written(tmp_path / "other.jsonl", rich())
    ran(other, 4, parallel=8, seed=1)
    shutil.copy(f"{log}.verified", f"{other}.verified")
    assert json.loads(invoke("stats", other, "--json").stdout)["verified"] is None


# What cannot be meant.


@pytest.mark.parametrize("limit", ["1", "20MB"])
def test_a_memory_limit_below_what_the_program_takes_is_refused_with_what_it_needs(
    tmp_path: Path, limit: str
) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    done = invoke(path, "--ticks", 1, "--memory-limit", limit)
    assert done.exit_code == 2
    assert re.search(r"less than the \d+ MB .* give at least \d+MB\n$", done.stderr)
    assert path.read_bytes() == encoded(rich())


def test_check_names_what_of_rules_and_vetoes_does_nothing(tmp_path: Path) -> None:
    both = {**rule("r", "true", "λa.λb.a"), "pattern": "?x"}
    rewriting = {"id": "w", "type": "rule", "pattern": "?x", "replacement": "?x"}
    vetoes = [{"id": "v", "type": "veto"}, {"id": "n", "type": "veto", "match": "size > 9"}]
    path = written(tmp_path / "log.jsonl", [automaton("op"), *TERMS, both, *vetoes, rewriting])
    report = json.loads(invoke("check", path, "--json").stdout)
    ignored = [(row["line"], row["member"]) for row in report["ignored"]]
    assert ignored == [(10, "pattern"), (11, "match")]
    assert [row["line"] for row in report["idle_vetoes"]] == [12]
    assert [row["line"] for row in report["idle_rules"]] == [13]
    said = invoke("check", path).stdout
    assert "vetoes, which forbid nothing without `--streams`: 1\n  line 12: match: size > 9" in said
    ran(path, 1, streams="anchor")
    report = json.loads(invoke("check", path, "--json").stdout)
    assert [len(report[name]) for name in ("ignored", "idle_vetoes", "idle_rules")] == [2, 0, 1]


BROKEN = rule("r", "sise > 9", "λx.x")
PRETTY = json.dumps(automaton("a"), indent=2).encode()


@pytest.mark.parametrize(
    ("genesis", "said"),
    [
        (b"", r"no lambda terms and no automaton object; `init PATH` .*\(the file is empty\)"),
        (encoded(TERMS), r"no automaton object; `--operator TERM` .* `init PATH` [^(]*$"),
        (encoded([rule("r", "true", "λx.x")]), r"no lambda terms and no automaton[^(]*$"),
        (encoded([BROKEN, *TERMS]), r"no automaton object; [^(]*$"),
        (encoded([BROKEN, automaton("a", term="λx.y"), *TERMS]), r"that can be used \(a: "),
        (PRETTY + b"\n" + PRETTY, r"\(of 10 lines 10 hold no JSON object, .* line 1: not JSON"),
    ],
)
def test_a_file_without_a_machine_is_told_what_it_lacks(
    tmp_path: Path, genesis: bytes, said: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(genesis)
    done = invoke(path, "--ticks", 1)
    assert done.exit_code == 7
    assert re.search(said, done.stderr.strip())


# What there is to choose from.


def test_recall_from_a_stream_that_never_competed_names_those_that_did(tmp_path: Path) -> None:
    pytest.importorskip("qdrant_edge")
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 6, parallel=16, streams="anchor,uniform")
    assert invoke("memory", "reindex", path).exit_code == 0
    said = invoke("recall", path, "λx.x", "--stream", "anchr").stderr
    assert "`anchr`; did you mean `anchor`? (there are anchor, uniform)" in said


@pytest.mark.parametrize("name", ["models", "memory"])
def test_a_command_of_commands_alone_lists_them_with_what_each_does(name: str) -> None:
    done = invoke(name)
    group = command_line.commands[name]
    assert isinstance(group, click.Group)
    assert done.exit_code == 0
    for line, command in zip(done.stdout.splitlines(), group.commands.values(), strict=True):
        assert line.startswith(f"{command.name} ")
        assert line.endswith(f"  {str(command.help).splitlines()[0]}")


def test_the_first_synthesis_on_a_machine_says_that_it_compiles(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["synthesize", log, "--problem", "succ", "--domains", 1, "--budget", 1000]
    monkeypatch.setenv("AUTOMATON_CACHE", str(tmp_path / "fresh"))
    note = "note: preparing (the first synthesis on a machine compiles kernels)\n"
    assert invoke(*asked).stderr == note
    assert invoke(*asked, "--json").stderr == ""
    kept = cpu.cache_folder() / "kernels_1" / "trials.try_terms-1.py311.nbi"  # as numba names it
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert invoke(*asked).stderr == ""


def test_church_takes_options_of_reduce_alone() -> None:
    first, second = (
        {
            p.name: p.type.name
            for p in command_line.commands[name].params
            if isinstance(p, click.Option)
        }
        for name in ("reduce", "church")
    )
    assert second.items() <= first.items()


# Logs of earlier versions.


def test_a_log_from_before_there_were_streams_may_hold_the_ids_of_their_operators(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.jsonl"
    shutil.copy(ROOT / "tests" / "corpus" / "before-streams.jsonl", path)
    assert "versions: line 1, 10, 16, 19\n" in invoke("show", path, "reason:word").stdout
    for streams in ("none", "all"):
        assert invoke("verify", path).exit_code == 0
        ran(path, 3, streams=streams)
    assert invoke("verify", path).exit_code == 0
    assert b'"id":"commit:9"' in path.read_bytes()


def test_an_object_of_an_old_log_is_not_taken_for_the_operator_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    shutil.copy(ROOT / "tests" / "corpus" / "before-streams.jsonl", path)
    loop = {"fromNode": "reason:word", "toNode": "reason:word", "condition": "true"}
    given = [{"id": "va", "type": "transition", **loop, "action": "validate-self"}]
    given += [term(f"n{k}", f"λf.λx.{'f (' * k}x{')' * k}") for k in range(5)]
    with Run(path, {"streams": "reason", "parallel": 16}) as run:
        run.step([encoded([row]) for row in given])
        for _ in range(12):
            run.step()
    won = [json.loads(line) for line in path.read_bytes().splitlines() if b"reason:add" in line]
    assert any(row.get("parents", [""])[0] == "reason:add" for row in won)
    assert invoke("verify", path).exit_code == 0


def test_input_may_not_take_the_id_of_an_operator_of_the_streams(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [automaton("op"), *TERMS])
    path.with_name("log.jsonl.inbox").write_bytes(encoded([term("reason:add", "λx.x")]))
    loop = {"id": "l", "type": "transition", "fromNode": "op", "toNode": "op", "action": "self-io"}
    path.write_bytes(path.read_bytes() + encoded([loop]))
    assert ran(path, 2).refused == {"id of the log's own": 1}


def test_a_run_says_that_without_streams_there_are_no_decisions_to_keep(log: Path) -> None:
    said = invoke("run", log, "--ticks", "1", "--decisions", "all", "--memory-rate", "9")
    assert "--decisions and --memory-rate: nothing to keep, since no streams compete" in said.stderr


def test_results_of_cycles_go_into_no_file_that_is_there(log: Path) -> None:
    before = log.read_bytes()
    said = invoke("cycles", log, "--count", "2", "--results", log)
    assert (said.exit_code, log.read_bytes()) == (4, before)
    assert "exists; choose another place" in said.stderr


def test_a_problem_that_was_not_solved_is_said_to_be_so_beside_no_objects(log: Path) -> None:
    said = invoke("synthesize", log, "--problem", "pred", "--objects", "--budget", "1000")
    assert (said.exit_code, said.stdout) == (0, "")
    assert "pred: not found within 1,000 beta steps" in said.stderr
