"""Input that no kernel can be given: an error names the argument before anything is launched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from automaton.analysis import query
from automaton.compute import church, dispatch, embeddings, matching
from automaton.compute.budgets import Budgets
from automaton.errors import AutomatonError, UsageError
from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.packed import LAM
from kernels import cpu
from kernels.checks import KernelArgumentError
from kernels.search.literal_tables import prepared

TWO = church.encode([2, 3])
OPEN = church.PackedTerms(np.array([LAM, 4], np.int32), np.zeros(1, np.int64), np.full(1, 2))
LOOSE = church.PackedTerms(np.array([2, 0, 0], np.int32), OPEN.starts, np.full(1, 3))  # unlinked
TEXT, EDGES = np.frombuffer(b"abcab", np.uint8), np.array([0, 3, 5])
ROWS = np.ones((3, 4), np.int16)
COUNTS, HUGE = np.arange(3), np.full(3, 1 << 63, np.uint64)
TABLES = prepared([b"abc"])
SOME: Any = embeddings.NearestIndex(ROWS)


def budget(**limits: Any) -> Budgets:
    return church.AMPLE._replace(**limits)


#: The same without types, since what is given here is wrong on purpose.
batches: Any = church
near: Any = embeddings
find: Any = matching.find
tables: Any = prepared


CASES: dict[str, tuple[str, Callable[[], object]]] = {
    "an open term to add": ("m.code", lambda: batches.add(OPEN, OPEN)),
    "a term without offsets": ("m.code", lambda: batches.add(LOOSE, LOOSE)),
    "an open operator": (
        "operator.code", lambda: batches.operate(OPEN.code, (TWO,), batches.AMPLE)
    ),
    "an open term to embed": ("code", lambda: near.embed(*OPEN)),
    "an open term to match": ("code", lambda: matching.bind("?x", *OPEN)),
    "no beta steps": ("max_steps", lambda: batches.add(TWO, TWO, budget(max_steps=0))),
    "negative nodes": ("max_size", lambda: batches.add(TWO, TWO, budget(max_size=-5))),
    "absurd depth": ("max_depth", lambda: batches.add(TWO, TWO, budget(max_depth=1 << 40))),
    "steps that are no number": ("max_steps", lambda: batches.add(TWO, TWO, budget(max_steps=1.5))),
    "no patterns": ("patterns", lambda: tables([])),
    "an empty pattern": ("patterns", lambda: tables([b"a", b""])),
    "a pattern of text": ("patterns", lambda: tables(["a"])),
    "one pattern, not several": ("patterns", lambda: tables(b"abc")),
    "a text of words": ("buffer", lambda: find(TABLES, TEXT.astype(np.int32), EDGES)),
    "every other byte": ("buffer", lambda: find(TABLES, TEXT[::2], EDGES)),
    "offsets of 32 bits": (
        "offsets", lambda: find(TABLES, TEXT, EDGES.astype(np.int32))
    ),
    "offsets behind the text": ("offsets", lambda: find(TABLES, TEXT, EDGES + 1)),
    "offsets that go back": ("offsets", lambda: find(TABLES, TEXT, EDGES[::-1].copy())),
    "no offsets": ("offsets", lambda: find(TABLES, TEXT, EDGES[:0])),
    "a bitset too small": (
        "bits", lambda: find(TABLES, TEXT, EDGES, bits=np.zeros((1, 1), np.uint64))
    ),
    "code of 64 bits": ("code", lambda: near.embed(TWO.code.astype(np.int64), *TWO[1:])),
    "fewer sizes than starts": ("sizes", lambda: batches.decode(*TWO[:2], TWO.sizes[:1])),
    "a term past the end": ("starts", lambda: batches.decode(TWO.code, TWO.starts + 9, TWO.sizes)),
    "a start below 0": ("starts", lambda: batches.decode(TWO.code, TWO.starts - 1, TWO.sizes)),
    "a start near 2**63": (
        "starts", lambda: batches.decode(TWO.code, TWO.starts + ((1 << 63) - 20), TWO.sizes)
    ),
    "no dimensions": ("dimensions", lambda: near.embed(*TWO, 0)),
    "a negative numeral": ("ns", lambda: batches.encode([-1])),
    "a numeral too large": ("ns", lambda: batches.encode([1 << 28])),
    "counts as floats": ("m", lambda: batches.add_counts(COUNTS / 2, COUNTS)),
    "counts with NaN": ("n", lambda: batches.mult_counts(COUNTS, COUNTS * np.nan)),
    "counts beyond 63 bits": ("m", lambda: batches.add_counts(HUGE, COUNTS)),
    "counts of two lengths": ("n", lambda: batches.add_counts(COUNTS, COUNTS[:2])),
    "vectors with NaN": ("vectors", lambda: near.NearestIndex(ROWS * np.nan)),
    "vectors of columns": ("vectors", lambda: near.NearestIndex(np.asfortranarray(ROWS))),
    "queries with NaN": ("queries", lambda: SOME.nearest(ROWS * np.nan, 1)),
    "queries of other dimensions": ("queries", lambda: SOME.nearest(ROWS[:, :2].copy(), 1)),
    "no neighbours": ("k", lambda: SOME.nearest(ROWS, 0)),
    "a metric of another kind": ("metric", lambda: SOME.nearest(ROWS, 1, "euclid")),
    "a vector of zeros": ("queries", lambda: SOME.nearest(ROWS * 0, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_argument_is_named_before_anything_is_launched(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = {"first_not_closed", "closed_reach", "norms_of"}  # they look, they do not compute
    compiled = cpu.compiled

    def looking(body: Any) -> Any:
        assert body.__name__ in allowed, body
        return compiled(body)

    argument, call = CASES[name]
    monkeypatch.setattr(cpu, "compiled", looking)
    monkeypatch.setattr(dispatch, "run_on_card", lambda *_: pytest.fail("a card was asked"))
    with pytest.raises(KernelArgumentError) as caught:
        call()
    assert isinstance(caught.value, ValueError)
    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"{argument}: ")
    assert "\n" not in str(caught.value)


def test_patterns_longer_than_the_text_are_found_nowhere() -> None:
    hits = matching.find(prepared([b"abcabc", b"ab" * 300]), TEXT, EDGES)
    assert hits.counts.tolist() == [0, 0]
    assert not hits.bits.any()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"texts": [""]}, "empty"),
        ({"texts": ["\udcff"]}, "not UTF-8"),
        ({"texts": ["a\nb"]}, "line break"),
        ({"patterns": ["λx."]}, "term"),
        ({"field": "size >"}, ""),
        ({}, "nothing to look for"),
    ],
)
def test_a_persons_query_that_cannot_be_meant_is_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        query.Query.of(*({"texts": [], "field": None, "patterns": []} | given).values())
    assert isinstance(caught.value, AutomatonError)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_good_input_is_not_refused() -> None:
    found: Words = church.add(TWO, TWO, budget(max_steps=100)).terms.words(0)
    assert found.tolist() == encodings.numeral(4).tolist()
    assert matching.bind("λf.?x", *TWO)[0].all()
