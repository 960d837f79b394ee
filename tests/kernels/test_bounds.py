"""Random input at the borders of every family, in arrays of exactly the length that is stated.

.ci/run runs this file once more with numba's bounds checks on (NUMBA_BOUNDSCHECK=1), where
an index beyond an array is an IndexError; without them the fences of `targets` notice
writes. Few examples each: the families' own tests say what the answers are.
"""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import closed_terms, open_terms, patterns
from targets import Array, fenced, intact, joined, machine

from automaton.compute import embeddings
from automaton.compute.matching import find
from automaton.terms.arrays import Words
from automaton.terms.packed import META, free_variables
from kernels import cpu
from kernels.search import literals, nearest
from kernels.search.literal_tables import prepared
from kernels.terms import church, embed, match, reduce, substitute

FEW = settings(deadline=None, max_examples=60)
CHECKED = bool(cpu.config.BOUNDSCHECK)
small = st.integers(1, 12)


def beyond(array: Array) -> Any:
    """Reads one entry too far."""
    return array[np.uintp(array.shape[0])]


beyond.__module__ = "kernels.beyond"  # compiled as kernels are


def test_bounds_are_checked_where_that_was_asked_for() -> None:
    assert (os.environ.get("NUMBA_BOUNDSCHECK", "0") != "0") == CHECKED
    if CHECKED:
        with pytest.raises(IndexError):
            cpu.compiled(beyond)(np.zeros(3, np.int32))


def test_checked_kernels_are_kept_apart_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    key = cpu.source_key()
    monkeypatch.setattr(cpu.config, "BOUNDSCHECK", not CHECKED)
    assert cpu.source_key() != key


def columns(count: int) -> list[Array]:
    """Outcomes, steps, sizes and places of a reduction."""
    return [fenced(count, kind) for kind in (np.uint8, np.int32, np.int32, np.int64)]


@FEW
@given(st.lists(closed_terms() | open_terms(), min_size=1, max_size=4), small, small, small)
def test_reduction_stays_inside_its_arrays(
    some: list[Words], max_steps: int, max_size: int, max_depth: int
) -> None:
    code, starts, _ = joined(some)
    free = np.array([free_variables(term) for term in some], np.int32)
    scratch = machine(max_steps, max_size, max_depth, int(free.max()))
    out, found = fenced(max_size), columns(len(some))
    low = 0
    while low < len(some):
        low = cpu.compiled(reduce.reduce_terms)(
            code, starts, free, low, len(some), max_steps, max_size, max_depth, out, max_size,
            *found, *scratch,
        )  # fmt: skip
    assert intact(out, *found, *scratch)


@FEW
@given(closed_terms(20), st.integers(0, 9), st.integers(0, 60))
def test_substitution_stays_inside_its_arrays(term: Words, max_steps: int, more: int) -> None:
    limit = len(term) + more
    buffers = [fenced(length) for length in (2 * limit, 2 * limit, limit, limit)]
    buffers[0][: len(term)] = term
    cpu.compiled(substitute.substitute)(
        buffers[0], len(term), max_steps, limit, buffers[1], *buffers[2:]
    )
    assert intact(*buffers)


@FEW
@given(st.lists(st.integers(0, 40), max_size=6), st.sampled_from(sorted(church.OPERATORS)),
       small, small, small)  # fmt: skip
def test_numerals_stay_inside_their_arrays(
    ns: list[int], kind: int, max_steps: int, max_size: int, max_depth: int
) -> None:
    counts = np.array(ns, np.int64)
    sizes = 2 * counts + 3
    starts = np.cumsum(sizes) - sizes
    code, values = fenced(int(sizes.sum())), fenced(len(ns), np.int64)
    cpu.compiled(church.encode_numerals)(counts, starts, 0, len(ns), code)
    cpu.compiled(church.decode_numerals)(code, starts, sizes, 0, len(ns), values)
    assert values.tolist() == ns
    op = church.OPERATORS[kind]
    out, found = fenced(len(ns) * max_size), columns(len(ns))
    scratch = machine(max_steps, max_size, max_depth)
    cpu.compiled(church.church_reactions)(
        kind, len(op), counts, counts, 0, len(ns), False, max_steps, max_size, max_depth, 200,
        out, 0, *found,
    )  # fmt: skip
    joint = np.concatenate([op, code])
    cpu.compiled(church.operate)(
        joint, 0, 2, starts + len(op), starts + len(op), 0, len(ns), max_steps, max_size,
        max_depth, out, len(out), *found, *scratch,
    )  # fmt: skip
    assert intact(code, values, out, *found, *scratch)


EDGES = [0, 1, -1, 1 << 31, 1 << 32, (1 << 63) - 1, -(1 << 63), 3037000499, 3037000500]


@FEW
@given(st.lists(st.tuples(*[st.sampled_from(EDGES) | st.integers(-(1 << 63), (1 << 63) - 1)] * 2),
                max_size=6))  # fmt: skip
def test_counts_are_exact_or_say_why_not(pairs: list[tuple[int, int]]) -> None:
    ms, ns = np.array(pairs, np.int64).reshape(-1, 2).T.copy()
    for body, exact in ((church.add_counts, int.__add__), (church.mult_counts, int.__mul__)):
        values, status = fenced(len(pairs), np.int64), fenced(len(pairs), np.uint8)
        cpu.compiled(body)(ms, ns, 0, len(pairs), values, status)
        for (m, n), value, said in zip(pairs, values, status, strict=True):
            whole = exact(m, n)
            expected = church.NEGATIVE if min(m, n) < 0 else church.OVERFLOW
            expected = church.OK if min(m, n) >= 0 and whole < 1 << 63 else expected
            assert (value, said) == (whole if expected == church.OK else -1, expected)
        assert intact(values, status)


