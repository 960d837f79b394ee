"""The CUDA target against the CPU target, on whatever numba's CUDA is when it is imported.

In numba's simulator (test_cuda_simulator; a thread a thread, as plain Python) or
on a GPU (scripts/gpu_check). pytest does not collect this file by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import array_cases
import numba
import numpy as np
import pytest
from numba import types
from reductions import COMBINATORS, SUITES, all_closed
from strategies import published
from targets import Array, joined, machine

from automaton.backends import CpuBackend, attach, cuda, request
from automaton.backends.batch import BatchJob, CandidateBatch
from automaton.chemistry.competition import losers_to_remember
from automaton.chemistry.tick import compute_tick
from automaton.chemistry.tick_plan import plan_tick
from automaton.chemistry.world import World
from automaton.compute import capability, selftest
from automaton.errors import DeviceError
from automaton.format.options import Options
from automaton.log import AuditedLog, Log
from automaton.population import Population, Reactants, selection
from automaton.program import NamedTerm, selectors
from automaton.replay import MalformedLines
from automaton.replay.restore import genesis_world
from automaton.run import Run
from automaton.terms import encodings, notation
from automaton.terms.arrays import Words
from automaton.terms.packed import META, apply
from automaton.verify import VerifyRequest, verify
from kernels import cpu, philox
from kernels.chemistry import equal_reactions, react
from kernels.cuda import (
    arrays,
    calls,
    competition,
    compiler,
    kinds,
    loops,
    memory,
    pipeline,
    search_calls,
    snapshot,
)  # fmt: skip
from kernels.cuda.plan import Limits, Plan
from kernels.terms import church, embed, match, reduce

#: Hashes are modulo 2**64, of which the simulator's plain Python warns.
HASHING = pytest.mark.filterwarnings("ignore:overflow encountered")
SIZES = [0, 1, 31, 32, 33]
LIMITS = [Limits(1200, 128, 64), Limits(3, 9, 5), Limits(0, 3, 2), Limits(200, 7, 1)]

Columns = dict[str, Array]

typeof: Any = numba.typeof


@pytest.fixture(autouse=True)
def typed_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every launch is held against the kernel's signature, which the simulator ignores."""
    launch = loops.launch

    def checked(name: str, threads: int, stream: Any, *arguments: Any) -> None:
        wanted = loops.KERNELS[name].signature.args
        for k, (type_, argument) in enumerate(zip(wanted, arguments, strict=True)):
            found = typeof(getattr(argument, "_ary", argument))
            assert found in {type_, integer(type_)}, (name, k)
        assert threads % loops.WARP == 0
        assert threads < loops.BLOCK or threads % loops.BLOCK == 0
        launch(name, threads, stream, *arguments)

    for module in (pipeline, calls, search_calls, snapshot, kinds, competition):
        monkeypatch.setattr(module, "launch", checked)


def integer(type_: Any) -> Any:
    """What Python's integers are to numba, where an unsigned one is wanted."""
    return types.int64 if type_ == types.uint64 else type_


def test_the_simulator_is_on_where_it_was_asked_for() -> None:
    asked = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") != "0"
    assert asked == loops.SIMULATED


def lively(count: int) -> list[Words]:
    """Closed terms of every kind, those that make many steps among them."""
    pairs = [apply(f, a) for f in COMBINATORS for a in COMBINATORS]
    return (pairs[::3] + all_closed(16))[:count]


def empty_columns(count: int) -> Columns:
    return {name: np.full(count, 7, kind) for name, kind in calls.REDUCTION.items()}


def on_cpu(
    some: Sequence[Words], limits: Limits, free: Sequence[int] = ()
) -> tuple[Columns, Words]:
    """The CPU target's columns and normal forms, one behind the other."""
    code, starts, _ = joined(some)
    columns, out = empty_columns(len(some)), np.zeros(len(some) * limits.max_size, np.int32)
    scratch = machine(limits.max_steps, limits.max_size, limits.entries, limits.free)
    cpu.compiled(reduce.reduce_terms)(
        code, starts, np.array(free or [0] * len(some), np.int32), 0, len(some),
        limits.max_steps, limits.max_size, limits.max_depth, out, len(out),
        *columns.values(), *scratch,
    )  # fmt: skip
    return columns, out


