"""Stands where numba cannot be had: kernels run as the plain Python that they are written in.

`scripts/freethreaded` puts this folder on the path of an interpreter without numba's
wheel. Thousands of times slower, equal in every answer; hashes are modulo 2**64.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

__version__ = "plain Python"
config = SimpleNamespace(CACHE_DIR="", BOUNDSCHECK=False)


def njit(**_: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The function itself, where overflow is what hashes want."""

    def plain(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with np.errstate(over="ignore"):
                return function(*arguments)

        return call

    return plain
