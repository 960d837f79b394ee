"""Entrants: the terms that enter a population in one tick, and the draws of their places."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from automaton.terms.arrays import Places, Slots, Words
from kernels import cpu
from kernels.chemistry import fold, sequence

NO_PLACES: Places = np.empty(0, dtype=np.int32)


def _no_places() -> Places:
    return NO_PLACES


@dataclass(frozen=True)
class Entrants:
    """Terms of one tick that want a place; entry i stands where index[i] says in the columns."""

    slots: Slots
    index: Slots
    source: Words
    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int32]
    steps: npt.NDArray[np.int32]
    words: npt.NDArray[np.uint32]  # the draws for their places, by entry
    salience: Places = field(default_factory=_no_places)  # where streams compete, as steps
    places_a: Places = field(default_factory=_no_places)  # their reactants
    places_b: Places = field(default_factory=_no_places)
    copied: Places = field(default_factory=_no_places)  # places that each takes; empty: one


def place_draws(seed: int, tick: int, purpose: np.uint64, slots: Slots) -> npt.NDArray[np.uint32]:
    """The draw of each slot for its place."""
    words = np.empty(len(slots), dtype=np.uint32)
    cpu.compiled(fold.draw_words)(np.uint64(seed), np.uint64(tick), slots, purpose, words)
    return words


def with_copies(entering: Entrants, seed: int, tick: int) -> Entrants:
    """The same terms, each as often as it takes a place, one behind the other."""
    copied = entering.copied
    if not len(copied) or not len(entering.slots) or int(copied.max()) == 1:
        return entering
    words = np.empty(int(copied.sum()), dtype=np.uint32)
    cpu.compiled(sequence.draw_places)(
        np.uint64(seed), np.uint64(tick), entering.slots, copied, words
    )
    slots, index = (np.repeat(column, copied) for column in (entering.slots, entering.index))
    return replace(entering, slots=slots, index=index, words=words, copied=copied[:0])
