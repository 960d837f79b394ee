"""Amplifiers and inflow in a soup in order: what they make is what their definition says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small import IDENTITY, K, S, term, written
from soup_oracle import Law, SoupOracle, evaluated, in_normal_order, tree_of

from automaton.backends import species_tables
from automaton.cli import command_line
from automaton.errors import UsageError
from automaton.format.options import Options
from automaton.log import AuditedLog
from automaton.run import Run
from automaton.terms.notation import parse
from automaton.verify import VerifyRequest, verify
from kernels import philox

SUCCESSOR = "λn.λf.λx.f (n f x)"
ONE_MORE = "λf.f (λf.λx.f x)"  # of one: a success is two
GENESIS = [
    *(term(f"t{k}", text) for k, text in enumerate([S, K, IDENTITY, SUCCESSOR] * 4)),
    *(
        {"id": f"p{k}", "type": "amplifier", "term": ONE_MORE, "target": "λf.λx.f (f x)"}
        for k in range(6)
    ),
]
GIVEN: dict[str, Any] = {
    "updating": "sequential",
    "operator": "λλ1 0",
    "copies": True,
    "parallel": 30,
    "max_objects": len(GENESIS),
    "max_steps": 60,
    "max_size": 80,
    "amplifiers": "copies=5,steps=200,size=300",
}


def ran(path: Path, ticks: int, **given: object) -> Path:
    with Run(written(path, GENESIS), {**GIVEN, **given}) as run:
        run.go(ticks=ticks, interval_ms=0)
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()[len(GENESIS) :]]


@pytest.mark.parametrize("evaluation", ["normal", "hybrid-applicative"])
def test_winners_and_copies_are_those_of_the_definition(tmp_path: Path, evaluation: str) -> None:
    found = lines(ran(tmp_path / "log.jsonl", 4, evaluation=evaluation))
    evaluate = in_normal_order if evaluation == "normal" else evaluated
    places = [tree_of(parse(str(one["term"]))) for one in GENESIS]
    tests = {tree_of(parse(ONE_MORE)): tree_of(parse("λf.λx.f (f x)"))}
    soup = SoupOracle(0, places, tests, Law(60, 80, 200, 300, 5), evaluate)
    expected = [
        (f"m{tick}.{slot}", text, copies)
        for tick in range(1, 5)
        for slot, text, copies in soup.tick(tick, 30)
    ]
    won = [o for o in found if o["type"] == "modification"]
    assert [(o["id"], o["term"], o.get("copies", 1)) for o in won] == expected
    assert any("copies" in o for o in won)


INFLOW = "every=60,terms=7,λx.λy.x=3,tree:9=1,depth:9=1,blc:20=1,uniform:3-9:4=1"


def test_inflow_tops_amplifiers_up_and_then_draws_from_its_sources(tmp_path: Path) -> None:
    law = "copies=5,steps=200,size=300,kept=all"
    found = lines(ran(tmp_path / "log.jsonl", 4, amplifiers=law, inflow=INFLOW))
    entered = [o for o in found if o["type"] == "inflow"]
    by_tick = {tick: [o for o in entered if o["id"].startswith(f"m{tick}.")] for tick in (2, 4)}
    assert len(entered) == sum(map(len, by_tick.values()))
    for tick, group in by_tick.items():
        assert [o["id"] for o in group] == [f"m{tick}.{30 + k}" for k in range(len(group))]
        tests = [o["term"] for o in group[:-7]]
        assert set(tests) <= {"λ0 (λλ1 0)"}
        word = philox.words(0, tick, len(tests), philox.INFLOW)[0]
        assert (group[-7]["term"] == "λλ1") == (philox.index_of(word, 7) < 3)
    assert any(len(group) > 7 for group in by_tick.values())


def test_such_a_log_verifies_whole_and_with_commits_alone(tmp_path: Path) -> None:
    given = {"amplifiers": "copies=5,steps=200,size=300,kept=6", "inflow": INFLOW}
    whole = ran(tmp_path / "whole.jsonl", 6, **given)
    path = written(tmp_path / "log.jsonl", GENESIS)
    for ticks in (4, 2):
        with Run(path, {**GIVEN, **given}, record="commits") as run:
            run.go(ticks=ticks, interval_ms=0)
    for each in (whole, path):
        with AuditedLog.open(each) as log:
            assert verify(log, VerifyRequest(workers=1)).ok
    assert b'"type":"inflow"' not in path.read_bytes()
    said = CliRunner().invoke(command_line, ["verify", str(whole), "--reference"])
    assert said.exit_code == 0, said.output
    assert "knows normal order alone" in said.output
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(command_line, ["replay", str(path), "--to", "6", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert lines(out) == [o for o in lines(whole) if o["type"] != "run" or o["id"] == "run:1"]


@pytest.mark.parametrize("law", ["none", "copies=5,steps=200,size=300,kept=6"])
def test_bytes_are_the_same_however_small_the_tables_of_species_are(
    tmp_path: Path, law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ran(tmp_path / "whole.jsonl", 6, amplifiers=law, inflow=INFLOW)
    for name, least in (("PAIRS", 8), ("SPECIES", 2), ("WORDS", 16)):
        monkeypatch.setattr(species_tables, name, least)
    species_tables._KEPT.clear()
    small = ran(tmp_path / "small.jsonl", 6, amplifiers=law, inflow=INFLOW)
    species_tables._KEPT.clear()
    assert small.read_bytes() == whole.read_bytes()


def test_without_the_option_an_amplifier_is_a_term_like_any_other(tmp_path: Path) -> None:
    found = lines(ran(tmp_path / "log.jsonl", 3, amplifiers="none"))
    assert not any("copies" in o for o in found)
    assert "amplifiers" not in next(o for o in found if o["type"] == "run")["options"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"evaluation": "lazy"}, "it is normal or hybrid-applicative"),
        ({"evaluation": "hybrid-applicative"}, "--updating sequential and --operator"),
        ({**GIVEN, "amplifiers": "copy=3"}, "did you mean `copies`"),
        ({**GIVEN, "amplifiers": "copies=0"}, "from 1 to"),
        ({**GIVEN, "inflow": "terms=3,λx.x"}, "how often"),
        ({**GIVEN, "inflow": "every=60,terms=3"}, "says not which"),
        ({**GIVEN, "inflow": "every=50,terms=3,λx.x"}, "no multiple of --parallel 30"),
        ({**GIVEN, "inflow": "every=60,terms=x,λx.x"}, "no whole number"),
    ],
)
def test_what_cannot_be_is_refused_in_words(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Options(**given)


@pytest.mark.parametrize("source", ["λx.y", "", "tree:0", "tree:x", "blc:5", "uniform:300-300:3"])
def test_a_source_that_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, source: str
) -> None:
    path = written(tmp_path / "log.jsonl", GENESIS)
    before = path.read_bytes()
    arguments = ["run", str(path), "--ticks", "1", "--interval", "0", "--updating", "sequential"]
    arguments += ["--operator", "λx.λy.x y", "--parallel", "10", "--max-objects", "22"]
    result = CliRunner().invoke(
        command_line, [*arguments, "--inflow", f"every=20,terms=2,{source}"]
    )
    assert result.exit_code == 2, result.output
    assert path.read_bytes() == before
