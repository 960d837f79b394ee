"""What every engine of the memory does: one suite, bound to each of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from automaton.compute import embeddings
from automaton.errors import DeviceError, FileError, LockedError, UsageError
from automaton.terms import notation
from automaton.terms.arrays import Words
from automaton.vector_store import DecayRule, Filter, Store, folder, most_like, open_store
from automaton.vector_store.decay import ONE
from automaton.vector_store.engine import ALL, Ids, Payload
from automaton.vector_store.store import hashes, together
from kernels.checks import KernelArgumentError

URL = "AUTOMATON_QDRANT_URL"


def embedded(folder: Path) -> Store:
    pytest.importorskip("qdrant_edge")
    return open_store(folder / "log.jsonl")


def imitated(folder: Path) -> Store:
    """The client's own imitation of a server: its answers, not its durability."""
    pytest.importorskip("qdrant_client")
    return open_store(folder / "log.jsonl", ":memory:")


def in_shards(folder: Path) -> Store:
    """Three of them as one memory."""
    pytest.importorskip("qdrant_client")
    return open_store(folder / "log.jsonl", ":memory:, :memory:,:memory:")


def served(folder: Path) -> Store:
    pytest.importorskip("qdrant_client")
    if URL not in os.environ:
        pytest.skip(f"{URL} names no Qdrant server")
    return open_store(folder / "log.jsonl", os.environ[URL])


@pytest.fixture(params=[embedded, imitated, in_shards, served])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Callable[[Path], Store] = request.param
    with opened(tmp_path) as kept:
        yield kept
        if request.param is served:
            engine: Any = kept.engine
            engine._client.delete_collection(engine._collection)


def random_terms(count: int, seed: int, nodes: int = 24) -> list[Words]:
    """Different closed terms of so many nodes."""
    random = np.random.default_rng(seed)
    found: dict[bytes, Words] = {}
    while len(found) < count:
        words: list[int] = []
        pending = [(nodes, 0)]
        while pending:
            size, depth = pending.pop()
            if size == 1:
                words.append(int(random.integers(depth)) << 2)
            elif size == 2 or not depth or random.random() < 0.4:
                words.append(1)
                pending.append((size - 1, depth + 1))
            else:
                left = int(random.integers(1, size - 1))
                words.append((1 + left) << 2 | 2)
                pending += [(size - 1 - left, depth), (left, depth)]
        term = np.array(words, dtype=np.int32)
        found[term.tobytes()] = term
    return list(found.values())


def payloads(terms: list[Words]) -> list[Payload]:
    """Ticks 0, 1, ..., dimensions and streams in turn."""
    return [
        {
            "id": f"m{k}.0", "term": notation.format_term(words), "dimension": k % 8,
            "stream": ("reason", "anchor")[k % 2], "tick": k, "won": False,
            "strength": 8192, "since": 0, "until": 8,
        }
        for k, words in enumerate(terms)
    ]  # fmt: skip


def filled(store: Store, terms: list[Words]) -> tuple[Ids, npt.NDArray[np.int16]]:
    packed = together(terms)
    ids, counts = hashes(*packed), embeddings.embed(*packed)
    store.upsert(ids, counts, payloads(terms))
    return ids, counts


def test_what_was_put_in_is_counted_and_found_by_its_vector(store: Store) -> None:
    ids, counts = filled(store, random_terms(50, 1))
    assert store.count() == 50
    for k in range(0, 50, 10):
        [hit] = store.recall(counts[k], 1)
        assert (hit.id, hit.payload["tick"]) == (int(ids[k]), k)
        assert hit.score == pytest.approx(1, abs=1e-3)


def test_counts_and_their_unit_vectors_find_the_same(store: Store) -> None:
    _, counts = filled(store, random_terms(50, 2))
    by_counts = [hit.id for hit in store.recall(counts[7], 5)]
    assert by_counts == [hit.id for hit in store.recall(embeddings.units(counts)[7], 5)]


def test_the_same_id_put_in_again_takes_the_place_of_the_first(store: Store) -> None:
    terms = random_terms(20, 3)
    ids, counts = filled(store, terms)
    store.upsert(ids[:1], counts[1:2], [{**payloads(terms)[0], "tick": 99}])
    assert store.count() == 20
    assert store.known(ids[:1])[int(ids[0])]["tick"] == 99


@pytest.mark.parametrize(
    ("where", "ticks"),
    [
        (Filter(dimension=3), range(3, 40, 8)),
        (Filter(stream="anchor"), range(1, 40, 2)),
        (Filter(first=10, last=12), range(10, 13)),
        (Filter(first=38), range(38, 40)),
        (Filter(last=1), range(2)),
        (Filter(dimension=1, stream="anchor", first=9, last=17), (9, 17)),
        (Filter(stream="nobody"), ()),
        (ALL, range(40)),
    ],
)
def test_filters_mean_exactly_what_they_say(store: Store, where: Filter, ticks: range) -> None:
    _, counts = filled(store, random_terms(40, 4))
    found = store.recall(counts[0], 40, where)
    assert sorted(hit.payload["tick"] for hit in found) == list(ticks)
    assert store.count(where) == len(ticks)


