"""A run's memory: nothing blocks, every term is counted once, and commands answer on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from automaton.cli import command_line
from automaton.errors import DeviceError, LockedError
from automaton.log import Log
from automaton.log.side_files.archive import Archive
from automaton.run import Run
from automaton.terms import notation
from automaton.terms.arrays import Words
from automaton.terms.encodings import numeral
from automaton.vector_store import DecayRule, VectorFeed, index_rebuild, open_store
from automaton.vector_store.feed import WAITING
from automaton.vector_store.indexer import MOST_NODES, Indexer, TermBatch
from automaton.vector_store.store import hashes, together
from automaton.vector_store.worker import LONGEST

pytest.importorskip("qdrant_edge")
ROOT = Path(__file__).resolve().parents[2]
LOST = numeral(31)
NEVER_ENDING = 1e9  # terms a second: the rate bounds nothing


class Clock:
    """Seconds as a test says them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of some ticks, with an archive beside it, indexed."""
    path = tmp_path_factory.mktemp("ran") / "log.jsonl"
    shutil.copyfile(ROOT / "automaton.jsonl", path)
    with Run(path, {"parallel": 16}, durability="off") as run:
        for _ in range(30):
            run.step()
    with Log.open(path, write=False) as log:
        put = Archive(log)
        put.append(2, log.chain_at(2), [lost_term(99, LOST)], 1)
        put.append(999, bytes(32), [lost_term(7, numeral(77))], 1)  # a tick that the log has not
        put.close()
    assert invoke("memory", "reindex", path).exit_code == 0
    return path


def lost_term(slot: int, words: Words) -> bytes:
    """A candidate as it stands in an archive (docs of `kernels.text.archive_codec`)."""
    head = np.array([slot, 0, 1, len(words)], dtype="<i4").tobytes()
    tags = {1: b"\0", 2: b"\1"}  # a lambda, an application; else a variable
    return head + b"".join(tags.get(w & 3) or bytes([2 + (w >> 2)]) for w in words.tolist())


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def numerals(count: int, first: int = 0) -> tuple[Any, Any, Any, Any]:
    """Slots and terms as `offer` takes them."""
    return np.arange(count), *together(numeral(first + k) for k in range(count))


def held(log: Path) -> dict[int, dict[str, Any]]:
    """The payloads of the first hundred numerals that are in a log's memory."""
    with open_store(log) as store:
        return store.known(hashes(*numerals(100)[1:]))


def balanced(report: dict[str, Any]) -> bool:
    parts = ("over_rate", "no_room", "large", "full", "lost")
    assert report["not_indexed"] == sum(report[part] for part in parts)
    ends = ("indexed", "known", "waiting", "not_indexed")
    return bool(report["offered"] == sum(report[end] for end in ends))


def test_what_is_offered_is_indexed_with_what_is_said_of_it(log: Path) -> None:
    with VectorFeed.open(
        log, prefix="a", streams=["reason", "anchor"], rate=NEVER_ENDING
    ) as memory:
        slots, *terms = numerals(3)
        memory.offer(
            7, slots + 40, *terms, levels=np.array([3, 4, 5]), streams=np.array([0, 1, 0]),
            won=np.array([True, False, False]),
        )  # fmt: skip
        assert memory.flush()
        assert memory.report()["durable"] == 3
    rows = {row["id"]: row for row in held(log).values()}
    assert set(rows) == {"am7.40", "am7.41", "am7.42"}
    assert rows["am7.41"] == {
        "id": "am7.41", "term": "λλ1 0", "dimension": 4, "stream": "anchor", "tick": 7,
        "won": False, "strength": DecayRule().delta, "since": 0, "until": 8,
    }  # fmt: skip


def test_every_offered_term_ends_in_exactly_one_count(log: Path) -> None:
    clock = Clock()
    with VectorFeed.open(log, rate=10, most=12, clock=clock) as memory:
        for tick in range(1, 5):
            slots, code, starts, sizes = numerals(8, first=2 * tick)
            memory.offer(tick, slots, code, starts, sizes)
            clock.now += 0.4
        memory.offer(5, np.array([0]), *together([numeral(MOST_NODES)]))
        assert memory.flush()
        report = memory.report()
    assert balanced(report)
    assert report["offered"] == 33
    assert report["over_rate"] > 0
    assert (report["large"], report["items"]) == (1, report["indexed"])
    assert report["known"] > 0
    assert report["failure"] == ""


def test_the_rate_bounds_what_is_taken_and_takes_evenly_from_what_is_offered(log: Path) -> None:
    clock = Clock()
    with VectorFeed.open(log, rate=5, clock=clock) as memory:
        assert memory.offer(1, *numerals(20)) == 5
        assert memory.offer(2, *numerals(20)) == 0
        clock.now = 0.4
        assert memory.offer(3, *numerals(20)) == 2
        clock.now = 1000.0
        assert memory.offer(4, *numerals(50, first=30)) == 5  # no more than a second's worth
        assert memory.flush()
    ids = {row["id"] for row in held(log).values()}
    assert {"m1.0", "m1.4", "m1.8", "m1.12", "m1.16"} <= ids


