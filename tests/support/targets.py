"""Both forms of a kernel's body, and arrays that notice what is done beyond them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from automaton.terms.arrays import Words
from kernels import cpu

Body: TypeAlias = Callable[..., Any]
Array: TypeAlias = npt.NDArray[Any]

_FENCE = 64  # entries on either side of an array that nobody may touch
_UNTOUCHED = 77  # fits every type; also what scratch holds at first


class Strict(np.ndarray[Any, np.dtype[Any]]):
    """An array that takes a negative index for the error it is: no kernel counts from the end."""

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_checked(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_checked(key), value)


def _checked(key: Any) -> Any:
    for index in key if isinstance(key, tuple) else (key,):
        if isinstance(index, (int, np.integer)) and index < 0:
            raise IndexError(f"negative index {index}")
    return key


def fenced(length: int, dtype: npt.DTypeLike = np.int32) -> Array:
    """An array of exactly this length between two fences (see `intact`)."""
    return np.full(length + 2 * _FENCE, _UNTOUCHED, dtype)[_FENCE : _FENCE + length]


def intact(*arrays: Array) -> bool:
    """Whether nothing was written before or behind these fenced arrays."""
    for array in arrays:
        whole: Any = array.base
        fence = np.full(_FENCE, _UNTOUCHED, whole.dtype)
        if not np.array_equal(whole[:_FENCE], fence):
            return False
        if not np.array_equal(whole[_FENCE + len(array) :], fence):
            return False
    return True


def plain(body: Body) -> Body:
    """The body as plain Python, where every index beyond an array's bounds is an error."""

    def call(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):  # hashes are computed modulo 2**64
            return body(*(a.view(Strict) if isinstance(a, np.ndarray) else a for a in arguments))

    return call


#: What a kernel runs as: the oracle of law 4, and what users run.
FORMS: dict[str, Callable[[Body], Body]] = {"python": plain, "compiled": cpu.compiled}


def joined(terms: Sequence[Words]) -> tuple[Words, npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Terms one behind the other: the words, where each begins, its nodes."""
    sizes = np.array([len(term) for term in terms], np.int32)
    starts = np.cumsum([0, *sizes.tolist()], dtype=np.int64)[:-1]
    code = np.concatenate(terms) if terms else np.empty(0, np.int32)
    return code, starts, sizes


def machine(max_steps: int, max_size: int, max_depth: int, free: int = 0) -> list[Array]:
    """The scratch of `kernels.terms.reduce` for a budget, each array as long as stated there."""
    cells = 1 + free + max_steps + max_size
    return [fenced(length) for length in [cells] * 3 + [max_depth] * 4]
