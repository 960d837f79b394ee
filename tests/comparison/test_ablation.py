"""Ablations: a rule that makes all the difference is found, what does nothing is not."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small import TERMS, automaton, rule, written

from automaton.chemistry import World
from automaton.cli import command_line
from automaton.comparison.ablation_arms import LABEL, SEEDS, WHOLE, Arm, GenesisLines, arms_of
from automaton.comparison.ablation_plan import ablation_plan
from automaton.comparison.ablation_table import ablation_rows, pairs_needed
from automaton.errors import UsageError
from automaton.format import stream_options
from automaton.format.graphs import AS_EVER
from automaton.format.machine_state import MachineState
from automaton.format.options import Options
from automaton.log import AuditedLog, Log
from automaton.replay import restore
from automaton.replay.genesis import MalformedLines
from automaton.verify import VerifyRequest, verify

#: Without the first rule every reaction copies its first reactant, and nothing wins. The
#: second matches nothing that lives; the swap needs a stream, the veto something that competes.
PROGRAM = [
    automaton("0D", 0, term="λa.λb.a"),
    rule("maker", "size > 0", "λa.λb.λf.b (a f)"),
    rule("never", "size > 250", "λa.λb.a"),
    {"id": "swap", "type": "rule", "pattern": "λx.?f", "replacement": "λx.λy.?f"},
    {"id": "huge", "type": "veto", "match": "size > 250"},
    *TERMS,
]
OPTIONS = ("--parallel", 6, "--max-objects", 40, "--workers", 1)


def called(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, ["ablate", *map(str, arguments)])


def manifest(folder: Path) -> list[dict[str, Any]]:
    _, *lines = (folder / "manifest.jsonl").read_bytes().splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda row: row["run"])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "log.jsonl", PROGRAM)


def test_a_planted_effect_is_found_and_nothing_else_is(log: Path) -> None:
    before = log.read_bytes()
    result = called(log, "--ticks", 4, "--seeds", 10, *OPTIONS, "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    by_arm: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        by_arm.setdefault(row["arm"], {})[row["measure"]] = row
    assert list(by_arm) == ["rule:maker", "rule:never", LABEL, SEEDS]
    made = by_arm["rule:maker"]
    assert made["modifications"]["without"] == 0 < made["modifications"]["whole"]
    for measure in ("modifications", "new", "winner_size", "distinct", "effective"):
        assert made[measure]["adjusted"] < 0.05, measure
        assert made[measure]["high"] < 0, measure
    for arm in ("rule:never", LABEL):
        assert all(row["difference"] == 0 and row["p"] == 1 for row in by_arm[arm].values())
    assert {row["adjusted"] for arm in (LABEL, SEEDS) for row in by_arm[arm].values()} == {None}
    assert all(row["p"] * 8 > 0.05 for row in by_arm[SEEDS].values())
    assert log.read_bytes() == before

    folder = log.with_name("log.jsonl.ablation")
    found = manifest(folder)
    assert len(found) == 5 * 10
    for row in found[::11]:
        with AuditedLog.open(folder / row["log"]) as one:
            assert one.head.hex() == row["head"]
            assert verify(one, VerifyRequest(workers=1)).ok
    first = found[0]["figures"]
    with Log.open(folder / "runs/00000.jsonl", write=False) as one:
        state = MachineState.of(one.commit(4).state, 4)
    assert first["modifications"] == state.counters["modifications"] / 4
    again = called(log, "--ticks", 4, "--seeds", 10, *OPTIONS)
    assert "placebo:seeds: " in again.stdout
    assert "differs" in again.stdout
    table = list(csv.DictReader(io.StringIO(called(log, "--ticks", 4, "--seeds", 10, *OPTIONS,
                                                   "--csv").stdout)))  # fmt: skip
    assert [float(row["difference"]) for row in table] == [row["difference"] for row in rows]


def test_a_filter_of_a_soup_in_order_is_off_like_any_veto(tmp_path: Path) -> None:
    filters = [{"id": name, "type": "veto", "match": match}
               for name, match in (("all", "true"), ("never", "size > 250"))]  # fmt: skip
    path = written(tmp_path / "log.jsonl", [*filters, *TERMS])
    result = called(path, "--ticks", 2, "--seeds", 3, *OPTIONS, "--updating", "sequential",
                    "--operator", "λx.λy.x y", "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    by_name = {(row["arm"], row["measure"]): row for row in rows}
    assert by_name["veto:all", "modifications"]["whole"] == 0
    assert by_name["veto:all", "modifications"]["without"] > 0
    assert all(row["difference"] == 0 for row in rows if row["arm"] in {"veto:never", LABEL})


def test_a_killed_ablation_goes_on_and_comes_to_the_same_heads(log: Path, tmp_path: Path) -> None:
    given = ("--ticks", 2, "--seeds", 3, *OPTIONS)
    only = called(log, *given, "--only", "rule:m*", "--out", tmp_path / "part")
    assert only.exit_code == 0, only.output
    assert "3 runs of other arms not made" in only.stdout
    assert "3 pairs are too few for 8 tests" in only.stdout
    assert called(log, *given, "--out", tmp_path / "part").exit_code == 0
    wanted = [row["head"] for row in manifest(tmp_path / "part")]
    assert len(wanted) == 5 * 3
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "automaton", "ablate", str(log), "--out", str(folder),
               *map(str, given)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            place = folder / "manifest.jsonl"
            if place.exists() and place.read_bytes().count(b"\n") > 2:
                os.kill(process.pid, signal.SIGKILL)
                break
    assert called(log, *given, "--out", folder).exit_code == 0
    assert [row["head"] for row in manifest(folder)] == wanted
    other = called(log, "--ticks", 3, "--seeds", 3, *OPTIONS, "--out", folder)
    assert other.exit_code == 2
    assert "holds another ablation" in other.stderr


# What can be off.


def test_what_can_be_off_is_listed_and_what_cannot_says_why(log: Path) -> None:
    listed = [json.loads(line) for line in called(log, "--list", "--json").stdout.splitlines()]
    assert {row["name"]: bool(row["idle"]) for row in listed} == {
        "rule:maker": False, "rule:never": False, "rule:swap": True, "veto:huge": True,
    }  # fmt: skip
    every = called(log, "--list", "--json", "--streams", "all").stdout.splitlines()
    assert [json.loads(line)["name"] for line in every if json.loads(line)["idle"] is None] == [
        "stream:sensation", "stream:memory", "stream:emotion", "stream:anchor", "stream:reason",
        "memory", "rule:maker", "rule:never", "rule:swap", "veto:huge",
    ]  # fmt: skip
    alone = called(log, "--list", "--streams", "anchor").stdout
    assert "it is the only stream" in alone
    assert not log.with_name("log.jsonl.ablation").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ticks", 3, "--only", "rule:mker"], "did you mean"),
        (["--ticks", 3, "--only", "veto:huge"], "every candidate wins"),
        (["--ticks", 3, "--seeds", 2], "needs 3 pairs"),
        ([], "--ticks must be given"),
        (["--ticks", 3, "--streams", "ancor"], "no stream `ancor`"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(log: Path, arguments: list[Any], said: str) -> None:
    result = called(log, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") <= 4  # what click refuses comes with the usage


def test_a_log_without_rules_and_streams_has_nothing_that_could_be_off(tmp_path: Path) -> None:
    bare = written(tmp_path / "bare.jsonl", [automaton("0D"), *TERMS])
    result = called(bare, "--ticks", 3)
    assert result.exit_code == 2
    assert "nothing of this program can be off" in result.stderr


def test_an_object_that_says_nothing_leaves_the_terms_that_live(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [*PROGRAM, PROGRAM[1], {"id": "x", "type": "text"}])
    with Log.open(path, write=False) as opened:
        arms = arms_of(opened, Options(streams="all"))
    genesis = path.read_bytes()
    lines = GenesisLines(genesis, AS_EVER, arms)
    assert lines.of(Arm(WHOLE, "", {})) == genesis
    worlds: dict[str, World] = {}
    for arm in [Arm(WHOLE, "", {}), *arms, Arm(LABEL, "", {})]:
        own = tmp_path / f"{len(worlds)}.jsonl"
        own.write_bytes(lines.of(arm))
        with Log.open(own, write=False) as opened:
            worlds[arm.name] = restore.genesis_world(opened, Options(), MalformedLines())
    whole = worlds[WHOLE]
    for name, world in worlds.items():
        assert world.population.total == whole.population.total, name
        program = world.program
        defined = {f"rule:{i}" for i in (*program.rules, *program.rewritings)} | {
            f"veto:{i}" for i in program.vetoes
        }
        assert defined == {"rule:maker", "rule:never", "rule:swap", "veto:huge"} - {name}


@pytest.mark.parametrize("text", ["all", "anchor=0.5,reason=2", "uniform,uniform,memory=3"])
def test_a_stream_that_is_off_leaves_the_others_their_weights(text: str) -> None:
    streams = stream_options.parse_streams(text)
    for off in streams:
        left = stream_options.parse_streams(stream_options.streams_without(text, [off.name]))
        wanted = [(s.policy, s.weight) for s in streams if s is not off]
        assert [(s.policy, s.weight) for s in left] == wanted
    everyone = [stream.name for stream in streams]
    assert stream_options.streams_without(text, everyone) == "none"


def test_a_feature_that_is_off_weighs_nothing() -> None:
    whole = stream_options.parse_salience(stream_options.MIXTURE)
    for at, feature in enumerate(stream_options.FEATURES):
        left = stream_options.salience_without(stream_options.MIXTURE, feature)
        wanted = [weight * (k != at) for k, weight in enumerate(whole)]
        assert stream_options.parse_salience(left) == wanted


# The plan and the table.


def test_arms_share_their_seeds_with_the_whole_and_one_placebo_has_others() -> None:
    arms = [Arm("rule:r", "", {}, "r"), Arm("veto:v", "", {}, "v", idle="no")]
    plan = ablation_plan("l", 3, 4, 70, Options(), arms)
    seeds: dict[str, list[int]] = {}
    for run in plan.runs:
        seeds.setdefault(run.point["arm"], []).append(run.seed)
    assert seeds == {
        WHOLE: [70, 71, 72, 73], "rule:r": [70, 71, 72, 73], LABEL: [70, 71, 72, 73],
        SEEDS: [74, 75, 76, 77],
    }  # fmt: skip
    with pytest.raises(UsageError, match="must be from 0"):
        ablation_plan("l", 3, 4, (1 << 64) - 5, Options(), arms)


def test_an_arm_whose_runs_are_not_all_made_is_left_out() -> None:
    plan = ablation_plan("l", 3, 4, 0, Options(), [Arm("rule:r", "", {}, "r")])
    figures = dict.fromkeys(
        ("modifications", "new", "reuse", "winner_size", "winner_steps", "distinct", "effective",
         "size_mean"), 1.0
    )  # fmt: skip
    rows = [{"run": run.number, "figures": figures} for run in plan.runs]
    assert {row.arm for row in ablation_rows(plan, rows)} == {"rule:r", LABEL, SEEDS}
    assert {row.arm for row in ablation_rows(plan, rows[:-1])} == {"rule:r", LABEL}
    assert ablation_rows(plan, rows[1:]) == []


def test_as_many_pairs_are_needed_as_the_correction_asks_for() -> None:
    assert pairs_needed(1) == 6  # 2 / 2**6 < 0.05
    assert pairs_needed(64) == 12
