"""The state machine that a log's definitions describe, and where it moves."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import IDENTITY, K, Members, automaton, rule, transition, vertical

from automaton.errors import NothingToRunError
from automaton.program import moves, selectors
from automaton.program.conditions import Condition
from automaton.program.definitions import Program
from automaton.program.grammar import Const
from automaton.program.transitions import Moves, destination
from automaton.terms import encodings
from automaton.terms.notation import format_term, parse

MAX_SIZE = 16
TOO_LARGE = "λx." + "x (" * MAX_SIZE + "x" + ")" * MAX_SIZE


def program_of(objects: Iterable[Members], max_size: int = MAX_SIZE) -> Program:
    """What a program learns from objects in this order."""
    program = Program(max_size)
    for members in objects:
        program.learn(members["id"], members)
    return program


def truth(condition: Condition) -> bool:
    """Conditions of these tests are constants."""
    assert isinstance(condition, Const)
    return condition.value


def moved(objects: Iterable[Members], current: str = "a", *, locked: bool = False) -> Moves:
    """What the machine of these objects does."""
    return moves(program_of(objects), current, truth, locked=locked)


def performed(going: Moves) -> list[str]:
    """The ids of the transitions that act."""
    return [transition.id for transition in going.performed]


A, B_, C_ = automaton("a", 1), automaton("b", 2), automaton("c", 3)


# What is learned.


@pytest.mark.parametrize(
    ("members", "operator"),
    [
        ({"term": K}, parse(K)),
        ({"term": K, "currentState": "pair"}, parse(K)),
        ({"currentState": "identity"}, encodings.IDENTITY),
        ({"currentState": "successor"}, encodings.SUCCESSOR),
        ({"currentState": "pair"}, encodings.PAIR),
        ({"currentState": "addition"}, encodings.ADDITION),
        ({"currentState": "quantum"}, encodings.APPLICATION),
        ({"text": f"`{K}`"}, encodings.APPLICATION),
        ({}, encodings.APPLICATION),
    ],
)
def test_an_operator_is_the_term_else_what_the_state_names_else_application(
    members: Members, operator: list[int]
) -> None:
    learned = program_of([automaton("a", 5, **members)]).automata["a"]
    assert learned.operator.tolist() == list(operator)
    assert (learned.id, learned.level) == ("a", 5)


def test_selectors_and_the_line_of_an_automaton_are_read() -> None:
    learned = program_of(
        [automaton("a", a="numeral", b="size < 3", selfReference={"line": 7, "file": "x"})]
    ).automata["a"]
    assert (learned.a, learned.self_line) == (selectors.parse_selector("numeral"), 7)
    assert learned.b == selectors.parse_selector("size < 3")


@pytest.mark.parametrize("reference", [None, 3, [], {}, {"line": "3"}, {"line": True}])
def test_a_line_that_is_no_whole_number_is_none(reference: object) -> None:
    assert program_of([automaton("a", selfReference=reference)]).automata["a"].self_line is None


def test_ends_stand_in_two_spellings() -> None:
    short = {"id": "t", "type": "transition", "from": "a", "to": "b"}
    assert program_of([short]).transitions["t"].target == "b"
    assert program_of([transition("t", "a", "b")]).transitions["t"].source == "a"


def test_a_transition_without_condition_is_always_due_and_without_action_does_nothing() -> None:
    bare = {"id": "t", "type": "transition", "from": "a", "to": "b", "condition": 1, "action": {}}
    learned = program_of([bare]).transitions["t"]
    assert (learned.condition, learned.action) == (Const(value=True), "")


UNUSABLE: list[Members] = [
    automaton("d", term="λx.y"),
    automaton("d", term="λx"),
    automaton("d", term=TOO_LARGE),
    automaton("d", a="size <"),
    automaton("d", b="term ~ 'λ'"),
    rule("d", "sizes = 1", IDENTITY),
    rule("d", "true", "("),
    {"id": "d", "type": "rule", "match": "true"},
]


@pytest.mark.parametrize("members", UNUSABLE)
def test_a_definition_that_cannot_be_used_is_named_and_left_out(members: Members) -> None:
    program = program_of([members])
    assert not program.automata
    assert not program.rules
    assert [problem.partition(": ")[0] for problem in program.problems] == ["d"]


@pytest.mark.parametrize(
    "members",
    [
        {"id": "d", "type": "transition", "from": "a"},
        {"id": "d", "type": "vertical"},
        {"id": "d", "type": "horizontal", "from": "a", "to": "b"},
        {"id": "d", "type": "rule", "match": 3},
        {"id": "d", "type": ["automaton"]},
        {"id": "d"},
    ],
)
def test_what_lacks_the_members_of_a_definition_is_none(members: Members) -> None:
    program = program_of([members])
    tables = (program.automata, program.transitions, program.verticals, program.rules)
    assert not any(tables)
    assert not program.problems


VERSIONS = st.sampled_from(
    [
        automaton("d", 1), automaton("d", 2, term=K), transition("d", "a", "b"),
        vertical("d", "a", "b"), rule("d", "true", IDENTITY), {"id": "d", "type": "text"},
        *UNUSABLE,
    ]
)  # fmt: skip


@given(st.lists(VERSIONS, min_size=1))
def test_only_the_last_version_of_an_object_counts(versions: list[Members]) -> None:
    whole, last = program_of(versions), program_of(versions[-1:])
    for table in ("transitions", "verticals"):
        assert getattr(whole, table) == getattr(last, table)
    for table in ("automata", "rules"):
        assert [format_term(d.operator) for d in getattr(whole, table).values()] == [
            format_term(d.operator) for d in getattr(last, table).values()
        ]


def test_a_later_version_keeps_its_turn() -> None:
    program = program_of(
        [A, transition("t1", "a", "a"), transition("t2", "a", "a"), transition("t1", "a", "b")]
    )
    assert list(program.transitions) == ["t1", "t2"]


def test_the_lowest_automaton_is_the_first_of_the_lowest_dimension() -> None:
    assert program_of([B_, C_, A, automaton("a2", 1)]).lowest().id == "a"
    assert program_of([C_, automaton("below", -1)]).lowest().id == "below"


def test_without_an_automaton_there_is_no_lowest_one() -> None:
    with pytest.raises(NothingToRunError):
        program_of([transition("t", "a", "b")]).lowest()


def test_a_dimension_is_its_first_automaton() -> None:
    program = program_of([A, automaton("a2", 1)])
    first = program.at_level(1)
    assert first is not None
    assert first.id == "a"
    assert program.at_level(2) is None


# Where it moves.


def test_transitions_are_tried_in_the_order_of_their_first_appearance() -> None:
    going = moved([transition("z", "a", "b"), transition("y", "a", "c"), A, B_, C_])
    assert (performed(going), going.next) == (["z"], "b")


def test_a_self_loop_acts_and_the_trying_goes_on() -> None:
    going = moved(
        [A, B_, transition("loop", "a", "a"), transition("on", "a", "b"), transition("x", "a", "a")]
    )
    assert performed(going) == ["loop", "on"]
    assert (going.next, going.fired) == ("b", True)


def test_what_does_not_hold_does_not_act() -> None:
    going = moved([A, B_, transition("no", "a", "b", condition="false"), transition("l", "a", "a")])
    assert (performed(going), going.next) == (["l"], "a")


def test_only_transitions_out_of_the_current_automaton_are_asked() -> None:
    going = moved([A, B_, transition("other", "b", "a"), transition("none", "x", "a")])
    assert going == Moves((), "a", fired=False)


def test_nothing_is_asked_after_the_transition_that_leads_on() -> None:
    asked = []
    program = program_of([A, B_, transition("on", "a", "b"), transition("no", "a", "a")])

    def holds(condition: Condition) -> bool:
        asked.append(condition)
        return True

    moves(program, "a", holds, locked=False)
    assert len(asked) == 1


def test_a_transition_to_nowhere_acts_and_leads_back() -> None:
    going = moved([A, transition("lost", "a", "gone"), transition("l", "a", "a")])
    assert (performed(going), going.next, going.fired) == (["lost", "l"], "a", True)


def test_a_vertical_edge_is_the_way_where_no_transition_leads_on() -> None:
    going = moved([A, B_, vertical("v", "a", "b"), transition("l", "a", "a")])
    assert (performed(going), going.next, going.fired) == (["l"], "b", True)
    assert moved([A, B_, vertical("v", "a", "b")]) == Moves((), "b", fired=True)


def test_a_vertical_edge_hides_no_transition() -> None:
    going = moved([vertical("v", "a", "b"), A, B_, C_, transition("on", "a", "c")])
    assert (performed(going), going.next) == (["on"], "c")


def test_vertical_edges_lead_only_to_other_automata() -> None:
    edges = [vertical("v1", "a", "a"), vertical("v2", "a", "gone"), vertical("v3", "a", "c")]
    assert moved([A, B_, C_, *edges, vertical("v4", "a", "b")]).next == "c"
    assert moved([A, *edges[:2]]) == Moves((), "a", fired=False)


def test_self_observe_leads_to_dimension_0_whatever_it_names() -> None:
    ground = automaton("ground", 0)
    observing = transition("o", "a", "b", "self-observe")
    assert moved([A, B_, ground, observing]).next == "ground"
    assert moved([A, B_, observing], "a").next == "a"


def test_self_observe_leads_to_the_lowest_dimension_where_there_is_no_0() -> None:
    program = program_of([A, B_, transition("o", "b", "b", "self-observe")])
    assert destination(program, program.transitions["o"]) == "a"


def test_locked_every_transition_acts_and_none_moves() -> None:
    objects = [
        A,
        B_,
        transition("on", "a", "b"),
        transition("l", "a", "a"),
        vertical("v", "a", "b"),
    ]
    going = moved(objects, locked=True)
    assert (performed(going), going.next, going.fired) == (["on", "l"], "a", True)
    assert moved([A, B_, vertical("v", "a", "b")], locked=True) == Moves((), "a", fired=False)


NODES = st.sampled_from(["a", "b", "c", "gone"])
TRANSITIONS = st.lists(
    st.tuples(
        NODES,
        NODES,
        st.sampled_from(["true", "false"]),
        st.sampled_from(["evolve", "self-observe"]),
    ),
    max_size=8,
)


@given(TRANSITIONS, st.lists(st.tuples(NODES, NODES), max_size=3), st.booleans())
def test_the_machine_moves_as_the_rules_say(
    ways: list[tuple[str, str, str, str]], edges: list[tuple[str, str]], locked: bool
) -> None:
    objects = [
        A, B_, C_,
        *(transition(f"t{n}", s, t, action, when) for n, (s, t, when, action) in enumerate(ways)),
        *(vertical(f"v{n}", *ends) for n, ends in enumerate(edges)),
    ]  # fmt: skip
    due, there = [], "a"
    for number, (source, target, when, action) in enumerate(ways):
        if source == "a" and when == "true":
            due.append(f"t{number}")
            leads = "a" if action == "self-observe" or target == "gone" else target
            if leads != "a" and not locked:
                there = leads
                break
    upward = [to for source, to in edges if source == "a" and to in {"b", "c"}]
    if there == "a" and upward and not locked:
        there = upward[0]
    going = moved(objects, locked=locked)
    assert (performed(going), going.next) == (due, there)
    assert going.fired == bool(due or there != "a")
