"""A run: what a tick appends, what lives, what is counted, how it ends."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import (
    HALF_OMEGA,
    IDENTITY,
    TERMS,
    THREE,
    TWO,
    K,
    Members,
    S,
    automaton,
    commits_in,
    encoded,
    objects_in,
    ran,
    rich,
    rule,
    term,
    transition,
    written,
)

from automaton.compute.reduction import OUTCOMES
from automaton.errors import LockedError, NothingToRunError, UsageError
from automaton.format.objects import Object, object_id, parse_line
from automaton.format.options import Options
from automaton.log import Log
from automaton.population import Population
from automaton.replay.spot_check import TermLookup
from automaton.run import Run
from automaton.run.stats import Stats
from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import apply
from automaton.terms.reference import reduce

GROUND = automaton("0D", term="λa.λb.a b")
SOUP = [GROUND, *TERMS]


@pytest.fixture
def soup(tmp_path: Path) -> Path:
    """A log with one state and eight terms."""
    return written(tmp_path / "log.jsonl", SOUP)


def batch_of(path: Path, tick: int) -> list[bytes]:
    """The lines of a tick, its commit not among them."""
    with Log.open(path, write=False) as log:
        return [raw for _, raw in log.batch_lines(tick)]


# What a tick appends.


def test_a_tick_is_the_winners_in_slot_order_and_a_commit(soup: Path) -> None:
    final = ran(soup, 3, parallel=16)
    for tick in (1, 2, 3):
        lines = batch_of(soup, tick)[tick == 1 :]
        ids = [json.loads(line)["id"] for line in lines]
        slots = [int(name.removeprefix(f"m{tick}.")) for name in ids]
        assert slots == sorted(set(slots))
        assert len(slots) == commits_in(soup)[tick - 1]["outcomes"]["normal"]
    assert final.modifications == len(objects_in(soup, "modification"))


def test_a_winner_s_line_is_as_the_format_has_it(soup: Path) -> None:
    ran(soup, 1, parallel=16)
    for line in batch_of(soup, 1)[1:]:
        members = json.loads(line)
        assert list(members) == [
            "id", "type", "dimensionalLevel", "parents", "beta", "size", "term",
        ]  # fmt: skip
        assert json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode() == line
        assert len(parse(members["term"])) == members["size"]
        assert format_term(parse(members["term"])) == members["term"]


def test_the_run_record_is_the_first_line_and_comes_once(soup: Path) -> None:
    ran(soup, 2, parallel=4, seed=9)
    (record,) = objects_in(soup, "run")
    assert json.loads(batch_of(soup, 1)[0]) == record
    assert record["options"] == Options(parallel=4, seed=9).record()


def test_every_modification_is_what_its_parents_reduce_to(tmp_path: Path) -> None:
    path = written(tmp_path / "log", rich())
    ran(path, 12, parallel=12)
    texts = {m["id"]: parse(m["term"]) for m in map(json.loads, path.read_bytes().splitlines())
             if m["type"] in {"modification", "composition"}}  # fmt: skip
    with Log.open(path, write=False) as log:
        for line, raw in (pair for tick in range(1, 13) for pair in log.batch_lines(tick)):
            members = json.loads(raw)
            if members["type"] == "modification":
                TermLookup(log, Options()).check(members, line)
                assert literally(log, members, line) == members["beta"]
                assert len(texts[members["id"]]) == members["size"]


def literally(log: Log, members: Members, line: int) -> int:
    """The steps in which the textbook finds a modification's term."""
    before = log.commits.row(log.commits.tick_of_line(line)).first_line
    lookup = TermLookup(log, Options())
    op, a, b = members["parents"]
    first, second = lookup.term(a, before), lookup.term(b, before)
    operator = lookup.operator(op, before, first)
    reduction = reduce(apply(apply(operator, first), second), 500, 256, 256)
    assert reduction.words is not None
    assert format_term(reduction.words) == members["term"]
    assert members["term"] not in {format_term(first), format_term(second)}
    return reduction.steps


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**64 - 1), st.integers(1, 40), st.integers(1, 4))
def test_outcomes_add_up_to_all_candidates(seed: int, parallel: int, ticks: int) -> None:
    with TemporaryDirectory() as folder:
        path = written(Path(folder) / "log", [*SOUP, term("w", HALF_OMEGA)])
        final = ran(path, ticks, parallel=parallel, seed=seed, max_steps=20, max_size=12)
        commits = commits_in(path)
    assert [sum(commit["outcomes"].values()) for commit in commits] == [parallel] * ticks
    assert sum(final.outcomes.values()) == final.candidates == parallel * ticks
    assert all(list(commit["outcomes"]) == list(OUTCOMES) for commit in commits)
    totals = Counter[str]()
    for commit in commits:
        totals.update(commit["outcomes"])
    assert dict(totals) == {**dict.fromkeys(OUTCOMES, 0), **final.outcomes} == final.outcomes


