"""Many threads at once, switching as often as they can: nothing is lost, torn or different.

Small sizes: the same file runs on an interpreter without a global lock, where the
kernels may be plain Python (scripts/freethreaded).
"""

from __future__ import annotations

import json
import queue
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import engine_stages as own
import numpy as np
import pytest

from automaton.cycles import ParallelEngine, load_population, stages
from automaton.cycles.catalysts import ANY
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import Cycle, Graph, Stage, StageOutput, Values
from automaton.cycles.plan import FinishedCycle, Job, Plan
from automaton.cycles.results import to_text
from automaton.cycles.thread_executor import ThreadExecutor
from automaton.format import objects
from automaton.log.side_files.decision_log import DecisionLog, find, paths
from automaton.workers import Threads
from automaton.workers.sharding import ShardSizer
from kernels import cpu
from kernels.terms import packed

#: How often the engine is stopped, each time at another moment.
STOPS = 200
TERMS = ["λ0", "λλ1", "λλ0", "λλ1 (1 0)", "λλλ2 0 (1 0)", "λλλλ3 1 (2 1 0)", "λ0 0"]


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Threads are switched every few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> FrozenPopulation:
    """A branch of a few terms."""
    path = tmp_path_factory.mktemp("concurrency") / "log.jsonl"
    rows = [{"id": "a", "type": "automaton", "currentState": "addition", "dimensionalLevel": 0}]
    rows += [{"id": f"t{k}", "type": "term", "term": term} for k, term in enumerate(TERMS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_population(path)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cycles that plain Python computes in milliseconds."""
    for name, value in {"PARTNERS": 3, "PROBES": 2, "SCORED": 2, "RECOMPUTED": 1}.items():
        monkeypatch.setattr(stages, name, value)


def at_once(count: int, work: Callable[[int], None]) -> None:
    """Run work(k) on so many threads, which begin together; the first error is raised."""
    gate, errors = threading.Barrier(count), list[BaseException]()

    def one(k: int) -> None:
        gate.wait()
        try:
            work(k)
        except BaseException as error:  # noqa: BLE001  # of a thread: raised below
            errors.append(error)

    threads = [threading.Thread(target=one, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def yields(cycle: Cycle, of: Values) -> Any:
    """The standard stage, small, giving way at random points around it."""
    draw = random.Random(cycle.seed)  # of the test alone
    for _ in range(draw.randrange(4)):
        time.sleep(0)
    built = stages.build(cycle, of, reactions=4)
    for _ in range(draw.randrange(4)):
        time.sleep(0)
    return built


def advise_and_yield(cycle: Cycle, of: Values) -> StageOutput:
    """A blocking stage beside the others."""
    time.sleep(0)
    return own.advise(cycle, of)


RACING = Graph(
    (
        *(stage for stage in stages.STANDARD.stages if stage.name != "build"),
        Stage("ask", own.nap, ("analyze",)),
        Stage("advise", advise_and_yield, ("analyze",), waits=True),
        Stage("build", yields, ("analyze", "architect", "mentor", "advise", "ask")),
    )
)


def test_cycles_that_race_come_to_what_they_come_to_alone(branch: FrozenPopulation) -> None:
    settings: dict[str, Any] = {"graph": RACING, "branch": branch, "sequential": 0.0}
    alone = ParallelEngine("no", 1, "serial", **settings).run(40)
    raced = ParallelEngine("no", 40, "thread", workers=12, **settings).run(40)
    assert [to_text(r) for r in raced.results] == [to_text(r) for r in alone.results]
    assert raced.report.failed == 0


def test_five_hundred_cycles_are_each_over_once(branch: FrozenPopulation) -> None:
    settings: dict[str, Any] = {"branch": branch, "sequential": 0.0, "workers": 16}
    for graph in (own.EMPTY, own.NAP, own.BLOCK, own.FAILS):
        ran = ParallelEngine("no", 100, graph=graph, **settings).run(500)
        assert [result.seed for result in ran.results] == list(range(500))


def test_decisions_of_a_hundred_threads_are_all_there_whole_and_once(tmp_path: Path) -> None:
    log, each = DecisionLog(tmp_path / "log"), 200

    def write(k: int) -> None:
        for n in range(each):
            name = f"cycle:0.{k * each + n}"
            ticket = log.append([f'{{"id":"{name}"}}\n'.encode()], [name.encode()])
            if n % 64 == 0:
                log.wait(ticket)

    at_once(100, write)
    log.close()
    lines = paths(tmp_path / "log")[0].read_bytes().splitlines()
    counted = Counter(json.loads(line)["id"] for line in lines)
    assert counted == {f"cycle:0.{k}": 1 for k in range(100 * each)}
    assert len(list(find(tmp_path / "log", b"cycle:0.777"))) == 1


STOPPED = Graph(
    (
        Stage("first", own.nap),
        Stage("second", advise_and_yield, waits=True),
        *(Stage(f"more{k}", advise_and_yield, (("first", "second")[k % 2],)) for k in range(4)),
        *(Stage(f"last{k}", own.nap, ("second",)) for k in range(4)),
        *(Stage(f"wait{k}", advise_and_yield, ("first",), waits=True) for k in range(4)),
    ),
    "first",
)


def test_stopping_at_any_moment_keeps_what_is_finished_and_raises_nothing(
    branch: FrozenPopulation,
) -> None:
    draw = random.Random(22)
    jobs = [Job(k, k, ANY) for k in range(24)]
    plan = Plan.of(branch, STOPPED, [ANY])
    for _ in range(STOPS):
        over: queue.SimpleQueue[FinishedCycle] = queue.SimpleQueue()
        flight = ThreadExecutor(plan, iter(jobs), over.put, workers=4, most=16)
        flight.prepare()
        flight.start()
        enough = draw.randrange(12)
        while over.qsize() < enough:
            time.sleep(0)
        for _ in range(draw.randrange(200)):
            time.sleep(0)
        flight.close()
        numbers = [over.get().number for _ in range(over.qsize())]
        assert len(numbers) >= enough
        assert len(numbers) == len(set(numbers))


def test_two_engines_may_share_a_branch(branch: FrozenPopulation) -> None:
    found: dict[int, list[str]] = {}

    def work(k: int) -> None:
        own_engine = ParallelEngine("no", 8, graph=RACING, branch=branch, sequential=0.0, workers=4)
        found[k] = [to_text(result) for result in own_engine.run(6).results]

    at_once(4, work)
    assert len(found) == 4
    assert all(results == found[0] for results in found.values())


def test_shards_on_many_threads_fill_every_slot_once() -> None:
    pool = Threads(12, lambda: None, ShardSizer())
    filled = np.zeros(4096, dtype=np.int64)

    def shard(low: int, high: int, _: object) -> int:
        for slot in range(low, high):
            filled[slot] += 1
        return high - low

    parts = pool.run(shard, len(filled), size=16)
    pool.close()
    assert (filled == 1).all()
    assert sum(part.result for part in parts) == len(filled)


def test_lines_are_read_the_same_where_orjson_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped = (Path(__file__).resolve().parents[2] / "automaton.jsonl").read_bytes().splitlines()
    odd = [b'{"a":1e400}', b'{"a":NaN}', b'{"a":123456789012345678901234567890}', b"[1]", b"{",
           b'{"a":"\\ud800"}', b'{"a":1,"a":2}', b'{"a":0.1,"b":-0.0,"c":1e-7}', b'{"a":"\xff"}',
           b'{"a":18446744073709551615}', b'{"a":01}', b'{"a":1}x']  # fmt: skip
    before = [objects.parse_line(line) for line in [*shipped, *odd]]
    monkeypatch.setattr(objects, "_fast", None)
    after = [objects.parse_line(line) for line in [*shipped, *odd]]
    kept = [one for one in before if isinstance(one, objects.Object)]
    assert kept == [one for one in after if isinstance(one, objects.Object)]
    assert [type(one) for one in before] == [type(one) for one in after]


def test_kernels_asked_for_by_many_threads_at_once_answer_the_same() -> None:
    words = np.array([1, 1, 0], dtype=np.int32)
    found: list[int] = []
    cpu.compiled.cache_clear()
    at_once(8, lambda _: found.append(int(cpu.compiled(packed.term_hash)(words, 0, 3))))
    assert len(set(found)) == 1
