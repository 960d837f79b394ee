"""Vectors of terms: the documented formula, in both forms, and what it promises."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reductions import all_closed
from strategies import closed_terms
from targets import FORMS, fenced, intact, joined

from automaton.compute import embeddings
from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.packed import APP, VAR, apply, lam, linked
from kernels.checks import KernelArgumentError
from kernels.terms import embed

PROPERTY = settings(deadline=None)
FIRST, SECOND = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
MASK = 2**64 - 1


def mix(x: int) -> int:
    x = x * FIRST & MASK
    x = (x ^ x >> 32) * SECOND & MASK
    return x ^ x >> 32


def shape(words: list[int], at: int, depth: int) -> int:
    """The formula of the module, word for word, by recursion."""
    word = words[at]
    tag = word & 3
    x = (word if tag == VAR else tag) + (depth << 32)
    if depth:
        x += 0 if tag == VAR else FIRST * shape(words, at + 1, depth - 1)
        x += SECOND * shape(words, at + (word >> 2), depth - 1) if tag == APP else 0
    return mix(x & MASK)


def whole(words: list[int]) -> int:
    """`kernels.terms.packed.term_hash` in unbounded integers."""
    h = len(words)
    for k in range(0, len(words), 2):
        h = (h ^ sum(word << 32 * i for i, word in enumerate(words[k : k + 2]))) * FIRST & MASK
        h ^= h >> 32
    return h


def by_formula(words: Words, dimensions: int) -> list[int]:
    nodes, counts = words.tolist(), [0] * dimensions
    features = [shape(nodes, at, depth) for at in range(len(nodes)) for depth in (1, 3)]
    for h in [*features, whole(nodes)]:
        counts[(h >> 32) * dimensions >> 32] += 1 - 2 * (h & 1)
    return [min(max(count, -32767), 32767) for count in counts]


def embedded(some: list[Words], dimensions: int = 256, form: str = "compiled") -> list[list[int]]:
    code, starts, sizes = joined(some)
    shapes = fenced(4 * max(sizes.tolist(), default=1), np.uint64)
    sums, found = fenced(dimensions), fenced(len(some) * dimensions, np.int16)
    rows = found.reshape(len(some), dimensions)
    FORMS[form](embed.embed_terms)(code, starts, sizes, 0, len(some), shapes, sums, rows)
    assert intact(shapes, sums, found)
    return rows.tolist()


def cosine(a: Words, b: Words) -> float:
    x, y = np.array(embedded([a, b]), np.float64)
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(closed_terms(), min_size=1, max_size=4), st.sampled_from([1, 2, 7, 256, 300]))
@settings(PROPERTY, max_examples=50)
def test_vectors_are_those_of_the_formula(form: str, some: list[Words], dimensions: int) -> None:
    assert embedded(some, dimensions, form) == [by_formula(words, dimensions) for words in some]


@given(closed_terms(), st.integers(1, 9))
@PROPERTY
def test_the_sum_of_the_counts_is_odd_so_that_no_vector_is_zero(
    words: Words, dimensions: int
) -> None:
    [row] = embedded([words], dimensions)
    assert sum(row) % 2 == 1
    assert any(row)


def test_no_small_term_has_a_zero_vector_in_any_number_of_dimensions() -> None:
    small = [words for bits in range(17) for words in all_closed(bits)]
    for dimensions in (1, 2, 3, 256):
        assert all(any(row) for row in embedded(small, dimensions))


def test_small_terms_that_differ_have_vectors_that_differ() -> None:
    small = [words for bits in range(21) for words in all_closed(bits)]
    assert len(set(map(tuple, embedded(small)))) == len(small)


def test_counts_are_cut_where_int16_ends() -> None:
    deep = linked([1] * 100_000 + [0])
    rows = embedded([deep, encodings.IDENTITY], 2)
    assert rows[0] == by_formula(deep, 2)
    assert 32767 in map(abs, rows[0])
    assert rows[1] == by_formula(encodings.IDENTITY, 2)  # nothing is left over from the term before


def test_the_formula_stays_what_stores_were_filled_with() -> None:
    small = [words for bits in range(17) for words in all_closed(bits)]
    code, starts, sizes = joined(small)
    found = embeddings.embed(code, starts, sizes)
    digest = hashlib.sha256(found.astype("<i2").tobytes()).hexdigest()
    assert digest[:16] == "97db11e3ce766a74"


# -- alike terms are near --------------------------------------------------


def test_a_term_with_one_variable_changed_is_nearer_than_others() -> None:
    term = parse("λf.λx.(λg.λy.g (f y) (λz.z g)) (λu.λv.u (x v) (f u)) (λw.w w f)")
    changed = parse("λf.λx.(λg.λy.g (f y) (λz.z g)) (λu.λv.u (x v) (f u)) (λw.w x f)")
    others = [
        encodings.numeral(12),
        encodings.SUCCESSOR,
        parse("λa.λb.λc.a c (b c)"),
        encodings.ADDITION,
    ]
    near = cosine(term, changed)
    assert near > 0.8
    assert all(cosine(term, other) < near - 0.2 for other in others)


def test_numerals_are_nearer_to_numerals_than_to_other_terms() -> None:
    others = [
        encodings.ADDITION,
        encodings.PAIR,
        parse("λx.x x (λy.y x)"),
        parse("λa.λb.λc.a c (b c)"),
    ]
    for n, m in itertools.combinations((4, 5, 8, 13), 2):
        near = cosine(encodings.numeral(n), encodings.numeral(m))
        assert all(cosine(encodings.numeral(n), other) < near for other in others)


@given(closed_terms(20))
@PROPERTY
def test_a_term_under_one_more_lambda_shares_most_of_its_features(words: Words) -> None:
    inner, outer = np.array(embedded([words, lam(words)]))
    # one subterm more (2 features) and another whole: 4 counts move by 1 each, at most
    assert abs(outer - inner).sum() <= 4


# -- unit vectors ----------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(st.lists(st.integers(-32767, 32767), min_size=3, max_size=3), max_size=4))
@PROPERTY
def test_unit_vectors_have_length_one_and_the_same_direction(
    form: str, rows: list[list[int]]
) -> None:
    matrix = np.array(rows, np.int16).reshape(-1, 3)
    flat = fenced(matrix.size, np.float32)
    FORMS[form](embed.unit_rows)(matrix, 0, len(matrix), flat.reshape(matrix.shape))
    assert intact(flat)
    exact = matrix.astype(np.float64)
    lengths = np.sqrt((exact * exact).sum(axis=1, keepdims=True))
    inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    assert flat.reshape(matrix.shape).tolist() == (exact * inverse).astype(np.float32).tolist()
    assert embeddings.units(matrix).tolist() == flat.reshape(matrix.shape).tolist()


# -- what comes in ---------------------------------------------------------


def test_the_cut_of_a_batch_changes_nothing() -> None:
    code, starts, sizes = joined(
        [apply(encodings.SUCCESSOR, encodings.numeral(n)) for n in range(9)]
    )

    def cut(task: Callable[[int, int], None], count: int) -> None:
        for low, high in ((5, count), (0, 1), (1, 5)):
            task(low, high)

    expected = embeddings.embed(code, starts, sizes).tolist()
    assert embeddings.embed(code, starts, sizes, run=cut).tolist() == expected


CODE, STARTS, SIZES = joined([encodings.IDENTITY, encodings.PAIR])
ROWS = np.ones((3, 4), np.int16)
BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: embeddings.embed(CODE.astype(np.float32), STARTS, SIZES), "code"),
    (lambda: embeddings.embed(CODE ^ 1, STARTS, SIZES), "code"),
    (lambda: embeddings.embed(CODE, STARTS + 1, SIZES - 1), "code"),  # open terms
    (lambda: embeddings.embed(CODE, STARTS.astype(np.int32), SIZES), "starts"),
    (lambda: embeddings.embed(CODE, STARTS, SIZES * 0), "sizes"),
    (lambda: embeddings.embed(CODE, STARTS, SIZES, 0), "dimensions"),
    (lambda: embeddings.embed(CODE, STARTS, SIZES, 4097), "dimensions"),
    (lambda: embeddings.units(ROWS.astype(np.float32)), "vectors"),  # type: ignore[arg-type]
    (lambda: embeddings.units(np.asfortranarray(ROWS)), "vectors"),
    (lambda: embeddings.units(ROWS[0]), "vectors"),
    (lambda: embeddings.units(ROWS[:, :0]), "vectors"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_a_bad_argument_is_named_before_anything_runs(case: int) -> None:
    call, argument = BAD[case]
    with pytest.raises(KernelArgumentError) as caught:
        call()
    assert caught.value.argument == argument


def test_an_empty_batch_has_no_vectors() -> None:
    assert embeddings.embed(*joined([])).shape == (0, 256)
    assert embeddings.units(np.empty((0, 256), np.int16)).shape == (0, 256)
