"""Types of constants in kernels: indices that are never counted from the end, words of 64 bits."""

from __future__ import annotations

import numpy as np

#: An index that is never negative. numba would test every signed one for counting
#: from the end, which costs a fifth of the time of the hot loops.
U = np.uintp


def signed(word: int) -> np.int64:
    """A word of 64 bits as the signed number of the same bits; bodies turn it back by uint64.

    numba-cuda-mlir 0.6 refuses an unsigned constant of 2**63 and more (`std::bad_cast`).
    """
    return np.uint64(word).astype(np.int64)
