"""Inflow: the terms that enter a soup from outside, and the amplifiers that are topped up.

The perturbations of algorithmic chemistry: after every so many collisions terms enter, as
lines of their own, each in a place of its own draw. A function of seed, tick and how many
amplifiers live. Must not know files, the loop.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache, lru_cache
from itertools import accumulate

import numpy as np

from automaton.backends.batch import Battery
from automaton.chemistry.world import ActionLine, World
from automaton.errors import UsageError
from automaton.format.options import (
    ALL,
    Generator,
    InflowLaw,
    generator,
    parse_amplifiers,
    parse_inflow,
)
from automaton.population import place_draws
from automaton.terms import notation, random_terms
from automaton.terms.arrays import Words
from automaton.terms.random_terms import MOST_NODES, TermCounts
from kernels import philox

_WORD = 32
_MORE = 64  # bits drawn beyond those of a bound that a word does not hold


def battery(world: World) -> Battery:
    """The different amplifiers of a log, by size, then by their words; none unless asked for."""
    if world.options.amplifiers == "none":
        return Battery([], [])
    if world.battery is None:
        found: dict[bytes, tuple[Words, Words]] = {}
        for amplifier in dict.fromkeys(world.program.amplifiers.values()):
            words = notation.parse(amplifier.term)
            if len(words) <= world.options.max_size:
                found.setdefault(words.tobytes(), (words, notation.parse(amplifier.target)))
        ordered = sorted(found.values(), key=lambda pair: (len(pair[0]), pair[0].tolist()))
        world.battery = Battery([term for term, _ in ordered], [target for _, target in ordered])
    return world.battery


def entering_lines(world: World, amplifiers: int, tick: int) -> list[ActionLine]:
    """The lines of the terms that enter at the end of a tick, where so many amplifiers live.

    Amplifiers first, each drawn evenly, until as many live as are kept; then the terms
    of the sources.
    """
    law, options = _law(world.options.inflow), world.options
    if law is None or tick * options.parallel % law.every:
        return []
    terms = battery(world).terms
    kept = parse_amplifiers(options.amplifiers)
    lacking = 0
    if kept is not None and terms:
        most = len(world.program.amplifiers) if kept.kept == ALL else kept.kept
        lacking = max(0, most - amplifiers)
    numbers = np.arange(lacking + law.terms, dtype=np.int64)
    first = place_draws(options.seed, tick, philox.INFLOW, numbers)
    head = b'{"id":"%sm%d.' % (world.prefix.encode(), tick)
    made = []
    for number, word in enumerate(first.tolist()):
        drawn = DrawnWords(options.seed, tick, number, word)
        words = terms[drawn.below(len(terms))] if number < lacking else drawn_term(law, drawn)
        slot = world.slots + number
        line = b'%s%d","type":"inflow","dimensionalLevel":0,"size":%d,"term":"%s"}\n' % (
            head, slot, len(words), _text(words.tobytes())
        )  # fmt: skip
        made.append(ActionLine(line, slot=slot, words=words, kind="inflow"))
    return made


class DrawnWords:
    """The random words of one entering term, in their order; `first` is the first of them."""

    def __init__(self, seed: int, tick: int, slot: int, first: int) -> None:
        self._place, self._words = (seed, tick, slot), [first]
        self._blocks = 0

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
            purpose = np.uint64(int(philox.INFLOW) + (self._blocks << 8))
            self._words = philox.words(*self._place, purpose).tolist()[::-1]
        return self._words.pop()


def drawn_term(law: InflowLaw, drawn: DrawnWords) -> Words:
    """A term of one of the sources, each as likely as it weighs."""
    number = drawn.below(sum(weight for _, weight in law.sources))
    ends = list(accumulate(weight for _, weight in law.sources))
    source, _ = law.sources[bisect_right(ends, number)]
    found = generator(source)
    return _parsed(source) if found is None else generated(found, drawn)


def generated(what: Generator, drawn: DrawnWords) -> Words:
    """A random term of a generator; one that has none to give is a `UsageError`."""
    numbers, below = what.numbers, drawn.below
    if what.kind in {"tree", "depth"}:
        nodes = numbers[0]
        if not 1 <= nodes <= random_terms.MOST_TREE:
            raise UsageError(f"{what.kind}:{nodes}: from 1 to {random_terms.MOST_TREE} nodes")
        if what.kind == "depth":
            return random_terms.bound_tree(nodes, below)
        return random_terms.tree(nodes, below, *numbers[1:])
    if what.kind == "blc":
        bits = numbers[0]
        words = random_terms.binary_term(bits, below) if bits <= random_terms.MOST_BITS else None
        if words is None:
            raise UsageError(f"blc:{bits}: there is no such closed term of 4 to 300 bits")
        return words
    low, high, depth = numbers
    if high > MOST_NODES:
        raise UsageError(f"uniform:{low}-{high}: at most {MOST_NODES} nodes")
    counts = _counts(high, depth)
    sizes = [n for n in range(max(2, low), high + 1) if counts.closed(n)]
    if not sizes:
        raise UsageError(f"uniform:{low}-{high}:{depth}: there is no such closed term")
    nodes = sizes[below(len(sizes))]
    return counts.term(nodes, below(counts.closed(nodes)))


@cache
def _law(text: str) -> InflowLaw | None:
    """The law of a text, whose sources can all give a term."""
    law = parse_inflow(text)
    for source, _ in law.sources if law else ():
        found = generator(source)
        _parsed(source) if found is None else generated(found, DrawnWords(0, 0, 0, 0))
    return law


@cache
def _counts(largest: int, depth: int) -> TermCounts:
    return TermCounts(largest, depth)


@cache
def _parsed(text: str) -> Words:
    return notation.parse(text)


@lru_cache(4096)
def _text(packed: bytes) -> bytes:
    """A term as it stands in a line; the same ones come again and again."""
    return notation.format_term(np.frombuffer(packed, dtype=np.int32)).encode()
