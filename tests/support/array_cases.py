"""What work on whole arrays has to answer, whichever library does it.

Bound to numpy in tests/kernels/test_cuda_arrays, to CuPy by scripts/gpu_check.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.cuda import arrays

OUTCOMES = [[], [1], [0], [1, 0, 1, 1, 2], [3] * 40, [k % 3 for k in range(1000)]]
FIRST = [[], [-1], [0], [0, 0, 2, -1, 2, 5], [-1, 1, 1]]
SIZES = [3, 2, 4, 1]

#: Answers by the name of the function, each with the dtype that it came in.
Answers = dict[str, list[Any]]


def answers(xp: Any) -> Answers:
    """What every function of `kernels.cuda.arrays` makes of these columns with this library."""
    columns = [xp.asarray(np.array(column, np.uint8)) for column in OUTCOMES]
    sizes = [xp.asarray(np.array(column, np.int32)) for column in OUTCOMES]
    firsts = [xp.asarray(np.array(column, np.int32)) for column in FIRST]
    begins = arrays.begins_of(xp, xp.asarray(np.array(SIZES, np.int32)))
    return {
        "slots_with": [
            _told(arrays.slots_with(xp, column, outcome, 7))
            for column in columns
            for outcome in range(4)
        ],
        "begins_of": [_told(arrays.begins_of(xp, column)) for column in sizes],
        "last_that_fits": [arrays.last_that_fits(xp, begins, at, 5) for at in range(4)],
        "first_of_kinds": [_told(arrays.first_of_kinds(xp, column)) for column in firsts],
    }


def _told(array: Any) -> tuple[str, list[int]]:
    return str(array.dtype), array.tolist()


def expected() -> Answers:
    """The same in plain Python."""
    return {
        "slots_with": [
            ("int32", [k + 7 for k, found in enumerate(column) if found == outcome])
            for column in OUTCOMES
            for outcome in range(4)
        ],
        "begins_of": [
            ("int64", [sum(column[:k]) for k in range(len(column) + 1)]) for column in OUTCOMES
        ],
        "last_that_fits": [2, 2, 4, 4],
        "first_of_kinds": [
            ("int32", [k for k, first in enumerate(column) if first == k]) for column in FIRST
        ],
    }