letters = st.binary(max_size=40).map(lambda data: bytes(byte % 3 + 97 for byte in data))


@FEW
@given(st.lists(letters, max_size=5), st.lists(letters.filter(bool), min_size=1, max_size=24))
def test_literals_are_found_and_nothing_else(strings: list[bytes], needles: list[bytes]) -> None:
    edges = np.cumsum([0, *map(len, strings)], dtype=np.int64)
    buffer = np.frombuffer(b"".join(strings), np.uint8)
    hits = find(prepared(needles, buffer), buffer, edges)
    bits = hits.bits.view(np.uint8).reshape(len(strings), hits.bits.shape[1] * 8)
    found = np.unpackbits(bits, axis=1, bitorder="little")[:, : len(needles)]
    expected = [[needle in string for needle in needles] for string in strings]
    np.testing.assert_array_equal(found, np.array(expected, np.uint8).reshape(found.shape))
    np.testing.assert_array_equal(hits.counts, found.sum(axis=0))


@pytest.mark.parametrize("length", [0, 1, 7, 8, literals.SPAN - 1, literals.SPAN, literals.SPAN + 1,
                                    literals.BLOCK, 4 * literals.BLOCK + 3])  # fmt: skip
@pytest.mark.parametrize("count", [1, 17, 600])
def test_texts_that_end_at_a_blocks_border_are_searched_to_the_end(length: int, count: int) -> None:
    buffer = np.full(length, ord("a"), np.uint8)
    needles = [b"a" * (1 + k % 20) + bytes([97 + k // 20 % 2] * (k // 20)) for k in range(count)]
    hits = find(prepared(needles, buffer), buffer, np.array([0, length]))
    assert hits.counts.tolist() == [int(needle in bytes(buffer)) for needle in needles]


@FEW
@given(st.lists(closed_terms(12), min_size=1, max_size=5), patterns(max_nodes=8))
def test_patterns_of_terms_stay_inside_their_arrays(some: list[Words], pattern: Words) -> None:
    code, starts, sizes = joined(some)
    metas = int((pattern[pattern & 3 == META] >> 2).max(initial=-1)) + 1
    rows = np.arange(len(some), dtype=np.int32)
    found, numeral = (fenced(len(some), np.bool_) for _ in range(2))
    begins, ends = (fenced(len(some) * metas, np.int64) for _ in range(2))
    cpu.compiled(match.bind_terms)(
        pattern, code, starts, rows, found,
        begins.reshape(len(some), metas), ends.reshape(len(some), metas),
    )  # fmt: skip
    cpu.compiled(match.match_numerals)(code, starts, sizes, rows, numeral)
    assert intact(found, numeral, begins, ends)


@FEW
@given(st.lists(closed_terms(), min_size=1, max_size=4), st.sampled_from([1, 2, 3, 256, 4096]))
def test_vectors_of_terms_stay_inside_their_arrays(some: list[Words], dimensions: int) -> None:
    code, starts, sizes = joined(some)
    shapes, sums = fenced(4 * int(sizes.max()), np.uint64), fenced(dimensions)
    made = fenced(len(some) * dimensions, np.int16)
    cpu.compiled(embed.embed_terms)(
        code, starts, sizes, 0, len(some), shapes, sums, made.reshape(len(some), dimensions)
    )
    assert intact(shapes, sums, made)
    assert made.reshape(len(some), dimensions).any(axis=1).all()


@FEW
@given(st.integers(1, 70), st.sampled_from([1, 2, 17, 4096]), st.integers(1, 80),
       st.sampled_from([(np.int8, 127), (np.int16, 32767), (np.int16, 2)]),
       st.sampled_from([embeddings.DOT, embeddings.COSINE]), st.integers(0, 99))  # fmt: skip
def test_the_nearest_are_exact_at_the_borders(
    rows: int, dimensions: int, k: int, kind: tuple[Any, int], metric: str, seed: int
) -> None:
    type_, high = kind
    drawn = np.random.default_rng(seed).integers(-high, high, (rows + 2, dimensions), endpoint=True)
    drawn[:, 0] = np.where(drawn[:, 0] == 0, high, drawn[:, 0])
    stored, queries = drawn[:rows].astype(type_), drawn[rows:].astype(type_)
    found = embeddings.NearestIndex(stored).nearest(queries, k, metric)
    dots = stored.astype(object) @ queries.astype(object).T
    norms = (stored.astype(object) ** 2).sum(axis=1)
    for q in range(2):
        order = sorted(range(rows), key=lambda r: (-rank(dots[r, q], norms[r], metric), r))
        assert found.rows[q].tolist() == order[:k]
    assert found.rows.shape == (2, min(k, rows)) == found.dots.shape


def rank(dot: int, norm: int, metric: str) -> Any:
    """What rows are ordered by, in exact numbers: the cosine's signed square, scaled."""
    return Fraction(dot * abs(dot), norm) if metric == embeddings.COSINE else dot


def test_a_list_of_the_best_is_never_longer_than_its_room() -> None:
    dots, rows = fenced(3, np.int64), fenced(3, np.int64)
    norms, filled = np.ones(50, np.int64), 0
    for row in range(50):
        filled = cpu.compiled(nearest.enter)(row * 7 % 11, row, norms, True, dots, rows, filled)
    assert filled == 3
    assert rows.tolist() == [3, 14, 25]
    assert intact(dots, rows)
