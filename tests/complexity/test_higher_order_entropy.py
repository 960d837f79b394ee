"""Higher-order entropy against bytes whose entropy and compressed size are known."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from automaton.complexity.higher_order_entropy import higher_order_entropy
from automaton.errors import DeviceError


def test_without_brotli_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    with pytest.raises(DeviceError, match=r"pip install .*\[entropy\]"):
        higher_order_entropy(b"abc")


@pytest.fixture(autouse=True)
def _library(request: pytest.FixtureRequest) -> None:
    if "without_brotli" not in request.node.name:
        pytest.importorskip("brotli", reason="the extra `entropy` is not installed")


#: Bytes, their entropy by hand, and what brotli 1.1.0 makes of them (quality 2, window 24).
ROWS = [
    (b"a", 0, 5),
    (bytes(1000), 0, 20),
    (b"ab" * 500, 1, 22),
    (bytes(range(256)) * 8, 8, 291),
]


@pytest.mark.parametrize(("data", "h0", "packed"), ROWS)
def test_it_is_the_entropy_of_bytes_less_the_bits_of_brotli(
    data: bytes, h0: float, packed: int
) -> None:
    found = higher_order_entropy(data)
    bits = 8 * packed / len(data)
    assert found == pytest.approx((len(data), h0, bits, h0 - bits), abs=1e-12)


def test_of_no_bytes_there_is_none() -> None:
    assert higher_order_entropy(b"") == (0, 0, 0, 0)


def test_independent_bytes_have_none_and_copies_have_the_entropy_of_the_copied() -> None:
    noise = np.random.default_rng(1).integers(0, 256, 64 * 1024, dtype=np.uint8).tobytes()
    assert higher_order_entropy(noise).higher == pytest.approx(0, abs=0.01)
    tape = bytes(range(64))
    assert higher_order_entropy(tape * 1024).higher == pytest.approx(math.log2(64), abs=0.05)


def test_repetition_further_apart_than_zlib_looks_is_seen() -> None:
    noise = np.random.default_rng(2).integers(0, 256, 100_000, dtype=np.uint8).tobytes()
    assert higher_order_entropy(noise * 4).higher > 5