def test_a_full_queue_is_counted_and_waited_for_by_nobody(log: Path) -> None:
    with VectorFeed.open(log, rate=NEVER_ENDING) as memory:
        os.kill(memory._child.pid, signal.SIGSTOP)
        try:
            slots, *terms = numerals(100)
            for tick in range(WAITING // 100 + 2):
                memory.offer(tick, slots, *terms)
            report = memory.report()
        finally:
            os.kill(memory._child.pid, signal.SIGCONT)
        assert report["waiting"] == WAITING
        assert report["no_room"] == report["offered"] - WAITING
        assert memory.flush()
        assert balanced(memory.report())
        assert memory.report()["waiting"] == 0


def test_a_memory_whose_process_is_killed_says_so_and_the_loop_goes_on(log: Path) -> None:
    memory = VectorFeed.open(log, rate=NEVER_ENDING)
    memory.offer(1, *numerals(10))
    assert memory.flush()
    os.kill(memory._child.pid, signal.SIGKILL)
    memory._child.process.wait()
    memory.offer(2, *numerals(10, first=10))
    assert not memory.flush()
    memory.offer(3, *numerals(10, first=20))
    report = memory.close()
    assert "memory reindex" in report["failure"]
    assert (report["indexed"], report["lost"]) == (10, 20)
    assert balanced(report)
    assert len(held(log)) == 10


def test_a_term_that_wins_again_gains_strength_at_the_end_of_the_period(log: Path) -> None:
    rule = DecayRule(every=10, delta=100, decay=50)
    with VectorFeed.open(log, rate=NEVER_ENDING, rule=rule) as memory:
        memory.offer(1, *numerals(4), won=True)
        memory.offer(5, *numerals(2), won=True)  # two of them again, in period 0
        memory.offer(6, *numerals(1), won=False)  # losing is no use
        memory.offer(12, *numerals(1), won=True)
        memory.offer(19, *numerals(1), won=True)
        memory.offer(20, *numerals(1, first=50), won=True)  # period 1 ends
        assert memory.flush()
        report = memory.report()
    strengths = [row["strength"] for row in sorted(held(log).values(), key=lambda row: row["id"])]
    # period 0: 100, two of them 200; period 1: two uses of the first
    assert sorted(strengths) == [100, 100, 100, 200, 400]
    assert report["strengthened"] == 3
    assert report["pruned"] == 0


def test_what_is_not_used_is_pruned_when_nothing_is_left(log: Path) -> None:
    rule = DecayRule(every=10, delta=100, decay=50)
    with VectorFeed.open(log, rate=NEVER_ENDING, rule=rule) as memory:
        memory.offer(1, *numerals(5), won=True)
        memory.offer(2, *numerals(1), won=True)
        memory.offer(31, *numerals(1, first=50))  # periods 1 and 2 have passed
        assert memory.flush()
        report = memory.report()
    assert (report["pruned"], report["items"]) == (4, 2)
    assert {row["strength"] for row in held(log).values()} == {100, 200}


def test_a_run_beside_an_open_memory_is_told_who_has_it(log: Path) -> None:
    with open_store(log), pytest.raises(LockedError, match="open in another process"):
        VectorFeed.open(log)


def test_a_server_that_is_not_there_is_an_error_when_the_run_begins(log: Path) -> None:
    with pytest.raises(DeviceError, match=r"127\.0\.0\.1:9"):
        VectorFeed.open(log, url="http://127.0.0.1:9")


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(0, 2**60))
def test_a_batch_is_read_from_its_message_as_it_was(values: list[int], tick: int) -> None:
    code, _, sizes = together(numeral(n) for n in values)
    count = len(values)
    batch = TermBatch(
        np.full(count, tick), np.arange(count), sizes.astype(np.int32),
        np.arange(count, dtype=np.int32), code, np.zeros(count, np.uint8), np.ones(count, np.uint8),
    )  # fmt: skip
    again = TermBatch.unpacked(batch.packed())
    for name in TermBatch._fields:
        one, other = getattr(batch, name), getattr(again, name)
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()


