"""Literals against `bytes.find`: what one search of many patterns must find, and where not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from targets import FORMS, fenced, intact

from kernels.checks import KernelArgumentError
from kernels.search import grams, literals
from kernels.search import literal_tables as tables
from kernels.search.literal_tables import Grams, Triples, prepared

PROPERTY = settings(deadline=None)

#: Few letters make repetitions and overlaps; all bytes make the rest.
ALPHABETS = st.sampled_from([b"a", b"ab", b"\0\x01", b"abc\n", bytes(range(256))])


@st.composite
def searches(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Strings and patterns over one alphabet; some patterns are cut from the strings."""
    letters = st.sampled_from(draw(ALPHABETS))
    words = st.lists(letters, max_size=40).map(bytes)
    strings = draw(st.lists(words, max_size=8))
    text = b"".join(strings)
    patterns = draw(st.lists(st.lists(letters, min_size=1, max_size=24).map(bytes), max_size=30))
    for _ in range(draw(st.integers(0 if patterns else 1, 20))):
        begin = draw(st.integers(0, len(text)))
        patterns.append(text[begin : begin + draw(st.integers(1, 30))] or b"x")
    return strings, draw(st.permutations(patterns))


def by_find(strings: Sequence[bytes], patterns: Sequence[bytes]) -> list[list[bool]]:
    """The obvious way, a row a string."""
    return [[string.find(pattern) >= 0 for pattern in patterns] for string in strings]


def exact(array: Any) -> Any:
    """The same entries between fences, so that no byte beyond them is readable by luck."""
    copy = fenced(len(array), array.dtype)
    copy[:] = array
    return copy


