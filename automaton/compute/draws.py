"""Random words on the host: what a draw is for, and the words that it gives.

Philox4x32-10, a function of seed, tick, slot and purpose (`kernels.philox`). Must not know
who draws.
"""

from __future__ import annotations

import numpy as np

from kernels.philox import PLACE, REACTANTS, SAMPLE, SPREAD, TRIAL, VALIDATE, index_of, words

#: Purpose of the draws of a random soup, which no kernel draws: tick is the term's number,
#: slot 0 chooses its size, the slots from 1 on its number among the terms of that size.
SOUP = np.uint64(14)

#: Purpose of the draws of islands' seeds: tick is the island's number, slot 0; words 0 and 1.
ISLAND = np.uint64(15)

__all__ = [
    "ISLAND", "PLACE", "REACTANTS", "SAMPLE", "SOUP", "SPREAD", "TRIAL", "VALIDATE",
    "index_of", "words",
]  # fmt: skip
