"""A population as plain lists: the model that folds are held against."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kernels import philox

WHOLE = 1 << 64
WORD = 1 << 32


def hash_of(term: Sequence[int]) -> int:
    """`packed.term_hash` on Python's integers: two words at a time, the first one low."""
    found = len(term)
    for first, second in itertools.zip_longest(term[::2], term[1::2], fillvalue=0):
        found = (found ^ (second << 32 | first)) * 0x9E3779B97F4A7C15 % WHOLE
        found ^= found >> 32
    return found


def place_hash(place: int, hashed: int) -> int:
    """`packed.place_hash` on Python's integers."""
    found = (hashed + place * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93 % WHOLE
    found = (found ^ found >> 32) * 0x9E3779B97F4A7C15 % WHOLE
    return found ^ found >> 32


def drawn(seed: int, tick: int, slot: int, places: Sequence[int]) -> int:
    """The place that Philox draws for a slot."""
    word = int(philox.words(seed, tick, slot, philox.PLACE)[0])
    return places[word * len(places) // WORD]


class Live(NamedTuple):
    """What stands at a place."""

    words: tuple[int, ...]
    tick: int = 0
    slot: int = 0
    level: int = 0
    kind: int = 0
    steps: int = 0
    definition: bool = False


@dataclass
class Model:
    """A population as a dictionary, and section 5, point 5 to the letter."""

    size: int
    live: dict[int, Live] = field(default_factory=dict)

    def place_for(self, seed: int, tick: int, slot: int) -> int:
        """The lowest free place, else one drawn among those that hold no definition, else -1."""
        free = [place for place in range(self.size) if place not in self.live]
        if free:
            return free[0]
        open_ = [place for place in range(self.size) if not self.live[place].definition]
        return drawn(seed, tick, slot, open_) if open_ else -1

    def enter(self, seed: int, entering: Sequence[Live]) -> set[int]:
        """Terms enter in slot order; the places that changed."""
        changed = set()
        for new in entering:
            place = self.place_for(seed, new.tick, new.slot)
            if place >= 0:
                self.live[place] = new
                changed.add(place)
        return changed

    def total(self) -> int:
        """The population sum, from scratch."""
        return sum(place_hash(p, hash_of(new.words)) for p, new in self.live.items()) % WHOLE