def found(
    strings: Sequence[bytes], patterns: Sequence[bytes], form: str = "compiled", *,
    before: bytes = b"", after: bytes = b"", text: bytes | None = None, cuts: Sequence[int] = (),
) -> list[list[bool]]:  # fmt: skip
    """The same by the kernels, in buffers of exactly the stated lengths; `cuts` makes shards."""
    sample = None if text is None else np.frombuffer(text, np.uint8)
    made = prepared(patterns, sample)
    joined = np.frombuffer(before + b"".join(strings) + after, np.uint8)
    sizes = [len(before), *map(len, strings)]
    offsets = exact(np.cumsum(sizes, dtype=np.int64))
    buffer, needles, starts = exact(joined), exact(made.needles), exact(made.starts)
    words = -(-len(patterns) // 64)
    flat, counts = fenced(len(strings) * words, np.uint64), fenced(len(patterns), np.int64)
    flat[:], counts[:] = 0, 0
    bits = flat.reshape(len(strings), words)
    waiting = fenced(literals.WAITING, np.int64), fenced(literals.WAITING, np.int32)
    tried, picked = (fenced(literals.PICKED, np.int64) for _ in range(2))
    marks = fenced(literals.SPAN, np.uint8)
    for low, high in pairwise([0, *cuts, len(strings)]):
        for group in made.groups:
            triples = isinstance(group, Triples)
            body = literals.scan_triples if triples else grams.scan_grams
            FORMS[form](body)(
                buffer, offsets, low, high, needles, starts, *group,
                *([marks] if triples else [tried, picked]), *waiting, bits, counts,
            )  # fmt: skip
    assert intact(flat, counts, *waiting, tried, picked, marks)
    rows = [[bool(row[k >> 6] >> np.uint64(k & 63) & np.uint64(1)) for k in range(len(patterns))]
            for row in bits]  # fmt: skip
    assert counts.tolist() == [sum(column) for column in zip(*rows, strict=True)] or not strings
    return rows


@pytest.fixture(params=["triples", "grams"])
def plan(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both searches for every set of patterns, whichever would be cheaper."""
    if request.param == "grams":
        monkeypatch.setattr(tables, "FEW_LONG", -1)
        monkeypatch.setattr(tables, "FEW_SHORT", -1)
    else:
        monkeypatch.setattr(tables, "FEW_LONG", 1 << 20)
        monkeypatch.setattr(tables, "FEW_SHORT", 1 << 20)
    return str(request.param)


@pytest.fixture(params=sorted(FORMS))
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@PROPERTY
@given(searches())
@example(([b"aaaa", b"a"], [b"a", b"aa", b"aaa", b"aa", b"aaaaa"]))
@example(([b"", b"ab", b"", b""], [b"ab", b"b", b"abc"]))
@example(([], [b"a"]))
def test_many_patterns_are_found_as_find_finds_each(case: tuple[list[bytes], list[bytes]]) -> None:
    strings, patterns = case
    assert found(strings, patterns) == by_find(strings, patterns)
    assert found(strings, patterns, text=b"".join(strings)) == by_find(strings, patterns)


@pytest.mark.parametrize("few", [-1, 1 << 20], ids=["grams", "triples"])
@PROPERTY
@given(searches(), st.data())
def test_each_search_alone_finds_the_same_in_any_shards(
    few: int, case: tuple[list[bytes], list[bytes]], data: st.DataObject
) -> None:
    strings, patterns = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(strings)), max_size=3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "FEW_LONG", few)
        patch.setattr(tables, "FEW_SHORT", few)
        kinds = {type(group) for group in prepared(patterns).groups}
        got = found(strings, patterns, before=b"ab", after=b"ba", cuts=cuts)
    assert kinds == {Grams if few < 0 else Triples}
    assert got == by_find(strings, patterns)


@settings(deadline=None, max_examples=25)
@given(searches())
def test_the_plain_body_finds_the_same(case: tuple[list[bytes], list[bytes]]) -> None:
    strings, patterns = case
    for few in (-1, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tables, "FEW_LONG", few)
            patch.setattr(tables, "FEW_SHORT", few)
            patch.setattr(literals, "SPAN", 64)  # plain Python is slow
            assert found(strings, patterns, "python") == by_find(strings, patterns)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 40])
def test_an_occurrence_is_found_at_every_place_of_a_text(size: int, plan: str) -> None:
    pattern = bytes(range(65, 65 + size))
    for length in (size, size + 1, size + 7, 2 * literals.SPAN + 3):
        for at in range(0, length - size + 1, 1 if length < 99 else 37):
            text = b"." * at + pattern + b"." * (length - size - at)
            assert found([text], [pattern]) == [[True]], (length, at)
    assert found([pattern], [pattern + b"."]) == [[False]]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 20])
def test_nothing_is_found_across_two_strings(size: int, plan: str) -> None:
    pattern = bytes(range(65, 65 + size))
    for cut in range(1, size):
        assert found([pattern[:cut], pattern[cut:]], [pattern]) == [[False], [False]]
        assert found([pattern[:cut], b"", pattern[cut:], pattern], [pattern])[-1] == [True]


@pytest.mark.parametrize("size", [1, 3, 8, 12])
def test_what_stands_outside_the_strings_is_not_found(size: int, plan: str) -> None:
    pattern = bytes(range(65, 65 + size))
    for part in range(size + 1):
        before, string = pattern[:part], pattern[part:]
        whole = [[part == 0]]
        assert found([string], [pattern], before=before, after=pattern) == whole
        assert found([string[::-1]], [pattern[::-1]], before=pattern, after=before[::-1]) == whole


def test_more_places_than_can_wait_are_compared_in_turns(plan: str) -> None:
    patterns = [b"a" * size for size in range(1, 70)] + [b"aaaa"] * 3
    strings = [b"a" * size for size in (0, 1, 30, 100, 3)]
    assert found(strings, patterns) == by_find(strings, patterns)


def test_a_text_of_many_blocks_is_searched_to_its_end(plan: str) -> None:
    words = [b"m%d.%d" % (number // 64, number % 64) for number in range(4000)]
    strings = [b'{"id":"' + word + b'","text":"' + bytes(30) + b'"}' for word in words]
    patterns = [b'"' + word + b'"' for word in words[::97]] + [b"absent by far", b'"id":"m1.1']
    assert found(strings, patterns, text=b"".join(strings[:99])) == by_find(strings, patterns)


@pytest.mark.parametrize("count", [1, 4, 5, 63, 64, 65, 300])
def test_every_pattern_has_its_own_bit(count: int, form: str) -> None:
    patterns = [b"pattern %d;" % number for number in range(count)]
    strings = [b"", patterns[-1], patterns[0] + patterns[-1]]
    if form == "python" and count > 65:
        pytest.skip("slow in plain Python, and no different")
    assert found(strings, patterns, form) == by_find(strings, patterns)


@pytest.mark.parametrize(
    "patterns", [[], [b"a", b""], b"abc", "abc", ["abc"], [bytearray(b"abc")], None]
)
def test_patterns_that_cannot_be_meant_are_an_error_that_names_them(patterns: Any) -> None:
    with pytest.raises(KernelArgumentError, match=r"^patterns: ") as raised:
        prepared(patterns)
    assert raised.value.argument == "patterns"


@pytest.mark.parametrize(
    ("name", "buffer", "offsets"),
    [
        ("buffer", b"abc", np.array([0, 3])),
        ("buffer", np.zeros(3, np.int8), np.array([0, 3])),
        ("buffer", np.zeros((3, 1), np.uint8), np.array([0, 3])),
        ("buffer", np.zeros(6, np.uint8)[::2], np.array([0, 3])),
        ("offsets", np.zeros(3, np.uint8), [0, 3]),
        ("offsets", np.zeros(3, np.uint8), np.array([0, 3], np.int32)),
        ("offsets", np.zeros(3, np.uint8), np.array([], np.int64)),
        ("offsets", np.zeros(3, np.uint8), np.array([0, 4])),
        ("offsets", np.zeros(3, np.uint8), np.array([-1, 3])),
        ("offsets", np.zeros(3, np.uint8), np.array([0, 2, 1, 3])),
    ],
)
def test_strings_that_are_none_are_an_error_that_names_the_array(
    name: str, buffer: Any, offsets: Any
) -> None:
    with pytest.raises(KernelArgumentError, match=rf"^{name}: "):
        tables.check_strings(buffer, offsets)


def test_few_patterns_are_compared_everywhere_and_many_are_sampled() -> None:
    few = prepared([b"one of eight bytes", b"ab", b"c"])
    assert [type(group) for group in few.groups] == [Triples] * 3
    many = prepared([b"number %d" % number for number in range(100, 200)])
    assert [type(group) for group in many.groups] == [Grams]
    assert many.total == 100


def test_a_sample_takes_bytes_from_all_over_a_long_text() -> None:
    text = np.arange(5 * tables.SAMPLE, dtype=np.uint32).astype(np.uint8)
    assert len(tables.sampled(text)) == tables.SAMPLE
    assert tables.sampled(text[:100]) is not None
