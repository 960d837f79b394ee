"""Vetoes in a soup in order: what a rule names never enters, and everything else is as it was."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from small import TERMS as COMBINATORS
from small import automaton, commits_in, objects_in, term, transition, written

from automaton.chemistry.vetoes import Candidates, compiled_vetoes
from automaton.cli import command_line
from automaton.compute.reduction import SubstitutionReducer, application
from automaton.errors import UsageError
from automaton.format.options import Options
from automaton.format.records import known_commit, won
from automaton.log import AuditedLog, Log
from automaton.program.selectors import parse_checked
from automaton.run import Run
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.random_terms import TermCounts
from automaton.verify import VerifyRequest, verify
from kernels import cpu, philox
from kernels.chemistry.veto_programs import first_veto

APPLY = "λx.λy.x y"
SEQUENTIAL: dict[str, Any] = {
    "updating": "sequential", "operator": "λλ1 0", "parallel": 40, "max_objects": 14,
}  # fmt: skip
#: The last two make identities and projections of most that they meet.
TERMS = [*COMBINATORS, term("F", "λx.λy.y"), term("P", "λx.x (λx.λy.x)")]
#: As published: no identity, no projections; nothing large; a form that is wanted.
FILTERS = {
    "identity": "term ~ 'λx.x'",
    "projections": "term ~ 'λx.λy.x' or term ~ 'λx.λy.y'",
    "large": "size > 14 or steps > 9",
    "form": "not (term ~ 'λx.λy.?a') and not numeral",
}
VETOES = [{"id": name, "type": "veto", "match": match} for name, match in FILTERS.items()]


def called(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, list(map(str, arguments)))


def ran(path: Path, ticks: int, **given: object) -> Path:
    with Run(written(path, [*VETOES, *TERMS]), {**SEQUENTIAL, **given}, durability="off") as run:
        run.go(ticks=ticks, interval_ms=0)
    return path


def forbidden(words: Words) -> str | None:
    """The first of the filters that names a term, by hand; steps are not looked at."""
    text = format_term(words)
    if text == "λ0":
        return "identity"
    if text in {"λλ1", "λλ0"}:
        return "projections"
    if len(words) > 14:
        return "large"
    return None if text.startswith("λλ") else "form"


def by_hand(ticks: int, options: Options) -> tuple[list[tuple[str, str]], list[dict[str, int]]]:
    """The winners (id, term) and what each rule forbade in each tick, by the definition."""
    reducer, apply = SubstitutionReducer(), parse(APPLY)
    soup: list[np.ndarray | None] = [parse(t["term"]) for t in TERMS]
    soup += [None] * (options.max_objects - len(soup))
    winners, vetoed = [], []
    for tick in range(1, ticks + 1):
        counts: dict[str, int] = {}
        living = [place for place, one in enumerate(soup) if one is not None]
        free = [place for place, one in enumerate(soup) if one is None]
        for slot in range(options.parallel):
            drawn = philox.words(options.seed, tick, slot, philox.REACTANTS)
            a, b = (soup[living[philox.index_of(w, len(living))]] for w in drawn[:2])
            assert a is not None
            assert b is not None
            made, steps = reducer.normal_form(application(apply, a, b), options.max_steps)
            if made is None or len(made) > options.max_size:
                continue
            if any(np.array_equal(made, one) for one in (a, b)):
                continue
            rule = forbidden(made)
            if steps > 9 and rule not in {"identity", "projections"}:
                rule = "large"
            if rule is not None:
                counts[rule] = counts.get(rule, 0) + 1
                continue
            winners.append((f"m{tick}.{slot}", format_term(made)))
            if free:
                place = free.pop(0)
                living.append(place)
            else:
                word = philox.words(options.seed, tick, slot, philox.PLACE)[0]
                place = philox.index_of(word, options.max_objects)
            soup[place] = made
        vetoed.append({name: counts[name] for name in FILTERS if name in counts})
    return winners, vetoed


def test_what_a_rule_names_never_enters_and_nothing_else_is_held_back(tmp_path: Path) -> None:
    rules = set()
    for seed in range(3):
        path = ran(tmp_path / f"{seed}.jsonl", 8, seed=seed)
        winners, vetoed = by_hand(8, Options(**SEQUENTIAL, seed=seed))
        found = [(o["id"], o["term"]) for o in objects_in(path, "modification")]
        assert found == winners
        commits = commits_in(path)
        assert [commit["state"]["vetoed"] for commit in commits] == vetoed
        rules |= {name for counts in vetoed for name in counts}
    assert rules == set(FILTERS)
    with Log.open(path, write=False) as log:
        for tick in range(1, 9):
            commit = known_commit(log.commit_line(tick)) or log.commit(tick)
            assert won(commit) == sum(name.startswith(f"m{tick}.") for name, _ in winners)


@pytest.mark.parametrize("engine", ["serial", "thread", "process"])
def test_the_bytes_are_equal_on_every_engine_and_in_parts(tmp_path: Path, engine: str) -> None:
    whole = ran(tmp_path / "whole.jsonl", 6)
    path = written(tmp_path / "parts.jsonl", [*VETOES, *TERMS])
    for count in (2, 4):
        result = called(
            "run", path, "--ticks", count, "--interval", 0, "--engine", engine, "--workers", 2,
            "--updating", "sequential", "--operator", APPLY, "--parallel", 40,
            "--max-objects", 14,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
    assert path.read_bytes() == whole.read_bytes()


def test_a_log_verifies_and_one_that_keeps_commits_alone_comes_to_the_same(tmp_path: Path) -> None:
    whole = ran(tmp_path / "whole.jsonl", 6)
    path = written(tmp_path / "log.jsonl", [*VETOES, *TERMS])
    with Run(path, SEQUENTIAL, durability="off", record="commits") as run:
        run.go(ticks=6, interval_ms=0)
    for each in (whole, path):
        with AuditedLog.open(each) as log:
            assert verify(log, VerifyRequest(workers=1)).ok
    out = tmp_path / "out.jsonl"
    assert called("replay", path, "--to", 6, "--out", out).exit_code == 0
    assert objects_in(out, "modification") == objects_in(whole, "modification")


def test_a_rule_that_comes_later_forbids_from_the_next_tick_on(tmp_path: Path) -> None:
    machine = [automaton("0D"), transition("io", "0D", "0D", "self-io")]
    path = written(tmp_path / "log.jsonl", [*machine, *TERMS])
    options = {**SEQUENTIAL, "operator": None, "max_objects": 30}
    late = {"id": "late", "type": "veto", "match": "size > 5"}
    with Run(path, options, durability="off") as run:
        run.go(ticks=3, interval_ms=0)
        path.with_name(f"{path.name}.inbox").write_bytes(json.dumps(late).encode() + b"\n")
        run.go(ticks=3, interval_ms=0)
    ticks: dict[int, list[int]] = {}
    for winner in objects_in(path, "modification"):
        ticks.setdefault(int(winner["id"][1:].split(".")[0]), []).append(winner["size"])
    accepted = 4
    assert max(ticks[accepted]) > 5
    assert all(size <= 5 for tick, sizes in ticks.items() if tick > accepted for size in sizes)
    states = [commit["state"].get("vetoed") for commit in commits_in(path)]
    assert states[: accepted - 1] == [None] * 3
    assert states[-1]["late"] > 0
    with AuditedLog.open(path) as log:
        assert verify(log, VerifyRequest(workers=1)).ok


def test_a_rule_may_look_at_the_dimension_of_the_operator(tmp_path: Path) -> None:
    machine = [
        automaton("0D", 0), automaton("1D", 1), transition("up", "0D", "1D"),
        transition("down", "1D", "0D", "self-observe"),
        {"id": "ground", "type": "veto", "match": "level = 0 and type = modification"},
    ]  # fmt: skip
    path = written(tmp_path / "log.jsonl", [*machine, *TERMS])
    with Run(path, {**SEQUENTIAL, "operator": None, "max_objects": 30}, durability="off") as run:
        run.go(ticks=6, interval_ms=0)
    levels = {winner["dimensionalLevel"] for winner in objects_in(path, "modification")}
    assert levels == {1}
    with AuditedLog.open(path) as log:
        assert verify(log, VerifyRequest(workers=1)).ok


def test_copies_that_tests_make_are_products_too(tmp_path: Path) -> None:
    numerals = [{"id": f"n{k}", "type": "term", "term": f"λf.λx.{'f (' * k}x{')' * k}"}
                for k in range(4)]  # fmt: skip
    test = {"type": "amplifier", "term": "λg.g (λx.x)", "target": "λx.x"}
    tests = [{"id": f"t{k}", **test} for k in range(20)]
    small = {"id": "small", "type": "veto", "match": "size < 6"}
    path = written(tmp_path / "log.jsonl", [small, *tests, *TERMS, *numerals])
    options = {**SEQUENTIAL, "max_objects": 60, "amplifiers": "copies=3", "copies": True}
    with Run(path, options, durability="off") as run:
        run.go(ticks=6, interval_ms=0)
    winners = objects_in(path, "modification")
    assert any(winner.get("copies") for winner in winners)
    assert min(winner["size"] for winner in winners) >= 6
    with AuditedLog.open(path) as log:
        assert verify(log, VerifyRequest(workers=1)).ok


def test_a_slot_that_a_rule_forbade_says_so(tmp_path: Path) -> None:
    path = ran(tmp_path / "log.jsonl", 2)
    result = called("replay", path, "--tick", 2, "--json")
    slots = [json.loads(line) for line in result.stdout.splitlines()]
    rounds = slots[0].get("rounds", slots)
    said = [one for one in rounds if "vetoed by" in str(one.get("why"))]
    assert len(said) == sum(commits_in(path)[1]["state"]["vetoed"].values())
    assert {one["winner"] for one in said} == {None}
    slot = said[0]["slot"]
    shown = called("why", path, f"m2.{slot}")
    assert "a rule vetoed it" in shown.output
    checked = json.loads(called("check", path, "--json").stdout)
    assert checked["idle_vetoes"] == []


def test_what_a_soup_in_order_cannot_know_is_refused(tmp_path: Path) -> None:
    twice = {"id": "twice", "type": "veto", "match": "size < 3 or duplicate"}
    path = written(tmp_path / "log.jsonl", [twice, *TERMS])
    with Run(path, SEQUENTIAL) as run, pytest.raises(UsageError, match="twice asks for `dup"):
        run.go(ticks=1, interval_ms=0)


# The program of the rules.

ATOMS = (
    "true", "false", "numeral", "size > 6", "size = 4", "steps <= 3", "steps != 5", "size < 9",
    "level >= 1", "level in (0, 2)", "type = modification", "type in (text, file)",
    "size in (3, 5, 7)", "term ~ 'λx.?a'", "term ~ 'λx.λy.?a'", "term ~ 'λx.x'",
    "term ~ 'λx.?f (?f x)'", "term ~ 'λx.λy.?a ?b'", "size <= 99999999999999999999999",
)  # fmt: skip


def drawn_selector(draws: random.Random, depth: int) -> str:
    """A selector of atoms, negations and joins."""
    if not depth or draws.random() < 0.3:
        return draws.choice(ATOMS)
    if draws.random() < 0.3:
        return f"not ({drawn_selector(draws, depth - 1)})"
    parts = [f"({drawn_selector(draws, depth - 1)})" for _ in range(draws.randint(2, 3))]
    return draws.choice((" and ", " or ")).join(parts)


def test_the_program_forbids_what_the_columns_do() -> None:
    draws = random.Random(5)
    counts = TermCounts(12, 6)
    terms = [parse(one["term"]) for one in TERMS]
    for _ in range(60):
        size = draws.randint(2, 12)
        if counts.closed(size):
            terms.append(counts.term(size, draws.randrange(counts.closed(size))))
    code = np.concatenate(terms).astype(np.int32)
    sizes = np.array([len(words) for words in terms], dtype=np.int32)
    starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
    steps = np.array([draws.randrange(8) for _ in terms], dtype=np.int32)
    asked = cpu.compiled(first_veto)
    named = set()
    for trial in range(150):
        texts = [drawn_selector(draws, 4) for _ in range(draws.randint(1, 4))]
        vetoes = {f"v{k}": parse_checked(text) for k, text in enumerate(texts)}
        level = trial % 3
        seen = np.zeros((1, 8), dtype=np.uint64)
        columns = Candidates(code, starts, sizes, steps, level, seen).vetoed(vetoes)
        program = compiled_vetoes(vetoes, level)
        found = [asked(*program, code, starts[k], sizes[k], steps[k]) for k in range(len(terms))]
        assert found == columns.tolist(), texts
        named |= set(found)
    assert named >= {0, 1, 2, 3}
