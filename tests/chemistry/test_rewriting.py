"""Rules that rewrite: what they mean, against named terms, and what a run makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import closed_terms, open_terms, patterns
from targets import FORMS

from automaton.chemistry import rewriting
from automaton.cli import command_line
from automaton.errors import AutomatonError
from automaton.log import AuditedLog, Log
from automaton.program.definitions import Program
from automaton.replay import MalformedLines, world_checkpoint
from automaton.replay.restore import restore_world
from automaton.replay.run_options import options_for
from automaton.replay.spot_check import TermLookup
from automaton.run import Run
from automaton.terms import rewrite_rule
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import APP, LAM, META, VAR, linked
from automaton.terms.reference import reduce
from automaton.verify import VerifyRequest, verify
from automaton.workers.autoscale_policy import ScalingOptions
from kernels.terms import rewrite

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"
SWAP = {"id": "swap", "type": "rule", "pattern": "λx.?f ?g", "replacement": "λx.?g ?f"}
WRAP = {"id": "wrap", "type": "rule", "match": "size < 12", "pattern": "λx.?f",
        "replacement": "λx.λy.λz.z ?f y"}  # fmt: skip
PROPERTY = settings(deadline=None)
MOST = 10_000


# The textbook: named terms, every binder with a name of its own, so that nothing captures.

Named = Any  # a name (str), ("?", number), ("λ", name, body) or ("@", function, argument)


def named(words: Words, names: Iterator[int], at: int = 0, scope: tuple[str, ...] = ()) -> Named:
    """A packed term with names."""
    word = int(words[at])
    if word & 3 == APP:
        function = named(words, names, at + 1, scope)
        return "@", function, named(words, names, at + (word >> 2), scope)
    if word & 3 == LAM:
        own = f"x{next(names)}"
        return "λ", own, named(words, names, at + 1, (*scope, own))
    return ("?", word >> 2) if word & 3 == META else scope[-1 - (word >> 2)]


def renamed(term: Named, names: dict[str, str]) -> Named:
    """A term with other names for its free variables."""
    if isinstance(term, str):
        return names.get(term, term)
    if term[0] == "λ":
        return "λ", term[1], renamed(term[2], names)
    return "@", renamed(term[1], names), renamed(term[2], names)


def indices(term: Named, scope: tuple[str, ...] = ()) -> list[int]:
    """The words of a named term, without offsets."""
    if isinstance(term, str):
        return [scope[::-1].index(term) << 2 | VAR]
    if term[0] == "λ":
        return [LAM, *indices(term[2], (*scope, term[1]))]
    return [APP, *indices(term[1], scope), *indices(term[2], scope)]


def fits(pattern: Named, term: Named, bound: dict[int, Any], scope: tuple[str, ...] = ()) -> bool:
    """Whether a pattern fits; a metavariable binds the names around it and what stands there."""
    if isinstance(pattern, tuple) and pattern[0] == "?":
        here = scope, term
        first = bound.setdefault(pattern[1], here)
        return indices(term, scope) == indices(first[1], first[0])
    if isinstance(pattern, str) or isinstance(term, str):
        return bool(pattern == term)
    if pattern[0] != term[0]:
        return False
    if pattern[0] == "λ":
        own = renamed_pattern(pattern[2], pattern[1], term[1])
        return fits(own, term[2], bound, (*scope, term[1]))
    return fits(pattern[1], term[1], bound, scope) and fits(pattern[2], term[2], bound, scope)


def renamed_pattern(pattern: Named, old: str, new: str) -> Named:
    """A pattern in which a variable has another name."""
    if isinstance(pattern, str):
        return new if pattern == old else pattern
    if pattern[0] == "?":
        return pattern
    if pattern[0] == "λ":
        return "λ", pattern[1], renamed_pattern(pattern[2], old, new)
    parts = (renamed_pattern(part, old, new) for part in pattern[1:])
    return "@", *parts


def filled(replacement: Named, bound: dict[int, Any], scope: tuple[str, ...] = ()) -> Named:
    """The replacement with what its metavariables stand for, in the outermost variables."""
    if isinstance(replacement, str):
        return replacement
    if replacement[0] == "?":
        own, term = bound[replacement[1]]
        return renamed(term, dict(zip(own, scope, strict=False)))
    if replacement[0] == "λ":
        return "λ", replacement[1], filled(replacement[2], bound, (*scope, replacement[1]))
    return "@", filled(replacement[1], bound, scope), filled(replacement[2], bound, scope)


def textbook(pattern: Words, replacement: Words, term: Words) -> Words | None:
    """What a rule makes of a term, None where it does not fit."""
    names, bound = count(), dict[int, Any]()
    if not fits(named(pattern, names), named(term, names), bound):
        return None
    return linked(indices(filled(named(replacement, names), bound)))


def made(rule: rewrite_rule.RewriteRule, term: Words, limit: int, form: str) -> Words | None:
    """The operator that the kernel writes."""
    out, stack = np.empty((2, limit), dtype=np.int32)
    bound = np.empty((2, rule.metas), dtype=np.int64)
    size = FORMS[form](rewrite.rewrite)(
        rule.pattern, rule.replacement, rule.under, rule.depths, term, 0, limit, out, stack,
        bound[0], bound[1],
    )  # fmt: skip
    return out[:size] if size else None


@st.composite
def cases(draw: st.DrawFn) -> tuple[Words, Words, Words]:
    """A pattern, a replacement, and a term, which now and then is an instance of the pattern."""
    pattern, replacement = draw(patterns(3, 12)), draw(patterns(3, 12))
    if draw(st.booleans()):
        return pattern, replacement, draw(closed_terms(20))
    parts = [draw(st.lists(open_terms(3, 6), min_size=1, max_size=2)) for _ in range(3)]
    words: list[int] = []
    for word in pattern.tolist():
        choices = parts[word >> 2] if word & 3 == META else []
        words += choices[draw(st.integers(0, len(choices) - 1))].tolist() if choices else [word]
    term = linked(words)
    try:
        parse(format_term(term), "debruijn")
    except AutomatonError:
        assume(False)  # its variables are not bound
    return pattern, replacement, term


@PROPERTY
@given(cases())
def test_a_rule_makes_of_a_term_what_the_textbook_makes(case: tuple[Words, Words, Words]) -> None:
    pattern, replacement, term = case
    try:
        rule = rewrite_rule.read(format_term(pattern), format_term(replacement), MOST)
    except AutomatonError:
        return
    expected = textbook(pattern, replacement, term)
    for form in FORMS:
        operator = made(rule, term, MOST, form)
        assert (operator is None) == (expected is None)
        if operator is not None and expected is not None:
            assert operator.tolist() == [LAM, LAM, *expected.tolist()]
            parse(format_term(operator), "debruijn")  # closed, and its offsets are right
            size = len(operator)
            assert made(rule, term, size, form) is not None
            assert size == 2 or made(rule, term, size - 1, form) is None


@PROPERTY
@given(st.integers(0, 3), st.integers(0, 3), st.data())
def test_lambdas_further_in_capture_nothing(under: int, more: int, data: st.DataObject) -> None:
    body = data.draw(open_terms(under, 20) if under else closed_terms(20))
    term = linked([LAM] * under + body.tolist())
    rule = rewrite_rule.read("λ" * under + "?0", "λ" * (under + more) + "?0", MOST)
    expected = textbook(rule.pattern, rule.replacement, term)
    for form in FORMS:
        operator = made(rule, term, MOST, form)
        assert operator is not None
        assert expected is not None
        assert operator[2:].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("pattern", "replacement", "term", "expected"),
    [
        ("λx.?f (?g x)", "λx.?g (?f x)", "λx.(λy.y x) ((λz.z z) x)", "λx.(λz.z z) ((λy.y x) x)"),
        ("?a", "λx.λy.?a", "λx.x", "λx.λy.λz.z"),
        ("λx.?a", "λx.λy.?a y", "λx.x λz.x", "λx.λy.x (λz.x) y"),
        ("λx.?a", "λx.λy.?a", "λx.(λz.z) x", "λx.λy.(λz.z) x"),
        ("λx.λy.?a", "λy.λx.?a", "λx.λy.x", "λx.λy.x"),
        ("(λx.?a) (λy.?a)", "λz.?a", "(λx.x x) (λy.y y)", "λz.z z"),
        ("(λx.?a) ?b", "?b", "(λx.x) (λy.λz.y)", "λy.λz.y"),
        ("?a (λx.?a)", "λx.?a ?a", "(λx.x) (λx.λx.x)", "λy.(λx.x) (λx.x)"),
        ("?1 ?0", "?0 ?1", "(λx.x) (λx.λy.x)", "(λx.λy.x) (λx.x)"),
        ("λx.x", "λx.λy.x", "λx.x", "λx.λy.x"),
        ("λx.?a x", "λx.x ?a", "λx.x", None),
        ("?a ?a", "?a", "(λx.x) (λx.λy.x)", None),
    ],
)
def test_what_a_rule_makes_of_a_term(
    pattern: str, replacement: str, term: str, expected: str | None
) -> None:
    operator = rewriting.operator(rewrite_rule.read(pattern, replacement, 256), parse(term), 0, 256)
    found = None if operator is None else operator[2:].tolist()
    assert found == (None if expected is None else parse(expected).tolist())


@pytest.mark.parametrize(
    ("pattern", "replacement", "why"),
    [
        ("λx.?f", "?f", "?f stands under 1 lambdas in the pattern and under 0"),
        ("?f", "?f ?g", "?g stands in the replacement and not in the pattern"),
        ("λx.?f (λy.?f)", "λx.λy.?f", "?f stands under 1 and under 2 lambdas"),
        ("?0", "?1", "?1 stands in the replacement and not in the pattern"),
        ("?f", "?0", "named and numbered metavariables"),
        ("?0", "?f", "named and numbered metavariables"),
        ("?f (", "?f", "never closed"),
        ("?f", "x", "'x' is not bound"),
        ("?f", "λx." * 20 + "?f", "with two lambdas at most 20"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_in_one_line(
    pattern: str, replacement: str, why: str
) -> None:
    program = Program(20)
    program.learn("r", {"type": "rule", "pattern": pattern, "replacement": replacement})
    (problem,) = program.problems
    assert problem.startswith("r: ")
    assert why in problem
    assert "\n" not in problem
    assert not program.rewritings


@pytest.mark.parametrize("missing", ["pattern", "replacement"])
def test_half_a_rule_is_refused(missing: str) -> None:
    program = Program(20)
    program.learn("r", {name: value for name, value in SWAP.items() if name != missing})
    assert missing in program.problems[0]


def test_a_rule_with_an_operator_stays_what_it_was() -> None:
    program = Program(20)
    program.learn("r", {**SWAP, "match": "true", "operator": "λa.λb.a"})
    assert list(program.rules) == ["r"]
    program.learn("r", SWAP)
    assert (list(program.rules), list(program.rewritings)) == ([], ["r"])


# In a run.


def shipped(folder: Path, *rules: dict[str, Any]) -> Path:
    """A copy of the shipped log with rules behind it."""
    folder.mkdir(exist_ok=True)
    path = folder / "log.jsonl"
    more = b"".join(json.dumps(rule).encode() + b"\n" for rule in rules or (SWAP, WRAP))
    path.write_bytes(SHIPPED.read_bytes() + more)
    return path


def ran(path: Path, ticks: int, streams: str = "all", **more: Any) -> bytes:
    """Run a log; its bytes."""
    with Run(path, {"streams": streams, "max_objects": 400}, durability="off", **more) as run:
        run.go(ticks=ticks, interval_ms=0)
    return path.read_bytes()


def winners(raw: bytes) -> list[dict[str, Any]]:
    """The modifications that rules with a replacement made."""
    rows = [json.loads(line) for line in raw.splitlines()]
    own = [row for row in rows if row.get("type") == "modification"]
    return [row for row in own if row["parents"][0] in {"swap", "wrap"}]


def test_rewritten_terms_win_and_are_what_the_textbook_says(tmp_path: Path) -> None:
    path = shipped(tmp_path)
    found = winners(ran(path, 30))
    assert {row["parents"][0] for row in found} == {"swap", "wrap"}
    assert {row["stream"] for row in found} == {"reason"}
    with Log.open(path, write=False) as log:
        for row in found:
            line = log.find(row["id"])[0]
            rule, a, b = row["parents"]
            assert a == b
            source = SWAP if rule == "swap" else WRAP
            both = rewrite_rule.read(source["pattern"], source["replacement"], 256)
            term = TermLookup(log, options_for(log, {})).term(a, line)
            expected = textbook(both.pattern, both.replacement, term)
            assert expected is not None
            reduced = reduce(expected, 498, 256, 256)
            assert reduced.words is not None
            assert format_term(reduced.words) == row["term"] != format_term(term)
            assert reduced.steps + 2 == row["beta"]
            TermLookup(log, options_for(log, {})).check(row, line)


def test_the_bytes_of_rewriting_are_those_of_one_run_however_it_is_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ran(shipped(tmp_path / "whole"), 30)
    assert winners(whole)
    path = shipped(tmp_path / "parts")
    for ticks in (3, 20, 7):
        found = ran(path, ticks, scaling=ScalingOptions(engine="thread", workers=3))
    assert found == whole
    path = shipped(tmp_path / "kept")
    monkeypatch.setattr(world_checkpoint, "GROWN_AT_END", 1)
    for ticks in (3, 20, 7):
        found = ran(path, ticks, scaling=ScalingOptions(engine="process", workers=2))
    assert found == whole
    for asked in (VerifyRequest(), VerifyRequest(replay="sample", sample=3, seed=5)):
        with AuditedLog.open(path) as log:
            assert verify(log, asked).ok
    with Log.open(path, write=False) as log:
        world = restore_world(log, options_for(log, {}), MalformedLines(), lambda _: None)
        assert list(world.program.rewritings) == ["swap", "wrap"]


def test_without_reason_a_rule_that_rewrites_does_nothing_and_check_says_so(
    tmp_path: Path,
) -> None:
    path = shipped(tmp_path / "with")
    plain = shipped(tmp_path / "without", {"id": "swap", "type": "note"}, {"id": "wrap"})
    said = CliRunner().invoke(command_line, ["check", str(path)]).output
    assert "rules that rewrite, and do nothing without `--streams` with `reason`: 2" in said
    for streams in ("none", "anchor,sensation"):
        assert not winners(ran(path, 3, streams))
        assert "do nothing without" in CliRunner().invoke(command_line, ["check", str(path)]).output
        ran(plain, 3, streams)
    terms = [
        [json.loads(line).get("term") for line in file.read_bytes().splitlines()][-300:]
        for file in (path, plain)
    ]
    assert terms[0] == terms[1]
    ran(path, 1)
    assert "do nothing without" not in CliRunner().invoke(command_line, ["check", str(path)]).output


def test_a_rule_that_cannot_be_read_is_named_by_check(tmp_path: Path) -> None:
    path = shipped(tmp_path, {**SWAP, "replacement": "?f"})
    report = json.loads(CliRunner().invoke(command_line, ["check", str(path), "--json"]).output)
    assert "under 0 in the replacement" in report["unreadable"][0]["what"]
    assert not report["idle_rules"]