def test_deleted_items_are_gone_and_unknown_ids_are_no_error(store: Store) -> None:
    ids, counts = filled(store, random_terms(30, 5))
    store.delete(np.append(ids[:10], np.uint64(12345)))
    assert store.count() == 20
    assert int(ids[0]) not in {hit.id for hit in store.recall(counts[0], 30)}
    assert set(store.known(ids)) == set(ids[10:].tolist())


def test_used_items_gain_strength_and_others_are_pruned_when_nothing_is_left(store: Store) -> None:
    ids, _ = filled(store, random_terms(30, 6))
    rule = DecayRule(delta=8192, decay=1024)
    used = {int(ids[0]): 1, int(ids[1]): 3, 777: 5}
    assert store.strengthen(used, 5, rule) == 2
    rows = store.known(ids)
    # 4 unused periods of 1024 before period 5, then a use or three
    assert rows[int(ids[0])]["strength"] == 8192 - 4 * 1024 + 8192
    assert rows[int(ids[1])]["strength"] == 8192 - 4 * 1024 + 3 * 8192
    assert rows[int(ids[2])]["strength"] == 8192
    assert store.prune(7) == 0
    assert store.prune(8) == 28
    assert set(store.known(ids)) == {int(ids[0]), int(ids[1])}
    assert store.prune(5 + 12) == 1
    assert store.count() == 1


def test_enough_uses_make_strength_1_and_no_more(store: Store) -> None:
    ids, _ = filled(store, random_terms(3, 7))
    store.strengthen({int(ids[0]): 10**6}, 1, DecayRule())
    assert store.known(ids)[int(ids[0])]["strength"] == ONE


def test_an_empty_batch_and_an_empty_store_are_no_error(store: Store) -> None:
    none = np.empty(0, dtype=np.uint64)
    store.upsert(none, np.empty((0, 256), dtype=np.int16), [])
    store.delete(none)
    assert store.strengthen({}, 1, DecayRule()) == 0
    assert (store.count(), store.known(none), store.prune(10**6)) == (0, {}, 0)
    assert store.recall(np.ones(256, dtype=np.int16), 5) == []


def row(value: float, dtype: type = np.float32, width: int = 256) -> npt.NDArray[Any]:
    return np.full((1, width), value, dtype=dtype)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (row(0, np.int16), "zero"),
        (row(0), "zero"),
        (row(np.nan), "NaN"),
        (row(np.inf), "NaN or infinity"),
        (row(1), "length 1"),
        (row(1 / 16, np.float64), "float32"),
        (row(1, np.int16, 255), "255 dimensions"),
        (row(1 / 16, np.float32, 257), "257 dimensions"),
        ([[1] * 256], "numpy array"),
    ],
)
def test_what_is_no_vector_is_refused_at_the_door_by_name(
    store: Store, rows: Any, reason: str
) -> None:
    one = np.array([1], dtype=np.uint64)
    with pytest.raises(KernelArgumentError, match=reason) as refused:
        store.upsert(one, rows, [{}])
    assert refused.value.argument == "vectors"
    with pytest.raises(KernelArgumentError, match=reason) as refused:
        store.recall(rows[0], 1)
    assert refused.value.argument == "vector"
    assert store.count() == 0


def test_ids_and_payloads_that_do_not_fit_the_vectors_are_refused(store: Store) -> None:
    two = np.array([1, 1], dtype=np.uint64)
    ones = np.ones((2, 256), dtype=np.int16)
    cases: list[tuple[Any, list[Payload], str]] = [
        (two, [{}, {}], "ids"),
        (two[:1], [{}], "vectors"),
        (np.array([1, 2], dtype=np.uint64), [{}], "payloads"),
        (np.array([1, 2]), [{}, {}], "ids"),
    ]
    for ids, given, argument in cases:
        with pytest.raises(KernelArgumentError) as refused:
            store.upsert(ids, ones, given)
        assert refused.value.argument == argument
    with pytest.raises(KernelArgumentError, match="k:"):
        store.recall(ones[0], 0)


def test_likeness_is_the_cosine_of_exact_counts_the_greatest_first(store: Store) -> None:
    terms = random_terms(60, 8)
    _, counts = filled(store, terms)
    rows = counts.astype(np.float64)
    cosines = rows @ rows[9] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[9])
    found = most_like(store, terms[9], 60)
    assert [row.cosine for row in found] == pytest.approx(
        np.sort(cosines)[::-1].tolist(), abs=1e-12
    )
    assert found[0].payload["term"] == notation.format_term(terms[9])
    assert found[0].cosine == pytest.approx(1)


