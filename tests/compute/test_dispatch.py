"""Where batches run that callers hand over as arrays, on a machine without a card."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from automaton.compute import capability, church, dispatch
from automaton.errors import DeviceError

NONE = capability.Cuda("no driver is here", "install one")


class CardError(Exception):
    """What a card's calls raise when it fails."""


@pytest.fixture(autouse=True)
def afterwards_the_cpu() -> Iterator[None]:
    yield
    dispatch.set_device("cpu")


def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "cuda", lambda: NONE)


def with_card(monkeypatch: pytest.MonkeyPatch, **calls: Any) -> list[str]:
    """A card of which only these calls work; what is said from now on."""
    said: list[str] = []
    monkeypatch.setattr(capability, "cuda", capability.Cuda)
    monkeypatch.setattr(dispatch, "_opened", lambda: SimpleNamespace(CardError=CardError, **calls))
    monkeypatch.setitem(dispatch.LEAST, "counts", 3)
    assert dispatch.set_device("cuda", said.append) == "cuda"
    return said


def test_without_a_card_auto_says_one_line_and_computes_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch)
    said: list[str] = []
    assert dispatch.set_device("auto", said.append) == "cpu"
    assert said == ["no GPU is used: no driver is here; the CPU computes (see doctor)"]
    assert church.add_counts(np.array([1]), np.array([2]))[0].tolist() == [3]
    assert len(said) == 1


def test_a_named_device_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)
    with pytest.raises(DeviceError, match="no driver is here; install one"):
        dispatch.set_device("cuda")


def test_nothing_is_asked_before_it_is_chosen() -> None:
    assert not dispatch.card_in_use()
    assert not dispatch.run_on_card("counts", 1 << 60, lambda card: card.nothing())


def test_small_batches_stay_on_the_cpu_and_large_ones_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_counts(ms: Any, ns: Any, sums: Any, status: Any) -> None:
        sums[:], status[:] = 77, 0

    with_card(monkeypatch, add_counts=add_counts)
    two, three = np.arange(2), np.arange(3)
    assert church.add_counts(two, two)[0].tolist() == [0, 2]
    assert church.add_counts(three, three)[0].tolist() == [77, 77, 77]


def test_what_does_not_fit_is_the_cpus_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise MemoryError

    said = with_card(monkeypatch, add_counts=refuse)
    for _ in range(2):
        assert church.add_counts(np.arange(3), np.arange(3))[0].tolist() == [0, 2, 4]
    assert said == ["the GPU is out of memory; the CPU computes what does not fit"]


def test_a_card_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise CardError("[700] an illegal address")

    with_card(monkeypatch, add_counts=fail)
    with pytest.raises(DeviceError, match=r"the GPU failed: \[700\]"):
        church.add_counts(np.arange(3), np.arange(3))