def on_card(
    some: Sequence[Words], limits: Limits, free: Sequence[int] = (), **plan: Any
) -> tuple[Columns, Words]:
    """The same of the simulated card."""
    code, starts, _ = joined(some)
    columns, out = empty_columns(len(some)), np.zeros(len(some) * limits.max_size, np.int32)
    reducer = calls.Reducer(max(1, len(some)), limits, **plan)
    free_of = np.array(free or [0] * len(some), np.int32)
    used = reducer.reduce(code, starts.astype(np.int64), free_of, columns, out)
    assert used == columns["sizes"].sum()
    return columns, out


def equal(one: tuple[Columns, Words], other: tuple[Columns, Words]) -> None:
    for name, column in one[0].items():
        np.testing.assert_array_equal(column, other[0][name], name)
    used = one[0]["sizes"][one[0]["places"] >= 0].sum()  # what lies behind is scratch
    np.testing.assert_array_equal(one[1][:used], other[1][:used])


# -- reduce ------------------------------------------------------------------------


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("size", SIZES)
def test_a_batch_of_terms_has_the_answers_of_the_cpu(size: int, limits: Limits) -> None:
    some = lively(size)
    equal(on_card(some, limits), on_cpu(some, limits))


def test_chunks_and_the_room_for_gathering_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some, limits = lively(100), LIMITS[0]
    expected = on_cpu(some, limits)
    equal(on_card(some, limits, limit=32), expected)
    monkeypatch.setattr(pipeline, "CHUNK_ROWS", 10)
    equal(on_card(some, limits), expected)
    make = Plan.of

    def cramped(*given: Any) -> Plan:
        found = make(*given)
        return Plan(32, found.rows, limits.max_size)

    monkeypatch.setattr(Plan, "of", cramped)
    equal(on_card(some, limits), expected)


@pytest.mark.shared_data
def test_published_normal_forms_come_out(shared_data: Path) -> None:
    cases = [case for suite in SUITES for case in published(shared_data / "lambda", suite)]
    some = [case for case in cases if len(case.normal) <= 512][:200]
    limits = Limits(10_000, 512, 512, max(case.free for case in some))
    batch, free = [case.term for case in some], [case.free for case in some]
    columns, out = on_card(batch, limits, free)
    equal((columns, out), on_cpu(batch, limits, free))
    for i, case in enumerate(some):
        assert columns["outcomes"][i] == reduce.NORMAL, case.name
        begin = columns["places"][i]
        np.testing.assert_array_equal(out[begin : begin + columns["sizes"][i]], case.normal)
        assert case.steps in {None, columns["steps"][i]}, case.name


def test_the_self_test_of_doctor_agrees() -> None:
    assert selftest.compare("cpu", "cuda", 100) == selftest.SelfTest("cpu", "cuda", 100)


# -- react -------------------------------------------------------------------------


def job(size: int, operator: Words = encodings.APPLICATION, tick: int = 3) -> BatchJob:
    """A tick on a population of `size` terms; each third has the rule of another operator."""
    population = Population(max(1, size))
    population.fill(NamedTerm(b"t%d" % i, words, "text") for i, words in enumerate(lively(size)))
    rows = [population.add_operator(NamedTerm(b"", op, "")) for op in (operator, encodings.PAIR)]
    rules = np.full(max(1, size), -1, np.int32)
    rules[::3] = rows[1]
    places = population.choices()
    choice = Reactants(None, 0, rows[0], places, places[::2], rules if size > 1 else rules[:0])
    return BatchJob(population, choice, tick, philox.REACTANTS)


def answers(device: CpuBackend, job: BatchJob, slots: int) -> list[Any]:
    """Every column, and every normal form, of a batch."""
    batch = CandidateBatch(slots, device.options.max_size)
    device.react(job, batch)
    return told(batch)


