"""`--updating sequential`: one reaction after another, each product in the soup at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from small import TERMS, rule, term, written

from automaton.cli import command_line
from automaton.compute.reduction import SubstitutionReducer, application
from automaton.errors import UsageError
from automaton.format.options import Options
from automaton.log import AuditedLog
from automaton.run import Run
from automaton.terms.notation import format_term, parse
from automaton.verify import VerifyRequest, verify
from kernels import philox

APPLY = "λx.λy.x y"
SEQUENTIAL: dict[str, Any] = {
    "updating": "sequential",
    "operator": "λλ1 0",
    "parallel": 40,
    "max_objects": 12,
}


def ran(path: Path, ticks: int, **given: object) -> Path:
    with Run(written(path, TERMS), {**SEQUENTIAL, **given}) as run:
        run.go(ticks=ticks, interval_ms=0)
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()[len(TERMS) :]]


def by_hand(ticks: int, options: Options) -> list[tuple[str, list[str], str]]:
    """The winners (id, reactants, term) as the definition has them, one slot after another."""
    reducer, apply = SubstitutionReducer(), parse(APPLY)
    soup: list[tuple[str, np.ndarray] | None] = [(t["id"], parse(t["term"])) for t in TERMS]
    soup += [None] * (options.max_objects - len(soup))
    won = []
    for tick in range(1, ticks + 1):
        living = [place for place, one in enumerate(soup) if one]
        free = [place for place, one in enumerate(soup) if not one]
        for slot in range(options.parallel):
            drawn = philox.words(options.seed, tick, slot, philox.REACTANTS)
            a, b = (soup[living[philox.index_of(w, len(living))]] for w in drawn[:2])
            assert a
            assert b
            made, _ = reducer.normal_form(application(apply, a[1], b[1]), options.max_steps)
            if made is None or len(made) > options.max_size:
                continue
            if any(np.array_equal(made, one[1]) for one in (a, b)):
                continue
            won.append((f"m{tick}.{slot}", [a[0], b[0]], format_term(made)))
            if free:
                place = free.pop(0)
                living.append(place)
            else:
                word = philox.words(options.seed, tick, slot, philox.PLACE)[0]
                place = philox.index_of(word, options.max_objects)
            soup[place] = (f"m{tick}.{slot}", made)
    return won


def test_every_product_is_in_the_soup_before_the_next_draw(tmp_path: Path) -> None:
    found = lines(ran(tmp_path / "log.jsonl", 5))
    winners = [o for o in found if o["type"] == "modification"]
    expected = by_hand(5, Options(**SEQUENTIAL))
    assert [(o["id"], o["parents"][1:], o["term"]) for o in winners] == expected
    own = {o["id"] for o in winners}
    same_tick = [
        o
        for o in winners
        if {p for p in o["parents"] if p in own and p.split(".")[0] == o["id"].split(".")[0]}
    ]
    assert same_tick


@pytest.mark.parametrize("engine", ["serial", "thread", "process"])
def test_the_bytes_are_equal_in_one_run_and_in_several_on_every_engine(
    tmp_path: Path, engine: str
) -> None:
    whole = ran(tmp_path / "whole.jsonl", 6)
    path = written(tmp_path / "parts.jsonl", TERMS)
    for count in (2, 1, 3):
        arguments = ["run", str(path), "--ticks", str(count), "--interval", "0"]
        arguments += ["--engine", engine, "--workers", "2", "--updating", "sequential"]
        arguments += ["--operator", APPLY, "--parallel", "40", "--max-objects", "12"]
        result = CliRunner().invoke(command_line, arguments)
        assert result.exit_code == 0, result.output
    assert path.read_bytes().count(b'"type":"run"') == 1
    assert path.read_bytes() == whole.read_bytes()


def test_a_sequential_log_verifies(tmp_path: Path) -> None:
    path = ran(tmp_path / "log.jsonl", 6)
    with AuditedLog.open(path) as log:
        assert verify(log, VerifyRequest(workers=1)).ok


def test_a_log_that_keeps_commits_alone_is_computed_again(tmp_path: Path) -> None:
    whole = ran(tmp_path / "whole.jsonl", 6)
    path = written(tmp_path / "log.jsonl", TERMS)
    arguments = ["run", str(path), "--ticks", "6", "--interval", "0", "--record", "commits"]
    arguments += ["--updating", "sequential", "--operator", APPLY, "--parallel", "40"]
    arguments += ["--max-objects", "12"]
    assert CliRunner().invoke(command_line, arguments).exit_code == 0
    result = CliRunner().invoke(command_line, ["verify", str(path), "--json"])
    assert json.loads(result.stdout)["ok"]
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(command_line, ["replay", str(path), "--to", "6", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert [o for o in lines(out) if o["type"] == "modification"] == [
        o for o in lines(whole) if o["type"] == "modification"
    ]


def test_one_round_a_tick_is_the_same_either_way(tmp_path: Path) -> None:
    one = ran(tmp_path / "a.jsonl", 30, parallel=1)
    other = ran(tmp_path / "b.jsonl", 30, parallel=1, updating="synchronous")
    terms = [[o["term"] for o in lines(p) if o["type"] == "modification"] for p in (one, other)]
    assert terms[0] == terms[1]


def test_a_log_without_the_option_says_nothing_of_it(tmp_path: Path) -> None:
    path = ran(tmp_path / "log.jsonl", 1, updating="synchronous")
    assert b"updating" not in path.read_bytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"updating": "asynchronous"}, "it is synchronous or sequential"),
        ({"updating": "sequential", "streams": "all"}, "without streams"),
    ],
)
def test_what_cannot_be_is_refused_in_words(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Options(**given)


def test_selectors_and_rules_are_refused_since_they_look_at_a_snapshot(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [*TERMS, rule("r", "numeral", "λλ1 0")])
    with Run(path, SEQUENTIAL) as run, pytest.raises(UsageError, match="the rule r"):
        run.go(ticks=1, interval_ms=0)
    picky = {"id": "0D", "type": "automaton", "dimensionalLevel": 0, "a": "numeral"}
    path = written(tmp_path / "other.jsonl", [picky, *TERMS, term("x", APPLY)])
    with Run(path, {"updating": "sequential"}) as run, pytest.raises(UsageError, match="selector"):
        run.go(ticks=1, interval_ms=0)
