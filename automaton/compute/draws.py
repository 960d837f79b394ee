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

_WORD = 32
_MORE = 64  # bits drawn beyond those of a bound that a word does not hold


class DrawnWords:
    """The random words of one purpose at one place, in their order, as many as are asked for.

    place: seed, tick, slot. Block n of four has the purpose + 256 n; of block 0 the first
    word alone is used (`first`, where it is known).
    """

    def __init__(
        self, place: tuple[int, int, int], purpose: np.uint64, first: int | None = None
    ) -> None:
        self._place, self._purpose, self._blocks = place, int(purpose), 0
        self._words = [int(words(*place, purpose)[0]) if first is None else first]

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1, by multiply and shift of as many words as it takes."""
        bits = _WORD if bound <= 1 << _WORD else bound.bit_length() + _MORE
        value = have = 0
        while have < bits:
            value, have = value << _WORD | self._word(), have + _WORD
        return value * bound >> have

    def _word(self) -> int:
        if not self._words:
            self._blocks += 1
            purpose = np.uint64(self._purpose + (self._blocks << 8))
            self._words = words(*self._place, purpose).tolist()[::-1]
        return self._words.pop()


__all__ = [
    "ISLAND",
    "PLACE",
    "REACTANTS",
    "SAMPLE",
    "SOUP",
    "SPREAD",
    "TRIAL",
    "VALIDATE",
    "DrawnWords",
    "index_of",
    "words",
]  # fmt: skip
