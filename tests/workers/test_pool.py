"""One contract, bound to every engine: what is computed never depends on who computes it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pool_tasks as tasks
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import commits_in, rich, written

from automaton.errors import WorkerError
from automaton.run import Run
from automaton.workers import Pool, Threads, open_pool
from automaton.workers.autoscale_policy import ScalingOptions
from automaton.workers.processes import ATTEMPTS, WORTH_STARTING, ProcessPool
from automaton.workers.sharding import (
    LEAST_SECONDS,
    SHARD_SLOTS,
    TIMED_ONCE_IN,
    ScratchFactory,
    ShardSizer,
    ShardTask,
    spans,
)
from automaton.workers.shared_memory import SPARE, MappedArena, SharedArena
from automaton.workers.spawn import die_with
from automaton.workers.threads import Serial
from automaton.workers.worker import function_by_name, function_name

HOME = Path(tasks.__file__).parent
RECIPE = ScratchFactory(tasks.scratch, (4,))
SLOTS = 100
Say = Callable[[str], None]
ENGINES: dict[str, Callable[[Say], Pool]] = {
    "serial": lambda _say: Serial(RECIPE),
    "thread": lambda _say: Threads(3, RECIPE),
    "process": lambda say: ProcessPool(2, RECIPE, say=say),
}


@pytest.fixture
def said() -> list[str]:
    """What a pool said."""
    return []


@pytest.fixture(params=ENGINES)
def pool(request: pytest.FixtureRequest, said: list[str]) -> Iterator[Pool]:
    """A pool of each engine."""
    made = ENGINES[request.param](said.append)
    yield made
    made.close()


@pytest.fixture
def processes(said: list[str]) -> Iterator[ProcessPool]:
    """Two worker processes, and nobody beside them: their shards may kill."""
    made = ProcessPool(2, RECIPE, say=said.append, helping=False)
    yield made
    made.close()


def squares(pool: Pool, slots: int = SLOTS, size: int | None = 7) -> Any:
    """The squares of some numbers, and what the shards returned."""
    numbers = np.arange(slots, dtype=np.int64)
    out = pool.allocate(slots, np.int64)
    parts = pool.run(ShardTask(tasks.square, (numbers, out, 3)), slots, size)
    return out.tolist(), parts


# -- every engine ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 1, 7, SLOTS, SLOTS + 1])
def test_every_slot_is_computed_once_and_results_come_in_order(
    pool: Pool, size: int | None
) -> None:
    out, parts = squares(pool, size=size)
    assert out == [3 * n * n for n in range(SLOTS)]
    assert [part.low for part in parts] == [0, *(part.high for part in parts[:-1])]
    assert parts[-1].high == SLOTS
    assert [part.result for part in parts] == [sum(range(p.low, p.high)) for p in parts]


def test_no_slots_are_no_error(pool: Pool) -> None:
    assert squares(pool, slots=0)[0] == []


def test_workers_come_and_go(pool: Pool) -> None:
    for count in (3, 1, 2):
        pool.resize(count)
        assert squares(pool)[0] == [3 * n * n for n in range(SLOTS)]


def test_read_only_and_empty_arrays_arrive_as_they_are(pool: Pool) -> None:
    out = pool.allocate(2, np.int64)
    frozen = np.frombuffer(bytes(1 << 17), dtype=np.uint8)
    for _ in range(2):
        pool.run(ShardTask(tasks.describe, (frozen, np.empty(0, dtype=np.int32), out)), 1, 1)
        assert out.tolist() == [0, 0]  # not writeable, of length 0


def test_many_arrays_larger_than_the_mail_arrive(pool: Pool) -> None:
    arrays = [np.full(30_000, k, dtype=np.int64) for k in range(6)]
    out = pool.allocate(6, np.int64)
    pool.run(ShardTask(tasks.firsts, (out, *arrays)), 6, 6)
    assert out.tolist() == list(range(6))


def test_an_engine_is_opened_by_its_name(said: list[str]) -> None:
    for name in ENGINES:
        opened = open_pool(name, 1, RECIPE, ShardSizer(), said.append)
        assert opened.engine == name
        opened.close()


@pytest.mark.parametrize("name", ["serial", "thread"])
def test_an_exception_of_a_shard_is_raised_here_by_threads(name: str) -> None:
    pool = ENGINES[name](print)
    with pytest.raises(ZeroDivisionError):
        pool.run(ShardTask(tasks.fail, ()), SLOTS, 10)
    pool.close()


# -- workers that die --------------------------------------------------------------------


def gone(pid: int) -> bool:
    """Whether a process is no more, or a zombie that only waits for its parent."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def killed(pid: int) -> None:
    """Kill a child and wait until it is dead; its parent still has to find out."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_a_worker_killed_between_batches_is_replaced(
    processes: ProcessPool, said: list[str]
) -> None:
    squares(processes)
    killed(processes.pids[0])
    assert squares(processes)[0] == [3 * n * n for n in range(SLOTS)]
    assert processes.replaced == 1
    assert len(said) == 1
    assert "killed by SIGKILL" in said[0]


@pytest.mark.parametrize("how", ["kill", "raise", "hang"])
def test_a_worker_lost_at_a_shard_is_replaced_and_the_shard_computed_again(
    tmp_path: Path, said: list[str], how: str
) -> None:
    deadline = 1.0 if how == "hang" else 60.0
    pool = ProcessPool(2, RECIPE, say=said.append, deadline=deadline, helping=False)
    squares(pool)  # both have started: a deadline is for shards here
    out = pool.allocate(SLOTS, np.int64)
    letters = np.frombuffer(bytes(tmp_path / "once"), dtype=np.uint8)
    call = ShardTask(tasks.die_once, (letters, 40, list(tasks.WAYS).index(how), out))
    parts = pool.run(call, SLOTS, 10)
    pool.close()
    assert out.tolist() == list(range(SLOTS))
    assert len(parts) == 10
    assert pool.replaced == 1
    assert len(said) == 1
    assert "slots 40 to 49" in said[0]
    assert {"kill": "SIGKILL", "raise": "ValueError: as asked", "hang": "in time"}[how] in said[0]


def test_a_shard_that_kills_again_and_again_ends_the_batch_by_its_name(
    processes: ProcessPool, said: list[str]
) -> None:
    with pytest.raises(WorkerError, match=r"slots 0 to 9 of fail \(shard 0 of 1\)"):
        processes.run(ShardTask(tasks.fail, ()), 10, 10)
    assert processes.replaced == ATTEMPTS == len(said)
    assert squares(processes)[0] == [3 * n * n for n in range(SLOTS)]


def test_workers_that_never_start_are_an_error(said: list[str]) -> None:
    pool = ProcessPool(1, ScratchFactory(tasks.no_scratch, ()), say=said.append, helping=False)
    with pytest.raises(WorkerError, match="do not start"):
        squares(pool)
    pool.close()


def test_whoever_asks_computes_while_workers_are_not_ready(said: list[str]) -> None:
    pool = ProcessPool(2, ScratchFactory(tasks.scratch_of, (os.getpid(),)), say=said.append)
    assert squares(pool)[0] == [3 * n * n for n in range(SLOTS)]
    assert len(pool.pids) == 2
    assert pool.active == 0
    pool.close()
    assert all(map(gone, pool.pids))


def test_whoever_asks_computes_no_shard_that_has_cost_a_worker(said: list[str]) -> None:
    pool = ProcessPool(1, RECIPE, say=said.append, helping=False)
    squares(pool)  # it is ready
    pool.helping = True
    out = pool.allocate(SLOTS, np.int64)
    with pytest.raises(WorkerError, match="slots 0 to 9 of deadly"):
        pool.run(ShardTask(tasks.deadly, (0, out)), SLOTS, 10)
    assert out[10:].tolist() == list(range(10, SLOTS))
    assert pool.replaced == ATTEMPTS
    assert squares(pool)[0] == [3 * n * n for n in range(SLOTS)]
    pool.close()


def test_workers_start_once_batches_have_been_worth_sharing() -> None:
    pool = ProcessPool(1, RECIPE)
    squares(pool, size=None)
    assert pool.pids == []  # small: nothing to share
    call = ShardTask(tasks.busy, (round(WORTH_STARTING * 0.6e9),))  # for each of two shards
    for _ in range(2):  # the second finds that the first was
        shards = pool.run(call, 2 * SHARD_SLOTS)
    assert len(shards) > 1
    assert len(pool.pids) == 1
    pool.close()


def test_a_run_whose_workers_cannot_start_goes_on_and_says_so(said: list[str]) -> None:
    pool = ProcessPool(1, ScratchFactory(tasks.scratch_of_parent, (os.getpid(),)), say=said.append)
    while "do not start" not in "".join(said):
        assert squares(pool)[0] == [3 * n * n for n in range(SLOTS)]
    assert squares(pool)[0] == [3 * n * n for n in range(SLOTS)]
    assert "--engine thread needs none" in said[-1]
    assert len(said) == ATTEMPTS
    pool.close()


def test_no_worker_and_no_descriptor_outlives_its_pool() -> None:
    squares(first := ProcessPool(1, RECIPE))
    first.close()
    del first
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    pool = ProcessPool(2, RECIPE)
    squares(pool)
    pids = pool.pids
    pool.close()
    del pool
    gc.collect()
    assert all(map(gone, pids))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_forgotten_pool_ends_its_workers() -> None:
    squares(pool := ProcessPool(1, RECIPE))
    pids = pool.pids
    assert len(pids) == 1
    del pool
    gc.collect()
    assert all(map(gone, pids))


PARENT = """
import sys
sys.path[:0] = sys.argv[1:]
import pool_tasks as tasks
from automaton.workers.sharding import ScratchFactory
from automaton.workers.processes import ProcessPool
pool = ProcessPool(2, ScratchFactory(tasks.scratch, (4,)))
import test_pool
test_pool.squares(pool)
print(*pool.pids, flush=True)
sys.stdin.read(1)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None])
def test_no_worker_outlives_its_parent_however_it_ends(number: signal.Signals | None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(HOME), str(Path(__file__).parent)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        workers = [psutil.Process(pid) for pid in pids]
        assert len(workers) == 2
        if number is None:
            parent.communicate(b"x")
        else:
            parent.send_signal(number)
        parent.wait()
        _, alive = psutil.wait_procs(workers, timeout=60)
    assert [worker for worker in alive if not gone(worker.pid)] == []


def test_a_worker_leaves_at_once_when_its_parent_is_already_gone() -> None:
    code = "from automaton.workers.spawn import die_with; print(die_with(1 << 30))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"False\n"


# -- whole runs --------------------------------------------------------------------------


def ran_with(path: Path, scaling: ScalingOptions, ticks: int = 6) -> tuple[bytes, Run]:
    """The bytes after some ticks of a fresh log, and the run."""
    written(path, rich())
    with Run(path, {"parallel": 50, "seed": 7}, durability="off", scaling=scaling) as run:
        run.go(ticks=ticks, interval_ms=0)
    return path.read_bytes(), run


@pytest.mark.parametrize(
    ("engine", "workers", "size"),
    [("serial", 1, 7), ("thread", 3, 1), ("thread", 2, None), ("process", 1, 9),
     ("process", 2, 13), ("process", 3, 1), ("process", 5, 16), ("process", 2, None)],
)  # fmt: skip
def test_the_same_bytes_come_from_every_engine_and_any_shards(
    tmp_path: Path, engine: Any, workers: int, size: int | None
) -> None:
    expected, _ = ran_with(tmp_path / "a.jsonl", ScalingOptions("serial"))
    scaling = ScalingOptions(engine, workers, auto_scale=False, execution_batch_size=size)
    found_bytes, run = ran_with(tmp_path / "b.jsonl", scaling)
    assert found_bytes == expected
    assert run.device.pool.count == (1 if engine == "serial" else workers)


def test_a_run_whose_workers_are_killed_has_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = ran_with(tmp_path / "a.jsonl", ScalingOptions("serial"))
    step = Run.step

    def deadly(run: Run) -> None:
        assert isinstance(run.pool, ProcessPool)
        killed(run.pool.pids[run.tick % 2])
        step(run)

    monkeypatch.setattr(Run, "step", deadly)
    scaling = ScalingOptions("process", 2, auto_scale=False, execution_batch_size=7)
    found_bytes, run = ran_with(tmp_path / "b.jsonl", scaling)
    assert found_bytes == expected
    assert run.device.pool.replaced == 6
    assert len(commits_in(tmp_path / "b.jsonl")) == 6


# -- dealing -----------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(1, 1200))
def test_spans_cover_all_slots_without_a_gap(count: int, size: int) -> None:
    found_spans = spans(count, size)
    assert found_spans[0][0] == 0
    assert found_spans[-1][1] == count
    assert all(a[1] == b[0] and a[1] - a[0] == size for a, b in pairwise(found_spans))


@given(st.integers(1, 1 << 20), st.integers(1, 64), st.floats(1e-9, 1.0), st.integers(1, 1 << 20))
def test_sizes_are_powers_of_two_or_all_or_the_largest_allowed(
    count: int, workers: int, seconds: float, largest: int
) -> None:
    dealer = ShardSizer()
    dealer.learn("f", count, [seconds])
    size = dealer.size("f", count, workers)
    assert size == count or size & (size - 1) == 0
    assert ShardSizer(largest).size("f", count, workers) <= largest


def test_slow_slots_are_dealt_in_smaller_shards_and_cheap_ones_stay_together() -> None:
    dealer = ShardSizer()
    assert dealer.size("f", 64, 2) == 64
    dealer.learn("f", 64, [64 * LEAST_SECONDS])
    assert dealer.size("f", 64, 2) == 8
    assert dealer.size("other", 64, 2) == 64


def test_small_batches_are_timed_now_and_then_and_others_always() -> None:
    dealer = ShardSizer()
    assert dealer.times("f", 64)  # nothing is known of it
    dealer.learn("f", 64, [LEAST_SECONDS / 100])
    asked = [dealer.times("f", 64) for _ in range(3 * TIMED_ONCE_IN)]
    assert sum(asked) == 3
    assert all(dealer.times("f", 64 * 100) for _ in range(TIMED_ONCE_IN))


def test_uneven_shards_are_dealt_finer() -> None:
    dealer = ShardSizer()
    size = dealer.size("f", 1 << 16, 2)
    dealer.learn("f", 1 << 16, [0.1, *[0.01] * 7])
    assert dealer.size("f", 1 << 16, 2) == size // 2


# -- shared memory -----------------------------------------------------------------------


def test_a_block_is_free_for_the_next_array_once_its_last_view_is_gone() -> None:
    memory = SharedArena()
    array = memory.array(1000, np.int32)
    view = array[500:]
    number = memory.reference(array)[0]
    del array
    assert memory.reference(view)[:3] == (number, 2000, 500)
    assert memory.reference(memory.array(1000, np.int32))[0] != number
    del view
    gc.collect()
    again = memory.array(900, np.int32), memory.array(900, np.int32)
    assert number in {memory.reference(array)[0] for array in again}


@pytest.mark.parametrize("length", [1000, 1 << 26])
def test_few_blocks_wait_for_another_array_and_no_large_ones(length: int) -> None:
    memory = SharedArena()
    before = set(memory.blocks)
    gc.collect()  # what earlier tests left closes its descriptors now
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    arrays = [memory.array(length, np.uint8) for _ in range(SPARE + 2)]
    del arrays
    gc.collect()
    kept = SPARE if length == 1000 else 0
    assert len(set(memory.blocks) - before) == kept
    opened = len(list(Path("/proc/self/fd").iterdir())) - descriptors
    assert opened == 2 * kept  # ours and the map's


def test_what_one_side_writes_the_other_reads() -> None:
    memory, mapped = SharedArena(), MappedArena()
    array = memory.array(10, np.int64)
    reference = memory.reference(array[2:])
    block = memory.blocks[reference[0]]
    mapped.take(block.number, block.length, os.dup(block.descriptor))
    array[:] = range(10)
    there = mapped.array(reference)
    assert there.tolist() == list(range(2, 10))
    there[0] = 99
    assert array[2] == 99
    del there
    mapped.drop(block.number)


def test_functions_are_found_by_the_name_they_are_told_by() -> None:
    assert function_by_name(function_name(spans)) is spans
    assert function_by_name(function_name(die_with)) is die_with
