"""The numpy twin of the card's array library; CuPy is held to the same by scripts/gpu_check."""

from __future__ import annotations

import inspect
import sys
from importlib import util
from typing import Any

import array_cases
import numpy as np
import pytest

from kernels.cuda import arrays

#: The choice itself, which a process makes once.
choose: Any = arrays.opened.__wrapped__


class StandIn:
    """What `CardArrays` asks of CuPy where it is made."""

    limit = 0.0

    def get_default_memory_pool(self) -> StandIn:
        return self

    def set_limit(self, fraction: float) -> None:
        self.limit = fraction


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """CuPy and a card, as far as the choice looks at them."""
    library = StandIn()
    monkeypatch.setattr(arrays, "SIMULATED", False)
    monkeypatch.setattr(util, "find_spec", lambda _name: object())
    monkeypatch.setitem(sys.modules, "cupy", library)
    return library


@pytest.mark.parametrize("name", array_cases.expected())
def test_numpy_gives_the_answers_that_the_card_has_to_give(name: str) -> None:
    assert array_cases.answers(np)[name] == array_cases.expected()[name]


def test_every_function_on_arrays_has_a_case() -> None:
    functions = {
        name for name, value in vars(arrays).items()
        if inspect.isfunction(value) and value.__module__ == arrays.__name__
    }  # fmt: skip
    assert functions == set(array_cases.expected())


def test_where_cupy_is_installed_it_works_on_arrays_in_its_share_of_the_memory(
    installed: StandIn,
) -> None:
    chosen = choose()
    assert isinstance(chosen, arrays.CardArrays)
    assert chosen.xp is installed
    assert installed.limit == arrays.POOL_SHARE


@pytest.mark.usefixtures("installed")
def test_without_cupy_the_host_works_on_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    assert isinstance(choose(), arrays.HostArrays)


@pytest.mark.usefixtures("installed")
def test_in_the_simulator_the_host_works_on_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "SIMULATED", True)
    assert isinstance(choose(), arrays.HostArrays)