@pytest.mark.parametrize(
    ("objects", "given", "outcome"),
    [
        ([term("a", K)], {}, "normal"),
        ([term("a", IDENTITY)], {}, "copy"),
        ([term("a", HALF_OMEGA)], {}, "steps"),
        ([term("a", K)], {"max_steps": 1}, "steps"),
        ([term("a", "λx.x x x")], {"max_depth": 2}, "depth"),
        ([term("a", "λx.λy.x x")], {"max_size": 6}, "size"),
        ([term("a", K)], {"max_input": 9}, "input"),
        ([term("a", K)], {"max_input": 10}, "normal"),
        ([{"id": "a", "type": "odd", "term": K}], {}, "empty"),
    ],
)
def test_each_outcome_has_its_cause(
    tmp_path: Path, objects: list[Members], given: dict[str, int], outcome: str
) -> None:
    ground = automaton("0D", term=IDENTITY, a="type = text", b="type = text")
    path = written(tmp_path / "log", [ground, *objects])
    ran(path, 1, parallel=3, **given)
    found = commits_in(path)[0]["outcomes"]
    assert {name for name, count in found.items() if count} == {outcome}


def test_copies_win_only_where_they_are_allowed(tmp_path: Path) -> None:
    path = written(tmp_path / "log", [automaton("0D", term=IDENTITY)])
    ran(path, 1, parallel=2)
    assert not objects_in(path, "modification")
    ran(path, 1, copies=True)
    assert [m["term"] for m in objects_in(path, "modification")] == ["λ0", "λ0"]


# Selectors, rules, locks, focus.


def parents(path: Path) -> list[tuple[str, str, str]]:
    """Operator and reactants of every modification."""
    return [tuple(m["parents"]) for m in objects_in(path, "modification")]


def test_selectors_decide_who_may_react(tmp_path: Path) -> None:
    ground = automaton("0D", term="λa.λb.a b", a="term ~ 'λx.λy.?f'", b="size in (2, 6)")
    path = written(tmp_path / "log", [ground, *TERMS])
    ran(path, 1, parallel=64)
    sizes = {m["id"]: len(parse(m["term"])) for m in TERMS}
    assert {b for _, _, b in parents(path)} == {n for n, size in sizes.items() if size in {2, 6}}
    assert {a for _, a, _ in parents(path)} <= {n for n, size in sizes.items() if size > 2}


def test_a_selector_sees_what_has_entered(tmp_path: Path) -> None:
    ground = automaton("0D", term="λa.λb.a b", a="type = text", b="type = modification")
    ground["b"] = "type = modification or size = 3"
    path = written(tmp_path / "log", [ground, *TERMS])
    ran(path, 2, parallel=16)
    assert any(b.startswith("m1.") for _, _, b in parents(path))
    assert not any(a.startswith("m1.") for _, a, _ in parents(path))