def test_terms_of_the_largest_size_fit_a_message(log: Path) -> None:
    large: list[Words] = [numeral((MOST_NODES - 3) // 2 - k) for k in range(5)]
    assert 4 * MOST_NODES < LONGEST
    with VectorFeed.open(log, rate=NEVER_ENDING) as memory:
        assert memory.offer(1, np.arange(5), *together(large)) == 5
        assert memory.flush()
        assert memory.report()["indexed"] == 5


def test_a_run_that_offers_everything_remembers_what_reindexing_finds(tmp_path: Path) -> None:
    slots, *terms = numerals(60)
    paths = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    with VectorFeed.open(paths[0], rate=NEVER_ENDING) as memory:
        for tick in (1, 2):
            memory.offer(tick, slots, *terms)
        assert memory.flush()  # closing waits some seconds and no longer
    entries = [
        index_rebuild.Entry(tick, k, 0, "", False, numeral(k)) for tick in (1, 2) for k in range(60)
    ]
    with open_store(paths[1]) as store:
        learned = index_rebuild.reindex(store, "", entries, 0)
        assert (learned.rows, learned.indexed, learned.known) == (120, 60, 60)
    assert held(paths[0]) == held(paths[1])


def test_an_index_is_built_once_enough_has_none(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automaton.vector_store.indexer.UNINDEXED", 20)
    built: list[int] = []
    with open_store(log) as store:
        monkeypatch.setattr(store, "optimize", lambda: built.append(store.count()))
        learner = Indexer(store, "", [""], DecayRule(), clock=Clock())
        for first in range(0, 60, 10):
            slots, code, _, sizes = numerals(10, first)
            zeros = np.zeros(10, np.uint8)
            learner.learn(
                TermBatch(
                    slots, slots, sizes.astype(np.int32), slots.astype(np.int32), code, zeros, zeros
                )
            )
            learner.rest()
    assert built == [20, 40, 60]


# Commands.


def test_recall_prints_likeness_id_tick_stream_and_term(ran: Path) -> None:
    [line] = invoke("recall", ran, notation.format_term(LOST), "-k", 1).stdout.splitlines()
    assert line.split("  ") == ["1.000000", "m2.99", "tick 2", "-", notation.format_term(LOST)]


@pytest.mark.parametrize(
    "text", ["λf.λx.f (f x)", r"\f x.f (f x)", "λλ1 (1 0)", "0000011100111010"]
)
def test_a_term_is_understood_in_any_notation(ran: Path, text: str) -> None:
    found = [json.loads(line) for line in invoke("recall", ran, text, "--json").stdout.splitlines()]
    assert len(found) == 10
    likenesses = [row["likeness"] for row in found]
    assert likenesses == sorted(likenesses, reverse=True)
    assert found[0]["term"] == "λλ1 (1 0)"
    assert likenesses[0] == pytest.approx(1)


def test_recall_narrows_by_dimension_stream_and_ticks(ran: Path) -> None:
    def of(*options: object) -> list[dict[str, Any]]:
        lines = invoke("recall", ran, "λx.x", "-k", 50, "--json", *options).stdout.splitlines()
        return [json.loads(line) for line in lines]

    assert {row["tick"] for row in of("--from", 3, "--to", 5)} == {3, 4, 5}
    assert {row["stream"] for row in of("--stream", "")} == {""}
    level = of()[0]["dimension"]
    assert {row["dimension"] for row in of("--dimension", level)} == {level}
    nothing = invoke("recall", ran, "λx.x", "--stream", "nobody")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "nothing like that" in nothing.stderr


def test_what_is_recalled_gains_strength(ran: Path) -> None:
    strengths = [
        json.loads(invoke("recall", ran, notation.format_term(LOST), "-k", 1, "--json").stdout)[
            "strength"
        ]
        for _ in range(2)
    ]
    assert strengths[1] == strengths[0] + DecayRule().delta


def test_reindexing_again_changes_nothing_and_says_what_there_was(ran: Path) -> None:
    before = json.loads(invoke("memory", "stats", ran, "--json").stdout)["items"]
    facts = json.loads(invoke("memory", "reindex", ran, "--json").stdout)
    assert (facts["indexed"], facts["known"]) == (0, facts["terms"])
    assert (facts["items"], facts["archive_ticks"]) == (before, 1)


def test_the_archive_of_a_run_with_streams_is_remembered_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    shutil.copyfile(ROOT / "automaton.jsonl", path)
    with Run(path, {"parallel": 16, "streams": "anchor,reason"}, durability="off") as run:
        for _ in range(5):
            run.step()
    with Log.open(path, write=False) as log:
        put = Archive(log)
        put.append(5, log.chain_at(5), [lost_term(33, LOST)], 1)  # odd: of the second stream
        put.close()
    facts = json.loads(invoke("memory", "reindex", path, "--json").stdout)
    assert facts["archive_ticks"] >= 1
    found = json.loads(
        invoke("recall", path, notation.format_term(LOST), "--json").stdout.splitlines()[0]
    )
    assert (found["id"], found["stream"], found["won"]) == ("m5.33", "reason", False)


def test_a_log_without_a_memory_is_told_how_to_get_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    shutil.copyfile(ROOT / "automaton.jsonl", path)
    for arguments in (["recall", path, "λx.x"], ["memory", "stats", path]):
        refused = invoke(*arguments)
        assert refused.exit_code == 4
        assert "memory reindex" in refused.stderr
    assert not path.with_name("log.jsonl.memory").exists()


@pytest.mark.parametrize("term", ["x", "λx.", "0", "0101"])
def test_what_is_no_closed_term_is_refused(ran: Path, term: str) -> None:
    refused = invoke("recall", ran, term)
    assert (refused.exit_code, refused.stdout) == (2, "")


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Every child that a test starts has ended with it."""
    yield
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    assert not children.exists() or not children.read_text().split()


def test_terms_of_a_store_read_back_as_what_they_are(ran: Path) -> None:
    with open_store(ran) as store:
        hits = store.recall(np.ones(256, dtype=np.int16), 100)
    for hit in hits:
        assert hashes(*together([notation.parse(hit.payload["term"])])) == [hit.id]