def planted(count: int) -> tuple[list[Words], list[Words]]:
    """Terms, and for each a neighbour: the same under one more lambda."""
    terms = random_terms(count, 9, 40)
    return terms, [np.concatenate([np.ones(1, np.int32), words]) for words in terms]


def test_planted_neighbours_are_recalled_and_shuffled_controls_are_not(store: Store) -> None:
    terms, neighbours = planted(1500)
    ids, _ = filled(store, terms)
    store.optimize()
    asked = embeddings.embed(*together(neighbours[:300]))
    random = np.random.default_rng(10)
    shuffled = random.permuted(asked, axis=1)
    found, by_chance = (
        np.mean([int(ids[k]) in {hit.id for hit in store.recall(row, 1)} for k, row in pairs])
        for pairs in (list(enumerate(asked)), list(enumerate(shuffled)))
    )
    assert found >= 0.99
    assert by_chance <= 0.01  # 1 in 1,500; 3 of 300 are 15 standard deviations above


# The embedded engine: a folder, a lock, a process that dies.


def test_a_closed_store_holds_the_same_when_it_is_opened_again(tmp_path: Path) -> None:
    terms = random_terms(100, 11)
    with embedded(tmp_path) as store:
        ids, counts = filled(store, terms)
    with embedded(tmp_path) as store:
        assert store.count() == 100
        assert store.known(ids) == dict(zip(ids.tolist(), payloads(terms), strict=True))
        assert store.recall(counts[5], 1)[0].id == int(ids[5])


#: Puts batches in and flushes each; says how many items are acknowledged; never ends.
CHILD = """
import sys
from pathlib import Path
import numpy as np
from automaton.vector_store import open_store
store = open_store(Path(sys.argv[1]))
rows = np.random.default_rng(1).integers(-9, 9, (500, 256)).astype(np.int16)
rows[:, 0] = 1
done = store.count()
while True:
    ids = np.arange(done, done + 500, dtype=np.uint64)
    store.upsert(ids, rows, [{"tick": int(i)} for i in ids])
    if sys.argv[2] == "optimize" and done % 2000 == 0:
        store.optimize()
    store.flush()
    done += 500
    print(done, flush=True)
    store.upsert(ids + 10**6, rows, [{"tick": -1}] * 500)  # never acknowledged
"""


@pytest.mark.parametrize(("how", "batches"), [("flush", 3), ("flush", 7), ("optimize", 6)])
def test_what_was_acknowledged_survives_a_process_that_is_killed(
    tmp_path: Path, how: str, batches: int
) -> None:
    pytest.importorskip("qdrant_edge")
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-c", CHILD, str(log), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(batches)][-1]
        child.kill()
    with open_store(log) as store:
        ids = np.arange(acknowledged, dtype=np.uint64)
        assert acknowledged == 500 * batches
        assert {key: row["tick"] for key, row in store.known(ids).items()} == {
            int(k): int(k) for k in ids
        }
        rows = np.random.default_rng(1).integers(-9, 9, (500, 256)).astype(np.int16)
        rows[:, 0] = 1
        for k in range(0, 500, 100):  # rows come again in every batch: some item with this vector
            assert store.recall(rows[k], 1, exact=True)[0].score == pytest.approx(1, abs=1e-3)


def test_a_folder_that_is_open_is_refused_until_it_is_closed(tmp_path: Path) -> None:
    with embedded(tmp_path), pytest.raises(LockedError, match="open in another process"):
        open_store(tmp_path / "log.jsonl")
    open_store(tmp_path / "log.jsonl").close()


def test_a_damaged_folder_is_an_error_that_says_how_to_make_it_anew(tmp_path: Path) -> None:
    with embedded(tmp_path) as store:
        filled(store, random_terms(10, 12))
    (folder(tmp_path / "log.jsonl") / "shard" / "edge_config.json").write_text("{")
    for _ in range(2):  # and the lock is not left behind
        with pytest.raises(FileError, match="memory reindex"):
            open_store(tmp_path / "log.jsonl")


# Without the packages, without a server.


@pytest.mark.parametrize("url", [None, ":memory:"])
def test_without_its_package_an_engine_says_what_installs_it(
    tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("qdrant_edge", "qdrant_client"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DeviceError, match=r"pip install 'automaton-scalable\[memory\]'"):
        open_store(tmp_path / "log.jsonl", url)


def test_a_server_that_is_not_there_is_named_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("qdrant_client")
    with pytest.raises(DeviceError, match=r"http://127\.0\.0\.1:9") as error:
        open_store(tmp_path / "log.jsonl", "http://127.0.0.1:9")
    assert "\n" not in str(error.value)


def test_an_address_without_a_protocol_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("qdrant_client")
    with pytest.raises(UsageError, match="http://host:6333"):
        open_store(tmp_path / "log.jsonl", "localhost:6333")
