"""The numpy twin of the card's array library; CuPy is held to the same by scripts/gpu_check."""

from __future__ import annotations

from importlib import util

import array_cases
import numpy as np

from kernels.cuda import arrays


def test_numpy_gives_the_answers_that_the_card_has_to_give() -> None:
    array_cases.hold(np)


def test_without_cupy_or_a_card_the_host_works_on_arrays() -> None:
    if not util.find_spec("cupy"):
        assert isinstance(arrays.opened(), arrays.HostArrays)
