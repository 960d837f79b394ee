"""`soup`: many soups of one genesis side by side, and sweeps whose genesis is made of parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from small import TERMS, written

from automaton.cli import command_line
from automaton.errors import NothingToRunError, UsageError
from automaton.log import AuditedLog
from automaton.run import Run
from automaton.soups.genesis_recipe import GenesisRecipe, numeral_tests
from automaton.soups.many_soups import many_soups, soup_seed
from automaton.soups.sweep_plan import SweepPlan
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.reference import reduce
from automaton.verify import VerifyRequest, verify
from kernels import philox


def called(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, list(map(str, arguments)))


def test_soups_are_logs_of_seeds_of_their_own_and_verify(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", TERMS)
    result = called("soup", path, "--collisions", 400, "--soups", 3, "--seed", 5, "--workers", 1,
                    "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["seed"] for row in rows] == [str(soup_seed(5, k)) for k in range(3)]
    low, high = philox.words(5, 0, 2, philox.SPREAD)[:2]
    assert soup_seed(5, 2) == int(high) << 32 | int(low)
    for row in rows:
        with AuditedLog.open(tmp_path / "log.jsonl.soups" / row["log"]) as log:
            assert verify(log, VerifyRequest(workers=1)).ok
            assert log.head.hex() == row["head"]
            assert log.record == "commits"
        assert sum(row["figures"]["outcomes"].values()) == 400
        assert row["figures"]["live"] == len(TERMS)
    assert len({row["head"] for row in rows}) == 3
    again = called("soup", path, "--collisions", 400, "--soups", 3, "--seed", 5)
    assert again.exit_code == 0
    assert "3 soups of 400 collisions, a commit every 400" in again.stdout


@pytest.mark.parametrize(
    "raw", [b"", b"not json\n", b'{"id":"a","type":"term","te', b'{"id":"a"}\n']
)
def test_a_log_without_terms_makes_no_soup_and_no_folder(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(raw)
    result = called("soup", path, "--collisions", 10)
    assert isinstance(result.exception, SystemExit | NothingToRunError)
    assert "no closed lambda term" in f"{result.output}{result.exception}"
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]
    assert path.read_bytes() == raw


def test_a_soup_is_the_run_of_its_seed(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", TERMS)
    result = called("soup", path, "--collisions", 120, "--every", 40, "--json", "--out",
                    tmp_path / "soups")  # fmt: skip
    row = json.loads(result.stdout)
    options = {
        "updating": "sequential", "operator": "λλ1 0", "copies": True, "parallel": 40,
        "max_objects": len(TERMS), "seed": soup_seed(0, 0),
    }  # fmt: skip
    with Run(path, options) as run:
        run.go(ticks=3, interval_ms=0)
        assert run.log.head.hex() == row["head"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--collisions", "10007"], "give a rounder number"),
        (["--collisions", "100", "--every", "30"], "no multiple of --every 30"),
        (["--collisions", "100", "--max-objects", "3"], "more than --max-objects 3"),
        (["--collisions", "100", "--inflow", "every=7,terms=1,λx.x"], "give a rounder number"),
        (["--collisions", "100", "--evaluation", "eager"], "it is normal or hybrid-applicative"),
        (["--collisions", "100", "--inflow", "every=100,terms=1,tree:900"], "from 1 to 400 nodes"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    path = written(tmp_path / "log.jsonl", TERMS)
    before = path.read_bytes()
    result = called("soup", path, *arguments)
    assert result.exit_code != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert path.read_bytes() == before


PARTS: dict[str, Any] = {
    "size": 40,
    "parts": [
        {"name": "good", "terms": ["λn.λf.λx.f (n f x)"], "share": 0.1},
        {"name": "rest", "terms": ["λx.x", "λx.λy.x"], "rest": True},
        {"name": "test", "tests": "successor:3", "share": "0.25", "drawn": True},
    ],
}


def test_a_genesis_has_the_shares_of_its_parts(tmp_path: Path) -> None:
    recipe = GenesisRecipe.of(PARTS)
    lines = [json.loads(line) for line in recipe.lines(seed=3)]
    assert [o["id"] for o in lines] == [f"t{k}" for k in range(1, 41)]
    assert [o["type"] for o in lines] == ["term"] * 30 + ["amplifier"] * 10
    assert [o["term"] for o in lines[:6]] == ["λλλ1 (2 1 0)"] * 4 + ["λ0", "λλ1"]
    tests = numeral_tests("test", "successor:3")
    drawn = [philox.words(3, k, 0, np.uint64(14))[0] for k in range(31, 41)]
    assert [o["term"] for o in lines[30:]] == [tests[philox.index_of(w, 3)] for w in drawn]
    more = recipe.with_shares({"good.share": 0.5})
    assert sum(json.loads(line)["term"] == "λλλ1 (2 1 0)" for line in more.lines(0)) == 20


@pytest.mark.parametrize("source", ["tree:12", "depth:12", "blc:24", "uniform:3-9:4", "grammar:5"])
def test_init_and_a_genesis_draw_of_the_same_generators(tmp_path: Path, source: str) -> None:
    path = tmp_path / "log.jsonl"
    result = called("init", path, "--random", 20, "--generator", source, "--seed", 4)
    assert result.exit_code == 0, result.output
    parts = [{"name": "all", "generator": source, "rest": True}]
    made = b"".join(GenesisRecipe.of({"size": 20, "parts": parts}).lines(seed=4))
    assert path.read_bytes() == made
    assert len(set(made.splitlines())) == 20
    refused = called("init", tmp_path / "no.jsonl", "--random", 3, "--generator", "tree")
    assert refused.exit_code == 2
    assert not (tmp_path / "no.jsonl").exists()


@pytest.mark.parametrize(
    "inflow",
    [
        "every=10,terms=2,tree:500=1",
        "every=10,terms=2,tree:" + "9" * 5000 + "=1",
        "every=10,terms=2,blc:5=1",
        "every=10,terms=" + "9" * 5000 + ",tree:5=1",
        "every=10,terms=2,λx.=1",
    ],
)
def test_what_can_give_no_term_is_refused_before_a_folder_is_made(
    tmp_path: Path, inflow: str
) -> None:
    path = written(tmp_path / "log.jsonl", TERMS)
    out = tmp_path / "soups"
    asked = ["--collisions", 100, "--soups", 1, "--inflow", inflow]
    result = called("soup", path, "--out", out, *asked)
    assert result.exit_code == 2, result.output
    assert not out.exists()


@pytest.mark.parametrize("share", [float("nan"), float("inf"), "nan", "sNaN", -0.1, True])
def test_a_share_is_a_number_from_0_to_1(share: object) -> None:
    some = {"name": "a", "terms": ["λ0"], "share": share}
    parts = [some, {"name": "b", "terms": ["λ0"], "rest": True}]
    with pytest.raises(UsageError, match="a number from 0 to 1"):
        GenesisRecipe.of({"size": 10, "parts": parts})


def normal_form(words: Words) -> str:
    found = reduce(words, 50_000, 20_000, 256).words
    assert found is not None
    return format_term(found)


def test_the_successor_passes_its_tests_and_others_do_not() -> None:
    for number, text in enumerate(numeral_tests("test", "successor:20")):
        passed = parse(f"({text}) (λλλ1 (2 1 0))")
        assert normal_form(passed) == "λλ1"
        twice = parse(f"({text}) (λλλ1 (2 1 (1 0)))")  # n + 2
        assert normal_form(twice) == "λλ0", number


def test_a_sweep_over_shares_counts_terms_and_any_run_is_made_again(tmp_path: Path) -> None:
    spec = tmp_path / "grid.toml"
    spec.write_text(
        """
