"""A random soup as the lines of a log: closed terms, each drawn evenly among those of its size.

The terms are a function of seed, count, sizes and depth: `automaton.terms.random_terms`
numbers them, Philox draws the numbers. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from automaton.compute import draws
from automaton.errors import UsageError
from automaton.format.options import generator
from automaton.format.records import dump
from automaton.terms.notation import format_term
from automaton.terms.random_terms import MOST_NODES, TermCounts, generated

_MORE = 64  # bits drawn beyond those of the number of terms: the bias is below 2**-64
_WORD = 32


@dataclass(frozen=True)
class Soup:
    """What a soup is drawn from; a combination without any term is a `UsageError`."""

    count: int
    smallest: int  # nodes
    largest: int
    depth: int  # lambdas that may stand around a node
    seed: int
    operator: str | None = None  # in de Bruijn notation
    generator: str | None = None  # another than the even one, such as tree:20

    def __post_init__(self) -> None:
        if not 2 <= self.smallest <= self.largest <= MOST_NODES:
            raise UsageError(
                f"--size {self.smallest}-{self.largest}: closed terms have from 2 to {MOST_NODES} "
                "nodes here, the smaller number first"
            )

    def lines(self) -> Iterator[bytes]:
        """An automaton where there is an operator, then the terms t1, t2, ..."""
        source = generator(self.generator) if self.generator else None
        if self.generator and source is None:
            raise UsageError(f"--generator {self.generator}: give one, such as tree:20 or blc:30")
        counts = TermCounts(self.largest, self.depth)
        sizes = [n for n in range(self.smallest, self.largest + 1) if counts.closed(n)]
        if not sizes:
            raise UsageError(
                f"--size {self.smallest}-{self.largest}, --depth {self.depth}: there is no such "
                "closed term"
            )
        if self.operator is not None:
            machine = {"id": "soup", "type": "automaton", "dimensionalLevel": 0}
            yield dump({**machine, "term": self.operator}) + b"\n"
        for k in range(1, self.count + 1):
            if source is not None:
                drawn = draws.DrawnWords((self.seed, k, 0), draws.SOUP)
                term = generated(*source, drawn.below)
                yield dump({"id": f"t{k}", "type": "term", "term": format_term(term)}) + b"\n"
                continue
            nodes = sizes[draws.index_of(draws.words(self.seed, k, 0, draws.SOUP)[0], len(sizes))]
            term = counts.term(nodes, self._number(k, counts.closed(nodes)))
            yield dump({"id": f"t{k}", "type": "term", "term": format_term(term)}) + b"\n"

    def _number(self, k: int, bound: int) -> int:
        """A number from 0 to bound - 1, by multiply-shift of as many words as it takes."""
        bits, value, slot = bound.bit_length() + _MORE, 0, 1
        have = 0
        while have < bits:
            for word in draws.words(self.seed, k, slot, draws.SOUP).tolist():
                value, have = value << _WORD | word, have + _WORD
            slot += 1
        return value * bound >> have
