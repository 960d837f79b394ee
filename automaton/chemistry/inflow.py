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
from automaton.compute.draws import DrawnWords
from automaton.format.options import (
    ALL,
    InflowLaw,
    generator,
    parse_amplifiers,
    parse_inflow,
)
from automaton.population import place_draws
from automaton.terms import notation
from automaton.terms.arrays import Words
from automaton.terms.random_terms import generated
from kernels import philox


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
        drawn = DrawnWords((options.seed, tick, number), philox.INFLOW, word)
        words = terms[drawn.below(len(terms))] if number < lacking else drawn_term(law, drawn)
        slot = world.slots + number
        line = b'%s%d","type":"inflow","dimensionalLevel":0,"size":%d,"term":"%s"}\n' % (
            head, slot, len(words), _text(words.tobytes())
        )  # fmt: skip
        made.append(ActionLine(line, slot=slot, words=words, kind="inflow"))
    return made


def drawn_term(law: InflowLaw, drawn: DrawnWords) -> Words:
    """A term of one of the sources, each as likely as it weighs."""
    number = drawn.below(sum(weight for _, weight in law.sources))
    ends = list(accumulate(weight for _, weight in law.sources))
    source, _ = law.sources[bisect_right(ends, number)]
    found = generator(source)
    return _parsed(source) if found is None else generated(*found, drawn.below)


@cache
def _law(text: str) -> InflowLaw | None:
    """The law of a text, whose sources can all give a term."""
    law = parse_inflow(text)
    for source, _ in law.sources if law else ():
        found = generator(source)
        if found is None:
            _parsed(source)
        else:
            generated(*found, DrawnWords((0, 0, 0), philox.INFLOW).below)
    return law


@cache
def _parsed(text: str) -> Words:
    return notation.parse(text)


@lru_cache(4096)
def _text(packed: bytes) -> bytes:
    """A term as it stands in a line; the same ones come again and again."""
    return notation.format_term(np.frombuffer(packed, dtype=np.int32)).encode()