def test_the_first_rule_that_matches_a_replaces_the_operator(tmp_path: Path) -> None:
    rules = [
        rule("numbers", "numeral", "λa.λb.λf.λx.a f (b f x)"),
        rule("small", "size <= 6", "λa.λb.b a"),
    ]
    path = written(tmp_path / "log", [*SOUP, *rules])
    ran(path, 1, parallel=128)
    sizes = {m["id"]: len(parse(m["term"])) for m in SOUP}
    numerals = {m["id"] for m in SOUP if encodings.numeral_value(parse(m["term"])) is not None}
    for op, a, _ in parents(path):
        assert op == ("numbers" if a in numerals else "small" if sizes[a] <= 6 else "0D")
    assert {op for op, _, _ in parents(path)} == {"0D", "small", "numbers"}


LEVELS = [
    automaton("0D", 0, term="λa.λb.a b"),
    automaton("1D", 1, term="λa.λb.b a"),
    automaton("2D", 2, term="λa.λb.λc.a (b c)"),
    transition("t01", "0D", "1D"),
    transition("t12", "1D", "2D"),
    transition("t20", "2D", "0D"),
    *TERMS,
]


def operators(path: Path) -> list[set[str]]:
    """The operators that worked in each tick."""
    found = objects_in(path, "modification")
    return [
        {m["parents"][0] for m in found if m["id"].startswith(f"m{tick}.")}
        for tick in range(1, len(commits_in(path)) + 1)
    ]


def test_the_machine_starts_at_the_lowest_dimension_and_moves(tmp_path: Path) -> None:
    path = written(tmp_path / "log", LEVELS[::-1])
    ran(path, 4, parallel=8)
    assert operators(path) == [{"0D"}, {"1D"}, {"2D"}, {"0D"}]
    levels = {(m["parents"][0], m["dimensionalLevel"]) for m in objects_in(path, "modification")}
    assert levels == {("0D", 0), ("1D", 1), ("2D", 2)}
    assert [commit["dimensionalLevel"] for commit in commits_in(path)] == [1, 2, 0, 1]


def test_locked_the_machine_stays_in_its_dimension(tmp_path: Path) -> None:
    path = written(tmp_path / "log", LEVELS)
    ran(path, 3, parallel=8, lock_dimension=2)
    assert operators(path) == [{"2D"}] * 3
    assert commits_in(path)[-1]["state"]["counters"]["actions"]["evolve"] == 3


def test_a_lock_that_moves_the_machine_is_an_entry(tmp_path: Path) -> None:
    path = written(tmp_path / "log", [*LEVELS, transition("l", "1D", "1D", "self-train")])
    ran(path, 3, parallel=4, lock_dimension=0)
    ran(path, 2, lock_dimension=1)
    states = [commit["state"] for commit in commits_in(path)]
    assert [(s["automaton"], s["entered"]) for s in states] == [("0D", 1)] * 3 + [("1D", 4)] * 2


@pytest.mark.parametrize("flag", ["lock_dimension", "focus_dimension"])
@pytest.mark.parametrize("ticks", [0, 1])
def test_a_dimension_without_automaton_cannot_be_asked_for(
    tmp_path: Path, flag: str, ticks: int
) -> None:
    path = written(tmp_path / "log", LEVELS)
    if ticks:
        ran(path, ticks, parallel=4)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"-dimension 7: no automaton .* 0, 1, 2"):
        Run(path, {flag: 7})
    assert path.read_bytes() == before


def test_focus_replaces_the_operator_now_and_then_and_moves_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "log", LEVELS)
    ran(path, 60, parallel=4, focus_dimension=2, focus_probability=1 << 31)
    due = ["0D", "1D", "2D"] * 20
    focused = [used != {name} for used, name in zip(operators(path), due, strict=True) if used]
    assert {frozenset(used) for used in operators(path)} <= {
        frozenset(), *map(frozenset, [{"0D"}, {"1D"}, {"2D"}]),
    }  # fmt: skip
    assert 10 < sum(focused) < 30
    assert [commit["dimensionalLevel"] for commit in commits_in(path)] == [1, 2, 0] * 20


@pytest.mark.parametrize(("probability", "expected"), [(1 << 32, "0D"), (0, "1D")])
def test_focus_is_on_dimension_0_where_none_is_named(
    tmp_path: Path, probability: int, expected: str
) -> None:
    path = written(tmp_path / "log", LEVELS)
    ran(path, 2, parallel=8, focus_probability=probability)
    assert operators(path) == [{"0D"}, {expected}]