def told(batch: CandidateBatch, *without: str) -> list[Any]:
    """The columns of a batch as they stand, and its normal forms."""
    names = [name for name in calls.REACTION if name not in {"results", *without}]
    slots = range(batch.slots)
    spans = [batch.word_span(s).tolist() if batch.results[s] >= 0 else None for s in slots]
    return [*(getattr(batch, name).tolist() for name in names), spans]


def card(
    options: Options, said: list[str] | None = None, size: int | None = None
) -> cuda.CudaBackend:
    say = capability.silent if said is None else said.append
    return cuda.CudaBackend(options, request.DeviceRequest("cuda", size, say), 1)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_a_batch_of_reactions_has_the_answers_of_the_cpu(
    size: int, copies: bool, grouped: bool
) -> None:
    options = Options(seed=(1 << 64) - 9, max_steps=150, max_size=60, max_depth=20, copies=copies)
    tick = job(size, tick=(1 << 40) + size)
    for slots in (1, 33):
        device = card(options)
        device.grouping.forced = grouped
        assert answers(device, tick, slots) == answers(CpuBackend(options, 1), tick, slots)


@pytest.mark.parametrize("kind", sorted(church.OPERATORS))
def test_reactions_on_numerals_have_the_answers_of_the_cpu(kind: int) -> None:
    population = Population(9)
    some = [*map(encodings.numeral, range(8)), encodings.TRUE]
    population.fill(NamedTerm(b"t%d" % i, words, "text") for i, words in enumerate(some))
    operator = population.add_operator(NamedTerm(b"", church.OPERATORS[kind], ""))
    places = population.choices()
    choice = Reactants(None, 0, operator, places, places, places[:0])
    for options in (Options(max_steps=60, max_size=30), Options(max_steps=7, max_size=30)):
        tick = BatchJob(population, choice, 5, philox.REACTANTS)
        assert answers(card(options), tick, 33) == answers(CpuBackend(options, 1), tick, 33)


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_reactions_of_given_rows_have_the_answers_of_the_cpu(size: int, copies: bool) -> None:
    options = Options(max_steps=150, max_size=60, max_depth=20, copies=copies)
    some = [*map(encodings.numeral, range(6)), *lively(30)]
    people = Population(len(some))
    people.fill(NamedTerm(b"t%d" % i, words, "text") for i, words in enumerate(some))
    kinds = [people.add_operator(NamedTerm(b"", op, "")) for op in church.OPERATORS.values()]
    draw = np.random.default_rng(size).integers
    for limits in (Limits(150, 60, 20), Limits(7, 60, 20), Limits(70, 5, 2)):
        given = {
            "places_a": draw(-1, len(some) // 2, size, dtype=np.int32),
            "places_b": draw(0, len(some) // 2, size, dtype=np.int32),
            "operators": draw(kinds[0] - 9, kinds[-1] + 1, size, dtype=np.int32),
        }
        budget = (options.copies, limits.max_steps, limits.max_size, limits.max_depth)
        found, expected = (empty_columns(size) for _ in range(2))
        for columns in (found, expected):
            columns["results"] = columns.pop("places")
        out, filled = (np.zeros(size * 60, np.int32) for _ in range(2))
        reactor = calls.Reactor(max(1, size), limits)
        facts = cuda._terms(people)
        reactor.run_proposed(facts, copies, options.input_limit, size, given | found, out)
        cpu.compiled(react.react_proposed)(
            0, size, *facts.values(), *budget, options.input_limit,
            *(expected[name] for name in ("outcomes", "steps", "sizes")), *given.values(),
            expected["results"], filled, 0,
            *machine(limits.max_steps, limits.max_size, limits.entries),
        )  # fmt: skip
        for columns in (found, expected):
            columns["places"] = columns.pop("results")
        equal((found, out), (expected, filled))


def test_a_device_computes_batch_after_batch_in_the_same_buffers() -> None:
    options = Options(max_steps=150, max_size=60)
    device = card(options, size=32)
    for size, slots in [(33, 80), (5, 80), (40, 20), (33, 80)]:
        assert answers(device, job(size), slots) == answers(
            CpuBackend(options, 1), job(size), slots
        )


SELECTORS = ["numeral", "term ~ '?x'", "term ~ 'λx.?f ?f'", "not numeral and term ~ 'λx.?f'"]


@pytest.mark.parametrize("text", SELECTORS)
def test_selectors_choose_on_the_card_what_they_choose_on_the_cpu(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[str] = []
    launch = loops.launch

    def counted(name: str, *rest: Any) -> None:
        launched.append(name)
        launch(name, *rest)

    monkeypatch.setattr(calls, "launch", counted)
    people, selector = job(33).population, selectors.parse_checked(text)
    expected = selection.select(people, selector)
    matcher = card(Options()).matcher
    assert selection.select(people, selector, matcher).tolist() == expected.tolist()
    assert not launched  # so few are the CPU's
    monkeypatch.setattr(cuda, "LEAST_ROWS", 1)
    assert selection.select(people, selector, matcher).tolist() == expected.tolist()
    assert launched or text == "numeral"  # a column of the population says which those are


def test_a_match_that_the_card_has_no_room_for_is_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cuda, "LEAST_ROWS", 1)
    monkeypatch.setattr(calls, "launch", refuse)
    people, selector = job(33).population, selectors.parse_checked("numeral or term ~ '?f ?g'")
    expected = selection.select(people, selector)
    chosen = selection.select(people, selector, card(Options()).matcher)
    assert chosen.tolist() == expected.tolist()


# -- memory ------------------------------------------------------------------------


def small_card(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """From now on no lane fits that has more than so many rows."""
    make = pipeline.Lane.__init__

    def refuse(self: Any, plan: Plan, limits: Limits) -> None:
        if plan.rows > rows:
            raise RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
        make(self, plan, limits)

    monkeypatch.setattr(pipeline.Lane, "__init__", refuse)


def test_out_of_memory_halves_the_batch_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    options, said = Options(max_steps=100, max_size=40), list[str]()
    small_card(monkeypatch, 60)
    device = card(options, said)
    for _ in range(2):
        assert answers(device, job(9), 200) == answers(CpuBackend(options, 1), job(9), 200)
    assert device.name == "cuda"
    assert said == ["the GPU ran out of memory; at most 50 reactions at a time from now on"]


def test_without_memory_for_a_warp_the_cpu_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    options, said = Options(max_steps=100, max_size=40), list[str]()
    small_card(monkeypatch, 20)
    device = card(options, said)
    for _ in range(2):
        assert answers(device, job(9), 100) == answers(CpuBackend(options, 1), job(9), 100)
    assert device.name == "cpu"
    assert said == ["the GPU is out of memory; this run goes on on the CPU"]


def test_budgets_that_no_memory_holds_are_for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    options, said = Options(max_steps=100, max_size=40), list[str]()
    monkeypatch.setattr(pipeline, "free_bytes", lambda: 200_000.0)
    assert answers(card(options, said), job(9), 40) == answers(CpuBackend(options, 1), job(9), 40)
    assert said == [
        "32 threads of 0.0 MB do not fit into 0 MB of the GPU's memory; this run goes on on the CPU"
    ]


def test_a_card_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class LostError(Exception):
        __module__ = "numba.cuda.cudadrv.driver"

    def lost(*_: object) -> None:
        raise LostError("[700] an illegal address")

    monkeypatch.setattr(pipeline, "launch", lost)
    monkeypatch.setattr(calls, "launch", lost)
    with pytest.raises(DeviceError, match=r"the GPU failed: \[700\] an illegal address; "):
        card(Options()).react(job(3), CandidateBatch(4, 256))


@pytest.mark.skipif(loops.SIMULATED, reason="CuPy needs a card")
def test_work_on_whole_arrays_has_its_answers_by_whatever_library_is_there() -> None:
    assert array_cases.answers(arrays.opened().xp) == array_cases.expected()


# -- a whole run -------------------------------------------------------------------


@pytest.mark.shared_data
@pytest.mark.parametrize("size", [None, 32])
def test_a_run_on_the_card_appends_the_bytes_of_a_run_on_the_cpu(
    shared_data: Path, tmp_path: Path, size: int | None
) -> None:
    digests = set()
    for device in ("cpu", "cuda"):
        log = tmp_path / f"{device}.jsonl"
        shutil.copy(shared_data / "automaton-kernel.jsonl", log)
        log.chmod(0o644)
        wanted = request.DeviceRequest("cuda" if device == "cuda" else "cpu", size)
        given = {"parallel": 40, "max_size": 60, "seed": 5}
        with Run(log, given, durability="off", wanted=wanted) as run:
            assert run.go(ticks=2, interval_ms=0).device == device
        digests.add(hashlib.sha256(log.read_bytes()).hexdigest())
    assert len(digests) == 1


# -- streams -------------------------------------------------------------------------

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"
STREAMS = "all"
RULES = [
    {"id": "wrap", "type": "rule", "pattern": "λx.?f", "replacement": "λx.λy.y ?f"},
    {"id": "v", "type": "veto", "match": "duplicate and size < 4"},
]


def proposed(device: CpuBackend, rounds: int, tick: int) -> list[Any]:
    """What streams propose in a tick of the shipped log's beginning, and what becomes of it."""
    with Log.open(SHIPPED, write=False) as log:
        world = genesis_world(log, device.options, MalformedLines())
    batch = device.batch(rounds * len(world.stream_names), len(world.stream_names))
    device.propose(
        BatchJob(world.population, plan_tick(world, tick), tick, philox.REACTANTS), batch
    )
    device.complete(batch)
    return told(batch, "salience")


def beginning(options: Options) -> World:
    """The snapshot that the shipped log begins with."""
    with Log.open(SHIPPED, write=False) as log:
        return genesis_world(log, options, MalformedLines())


def competed(device: CpuBackend, world: World, tick: int) -> list[Any]:
    """A tick's winners as lines and as columns, who is remembered of the others, then all slots."""
    space = attach(device, world)
    computed = compute_tick(world, space, tick)
    batch = space.batch
    winners = np.flatnonzero(batch.won)
    rounds = winners // batch.streams
    names = ("salience", "steps", "sizes", "places_a", "places_b", "operators", "words")
    won = [getattr(batch, name)[winners].tolist() for name in names]
    forms = [batch.word_span(int(slot)).tolist() for slot in winners]
    features = batch.features.reshape(-1, competition.FEATURES)[rounds].tolist()
    lost = losers_to_remember(device, world, tick, batch)
    kept = [(one.slot, one.words.tolist(), one.steps) for one in lost]
    second = batch.seconds[rounds]
    device.complete(batch)
    lines = b"".join(computed.winner_lines)
    facts = [winners.tolist(), *won, forms, features, second.tolist(), kept, batch.counts()]
    return [lines, *facts, *told(batch)]


@HASHING
@pytest.mark.parametrize("grouped", [False, True, None])
@pytest.mark.parametrize("rounds", [1, 9])
def test_who_wins_and_who_is_remembered_are_those_of_the_cpu(
    rounds: int, grouped: bool | None
) -> None:
    options = Options(streams=STREAMS, parallel=rounds, max_steps=150, max_size=60)
    world = beginning(options)
    device, other = card(options), CpuBackend(options, 1)
    device.grouping.forced = grouped
    for tick in (1, 2):
        assert competed(device, world, tick) == competed(other, world, tick)


def test_a_snapshot_on_the_card_is_the_hosts_after_every_change() -> None:
    draw = np.random.default_rng(8)
    groups = ((snapshot.TERMS, 40), (snapshot.FACTS, 30), (snapshot.SEEN, 64))
    columns: dict[str, Array] = {
        name: draw.integers(0, 2, count).astype(dtype) for group, count in groups
        for name, dtype in group.items()
    }  # fmt: skip
    stream = compiler.cuda.stream()
    there, code, end = snapshot.Snapshot(stream), np.arange(500, dtype=np.int32), 0
    for changed in (0, 1, 0, 3, 40, 2):
        for name, column in columns.items():
            rows = draw.integers(0, len(column), changed)
            column[rows] = draw.integers(0, 200, changed).astype(column.dtype)
            if name in snapshot.TERMS and changed == 3:  # a row more
                columns[name] = np.append(column, column[:1])
        end += 60
        code = code[::-1].copy() if changed == 2 else code  # moved together
        there.update(code, end, columns)
        assert there.image["code"].copy_to_host()[:end].tolist() == code[:end].tolist()
        for name, column in columns.items():
            assert there.image[name].copy_to_host().tolist() == column.tolist(), name


@HASHING
def test_equal_reactions_are_those_that_the_cpu_finds() -> None:
    population = job(33).population
    column, slots = population.column, 70
    draw = np.random.default_rng(4).integers
    drawn = [draw(0, 33, slots, dtype=np.int32) % 5 * k for k in (1, 3, 1)]
    drawn[0][::9] = -1
    for hashes in (column["hashes"], np.zeros_like(column["hashes"])):
        terms = {name: column[name] for name in ("start", "size")}
        terms |= {"code": population.code, "hashes": hashes}
        first, distinct = np.empty(slots, np.int32), np.empty(slots, np.int32)
        tables = [np.full(size, -1, np.int32) for size in (len(hashes), 256, 256)]
        count = cpu.compiled(equal_reactions.group)(
            slots, *(terms[name] for name in ("code", "start", "size", "hashes")), *drawn,
            np.uint64(2**64 - 1), slots, *tables, first, distinct,
        )  # fmt: skip
        found = kinds.Kinds(slots, compiler.cuda.stream())
        images = {name: compiler.cuda.to_device(array) for name, array in terms.items()}
        there = [compiler.cuda.to_device(array) for array in drawn]
        assert found.find(images, there, slots) == count
        assert found._column["first"].copy_to_host().tolist() == first.tolist()
        assert found.find(images, there, count - 1) == -1


@HASHING
@pytest.mark.parametrize("rounds", [1, 7])
def test_what_streams_propose_has_the_answers_of_the_cpu(rounds: int) -> None:
    options, said = Options(streams=STREAMS, max_steps=150, max_size=60), list[str]()
    device = card(options, said)
    for tick in (1, 2):
        assert proposed(device, rounds, tick) == proposed(CpuBackend(options, 1), rounds, tick)
    assert device.name == "cuda"
    assert not said


@HASHING
@pytest.mark.parametrize(
    ("rows", "end"),
    [(20, "at most 17 reactions at a time from now on"), (9, "goes on on the CPU")],
)
def test_out_of_memory_changes_nothing_of_what_streams_propose(
    rows: int, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, said = Options(streams=STREAMS, max_steps=150, max_size=60), list[str]()
    monkeypatch.setattr(cuda, "LEAST_BATCH", 16)
    small_card(monkeypatch, rows)
    device = card(options, said)
    for tick in (1, 2):
        assert proposed(device, 7, tick) == proposed(CpuBackend(options, 1), 7, tick)
    assert len(said) == 1
    assert said[0].endswith(end)


@HASHING
@pytest.mark.parametrize("size", [None, 32])
def test_a_run_with_streams_on_the_card_appends_the_bytes_of_one_on_the_cpu(
    tmp_path: Path, size: int | None
) -> None:
    files = []
    for device in ("cpu", "cuda"):
        log = tmp_path / f"{device}.jsonl"
        more = [json.dumps(rule, ensure_ascii=False).encode() + b"\n" for rule in RULES]
        log.write_bytes(SHIPPED.read_bytes() + b"".join(more))
        wanted = request.DeviceRequest("cuda" if device == "cuda" else "cpu", size)
        given = {"streams": STREAMS, "parallel": 12, "max_size": 60, "seed": 10}
        with Run(log, given, durability="off", wanted=wanted) as run:
            assert run.go(ticks=4, interval_ms=0).device == device
        files.append((log.read_bytes(), Path(f"{log}.archive").read_bytes()))
    assert files[0] == files[1]
    assert all(b'"parents":["%b' % operator in files[0][0] for operator in (b"wrap", b"reason:"))


@HASHING
def test_a_log_with_streams_is_verified_on_the_card(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(SHIPPED.read_bytes())
    with Run(log, {"streams": STREAMS, "parallel": 12, "max_size": 60}, durability="off") as run:
        run.go(ticks=3, interval_ms=0)
    devices: list[cuda.CudaBackend] = []

    def opened(options: Options) -> cuda.CudaBackend:
        devices.append(card(options))
        return devices[-1]

    with AuditedLog.open(log) as audit:
        verdict = verify(audit, VerifyRequest(replay="full"), open_device=opened)
    assert verdict.ok
    assert [device.name for device in devices] == ["cuda"]


# -- church ------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", sorted(church.OPERATORS))
def test_operators_on_numerals_have_the_answers_of_the_cpu(kind: int, size: int) -> None:
    limits, op = Limits(150, 40, 40), church.OPERATORS[kind]
    arity = 1 if kind == church.SUCCESSOR else 2
    code, starts, _ = joined([op, *map(encodings.numeral, range(6))])
    left = starts[1 + np.arange(size) % 6]
    right = starts[1 + np.arange(size) // 6 % 6]
    columns, out = empty_columns(size), np.zeros(size * 40, np.int32)
    calls.Reducer(max(1, size), limits).operate(code, 0, arity, left, right, columns, out)
    expected, filled = empty_columns(size), np.zeros(size * 40, np.int32)
    cpu.compiled(church.operate)(
        code, 0, arity, left, right, 0, size, 150, 40, 40, filled, len(filled),
        *expected.values(), *machine(150, 40, 40),
    )  # fmt: skip
    equal((columns, out), (expected, filled))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", sorted(church.OPERATORS))
def test_closed_forms_have_the_answers_of_the_cpu(kind: int, size: int) -> None:
    limits, nodes = Limits(150, 40, 40), len(church.OPERATORS[kind])
    ms = np.arange(size, dtype=np.int64) % 6
    ns = np.arange(size, dtype=np.int64) // 6 % 6
    columns, out = empty_columns(size), np.zeros(size * 40, np.int32)
    calls.church_reactions(kind, nodes, ms, ns, False, limits, 60, columns, out)
    expected, filled = empty_columns(size), np.zeros(size * 40, np.int32)
    cpu.compiled(church.church_reactions)(
        kind, nodes, ms, ns, 0, size, False, 150, 40, 40, 60, filled, 0, *expected.values()
    )
    equal((columns, out), (expected, filled))


COUNTS = [0, 1, 2, -1, 3, 1 << 31, 1 << 32, (1 << 63) - 1, -(1 << 63), 3037000499, 3037000500]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["add_counts", "mult_counts"])
def test_counts_have_the_answers_of_the_cpu(name: str, size: int) -> None:
    ms = np.array(COUNTS, np.int64)[np.arange(size) % len(COUNTS)]
    ns = np.array(COUNTS, np.int64)[np.arange(size) // len(COUNTS) % len(COUNTS)]
    found, expected = ((np.full(size, 7, np.int64), np.full(size, 7, np.uint8)) for _ in range(2))
    getattr(calls, name)(ms, ns, *found)
    cpu.compiled(getattr(church, name))(ms, ns, 0, size, *expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


# -- match, decode, embed ------------------------------------------------------------

PATTERNS = ["λx.x", "?f ?g", "λx.?f", "λx.λy.?f ?f", "(λx.?f) (λx.?g)", "λx.x ?f", "?f"]


def rows_of(size: int) -> tuple[Words, Array, Array, Array]:
    some = lively(size) if size else []
    some = [encodings.numeral(k) if k % 4 == 0 else words for k, words in enumerate(some)]
    code, starts, sizes = joined(some)
    return code, starts, sizes, np.arange(size, dtype=np.int32)[::-1].copy()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", PATTERNS)
def test_patterns_match_what_they_match_on_the_cpu(text: str, size: int) -> None:
    pattern = notation.parse(text, pattern=True)
    metas = len({word for word in pattern.tolist() if word & 3 == META})
    code, starts, _, rows = rows_of(size)
    found, expected = np.full(size, True), np.full(size, False)
    calls.match_terms(pattern, code, starts, rows, metas, found)
    bound = np.empty((2, metas), np.int64)
    cpu.compiled(match.match_terms)(pattern, code, starts, rows, expected, *bound)
    np.testing.assert_array_equal(found, expected)
    spans, known = (np.full((2, size, metas), 7, np.int64) for _ in range(2))
    calls.bind_terms(pattern, code, starts, rows, found, *spans)
    cpu.compiled(match.bind_terms)(pattern, code, starts, rows, expected, *known)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(spans, known)


@pytest.mark.parametrize("size", SIZES)
def test_numerals_are_written_as_on_the_cpu(size: int) -> None:
    ns = np.arange(size, dtype=np.int64)[::-1] * 7 % 19
    ends = np.cumsum(2 * ns + 3)
    found, expected = (np.full(int(ends[-1]) if size else 0, 7, np.int32) for _ in range(2))
    calls.encode_numerals(ns.copy(), ends - 2 * ns - 3, found)
    cpu.compiled(church.encode_numerals)(ns.copy(), ends - 2 * ns - 3, 0, size, expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", SIZES)
def test_numerals_are_found_and_decoded_as_on_the_cpu(size: int) -> None:
    code, starts, sizes, rows = rows_of(size)
    found, expected = np.full(size, True), np.full(size, False)
    calls.match_numerals(code, starts, sizes, rows, found)
    cpu.compiled(match.match_numerals)(code, starts, sizes, rows, expected)
    np.testing.assert_array_equal(found, expected)
    values, known = np.full(size, 7), np.full(size, 7)
    calls.decode_numerals(code, starts, sizes, values)
    cpu.compiled(church.decode_numerals)(code, starts, sizes, 0, size, known)
    np.testing.assert_array_equal(values, known)


@HASHING
@pytest.mark.parametrize("size", SIZES)
def test_vectors_are_those_of_the_cpu(size: int) -> None:
    code, starts, sizes, _ = rows_of(size)
    found, expected = (np.full((size, 256), 7, np.int16) for _ in range(2))
    calls.embed_terms(code, starts, sizes, found)
    shapes = np.empty(4 * int(sizes.max(initial=0)), np.uint64)
    sums = np.empty(256, np.int32)
    cpu.compiled(embed.embed_terms)(code, starts, sizes, 0, size, shapes, sums, expected)
    np.testing.assert_array_equal(found, expected)


# -- the shape of launches -----------------------------------------------------------


@pytest.mark.parametrize(
    ("threads", "expected"), [(32, 32), (33, 32), (96, 96), (127, 96), (128, 128), (300, 256)]
)
def test_threads_come_in_whole_blocks_or_in_whole_warps_of_one(threads: int, expected: int) -> None:
    assert pipeline.rounded(threads) == expected


def test_chunks_cover_a_batch_and_none_is_empty_or_too_large() -> None:
    for count, rows in [(0, 5), (1, 5), (5, 5), (6, 5), (100_000, 90_000), (1 << 20, 1 << 14)]:
        found = pipeline.chunks(count, rows)
        assert [k for low, high in found for k in (low, high)][1:-1] == [
            k for low, _ in found[1:] for k in (low, low)
        ]
        assert sum(high - low for low, high in found) == count
        assert all(0 < high - low <= rows for low, high in found)


def test_tiers_end_with_the_budget_and_rise_before_it() -> None:
    assert Limits(500, 1, 1).tiers() == [64, 500]
    assert Limits(100, 1, 1).tiers() == [100]
    assert Limits(1_000_000, 1, 1).tiers() == [64, 512, 4096, 32768, 262144, 1_000_000]


@pytest.mark.parametrize("bytes_", [1e6, 1e8, 1e9, 140e9])
@pytest.mark.parametrize("limits", [Limits(500, 256, 256), Limits(1_000_000, 65_536, 4096)])
def test_a_plan_stays_within_its_share_of_the_memory(bytes_: float, limits: Limits) -> None:
    make: Callable[[], Any] = lambda: Plan.of(bytes_, 132, 1 << 20, limits)  # noqa: E731
    try:
        plan = make()
    except memory.NoRoomError:
        return
    cells = limits.cells(limits.max_steps) + limits.entries
    rows = plan.rows * (limits.max_size * 4 + 32) + plan.packed * 4
    assert 2 * (plan.threads * cells * 16 + rows) <= bytes_ * 0.81
    assert plan.threads % 32 == 0
    assert plan.packed >= limits.max_size
