"""The nearest vectors against exact fractions, in both forms, at every size of number."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from targets import FORMS, fenced, intact

from automaton.compute import embeddings
from automaton.compute.embeddings import COSINE, DOT, NearestIndex
from kernels.checks import KernelArgumentError
from kernels.search import nearest

PROPERTY = settings(deadline=None)
MOST = 2**42
Rows: TypeAlias = list[list[int]]

#: Small numbers make ties, large ones leave 32 bits.
NUMBERS = st.one_of(
    st.integers(-2, 2), st.sampled_from([-32768, -32767, 32767, 181, -181]), st.integers(-999, 999)
)


def rows(width: int, most: int, least: int = 0) -> st.SearchStrategy[Rows]:
    row = st.lists(NUMBERS, min_size=width, max_size=width).filter(any)
    return st.lists(row, min_size=least, max_size=most)


def dot(a: list[int], b: list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def similarity(query: list[int], row: list[int], metric: str) -> Fraction:
    """The dot product, or the cosine squared with its sign, times what depends on the query."""
    value = dot(query, row)
    return Fraction(value) if metric == DOT else Fraction(value * abs(value), dot(row, row))


def by_fractions(stored: Rows, queries: Rows, k: int, metric: str) -> list[list[int]]:
    """Sorted by similarity; the sort is stable, so that equals keep their order."""
    order = [
        sorted(range(len(stored)), key=lambda i, q=query: -similarity(q, stored[i], metric))  # type: ignore[misc]
        for query in queries
    ]
    return [found[:k] for found in order]


def searched(
    stored: Rows, queries: Rows, k: int, metric: str, form: str, dtype: npt.DTypeLike = np.int16
) -> tuple[Rows, Rows]:
    matrix, asked = (np.array(some, dtype) for some in (stored, queries))
    norms, inverses = fenced(len(stored), np.int64), fenced(len(stored), np.float32)
    query_norms, unused = fenced(len(queries), np.int64), fenced(len(queries), np.float32)
    FORMS[form](nearest.norms_of)(matrix, 0, len(stored), norms, inverses)
    FORMS[form](nearest.norms_of)(asked, 0, len(queries), query_norms, unused)
    shape = (len(queries), min(k, len(stored)))
    dots, best = (fenced(shape[0] * shape[1], np.int64) for _ in range(2))
    scores = fenced(nearest.BLOCK, np.int64)
    FORMS[form](nearest.nearest)(
        matrix, norms, inverses, 0, len(stored), asked, query_norms, metric == COSINE,
        dots.reshape(shape), best.reshape(shape), scores,
    )  # fmt: skip
    assert intact(norms, inverses, query_norms, unused, dots, best, scores)
    return best.reshape(shape).tolist(), dots.reshape(shape).tolist()


def equals_fractions(
    stored: Rows, queries: Rows, k: int, metric: str, form: str, dtype: npt.DTypeLike = np.int16
) -> None:
    best, dots = searched(stored, queries, k, metric, form, dtype)
    assert best == by_fractions(stored, queries, k, metric)
    assert dots == [
        [dot(query, stored[i]) for i in found] for query, found in zip(queries, best, strict=True)
    ]


# -- exact ------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@given(
    rows(3, 12, least=1), rows(3, 3, least=1), st.integers(1, 14), st.sampled_from([DOT, COSINE])
)
@PROPERTY
def test_the_nearest_are_those_by_exact_fractions_ties_by_the_lower_row(
    form: str, stored: Rows, queries: Rows, k: int, metric: str
) -> None:
    equals_fractions(stored, queries, k, metric, form)


@pytest.mark.parametrize("metric", [DOT, COSINE])
@given(rows(2, 5, least=1), rows(2, 2, least=1), st.integers(1, 8), st.randoms(), st.booleans())
@PROPERTY
def test_so_they_are_over_many_blocks_with_many_ties(
    metric: str, some: Rows, queries: Rows, k: int, random: Any, ascending: bool
) -> None:
    stored = random.choices(some, k=random.randint(150, 200))
    if ascending:  # every row enters
        stored.sort(key=lambda row: similarity(queries[0], row, metric))
    equals_fractions(stored, queries, k, metric, "compiled")


def test_plain_python_does_the_same_over_several_blocks() -> None:
    random = np.random.default_rng(5)
    stored = random.integers(-2, 3, (150, 4)).tolist()
    stored = [row if any(row) else [1, 0, 0, 0] for row in stored]
    queries = [[1, -2, 0, 1], [-32768, 1, 1, 0]]
    for metric in (DOT, COSINE):
        equals_fractions(stored, queries, 5, metric, "python")


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
@pytest.mark.parametrize("metric", [DOT, COSINE])
def test_the_largest_numbers_in_the_most_dimensions_do_not_overflow(
    dtype: type[np.signedinteger[Any]], metric: str
) -> None:
    least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    width = nearest.MOST_DIMENSIONS
    stored = [
        [least] * width, [most] * width, [least] * (width - 1) + [most], [1] * width,
        [least] * (width - 1) + [least + 1], [-most] * width, [1] + [0] * (width - 1),
    ]  # fmt: skip
    equals_fractions(stored, stored, 7, metric, "compiled", dtype)


def test_cosines_that_floats_cannot_tell_apart_are_told_apart() -> None:
    stored = [[32766, 32767], [32767, 32766], [32765, 32766], [32766, 32765], [1, 1]]
    for queries in ([[1, 1]], [[32767, 32766]], [[-32767, -32765]]):
        equals_fractions(stored * 30, queries, 40, COSINE, "compiled")


LARGE = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize("form", FORMS)
@given(LARGE, LARGE)
@PROPERTY
def test_wide_products_are_those_of_unbounded_integers(form: str, a: int, b: int) -> None:
    high, low = FORMS[form](nearest.wide_product)(np.uint64(a), np.uint64(b))
    assert int(high) << 64 | int(low) == a * b


@pytest.mark.parametrize("form", FORMS)
@given(*[st.integers(-MOST, MOST), st.integers(1, MOST)] * 2, st.booleans())
@PROPERTY
def test_one_row_is_nearer_than_another_as_fractions_say(
    form: str, a: int, a_norm: int, b: int, b_norm: int, by_cosine: bool
) -> None:
    found = FORMS[form](nearest.nearer)(
        np.int64(a), np.int64(a_norm), np.int64(b), np.int64(b_norm), by_cosine
    )
    exact = a * abs(a) * b_norm > b * abs(b) * a_norm if by_cosine else a > b
    assert bool(found) == exact


@pytest.mark.parametrize("form", FORMS)
@given(*[st.integers(-(2**31), 2**31), st.integers(1, MOST)] * 2, st.booleans())
@PROPERTY
def test_the_sieve_lets_every_nearer_row_pass(
    form: str, a: int, a_norm: int, b: int, b_norm: int, by_cosine: bool
) -> None:
    norms = np.array([a_norm, b_norm], np.float64)
    inverses = (1.0 / np.sqrt(norms)).astype(np.float32)
    passing = FORMS[form](nearest.some_pass)(
        np.array([a]), inverses, 0, 1, by_cosine, np.int64(b), inverses[1]
    )
    if a * abs(a) * b_norm > b * abs(b) * a_norm if by_cosine else a > b:
        assert passing == 1


# -- through the checked way -------------------------------------------------

RANDOM = np.random.default_rng(3)
STORED = RANDOM.integers(-3, 4, (500, 16)).astype(np.int16)
STORED[:, 0] = 1


@given(st.lists(st.integers(0, 500), max_size=5), st.integers(1, 30), st.booleans())
@PROPERTY
def test_the_cut_into_shards_changes_nothing(cuts: list[int], k: int, by_cosine: bool) -> None:
    def cut(task: Callable[[int, int], None], count: int) -> None:
        edges = sorted({0, count, *(c for c in cuts if c < count)})
        for low, high in reversed(list(itertools.pairwise(edges))):
            task(low, high)

    metric = COSINE if by_cosine else DOT
    whole = NearestIndex(STORED).nearest(STORED[:4], k, metric)
    pieces = NearestIndex(STORED, run=cut).nearest(STORED[:4], k, metric, run=cut)
    assert pieces.rows.tolist() == whole.rows.tolist()
    assert pieces.dots.tolist() == whole.dots.tolist()
    assert whole.rows.tolist() == by_fractions(STORED.tolist(), STORED[:4].tolist(), k, metric)


def test_a_stored_vector_is_the_nearest_to_itself_with_cosine_one() -> None:
    found = NearestIndex(STORED).nearest(STORED, 1)
    assert (STORED[found.rows[:, 0]] == STORED).all()
    np.testing.assert_allclose(found.cosines, 1.0, rtol=1e-15)


def test_fewer_vectors_than_asked_for_are_all_there_is() -> None:
    assert NearestIndex(STORED[:3]).nearest(STORED[:2], 10).rows.shape == (2, 3)
    assert NearestIndex(STORED[:0]).nearest(STORED[:2], 10).rows.shape == (2, 0)
    assert NearestIndex(STORED).nearest(STORED[:0], 10).rows.shape == (0, 10)


ZERO = np.zeros((2, 16), np.int16)
BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: NearestIndex(STORED.astype(np.float32)), "vectors"),  # type: ignore[arg-type]
    (lambda: NearestIndex(np.full((2, 3), np.nan)), "vectors"),
    (lambda: NearestIndex(STORED.astype(np.int32)), "vectors"),  # type: ignore[arg-type]
    (lambda: NearestIndex(STORED.astype(">i2")), "vectors"),
    (lambda: NearestIndex(STORED.T), "vectors"),
    (lambda: NearestIndex(STORED[:, ::2]), "vectors"),
    (lambda: NearestIndex(np.ones((1, 4097), np.int16)), "vectors"),
    (lambda: NearestIndex(STORED.tolist()), "vectors"),
    (lambda: NearestIndex(STORED).nearest(STORED[0], 1), "queries"),
    (lambda: NearestIndex(STORED).nearest(STORED[:, :8].copy(), 1), "queries"),
    (lambda: NearestIndex(STORED).nearest(STORED.astype(np.int8), 1), "queries"),
    (lambda: NearestIndex(STORED).nearest(STORED, 0), "k"),
    (lambda: NearestIndex(STORED).nearest(STORED, 4097), "k"),
    (lambda: NearestIndex(STORED).nearest(STORED, 1.0), "k"),  # type: ignore[arg-type]
    (lambda: NearestIndex(STORED).nearest(STORED, 1, "l2"), "metric"),
    (lambda: NearestIndex(ZERO).nearest(STORED, 1), "vectors"),
    (lambda: NearestIndex(STORED).nearest(ZERO, 1), "queries"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_a_bad_argument_is_named_before_anything_runs(case: int) -> None:
    call, argument = BAD[case]
    with pytest.raises(KernelArgumentError) as caught:
        call()
    assert caught.value.argument == argument


def test_zero_vectors_have_a_dot_product_all_the_same() -> None:
    found = NearestIndex(ZERO).nearest(STORED[:1], 2, DOT)
    assert found.rows.tolist() == [[0, 1]]
    assert found.cosines.tolist() == [[0.0, 0.0]]


def test_not_a_number_is_named_as_the_reason() -> None:
    with pytest.raises(KernelArgumentError, match="NaN"):
        embeddings.units(np.full((2, 3), np.nan))
