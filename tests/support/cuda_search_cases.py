"""Literals and the nearest vectors on the CUDA target against the CPU target; see cuda_cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cuda_cases import SIZES, typed_launches
from targets import Array

from automaton.analysis import query_columns
from automaton.compute import church, dispatch, embeddings, matching
from automaton.compute.budgets import Budgets
from kernels.cuda import calls, loops, memory, pipeline, search_calls, search_loops
from kernels.search import nearest
from kernels.search.literal_tables import Grams, Triples, prepared

assert typed_launches is not None  # a fixture of every test here too

LINES = [
    b"", b"abcabcab", b"the term of n 12", b"x", b"aab", b"\xff\xfe\x00",
    b"a longer line with term of",
]  # fmt: skip


def text_of(size: int) -> tuple[Array, Array]:
    """So many strings, empty ones among them."""
    lines = [LINES[k % len(LINES)] for k in range(size)]
    edges = np.cumsum([0, *map(len, lines)], dtype=np.int64)
    return np.frombuffer(b"".join(lines), np.uint8), edges


def words(count: int) -> list[bytes]:
    """Patterns of 1 to 9 bytes that overlap and repeat."""
    data = b"abcabcab the term of n 12 longer line with"
    return [data[k * 7 % 30 :][: 1 + k % 9] for k in range(count)]


SETS = [
    [b"a"], [b"ab", b"b"], [b"term of n"], words(5), words(40), [*words(60), b"no such bytes"],
    [b"abcabcab"] * 2 + [b"abcabcab%d" % k for k in range(30)] + [b"x" * 40],
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow encountered")  # hashes are modulo 2**64
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("patterns", SETS)
def test_literals_are_found_as_on_the_cpu(patterns: list[bytes], size: int) -> None:
    buffer, offsets = text_of(size)
    tables = prepared(patterns, buffer)
    expected = matching.find(tables, buffer, offsets)
    bits, counts = np.full_like(expected.bits, 7), np.full(len(patterns), 7)
    search_calls.find_literals(tables, buffer, offsets, bits, counts)
    np.testing.assert_array_equal(bits, expected.bits)
    np.testing.assert_array_equal(counts, expected.counts)


def test_the_sets_of_patterns_have_groups_of_both_kinds() -> None:
    groups = [group for patterns in SETS for group in prepared(patterns).groups]
    assert {type(group) for group in groups} == {Triples, Grams}
    assert {g.table.shape[0] > 0 for g in groups if isinstance(g, Grams)} == {True}


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_table_of_bits_serves_as_one_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernels.search.literal_tables.FEW_GRAMS", 1)
    test_literals_are_found_as_on_the_cpu(SETS[5], 33)
    monkeypatch.setattr(search_calls, "TEXT", 200)  # and pieces of some strings as all at once
    test_literals_are_found_as_on_the_cpu(SETS[5], 33)


def test_pieces_cover_all_strings_and_fit_the_room() -> None:
    _, offsets = text_of(100)
    for room in (1e9, 120.0, 400.0):
        parts = search_calls.pieces(offsets, 2, room)
        assert [low for low, _ in parts] == [0, *(high for _, high in parts)][:-1]
        assert parts[-1][1] == 100
        for low, high in parts:
            assert offsets[high] - offsets[low] + 24 * (high - low) <= room
    with pytest.raises(MemoryError):
        search_calls.pieces(offsets, 2, 20.0)


def matrix(rows: int, dimensions: int, kind: Any, high: int, seed: int) -> Array:
    found = np.random.default_rng(seed).integers(-high, high, (rows, dimensions), endpoint=True)
    found[:, 0] |= 1  # none is zero
    found[rows // 2 :][: rows // 4] = found[: rows // 4]  # equals, for ties
    return found.astype(kind)


@pytest.mark.parametrize(
    ("kind", "high", "metric"),
    [
        (np.int8, 3, embeddings.COSINE),
        (np.int16, 32767, embeddings.COSINE),
        (np.int16, 9, embeddings.DOT),
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_the_nearest_are_those_of_the_cpu(size: int, kind: Any, high: int, metric: str) -> None:
    stored = embeddings.NearestIndex(matrix(size, 17, kind, high, 1))
    for count, k in [(size, 7), (1, 40)]:
        queries = matrix(count, 17, kind, high, 2)
        expected = stored.nearest(queries, k, metric)
        norms = (queries.astype(np.int64) ** 2).sum(axis=1)
        if not size or not count:
            continue  # nothing to launch
        searcher = search_calls.Searcher(stored.vectors, stored.norms)
        parts = searcher.nearest(queries, norms, k, metric == embeddings.COSINE)
        assert len(parts) == 1
        np.testing.assert_array_equal(parts[0][1], expected.rows)
        np.testing.assert_array_equal(parts[0][0], expected.dots)


def test_ranges_segments_and_blocks_of_queries_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = embeddings.NearestIndex(matrix(90, 5, np.int16, 2, 1))
    queries = matrix(7, 5, np.int16, 2, 3)
    norms = (queries.astype(np.int64) ** 2).sum(axis=1)
    expected = stored.nearest(queries, 4)
    for name, value in {"QUERIES": 3, "SCORES": 120, "LISTS": 2, "SEGMENT": 3}.items():
        monkeypatch.setattr(search_calls, name, value)
    parts = search_calls.Searcher(stored.vectors, stored.norms).nearest(queries, norms, 4, True)
    assert len(parts) == 3
    dots, rows = (np.concatenate(column, axis=1) for column in zip(*parts, strict=True))
    best_dots, best_rows = (np.empty((7, 4), np.int64) for _ in range(2))
    merge: Any = nearest.merge
    merge(stored.norms, True, dots, rows, best_dots, best_rows)
    np.testing.assert_array_equal(best_rows, expected.rows)
    np.testing.assert_array_equal(best_dots, expected.dots)


def test_both_ways_of_dot_products_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    launch = loops.launch

    def noted(name: str, *rest: Any) -> None:
        seen.append(name)
        launch(name, *rest)

    monkeypatch.setattr(search_calls, "launch", noted)
    for high in (3, 32767):
        stored = embeddings.NearestIndex(matrix(5, 40, np.int16, high, 1))
        search_calls.Searcher(stored.vectors, stored.norms).nearest(
            stored.vectors, stored.norms, 2, False
        )
    assert {"dot_tiles", "dot_rows"} <= set(seen)
    assert search_loops.DEEP < 40  # several stretches of dimensions


def test_arrays_cross_the_bus_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PIECE", 64)
    bus = memory.Bus()
    for shape in [(0,), (1,), (100,), (9, 7)]:
        array = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
        back = np.zeros_like(array)
        bus.get(bus.put(array), back)
        np.testing.assert_array_equal(back, array)


# -- callers that change no line -------------------------------------------------------


@pytest.fixture
def every_batch_on_the_card(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever its size; afterwards the CPU alone."""
    for name in dispatch.LEAST:
        monkeypatch.setitem(dispatch.LEAST, name, 1)
    yield
    dispatch.set_device("cpu")