ticks = 2
seeds = 2
keep_logs = false
[settings]
operator = 'λx.λy.x y'
updating = "sequential"
copies = true
parallel = 50
max_objects = 60
amplifiers = "copies=5,steps=5000,size=5000,kept=all"
[genesis]
size = 60
[[genesis.parts]]
name = "good"
terms = ['λn.λf.λx.f (n f x)']
[[genesis.parts]]
name = "rest"
terms = ['λx.x', 'λx.λy.x']
rest = true
[[genesis.parts]]
name = "test"
tests = "successor:2"
[grid]
"good.share" = [0.0, 0.2]
"test.share" = [0.2]
[count]
good = 'λn.λf.λx.f (n f x)'
""",
        "utf-8",
    )
    result = called("sweep", spec, "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["counts"]["good"] > 0 for row in rows] == [False, False, True, True]
    assert not list((tmp_path / "grid" / "runs").iterdir())
    again = called("sweep", spec, "--only", 2, "--out", tmp_path / "again", "--json")
    assert json.loads(again.stdout)["head"] == rows[2]["head"]
    with AuditedLog.open(tmp_path / "again" / "runs" / "00002.jsonl") as log:
        assert verify(log, VerifyRequest(workers=1)).ok
        assert log.head.hex() == rows[2]["head"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genesis": {"size": 0, "parts": []}}, "a number of terms"),
        ({"genesis": {"size": 9, "parts": [{"name": "a b"}]}}, "give a word"),
        ({"genesis": {"size": 9, "parts": [{"name": "a"}]}}, "has no terms"),
        ({"genesis": {"size": 9, "parts": [{"name": "a", "tests": "double:3"}]}}, "successor:20"),
        ({"genesis": PARTS, "grid": {"bad.share": [0.1]}}, "no such part"),
        ({"genesis": PARTS, "grid": {"good.share": [0.9]}}, "more than 1"),
        ({"genesis": PARTS, "log": "a.jsonl"}, "or a table"),
        ({"log": "a.jsonl", "grid": {"good.share": [0.9]}}, "needs a table"),
        ({"genesis": PARTS, "count": {"a": 3}}, "a term whose like"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SweepPlan.of({"ticks": 3, "seeds": 2, **change})


def test_commits_are_as_long_as_collisions_and_inflow_allow() -> None:
    given = {"operator": "λλ1 0", "inflow": "every=600,terms=1,λx.x"}
    assert many_soups("a", 1, 90_000, 0, given).settings["parallel"] == 600
    assert many_soups("a", 1, 90_000, 0, {"operator": "λλ1 0"}).settings["parallel"] == 10_000
