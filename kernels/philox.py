"""Philox4x32-10: randomness as a function of (counter, key), equal everywhere.

Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3 (SC'11).
The counter is (tick low, tick high, slot, purpose), the key (seed low, seed
high). All words are held in uint64, where a product of two of them cannot
overflow, so that plain Python, numba and CUDA compute the same. No state here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MASK = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

# What a draw is for: the fourth word of the counter. The table of docs/format.md.
REACTANTS = np.uint64(1)  # slot: the candidate; words 0 and 1 choose a and b
PLACE = np.uint64(2)  # slot: the winner; word 0 chooses the place it overwrites
ACCEPTED = np.uint64(3)  # slot: accepted term's number in the batch; as PLACE
CONDITION = np.uint64(4)  # slot: the draw's number in the tick; word 0
TRIAL = np.uint64(5)  # slot: number of the trial reaction; as REACTANTS
SAMPLE = np.uint64(6)  # slot: number of the sampled winner; word 0
FOCUS = np.uint64(7)  # slot 0; word 0 against the focus probability
VALIDATE = np.uint64(8)  # slot: number of the recomputed modification; words 0 and 1
PROPOSAL = np.uint64(9)  # slot: the candidate; words 0 to 3 are a tournament's contenders
TIE = np.uint64(10)  # slot: the candidate; word 0 decides between equal salience
ARCHIVE = np.uint64(11)  # slot: the draw's number in the tick; word 0 chooses who is remembered
REWRITING = np.uint64(12)  # slot: the draw's number in the tick; word 0 a rule, word 1 a place
CYCLE = np.uint64(13)  # tick: a stage's name, slot: the draw's number; word 0
# 14 to 16 are of draws on the host alone
COPY = np.uint64(17)  # slot: the winner; plus 256 * the copy's number, from 1; as PLACE
INFLOW = np.uint64(18)  # slot: the entering term; word 0 its source; plus 256 * n: more words
SPREAD = np.uint64(19)  # tick 0, slot: a soup's number; words 0 and 1: its seed


def philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Four 32-bit words (as uint64) for a counter and a key of 32-bit words (as uint64)."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> SHIFT) ^ c1 ^ k0
        c1 = p1 & MASK
        c2 = (p0 >> SHIFT) ^ c3 ^ k1
        c3 = p0 & MASK
        k0 = (k0 + _W0) & MASK
        k1 = (k1 + _W1) & MASK
    return c0, c1, c2, c3


def draw(seed, tick, slot, purpose):  # type: ignore[no-untyped-def]
    """The four words of `purpose` for a slot (uint64) of a tick (uint64) under a seed (uint64)."""
    return philox(tick & MASK, tick >> SHIFT, slot & MASK, purpose, seed & MASK, seed >> SHIFT)


def below(word, bound):  # type: ignore[no-untyped-def]
    """A number from 0 to bound-1 from a 32-bit word, by multiply-shift (bound < 2**32)."""
    return (word * bound) >> SHIFT


def index_of(word: np.uint64, bound: int) -> int:
    """`below` for Python integers."""
    return int(below(word, np.uint64(bound)))


def words(seed: int, tick: int, slot: int, purpose: np.uint64) -> npt.NDArray[np.uint64]:
    """The same four words for Python integers, uint64[4]."""
    return np.array(
        draw(np.uint64(seed), np.uint64(tick), np.uint64(slot), purpose), dtype=np.uint64
    )