def columns_of() -> query_columns.ObjectColumns:
    lines = [b'{"id":"a%d","type":"text","term":"%s"}' % (k, text.encode()) for k, text in
             enumerate(["λx.x", "λx.λy.x y", "λf.λx.f (f x)", "λx.x x"])]  # fmt: skip
    return query_columns.ObjectColumns.of((k, k, line) for k, line in enumerate(lines))


def every_answer() -> list[Any]:
    """What callers get from all that may run on the card."""
    buffer, offsets = text_of(8)
    hits = matching.find(prepared(words(60), buffer), buffer, offsets)
    numerals = church.encode(range(9))
    product = church.mult(numerals, numerals, Budgets(300, 200, 50))
    made = embeddings.embed(*numerals, 32)
    near = embeddings.NearestIndex(made).nearest(made[:4], 3)
    batch = columns_of()
    found, spans = matching.bind("λx.?f ?g", batch.code, *map(batch.column.get, ("start", "size")))  # type: ignore[arg-type]
    sums = church.add_counts(numerals.starts, numerals.sizes)
    products = church.mult_counts(numerals.starts, numerals.sizes)
    return [
        *hits, *numerals, church.decode(*numerals), product.outcomes, product.steps,
        *product.terms, made, near.rows, near.dots, found, spans, *sums, *products,
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.usefixtures("every_batch_on_the_card")
def test_callers_get_the_same_answers_and_change_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    finding: Any = search_calls
    launch = finding.launch  # the checked one

    def noted(name: str, *rest: Any) -> None:
        seen.add(name)
        launch(name, *rest)

    for module in (calls, search_calls, pipeline):
        monkeypatch.setattr(module, "launch", noted)
    expected = every_answer()
    assert not seen
    assert dispatch.set_device("auto") == "cuda"
    for one, other in zip(every_answer(), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    wanted = {"find_grams", "dot_tiles", "best_of_rows", "encode_batch"}
    wanted |= {"decode_batch", "operate_batch", "embed_batch", "bind_rows", "add_batch"}
    assert wanted | {"mult_batch", "clear"} <= seen


@pytest.mark.usefixtures("every_batch_on_the_card")
def test_what_the_card_has_no_room_for_is_the_cpus_and_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(name: str, threads: int, stream: Any, *arguments: Any) -> None:
        raise RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")

    expected, said = every_answer(), list[str]()
    dispatch.set_device("cuda", said.append)
    for module in (calls, search_calls, pipeline):
        monkeypatch.setattr(module, "launch", refuse)
    for one, other in zip(every_answer(), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert said == ["the GPU is out of memory; the CPU computes what does not fit"]
