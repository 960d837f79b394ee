"""Synthesis: problems as they are read, candidates as they are tried, solutions as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from small import Members, automaton, term, world_of, written
from targets import FORMS, Body, fenced, intact, joined, machine

from automaton.cli import command_line
from automaton.compute.reduction import reduce_batch
from automaton.format.admission import admit
from automaton.log import Log
from automaton.replay import MalformedLines
from automaton.replay.restore import restore_world
from automaton.replay.run_options import options_for
from automaton.synthesis import (
    ComponentLibrary,
    Problem,
    SearchPortfolio,
    Settings,
    enumerate_baseline,
    parse_problem,
)
from automaton.synthesis.archive import BehaviourArchive
from automaton.synthesis.components import STREAMS, Component
from automaton.synthesis.enumeration import ClosedTermEnumerator, FormEnumerator, FormHit, Sketch
from automaton.synthesis.evaluation import (
    EvaluationScratch,
    Evaluator,
    Examples,
    budgets,
    normal_form,
    tried,
)
from automaton.synthesis.evolution import EvolutionarySearch, SearchSettings
from automaton.synthesis.portfolio import Synthesis
from automaton.synthesis.problem import ProblemError, encoded, shown
from automaton.synthesis.problem_catalog import NAMED
from automaton.synthesis.solution import Checker
from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term
from automaton.terms.packed import apply, is_closed
from kernels import cpu
from kernels.experiments import evaluate, vary
from kernels.terms import enumerate_forms, packed

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"
NONE = np.empty(0, np.int64), np.empty(0, np.int32)
SMALL = Settings(domains=6, parallel=2, budget=1 << 18)


def stock_of(path: Path, seed: int = 0) -> ComponentLibrary:
    """The building blocks of a log."""
    with Log.open(path, write=False) as log:
        world = restore_world(log, options_for(log, {}), MalformedLines(), lambda _tick: None)
        return ComponentLibrary.of(world, seed)


@pytest.fixture(scope="module")
def shipped() -> ComponentLibrary:
    """What the shipped log offers."""
    return stock_of(SHIPPED)


def words(text: str) -> Words:
    """A term."""
    from automaton.terms.notation import parse as parse_term  # noqa: PLC0415  # `parse` is of problems

    return parse_term(text)


# -- problems ----------------------------------------------------------------

VALUES = st.recursive(
    st.booleans() | st.integers(0, 9),
    lambda inner: st.tuples(inner, inner) | st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_a_pair_that_is_shown_is_read_as_it_was(value: Any, output: Any) -> None:
    problem = parse_problem(f"{shown(value)} -> {shown(output)}")
    assert repr(problem.pairs[0].inputs) == repr((value,))
    assert repr(problem.pairs[0].output) == repr(output)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1),
        ("add: 2,3->6", 6),
        ("add: 2->6", 6),
        ("2,3-5->1", 3),
        ("(1,2,3)->1", 1),
        ("[1,2->3", 5),
        ("2->", 4),
        ("2;3", 2),
        ("1->1;1,2->3", 6),
        ("1->1; 2->2; 1->3", 13),
        ("1001->1", 1),
        ("3 ->x", 5),
        ("f: 1->1 2", 9),
        ("x: λx.(", 7),
        ("?all", 1),
        ("head: []->1", 7),
        (17 * "[" + 17 * "]" + "->1", 17),
        ("1,1,1,1,1,1,1,1,1->1", 1),
    ],
)
def test_a_wrong_problem_is_refused_where_it_is_wrong(text: str, position: int) -> None:
    with pytest.raises(ProblemError, match=f"character {position}:") as error:
        parse_problem(text)
    assert error.value.position == position


def test_a_name_that_is_unknown_says_which_is_near() -> None:
    with pytest.raises(ProblemError, match="did you mean `swap`"):
        parse_problem("swop")


def test_of_four_given_pairs_one_is_held_back_and_of_three_none() -> None:
    four, three = parse_problem("1->1; 2->2; 3->3; 4->4"), parse_problem("1->1; 2->2; 3->3")
    assert [str(pair) for pair in four.held_back] == ["3 -> 3"]
    assert not three.held_back
    assert "too few" in three.note


def test_pairs_given_with_a_name_are_learnt_from_and_the_others_check() -> None:
    problem = parse_problem("add: 2,3->5; 4,1->5")
    assert len(problem.pairs) == 2
    inputs = {repr(pair.inputs) for pair in problem.held_back}
    assert len(inputs) == len(problem.held_back) > 4
    assert not inputs & {repr(pair.inputs) for pair in problem.pairs}


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"swap", "xor"}))
def test_what_the_shipped_log_calls_by_a_name_solves_that_problem(
    name: str, shipped: ComponentLibrary
) -> None:
    place = shipped.population.place_of(name.encode())
    if place is not None:
        term_ = shipped.population.words(place).copy()
        assert Checker(parse_problem(name)).solution(
            FormHit(term_), Evaluator(parse_problem(name)), 0
        )


# -- kernels -----------------------------------------------------------------


def written_forms(
    write: Body, kind: int, bits: int, depth: int, low: int, high: int, constants: list[Words]
) -> Iterator[Words]:
    """All forms of so many bits under a number of lambdas, as they are written."""
    code, starts, sizes = joined(constants)
    price = 4 if constants else 0
    heads, table = enumerate_forms.counted(bits, depth, len(constants), price)
    led = enumerate_forms.led(table, depth, low, high)
    count = {
        enumerate_forms.FORM: table[bits, depth],
        enumerate_forms.HEAD: heads[bits, depth],
    }.get(kind, led[bits])
    for rank in range(int(count)):
        out, stack = fenced(bits * 8), fenced((bits + 2) * 4, np.int64)
        size = write(
            heads, table, led, low, high, price, starts, sizes, code, kind, bits, depth, rank,
            out, 0, stack.reshape(-1, 4),
        )  # fmt: skip
        assert intact(out, stack)
        packed.link(out, 0, size, np.empty(size, np.int32))  # type: ignore[no-untyped-call]
        yield out[:size].copy()


def enclosed(body: Words, depth: int) -> Words:
    """A body under lambdas."""
    return np.concatenate((np.full(depth, packed.LAM, np.int32), body))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [enumerate_forms.FORM, enumerate_forms.HEAD, enumerate_forms.LED])
def test_every_form_is_closed_normal_of_its_size_and_written_once(form: str, kind: int) -> None:
    write = FORMS[form](enumerate_forms.write_form)
    for bits in range(2, 17):
        found = list(written_forms(write, kind, bits, 3, 1, 2, []))
        assert len({term_.tobytes() for term_ in found}) == len(found)
        for body in found:
            whole = enclosed(body, 3)
            assert is_closed(whole)
            assert packed.is_normal(whole, 0, len(whole))  # type: ignore[no-untyped-call]
            assert len(format_term(whole, "blc")) == bits + 6
            assert kind == enumerate_forms.FORM or body[0] != packed.LAM


def test_as_many_forms_are_counted_as_closed_terms_are_normal() -> None:
    closed = ClosedTermEnumerator(Examples.of(parse_problem("not").pairs))
    for bits, count in closed.sizes()[:14]:
        normal = {
            term_.tobytes()
            for term_ in (closed.term(bits, rank) for rank in range(count))
            if packed.is_normal(term_, 0, len(term_))  # type: ignore[no-untyped-call]
        }
        write = cpu.compiled(enumerate_forms.write_form)
        assert {
            w.tobytes() for w in written_forms(write, enumerate_forms.FORM, bits, 0, 0, 0, [])
        } == normal


def test_blocks_stand_where_constants_are_counted() -> None:
    write = cpu.compiled(enumerate_forms.write_form)
    found = {
        format_term(enclosed(w, 1))
        for w in written_forms(
            write, enumerate_forms.FORM, 8, 1, 0, 0, [encodings.TRUE, encodings.FALSE]
        )
    }
    assert {"λ0 (λλ1)", "λ0 (λλ0)", "λ(λλ1) 0"} <= found


@pytest.mark.parametrize("form", FORMS)
def test_a_trial_says_what_reducing_the_application_says(
    form: str, shipped: ComponentLibrary
) -> None:
    problem = parse_problem("sub")
    examples = Examples.of(problem.pairs)
    candidates = [shipped.block(place).words for place in shipped.places.tolist()]
    sizes = np.array([len(w) for w in candidates], np.int32)
    starts = len(examples.code) + np.cumsum(sizes, dtype=np.int64) - sizes
    code = np.concatenate((examples.code, *candidates))
    right, scores = (fenced(len(sizes)) for _ in range(2))
    steps, behaviours = fenced(len(sizes), np.int64), fenced(len(sizes), np.uint64)
    out, own = fenced(64), machine(200, 64, 32)
    FORMS[form](evaluate.try_terms)(
        code, starts, sizes, 0, len(sizes), *examples.columns, True, 200, 64, 32,
        right, steps, scores, behaviours, out, *NONE, *own,
    )  # fmt: skip
    assert intact(right, scores, steps, behaviours, out, *own)
    for i, candidate in enumerate(candidates):
        applied = [
            apply(apply(candidate, encoded(pair.inputs[0])), encoded(pair.inputs[1]))
            for pair in problem.pairs
        ]
        wanted = [encoded(pair.output) for pair in problem.pairs]
        reduced = reduce_batch(applied, 200, 64, 34)
        same = [
            (w := reduced.words(k)) is not None and np.array_equal(w, wanted[k])
            for k in range(len(wanted))
        ]
        assert right[i] == sum(same)
        assert (behaviours[i] == 0) == all(reduced.words(k) is None for k in range(len(wanted)))


def bred(form: str) -> tuple[Any, ...]:
    """A generation of candidates from a few terms."""
    some = [words(t) for t in ("λa.λb.a b", "λx.λy.λz.x z (y z)", "λx.λy.x", "λf.λx.f (f x)")]
    code, starts, sizes = joined(some)
    count, most = 40, 24
    made, steps = fenced(count), fenced(count, np.int64)
    records, out = fenced(count * vary.RECORD), fenced(count * most)
    bits = vary.LEAST_BITS + vary.SIZES
    heads, table = enumerate_forms.counted(bits, bits)
    own, draft, linking = machine(60, most, 16), fenced(64), fenced(64)
    stack = fenced((bits + 2) * 4, np.int64)
    FORMS[form](vary.breed)(
        np.uint64(5), np.uint64(1), np.uint64(200), 0, count, code, starts, sizes,
        np.array([1, 2, 3], np.int32), True, np.array([0], np.int32), np.uint64(2),
        heads, table, np.zeros(bits + 1, np.int64), *NONE, 60, most, 16,
        out, 0, made, steps, records.reshape(-1, vary.RECORD), draft, stack.reshape(-1, 4),
        linking, *own,
    )  # fmt: skip
    assert intact(made, steps, records, out, own[0], own[3], draft, linking, stack)
    candidates = [out[i * most : i * most + made[i]].tobytes() for i in range(count)]
    return candidates, steps.tolist(), records.tolist()


def test_both_forms_of_breeding_breed_the_same() -> None:
    assert bred("python") == bred("compiled")


# -- searches ----------------------------------------------------------------


def bred_archive(
    shipped: ComponentLibrary, number: int = 9
) -> tuple[EvolutionarySearch, list[Component], list[Component]]:
    """A search that has bred for a while."""
    problem = parse_problem("succ")
    stock = shipped.without(np.array([], np.int32))
    pool = stock.pool(stock.dimensions[2], "uniform", number, 12)
    using = [stock.dimensions[2].operator]
    search = EvolutionarySearch(
        Examples.of(problem.pairs), SearchSettings(number, 1, "emotion", 2), using, pool
    )
    search.slice(EvaluationScratch(budgets(problem), 0), 1 << 16)
    return search, using, pool


def test_an_archive_holds_one_small_term_for_each_behaviour(shipped: ComponentLibrary) -> None:
    archive = bred_archive(shipped)[0].archive
    begun = len(archive.names)
    live = archive.live()
    bred_rows = live[live >= begun]
    behaviours = archive.column["behaviour"]
    assert len(np.unique(behaviours[bred_rows])) == len(bred_rows) > 20
    for row in range(begun, archive.rows):
        twins = live[behaviours[live] == behaviours[row]]
        assert archive.column["size"][twins].min() <= archive.column["size"][row]


def test_what_a_record_says_of_a_reaction_makes_the_term(shipped: ComponentLibrary) -> None:
    archive = bred_archive(shipped)[0].archive
    own = Evaluator(parse_problem("succ")).patient
    checked = 0
    for row in range(len(archive.names), archive.rows):
        how, op, a, b, *_ = archive.record(row).tolist()
        if how == vary.REACTION:
            made = apply(apply(archive.words(op), archive.words(a)), archive.words(b))
            found = normal_form(made, own)
            assert found is not None
            assert np.array_equal(found, archive.words(row))
            checked += 1
    assert checked > 20


def test_a_lineage_leads_from_the_candidate_to_blocks(shipped: ComponentLibrary) -> None:
    archive = bred_archive(shipped)[0].archive
    told = archive.told(archive.record(archive.rows - 1))
    assert told[0].startswith("it = ")
    for sentence in told[1:]:
        assert any(f"{sentence.partition(' = ')[0]}" in earlier for earlier in told)


def test_what_is_taken_over_keeps_the_lineage_of_where_it_came_from(
    shipped: ComponentLibrary,
) -> None:
    giver, using, pool = bred_archive(shipped)
    taker = BehaviourArchive(3, using, pool[:2])
    found = tried(
        Examples.of(parse_problem("succ").pairs),
        taker.begun,
        Evaluator(parse_problem("succ")).quick,
    )
    taker.begin(found.scores, found.behaviours)
    rows = [row for row in giver.archive.best(8) if row.row >= len(giver.archive.names)]
    given_ = tried(
        Examples.of(parse_problem("succ").pairs),
        [r.words for r in rows],
        Evaluator(parse_problem("succ")).quick,
    )
    before = taker.rows
    taker.take(rows, given_.scores, given_.behaviours)
    assert taker.rows > before
    assert any("#9." in sentence for sentence in taker.told(taker.record(before)))


def test_forms_come_in_order_of_size_and_name_their_blocks(shipped: ComponentLibrary) -> None:
    problem = parse_problem("sub")
    place = shipped.population.place_of(b"pred")
    assert place is not None
    search = FormEnumerator(
        Examples.of(problem.pairs), Sketch(2, enumerate_forms.FORM), [shipped.block(place)]
    )
    hits = search.slice(EvaluationScratch(budgets(problem), 0), 1 << 16).hits
    sizes = [int(hit.told()[0].partition(" of ")[2].split()[0]) for hit in hits]
    assert sizes == sorted(sizes)
    assert hits[0].told()[0].startswith("λλ0 pred 1: normal form ")


# -- syntheses ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["succ", "add", "mult", "swap", "not", "and", "or"])
def test_it_finds_what_the_shipped_log_must_find(name: str, shipped: ComponentLibrary) -> None:
    problem = parse_problem(name)
    lab = SearchPortfolio(problem, shipped, Settings(parallel=2))
    found = lab.run()
    assert found
    assert len({solution.words.tobytes() for solution in found}) == len(found)
    assert [s.order for s in found] == sorted(s.order for s in found)
    for solution in found:
        assert_solves(problem, solution.words)
        assert solution.made


def assert_solves(problem: Problem, candidate: Words) -> None:
    """That a term gives every output, by the reducer alone."""
    for pair in (*problem.pairs, *problem.held_back):
        applied = candidate
        for value in pair.inputs:
            applied = apply(applied, encoded(value))
        reduced = reduce_batch([applied], 100_000, 10_000, 4_000).words(0)
        assert reduced is not None
        assert np.array_equal(reduced, encoded(pair.output)), str(pair)


def test_it_finds_the_predecessor_without_any_block(shipped: ComponentLibrary) -> None:
    lab = SearchPortfolio(
        parse_problem("pred"), shipped, Settings(domains=1, parallel=1, budget=80_000_000)
    )
    [best, *_] = lab.run()
    assert format_term(best.words) == "λλλ2 (λλ0 (1 3)) (λ1) (λ0)"
    assert_solves(parse_problem("pred"), best.words)


def facts(lab: SearchPortfolio) -> str:
    """All that a laboratory answers, as text."""
    rows = [s.as_json() for s in lab.run()], [s.as_json() for s in lab.syntheses], lab.rounds
    return json.dumps(rows)


@pytest.mark.parametrize("name", ["xor", "half", "λx.?f (?g x)"])
def test_the_answer_does_not_depend_on_how_many_are_computed_at_a_time(
    name: str, shipped: ComponentLibrary
) -> None:
    one, five = (
        facts(SearchPortfolio(parse_problem(name), shipped, Settings(15, parallel, 3, 1 << 18)))
        for parallel in (1, 5)
    )
    assert one == five


def test_seeds_and_domains_are_different_searches(shipped: ComponentLibrary) -> None:
    other = stock_of(SHIPPED, 1)
    first = SearchPortfolio(parse_problem("half"), shipped, SMALL)
    second = SearchPortfolio(parse_problem("half"), other, Settings(6, 2, 1, 1 << 18))
    assert facts(first) != facts(second)
    kinds = {(s.way, s.dimension, s.stream) for s in _many(shipped, 50)}
    assert len(kinds) == 50


def _many(stock: ComponentLibrary, domains: int) -> list[Synthesis]:
    return SearchPortfolio(parse_problem("not"), stock, Settings(domains)).syntheses


def test_what_solves_it_already_is_no_building_block_unless_that_is_wanted(
    shipped: ComponentLibrary,
) -> None:
    lab = SearchPortfolio(parse_problem("pred"), shipped, SMALL)
    assert [name for _, name in lab.known] == ["pred"]
    lineages = [line for s in lab.syntheses for line in _names(s)]
    assert "pred" not in lineages
    knowing = SearchPortfolio(parse_problem("pred"), shipped, SMALL, known=True)
    assert knowing.run()


def _names(synthesis: Synthesis) -> list[str]:
    return (
        synthesis.search.archive.names if isinstance(synthesis.search, EvolutionarySearch) else []
    )


def test_what_fits_the_pairs_alone_is_refuted_by_those_held_back(shipped: ComponentLibrary) -> None:
    lab = SearchPortfolio(parse_problem("add: 2,3->5; 4,1->5"), shipped, Settings(parallel=2))
    found = lab.run()
    assert sum(s.refuted for s in lab.syntheses) > 0
    for solution in found:
        assert_solves(parse_problem("add"), solution.words)


def test_stopping_keeps_what_was_found(shipped: ComponentLibrary) -> None:
    lab = SearchPortfolio(parse_problem("mult"), shipped, SMALL)
    found = lab.run(lambda lab: lab.stop())
    assert lab.rounds == 1
    assert found


def test_every_stream_orders_every_pool(shipped: ComponentLibrary) -> None:
    for stream in STREAMS:
        for dimension in shipped.dimensions:
            pool = shipped.pool(dimension, stream, 4, 8)
            assert len({block.name for block in pool}) == 8


def test_a_log_without_automata_offers_its_terms_to_application(tmp_path: Path) -> None:
    world = world_of([term("I", "λx.x"), term("K", "λx.λy.x")], operator="λa.λb.a b")
    stock = ComponentLibrary.of(world, 0)
    assert [d.operator.name for d in stock.dimensions] == ["application"]
    assert SearchPortfolio(parse_problem("fst: (1,2)->1"), stock, SMALL).run()
    assert tmp_path.exists()


def test_the_baseline_finds_the_first_closed_term_that_solves_it() -> None:
    one, three = (enumerate_baseline(parse_problem("mult"), 100_000, threads) for threads in (1, 3))
    assert one.as_json() == three.as_json()
    assert one.solution is not None
    assert one.solution.bits == 19
    none = enumerate_baseline(parse_problem("pred"), 10_000, 2)
    assert (none.solution, none.candidates) == (None, 10_000)


# -- the command -------------------------------------------------------------


def invoke(*arguments: object) -> Result:
    """What the command does."""
    options = ["--domains", "6", "--parallel", "2", "--budget", "300000"]
    return CliRunner().invoke(command_line, ["synthesize", *map(str, arguments), *options])


def test_the_command_shows_solutions_lineage_syntheses_and_the_comparison() -> None:
    result = invoke(SHIPPED, "--problem", "mult", "--compare")
    assert result.exit_code == 0, result.output
    for part in ("already: B", "λλλ1 (2 0)", "lineage", "reactions", "enumeration", "held back"):
        assert part in result.stdout


def test_the_command_says_what_it_did_not_find() -> None:
    result = invoke(SHIPPED, "--problem", "factorial")
    assert result.exit_code == 0
    assert "not found within 300,000 beta steps a synthesis" in result.stdout


def test_a_json_answer_is_one_object_a_problem() -> None:
    result = invoke(SHIPPED, "--problem", "or", "--problem", "λx.?f x", "--compare", "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["solutions"][0]["nodes"] <= 7
    assert first["baseline"]["solution"]
    assert second["problem"] == "λx.?f x"


def test_objects_are_lines_that_an_inbox_takes() -> None:
    result = invoke(SHIPPED, "--problem", "swap", "--objects", "--solutions", 3)
    lines = result.stdout_bytes.splitlines()
    found, _, refused = admit(lines, "")
    assert len(found) == len(lines) == 3
    assert not refused
    assert all("term" in each.members for each in found)


@pytest.mark.parametrize("text", ["add: 1,1->3", "nothing-known", "1->"])
def test_a_wrong_problem_ends_with_one_line(text: str, tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [term("I", "λx.x")])
    result = CliRunner().invoke(command_line, ["synthesize", str(log), "--problem", text])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("objects", [[term("I", "λx.x")], [automaton("0")]])
def test_a_log_needs_terms_and_no_automata(objects: list[Members], tmp_path: Path) -> None:
    result = invoke(written(tmp_path / "log.jsonl", objects), "--problem", "fst")
    assert result.exit_code == (0 if objects[0]["type"] == "text" else 7), result.output


def test_it_works_on_a_real_log_of_others(shared_data: Path) -> None:
    result = invoke(shared_data / "automaton-kernel.jsonl", "--problem", "succ")
    assert result.exit_code == 0, result.output
    assert "λλλ2 1 (1 0)" in result.stdout
