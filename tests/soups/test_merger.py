"""Two organisations in one soup: what became of them, by sets that are counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small import IDENTITY, K, term, written

from automaton.cli import command_line
from automaton.errors import UsageError
from automaton.log import AuditedLog
from automaton.soups.merger import merger, outcome, outcome_by_left_alone
from automaton.soups.pair_plan import Merging, PairPlan, SoupPart
from automaton.verify import VerifyRequest, verify

A, B = frozenset({b"a", b"b"}), frozenset({b"c", b"d", b"e"})
NONE: frozenset[bytes] = frozenset()


def test_two_parts_that_stay_whole_coexist() -> None:
    """All five terms and one more live: 2 of 6 and 3 of 6 are shared."""
    found = merger(A, B, NONE, A | B | {b"f"})
    assert found.similarity == (2 / 6, 3 / 6)
    assert found.at_first == (2 / 5, 3 / 5)
    assert (found.retained, found.outcome) == ((1, 1), "coexistence")


def test_a_part_dominates_where_nothing_of_the_other_is_left() -> None:
    for living, similarity in ((frozenset({b"a", b"f"}), (1 / 3, 0)), (B, (0, 1))):
        found = merger(A, B, NONE, living)
        assert (found.similarity, found.outcome) == (similarity, "domination")


def test_parts_of_which_little_or_nothing_is_left_are_destroyed() -> None:
    assert merger(A, B, NONE, frozenset({b"f"})).outcome == "destruction"
    crowd = frozenset(b"%d" % k for k in range(30))
    found = merger(A, B, NONE, crowd | {b"a", b"c"})
    assert found.similarity == (1 / 33, 1 / 34)
    assert (found.retained, found.outcome) == ((1 / 2, 1 / 3), "destruction")


def test_what_both_parts_have_counts_for_both() -> None:
    found = merger(A, frozenset({b"b", b"c"}), frozenset({b"z"}), frozenset({b"b"}))
    assert (found.shared, found.at_first) == (1, (2 / 4, 2 / 4))
    assert (found.similarity, found.outcome) == ((1 / 2, 1 / 2), "coexistence")


def test_coexistence_is_a_geometric_mean_above_a_tenth() -> None:
    assert outcome(0.4, 0.03) == "coexistence"
    assert outcome(0.4, 0.02) == "destruction"
    assert outcome(0.1, 0.1) == "destruction"


def test_the_published_rule_sees_the_right_part_alone() -> None:
    assert [outcome_by_left_alone(*two) for two in ((0.5, 0.0), (0.0, 0.5), (0.0, 0.0))] == [
        "domination", "destruction", "domination",
    ]  # fmt: skip
    assert [outcome(*two) for two in ((0.5, 0.0), (0.0, 0.5), (0.0, 0.0))] == [
        "domination", "domination", "destruction",
    ]  # fmt: skip


LAW = {
    "operator": "λλ1 0", "updating": "sequential", "copies": False, "evaluation": "normal",
    "max_steps": 500, "max_size": 256, "max_depth": 256, "max_input": None,
}  # fmt: skip


def part(name: str, *counts: tuple[str, int], **other: object) -> SoupPart:
    return SoupPart(name, name * 8, {**LAW, **other}, counts)


PARTS = [part("a", ("λ0", 3)), part("b", ("λλ1", 2), ("λλ0", 1)), part("c", ("λλλ2", 2))]


def test_every_pair_is_merged_with_a_quarter_of_room() -> None:
    plan = PairPlan.of(PARTS, Merging(seed=1, repeats=2))
    assert [run.members for run in plan.runs] == [(0, 1)] * 2 + [(0, 2)] * 2 + [(1, 2)] * 2
    assert len({run.seed for run in plan.runs}) == 6
    lines = [json.loads(line) for line in plan.lines(plan.runs[0])]
    assert [(o["type"], o["term"]) for o in lines] == [("left", "λ0")] * 3 + [
        ("right", "λλ1"), ("right", "λλ1"), ("right", "λλ0"),
    ]  # fmt: skip
    assert len({o["id"] for o in lines}) == 6
    assert plan.options(plan.runs[0])["max_objects"] == 8  # 6 and a quarter, rounded up


def test_logs_of_which_too_little_maintains_itself_are_left_out() -> None:
    parts = [p._replace(maintained=share) for p, share in zip(PARTS, (1, 0.2, 0.5), strict=True)]
    plan = PairPlan.of(parts, Merging(least=0.5))
    assert [(run.point["left"], run.point["right"]) for run in plan.runs] == [("a", "c")]
    assert plan.said()["left_out"] == {"b": {"head": "b" * 8, "terms": 2, "maintained": 0.2}}
    with pytest.raises(UsageError, match="of 3 given 1 maintain themselves"):
        PairPlan.of(parts, Merging(least=0.9))


def test_what_stands_between_two_can_be_merged_with_them() -> None:
    plan = PairPlan.of(PARTS, Merging(between=True))
    assert [run.members for run in plan.runs] == [(0, 1), (0, 1, 2), (1, 2)]
    kinds = [json.loads(line)["type"] for line in plan.lines(plan.runs[1])]
    assert kinds == ["left"] * 3 + ["between"] * 3 + ["right"] * 2


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (PARTS[:1], "takes two logs"),
        ([PARTS[0], PARTS[0]], "given twice"),
        ([PARTS[0], part("z")], "no term in normal form"),
        ([PARTS[0], part("z", ("λ0", 1), operator=None)], "run soups with --operator"),
        ([PARTS[0], part("z", ("λ0", 1), max_steps=7)], "soups of one law"),
    ],
)
def test_what_cannot_be_merged_is_said(parts: list[SoupPart], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PairPlan.of(parts, Merging())


def called(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, list(map(str, arguments)))


@pytest.fixture
def soups(tmp_path: Path) -> list[Path]:
    """Two soups of one place, in which copies are forbidden.

    I I is I, a copy: I stays. K K is λK, λK (λK) is K, and so on: each time the other lives.
    """
    found = []
    for name, text in (("i", IDENTITY), ("k", K)):
        path = written(tmp_path / f"{name}.jsonl", [term("t", text)])
        out = tmp_path / name
        result = called("soup", path, "--collisions", 4, "--every", 4, "--no-copies", "--out", out)
        assert result.exit_code == 0, result.output
        found.append(out / "runs" / "00000.jsonl")
    return found


def test_two_soups_are_merged_and_the_log_is_true(tmp_path: Path, soups: list[Path]) -> None:
    out = tmp_path / "pairs"
    arguments = ["pairs", *soups, "--out", out, "--generations", 5, "--workers", 1]
    result = called(*arguments, "--json")
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout)
    assert row["merger"]["terms"] == [1, 1]
    assert row["merger"]["at_first"] == [0.5, 0.5]
    with AuditedLog.open(out / "runs" / "00000.jsonl") as log:
        assert verify(log, VerifyRequest(workers=1)).ok
        assert log.head.hex() == row["head"]
        assert len(log.commits) == 5
    found = called("organisation", out / "runs" / "00000.jsonl", "--at", 0, "--json")
    assert json.loads(found.stdout)["merger"]["similarity"] == [0.5, 0.5]
    said = called("organisation", out / "runs" / "00000.jsonl").stdout
    assert f"Merged of two, 0 terms in both: {row['merger']['outcome']}" in said
    first = json.loads((out / "manifest.jsonl").read_bytes().splitlines()[0])
    assert list(first["logs"]) == [str(path) for path in soups]
    shown = called(*arguments)
    assert row["merger"]["outcome"] in shown.stdout
    assert "similarity 0.500 at first" in shown.stdout
    again = called(*arguments[:-4], "--generations", 6)
    assert again.exit_code == 2
    assert "holds another pairs" in again.stderr


def test_a_discarded_log_is_made_again_with_the_same_head(
    tmp_path: Path, soups: list[Path]
) -> None:
    given = ["pairs", *soups, "--generations", 5, "--repeats", 2, "--workers", 1]
    all_ = called(*given, "--out", tmp_path / "all", "--discard-logs", "--json")
    rows = [json.loads(line) for line in all_.stdout.splitlines()]
    assert not list((tmp_path / "all" / "runs").iterdir())
    one = called(*given, "--out", tmp_path / "one", "--only", 1, "--csv")
    assert one.exit_code == 0, one.output
    assert rows[1]["head"] in one.stdout
    assert (tmp_path / "one" / "runs" / "00001.jsonl").exists()
    rest = called(*given, "--out", tmp_path / "one", "--json")
    assert [json.loads(line)["head"] for line in rest.stdout.splitlines()] == [
        row["head"] for row in rows
    ]
    late = called(*given, "--out", tmp_path / "one", "--only", 2)
    assert late.exit_code == 2
    assert "there are the soups 0 to 1" in late.stderr
