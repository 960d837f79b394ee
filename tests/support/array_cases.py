"""What work on whole arrays has to answer, whichever library does it.

Bound to numpy in tests/kernels/test_cuda_arrays, to CuPy by scripts/gpu_check.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.cuda import arrays

OUTCOMES = [[], [1], [0], [1, 0, 1, 1, 2], [3] * 40, [k % 3 for k in range(1000)]]


def hold(xp: Any) -> None:
    """Hold every function of `kernels.cuda.arrays` with this library against plain Python."""
    for outcomes in OUTCOMES:
        column = xp.asarray(np.array(outcomes, np.uint8))
        for outcome in range(4):
            found = arrays.slots_with(xp, column, outcome, 7)
            assert found.dtype == np.int32
            assert found.tolist() == [k + 7 for k, o in enumerate(outcomes) if o == outcome]
        begins = arrays.begins_of(xp, xp.asarray(np.array(outcomes, np.int32)))
        assert begins.dtype == np.int64
        assert begins.tolist() == [sum(outcomes[:k]) for k in range(len(outcomes) + 1)]
    begins = arrays.begins_of(xp, xp.asarray(np.array([3, 2, 4, 1], np.int32)))
    fits = [arrays.last_that_fits(xp, begins, at, 5) for at in range(4)]
    assert fits == [2, 2, 4, 4]
