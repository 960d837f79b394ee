"""Closure and self-maintenance, held against sets whose answers are known by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from small import IDENTITY, K, term, written

from automaton.cli import command_line
from automaton.compute.reduction import SubstitutionReducer, application
from automaton.run import Run
from automaton.soups.collision_table import ELASTIC, OUTSIDE, CollisionLaw, collisions
from automaton.soups.organisation import (
    composed,
    is_closed,
    jaccard,
    organisation,
    self_maintaining_core,
    sub_organisations,
)
from automaton.terms.notation import parse

LAW = CollisionLaw(parse("λx.λy.x y"), 200, 64, 64, 200)


def table(*texts: str) -> np.ndarray:
    return collisions([parse(text) for text in texts], LAW).products


def test_the_identity_alone_is_closed_and_maintains_itself_by_copying_only() -> None:
    found = organisation(table(IDENTITY), copies=True)
    assert (found.core.tolist(), found.core_outside, found.level) == ([True], 0, "L0")
    assert not organisation(table(IDENTITY), copies=False).core.any()


def test_a_term_that_makes_another_leads_out_of_its_set() -> None:
    """K applied to K is λx.K, which is not in the set."""
    products = table(K)
    assert products.tolist() == [[OUTSIDE]]
    assert not is_closed(products, np.array([True]))


def test_terms_that_make_each_other_are_an_organisation_of_level_one() -> None:
    """A set of two in which each collision makes the other term of the first."""
    products = np.array([[1, 1], [0, 0]], np.int32)
    found = organisation(products, copies=False)
    assert (found.core.tolist(), found.copies, found.level) == ([True, True], 2, "L1")


#: 0 and 1 make each other, 2 and 3 do; across, 0 and 2 make 4, which makes nothing.
TWO = np.full((5, 5), ELASTIC, np.int32)
TWO[0, 0] = TWO[0, 1] = 1
TWO[1, 1] = TWO[1, 0] = 0
TWO[2, 2] = TWO[2, 3] = 3
TWO[3, 3] = TWO[3, 2] = 2


def test_two_organisations_and_what_they_make_of_each_other_are_one_of_level_two() -> None:
    glued = TWO.copy()
    glued[0, 2] = 4
    found = organisation(glued, copies=False)
    assert (found.core.tolist(), found.level) == ([True] * 5, "L2")
    parts = composed(glued)
    assert parts is not None
    assert [part.nonzero()[0].tolist() for part in parts] == [[0, 1], [2, 3]]


def test_two_organisations_that_make_nothing_of_each_other_are_none_of_level_two() -> None:
    found = organisation(TWO, copies=False)
    assert (int(found.core.sum()), found.level) == (4, "L1")
    assert [part.nonzero()[0].tolist() for part in sub_organisations(TWO)] == [[0, 1], [2, 3]]
    assert composed(TWO) is None


def test_what_leads_out_of_a_part_leaves_one_organisation() -> None:
    """2 with 3 now makes 0: the second part is no organisation of its own."""
    leaking = TWO.copy()
    leaking[0, 2], leaking[2, 3] = 4, 0
    assert [part.nonzero()[0].tolist() for part in sub_organisations(leaking)] == [[0, 1]]
    assert organisation(leaking, copies=False).level == "L1"


def test_what_is_made_only_by_what_nothing_makes_is_not_maintained() -> None:
    """2 is made by nothing, 1 by 2, 0 by 0 and 1: all but 0 fall, and then 0 copies itself."""
    products = np.array(
        [[0, ELASTIC, ELASTIC], [0, ELASTIC, ELASTIC], [ELASTIC, ELASTIC, 1]], np.int32
    )
    assert self_maintaining_core(products, copies=True).tolist() == [True, False, False]
    assert not self_maintaining_core(products, copies=False).any()


def test_a_collision_out_of_budget_is_elastic() -> None:
    half = "λx.x x"
    assert table(half, IDENTITY).tolist() == [[ELASTIC, 1], [0, 1]]


@given(
    st.integers(1, 7).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(-2, n - 1), min_size=n, max_size=n), min_size=n, max_size=n
        )
    ),
    st.booleans(),
)
def test_the_core_is_the_largest_of_all_sets_that_maintain_themselves(
    rows: list[list[int]], copies: bool
) -> None:
    products = np.array(rows, np.int32)
    n = len(products)

    def maintains(members: set[int]) -> bool:
        made = {
            products[a, b]
            for a in members
            for b in members
            if copies or products[a, b] not in {a, b}
        }
        return members <= made

    sets = [{k for k in range(n) if bits >> k & 1} for bits in range(1 << n)]
    largest = set().union(*(members for members in sets if maintains(members)))
    core = self_maintaining_core(products, copies=copies)
    assert set(np.flatnonzero(core).tolist()) == largest


def test_the_table_is_what_the_reference_reducer_makes_on_any_number_of_threads() -> None:
    texts = [IDENTITY, K, "λx.λy.y", "λx.λy.λz.x z (y z)", "λx.x x", "λf.λx.f (f x)", "λx.λy.y x"]
    terms = [parse(text) for text in texts]
    found = collisions(terms, LAW, threads=3)
    reducer = SubstitutionReducer()
    for a, left in enumerate(terms):
        for b, right in enumerate(terms):
            made, steps = reducer.normal_form(application(LAW.operator, left, right), LAW.max_steps)
            wanted = ELASTIC
            if made is not None and len(made) <= LAW.max_size:
                equal = [k for k, t in enumerate(terms) if np.array_equal(t, made)]
                wanted = equal[0] if equal else OUTSIDE
                assert found.steps[a, b] == steps
            assert found.products[a, b] == wanted


@pytest.mark.parametrize(
    ("left", "right", "share"),
    [({b"a"}, {b"a"}, 1), (set(), set(), 1), ({b"a", b"b"}, {b"b", b"c"}, 1 / 3)],
)
def test_jaccards_index_is_the_share_that_both_have(
    left: set[bytes], right: set[bytes], share: float
) -> None:
    assert jaccard(frozenset(left), frozenset(right)) == pytest.approx(share)


def test_the_command_says_what_lives_after_a_tick(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [term("I", IDENTITY), term("K", K)])
    with Run(path, {"operator": "λλ1 0", "parallel": 8, "max_objects": 2}) as run:
        run.go(ticks=3, interval_ms=0)
    arguments = ["organisation", str(path), "--at", "0", "--against", "3", "--json", "--copies"]
    result = CliRunner().invoke(command_line, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["tick"], found["terms"], found["outside"]) == (0, 2, 2)
    assert found["core"] == ["λ0", "λλ1"]
    assert found["level"] == "none"
    shown = CliRunner().invoke(command_line, ["organisation", str(path), "--at", "0"]).stdout
    assert "Organisation: none" in shown
    late = CliRunner().invoke(command_line, ["organisation", str(path), "--at", "9"])
    assert late.exit_code == 2
    assert "there is no tick 9; the last is 3" in late.stderr
