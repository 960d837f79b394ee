"""Random words on the host: what a draw is for, and the words that it gives.

Philox4x32-10, a function of seed, tick, slot and purpose (`kernels.philox`). Must not know
who draws.
"""

from __future__ import annotations

from kernels.philox import PLACE, REACTANTS, SAMPLE, TRIAL, VALIDATE, index_of, words

__all__ = ["PLACE", "REACTANTS", "SAMPLE", "TRIAL", "VALIDATE", "index_of", "words"]