def test_an_operator_that_is_given_runs_terms_without_a_machine(tmp_path: Path) -> None:
    path = written(tmp_path / "log", TERMS)
    ran(path, 2, parallel=8, operator="λλ0 1")
    assert operators(path) == [{"run:1"}] * 2
    state = commits_in(path)[-1]["state"]
    assert (state["automaton"], state["counters"]["stayed"]) == (None, 0)


# What lives.


def live(population: Population) -> dict[str, Words]:
    """The live terms by id."""
    rows = map(int, population.choices())
    return {population.id_of(row).decode(): population.words(row) for row in rows}


def test_the_genesis_enters_in_the_order_of_first_appearance(tmp_path: Path) -> None:
    objects = [
        {"text": "nameless `λx.x` and `λx.λy.x`"},
        term("b", K),
        term("a", S),
        {"id": "n", "text": "`λx.x` alone"},
        term("b", IDENTITY),
        automaton("0D", currentState="pair"),
        {"id": "plain", "text": "no term, `true`, `λx`"},
    ]
    path = written(tmp_path / "log", objects)
    with Run(path, {}) as run:
        alive = live(run.world.population)
        assert list(alive) == ["line:1#1", "line:1#2", "b", "a", "n#1", "0D"]
        assert [format_term(alive[n]) for n in ("line:1#2", "b")] == ["λλ1", "λ0"]
        assert alive["0D"].tolist() == encodings.PAIR.tolist()
        assert run.world.reader.skipped == 1


def test_winners_fill_free_places_and_then_overwrite_no_definition(tmp_path: Path) -> None:
    path = written(tmp_path / "log", [*LEVELS, rule("r", "false", IDENTITY)])
    cap = len(LEVELS) + 4
    with Run(path, {"parallel": 8, "max_objects": cap}) as run:
        run.go(ticks=1, interval_ms=0)
        assert {"0D", "1D", "2D"} <= set(live(run.world.population))
        run.go(ticks=60, interval_ms=0)
        alive = live(run.world.population)
        assert len(alive) == cap
        assert {name for name in alive if not name.startswith("m")} == {"0D", "1D", "2D"}


def test_where_only_definitions_live_winners_do_not_enter(tmp_path: Path) -> None:
    path = written(tmp_path / "log", LEVELS[:3])
    with Run(path, {"parallel": 16, "max_objects": 3}) as run:
        final = run.go(ticks=3, interval_ms=0)
        assert set(live(run.world.population)) == {"0D", "1D", "2D"}
    assert final.modifications == len(objects_in(path, "modification")) > 0


def test_a_genesis_of_one_term_is_drawn_with_replacement(tmp_path: Path) -> None:
    path = written(tmp_path / "log", [automaton("0D", term=TWO)])
    ran(path, 1, parallel=2)
    assert parents(path) == [("0D", "0D", "0D")] * 2


def test_more_terms_than_may_live_are_refused_with_the_number_needed(soup: Path) -> None:
    before = soup.read_bytes()
    with pytest.raises(UsageError, match=r"9 terms, more than --max-objects 8; raise it to .* 9"):
        Run(soup, {"max_objects": 8})
    ran(soup, 1, max_objects=9)
    assert soup.read_bytes().startswith(before)


@pytest.mark.parametrize(
    ("objects", "given", "said"),
    [
        ([], {}, "no lambda terms and no automaton object; `init PATH`"),
        ([{"id": "a", "text": "true"}], {}, "no lambda terms and no automaton object"),
        ([{"id": "a", "text": "true"}], {"operator": "λ0"}, "no lambda terms"),
        (TERMS, {}, "no automaton object; `--operator TERM` runs its terms .* `init PATH`"),
        ([*TERMS, automaton("x", term="λx.y")], {}, r"no automaton object that can be used \(x: "),
        ([automaton("x", term="λx.y")], {}, "no lambda terms and no automaton object"),
    ],
)
def test_a_log_with_nothing_to_step_says_the_way_out_and_stays_as_it_is(
    tmp_path: Path, objects: Sequence[Members], given: dict[str, str], said: str
) -> None:
    path = written(tmp_path / "log", objects)
    with pytest.raises(NothingToRunError, match=said):
        Run(path, given)
    assert path.read_bytes() == encoded(objects)
    assert [file.name for file in tmp_path.iterdir()] == ["log"]


