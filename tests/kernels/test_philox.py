"""Philox4x32-10: published answers, both forms, and draws within bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from targets import FORMS

from kernels import philox

WORD = 1 << 32
words32 = st.integers(0, WORD - 1)
words64 = st.integers(0, (1 << 64) - 1)
purposes = st.integers(1, 255)

#: Counter, key and answer, from kat_vectors of the Random123 distribution.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def numbers(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def philox_on_integers(counter: list[int], key: list[int]) -> list[int]:
    """The ten rounds as the paper writes them, on Python's integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        low_product, high_product = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (
            (high_product // WORD) ^ c1 ^ k0, high_product % WORD,
            (low_product // WORD) ^ c3 ^ k1, low_product % WORD,
        )  # fmt: skip
        k0, k1 = (k0 + 0x9E3779B9) % WORD, (k1 + 0xBB67AE85) % WORD
    return [c0, c1, c2, c3]


def drawn(form: str, seed: int, tick: int, slot: int, purpose: int) -> list[int]:
    arguments = map(np.uint64, (seed, tick, slot, purpose))
    return [int(word) for word in FORMS[form](philox.draw)(*arguments)]


def below(word: int, bound: int, form: str = "compiled") -> int:
    return int(FORMS[form](philox.below)(np.uint64(word), np.uint64(bound)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_the_published_answers_come_out(form: str, counter: str, key: str, answer: str) -> None:
    found = FORMS[form](philox.philox)(*map(np.uint64, numbers(counter) + numbers(key)))
    assert [int(word) for word in found] == numbers(answer)
    assert philox_on_integers(numbers(counter), numbers(key)) == numbers(answer)


@settings(deadline=None)
@given(words64, words64, words32, purposes)
def test_both_forms_draw_what_the_counter_and_key_say(
    seed: int, tick: int, slot: int, purpose: int
) -> None:
    counter = [tick % WORD, tick // WORD, slot, purpose]
    expected = philox_on_integers(counter, [seed % WORD, seed // WORD])
    for form in FORMS:
        assert drawn(form, seed, tick, slot, purpose) == expected
    assert philox.words(seed, tick, slot, np.uint64(purpose)).tolist() == expected


@settings(deadline=None)
@given(st.lists(st.tuples(words64, words32, purposes), min_size=2, unique=True), words64)
def test_different_counters_never_draw_the_same_four_words(
    counters: list[tuple[int, int, int]], seed: int
) -> None:
    found = {tuple(drawn("compiled", seed, *counter)) for counter in counters}
    assert len(found) == len(counters)


@settings(deadline=None)
@given(words32, st.integers(1, WORD - 1))
def test_multiply_shift_stays_below_its_bound(word: int, bound: int) -> None:
    for form in FORMS:
        assert below(word, bound, form) == word * bound // WORD
    assert 0 <= below(word, bound) < bound


@pytest.mark.parametrize("bound", [1, 2, 3, 1000, WORD - 1])
def test_multiply_shift_reaches_both_ends_of_its_range(bound: int) -> None:
    assert below(0, bound) == 0
    assert below(WORD - 1, bound) == bound - 1


@pytest.mark.parametrize("bound", [1, 3, 7, 10])
def test_many_draws_meet_every_number_about_equally_often(bound: int) -> None:
    first = [philox.words(5, tick, 0, philox.SAMPLE)[0] for tick in range(2000)]
    counts = np.bincount([below(int(word), bound) for word in first])
    assert len(counts) == bound
    assert abs(counts - 2000 / bound).max() < 5 * np.sqrt(2000 / bound)  # five deviations


def test_every_purpose_has_a_number_of_its_own() -> None:
    named = [value for name, value in vars(philox).items() if name.isupper() and name[0] != "_"]
    found = [int(value) for value in named if value not in {philox.MASK, philox.SHIFT}]
    assert len(found) >= 8
    assert len(set(found)) == len(found)
    assert all(0 < number < WORD for number in found)
