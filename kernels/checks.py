"""Checks of what comes into a kernel, before anything runs: type, order, length, range.

Every error names its argument. What passed these checks can make no kernel read
or write outside its arrays. Nothing here computes, and no kernel body calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import cpu
from .terms.packed import APP, LAM, VAR
from .typed import U

Array: TypeAlias = npt.NDArray[Any]

#: Calls task(low, high) over 0..count-1, in one piece or in shards on threads.
Run: TypeAlias = Callable[[Callable[[int, int], None], int], None]

#: A batch holds fewer words than this: positions and twice a size fit an int32.
MOST_WORDS = 1 << 30
#: Steps, nodes or pending arguments of a budget: 1 GiB for each of a machine's arrays.
MOST_BUDGET = 1 << 28


class KernelArgumentError(ValueError):
    """An argument that no kernel can be given; `argument` is its name."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument


def at_once(task: Callable[[int, int], None], count: int) -> None:
    """The whole batch in the calling thread."""
    if count:
        task(0, count)


def whole(argument: str, value: object, low: int, high: int) -> int:
    """An integer from low to high."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise KernelArgumentError(argument, f"an integer is needed, not {value!r}")
    if not low <= value <= high:
        raise KernelArgumentError(argument, f"{value} is not from {low:,} to {high:,}")
    return int(value)


def budgets(max_steps: object, max_size: object, max_depth: object) -> None:
    """The limits of a reduction, each from 1 to what memory can hold."""
    whole("max_steps", max_steps, 1, MOST_BUDGET)
    whole("max_size", max_size, 1, MOST_BUDGET)
    whole("max_depth", max_depth, 1, MOST_BUDGET)


def array(argument: str, value: object, dtypes: tuple[type[np.generic], ...], ndim: int) -> Array:
    """An array of one of these types and this many dimensions, in C order."""
    if not isinstance(value, np.ndarray):
        raise KernelArgumentError(argument, f"a numpy array is needed, not {type(value).__name__}")
    if value.dtype not in [np.dtype(dtype) for dtype in dtypes]:
        names = " or ".join(np.dtype(dtype).name for dtype in dtypes)
        raise KernelArgumentError(argument, f"{names} is needed, not {value.dtype}{_nan(value)}")
    if value.ndim != ndim:
        raise KernelArgumentError(argument, f"{ndim} dimensions are needed, not {value.ndim}")
    if not (value.flags.c_contiguous and value.flags.aligned):
        raise KernelArgumentError(argument, "not contiguous in C order; numpy.ascontiguousarray")
    return value


def _nan(value: Array) -> str:
    """Says so where an array of floats is not even numbers."""
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        return " (and it holds NaN or infinity)"
    return ""


def same_length(argument: str, value: Array, length: int, other: str) -> None:
    """The array has as many entries as another one."""
    if len(value) != length:
        raise KernelArgumentError(argument, f"{len(value):,} entries, but {other} has {length:,}")


def integers(argument: str, value: object) -> npt.NDArray[np.int64]:
    """A sequence of integers, or an array of an integer type, as int64."""
    found = np.asarray(value)
    if found.size == 0:
        found = found.astype(np.int64)
    if found.dtype.kind not in "iu":
        raise KernelArgumentError(
            argument, f"integers below 2**63 are needed, not {found.dtype}{_nan(found)}"
        )
    if found.ndim != 1:
        raise KernelArgumentError(argument, f"1 dimension is needed, not {found.ndim}")
    if found.dtype.kind == "u" and found.size and int(found.max()) >= 1 << 63:
        raise KernelArgumentError(argument, "an entry is 2**63 or more")
    return np.ascontiguousarray(found, dtype=np.int64)


def spans(code: object, starts: object, sizes: object, prefix: str = "", *, least: int = 1) -> None:
    """A batch in CSR form: int32 words, int64 starts, int32 or int64 sizes, all inside.

    The names of its arrays begin with the prefix; a span has at least `least` words.
    """
    words = array(f"{prefix}code", code, (np.int32,), 1)
    begins = array(f"{prefix}starts", starts, (np.int64,), 1)
    lengths = array(f"{prefix}sizes", sizes, (np.int32, np.int64), 1)
    same_length(f"{prefix}sizes", lengths, len(begins), f"{prefix}starts")
    if len(words) >= MOST_WORDS:
        raise KernelArgumentError(f"{prefix}code", "2**30 words or more; split the batch")
    if not len(begins):
        return
    if int(lengths.min()) < least:
        at = int(lengths.argmin())
        raise KernelArgumentError(f"{prefix}sizes", f"entry {at} is below {least}")
    if int(begins.min()) < 0:
        raise KernelArgumentError(f"{prefix}starts", f"entry {int(begins.argmin())} is below 0")
    # no wrap-around: a start is compared with what its length leaves over
    beyond = begins > len(words) - lengths.astype(np.int64)
    if beyond.any():
        at = int(beyond.argmax())
        raise KernelArgumentError(f"{prefix}starts", f"entry {at} ends behind the last word")


def closed_terms(code: object, starts: object, sizes: object, prefix: str = "") -> None:
    """A batch in CSR form in which every span is one linked, closed term."""
    spans(code, starts, sizes, prefix)
    assert isinstance(sizes, np.ndarray)
    longest = int(sizes.max()) if len(sizes) else 0
    scratch = [np.empty(longest, dtype=np.int32) for _ in range(2)]
    bad = int(cpu.compiled(first_not_closed)(code, starts, sizes, *scratch))
    if bad < len(sizes):
        raise KernelArgumentError(f"{prefix}code", f"term {bad} is not a linked, closed term")


def closed_reach(words, start, size, places, reach):  # type: ignore[no-untyped-def]
    """One more than the largest free index of the linked term, -1 where it is no term.

    Right to left with a stack of complete subterms: where each begins and what
    it reaches; places, reach: int32, `size` long, scratch.
    """
    top = 0
    for i in range(size - 1, -1, -1):
        word = words[U(start + i)]
        tag = word & 3
        payload = word >> 2
        if tag == VAR:
            if payload < 0:
                return -1
            reach[U(top)] = payload + 1
            top += 1
        elif tag == LAM:
            if payload != 0 or top < 1:
                return -1
            reach[U(top - 1)] = max(reach[U(top - 1)] - 1, 0)
        elif tag == APP:
            if top < 2 or payload != places[U(top - 2)] - i:
                return -1
            reach[U(top - 2)] = max(reach[U(top - 2)], reach[U(top - 1)])
            top -= 1
        else:
            return -1
        places[U(top - 1)] = i
    return reach[0] if top == 1 else -1


def first_not_closed(code, starts, sizes, places, reach):  # type: ignore[no-untyped-def]
    """The number of the first span that is not one linked, closed term; else how many there are."""
    for i in range(starts.shape[0]):
        if closed_reach(code, starts[i], sizes[i], places, reach) != 0:
            return i
    return starts.shape[0]