def test_terms_beyond_the_size_limit_are_left_out_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "log", [automaton("0D", term=IDENTITY), term("S", S), term("K", K)])
    with Run(path, {"max_size": 4}) as run:
        assert set(live(run.world.population)) == {"0D", "K"}
        assert run.world.reader.skipped == 1


# The genesis.


ODD_BEGINNINGS = {
    "no final newline": encoded(SOUP).rstrip(b"\n"),
    "CRLF": encoded(SOUP).replace(b"\n", b"\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + encoded(SOUP),
    "directives": b"@version: 1.0\n@name: 'x'\n\n" + encoded(SOUP),
    "broken lines": encoded(SOUP) + b'{"id":"x"\n\xff\n[1]\n',
    "duplicate keys": b'{"id":"0D","id":"z","type":"text"}\n' + encoded(SOUP),
    "our ids": encoded([*SOUP, {"id": "m1.0"}, {"id": "run:1"}, {"id": "am1.1"}]),
    "records of ours": encoded([*SOUP, {"type": "commit", "id": "commit:1", "tick": 1}]),
}


@pytest.mark.parametrize("genesis", ODD_BEGINNINGS.values(), ids=ODD_BEGINNINGS.keys())
def test_every_genesis_stays_as_it_is_and_runs(tmp_path: Path, genesis: bytes) -> None:
    path, whole = tmp_path / "log", tmp_path / "whole"
    for file in (path, whole):
        file.write_bytes(genesis)
    ran(path, 2, parallel=8)
    ran(path, 2)
    final = ran(whole, 4, parallel=8)
    assert path.read_bytes() == whole.read_bytes()
    assert path.read_bytes().startswith(genesis)
    assert final.modifications > 0
    with Log.open(path, write=False) as log:
        assert log.verify_chain().ok


def test_our_ids_get_a_prefix_that_is_free(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(ODD_BEGINNINGS["our ids"])
    ran(path, 1, parallel=4)
    with Log.open(path, write=False) as log:
        assert log.prefix == "b"
        lines = [parse_line(raw) for _, raw in log.batch_lines(1)]
    ids = [object_id(line.members) for line in lines if isinstance(line, Object)]
    assert all(str(name).startswith(("bm1.", "brun:1")) for name in ids)


def test_broken_lines_are_named_and_an_earlier_or_later_version_counts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(
        encoded([automaton("0D", term=K), term("a", K), term("b", K)])
        + b'{"id":"a", broken }\n{"id":"c" broken }\n{"id":"b",\n\xff\n'
        + encoded([term("c", TWO)])
    )
    with Run(path, {}) as run:
        alive = live(run.world.population)
        assert list(alive) == ["0D", "a", "b", "c"]
        assert format_term(alive["c"]) == "λλ1 (1 0)"
        assert sorted(number for number, _ in run.malformed.first) == [4, 5, 6, 7]
        assert run.malformed.count == 4


def test_a_broken_line_is_counted_when_it_is_one_of_many(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(encoded(SOUP) + b"{\n" * 9)
    with Run(path, {}) as run:
        assert (run.malformed.count, len(run.malformed.first)) == (9, 5)


# What is counted, and how a run ends.


def test_counters_are_those_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "log", rich())
    path.with_name("log.inbox").write_bytes(encoded([term("x", K), term("x", S), term("K", S)]))
    ran(path, 8, parallel=8)
    final = ran(path, 8)
    counters = commits_in(path)[-1]["state"]["counters"]
    lines = [parse_line(raw) for raw in path.read_bytes().splitlines()]
    objects = [line.members for line in lines if isinstance(line, Object)]
    ids = {m["id"] for m in objects if m["type"] not in {"run", "commit"}}
    assert counters["lines"] == len(lines) == final.counters["lines"]
    assert counters["objects"] == len(ids) == final.objects
    assert counters["modifications"] == sum(m["type"] == "modification" for m in objects)
    assert counters["accepted"] == 3


def test_closing_statistics_are_those_of_the_log(soup: Path) -> None:
    shown: list[Stats] = []
    with Run(soup, {"parallel": 8}) as run:
        final = run.go(ticks=4, interval_ms=0, stats_every=1e-9, show=shown.append)
    assert [stats.tick for stats in shown] == [1, 2, 3, 4]
    assert [stats.final for stats in [*shown, final]] == [False] * 4 + [True]
    assert (final.tick, final.ticks) == (4, 4)
    assert final.durable_bytes == final.log_bytes == soup.stat().st_size
    assert final.head == commits_in(soup)[-1]["chain"]
    assert (final.workers_active, final.device) == (0, "cpu")  # ticks too small for a worker
    assert final.live == 9 + final.modifications
    resumed = ran(soup, 2)
    assert (resumed.tick, resumed.ticks, resumed.candidates) == (6, 2, 16)


def test_a_machine_that_does_nothing_says_so(soup: Path) -> None:
    final = ran(soup, 3, parallel=4)
    assert (final.moved, final.counters["stayed"]) == (False, 3)


def test_unknown_conditions_are_counted_and_each_named_once(tmp_path: Path) -> None:
    odd = [transition(f"t{n}", "0D", "0D", "evolve", "full_moon or tide > 3") for n in (1, 2)]
    path = written(tmp_path / "log", [*SOUP, *odd])
    final = ran(path, 3, parallel=4)
    assert final.unknown_conditions == ("full_moon", "tide > 3")
    assert final.counters["unknown"] == 12


def test_stop_ends_a_run_after_the_tick_under_way(soup: Path) -> None:
    with Run(soup, {"parallel": 4}) as run:
        final = run.go(interval_ms=60_000, stats_every=1e-9, show=lambda _: run.stop())
    assert (final.ticks, final.final) == (1, True)
    assert len(commits_in(soup)) == 1


def test_no_tick_begins_when_the_time_is_over_whatever_the_pause_between_ticks(soup: Path) -> None:
    with Run(soup, {"parallel": 4}) as run:
        final = run.go(seconds=0.01, interval_ms=86_400_000)
    assert final.ticks == len(commits_in(soup)) == 1


def test_a_second_writer_is_refused_by_the_first_one_s_number(soup: Path) -> None:
    with Run(soup, {}), pytest.raises(LockedError) as refused:
        Run(soup, {})
    assert refused.value.pid is not None
    ran(soup, 1)


@pytest.mark.parametrize("durability", ["commit", "interval", "off"])
def test_how_durable_it_is_changes_no_byte(tmp_path: Path, durability: str) -> None:
    path, other = (written(tmp_path / name, rich()) for name in ("log", "other"))
    with Run(path, {"parallel": 8}, durability=durability) as run:  # type: ignore[arg-type]
        run.go(ticks=9, interval_ms=0)
    ran(other, 9, parallel=8)
    assert path.read_bytes() == other.read_bytes()


def test_seeds_and_rounds_make_other_logs(tmp_path: Path) -> None:
    made = set()
    for number, options in enumerate([{}, {"seed": 1}, {"parallel": 9}, {"seed": 1 << 32}]):
        path = written(tmp_path / f"log{number}", SOUP)
        ran(path, 2, **{"parallel": 8, **options})
        made.add(b"".join(batch_of(path, 1)[1:]))
    assert len(made) == 4


def test_options_beyond_their_limits_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"--max-depth is 1; it must be from 2"):
        replace(Options(), max_depth=1)


def test_three_numerals_add_up(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log",
        [automaton("0D", currentState="addition", a="numeral", b="numeral"), term("3", THREE)],
    )
    ran(path, 1, parallel=1)
    (six,) = objects_in(path, "modification")
    assert encodings.numeral_value(parse(six["term"])) == 6
