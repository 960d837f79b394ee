"""The lines of a text that define names, where the text comes in chunks.

Knows which lines they are and what names mean at a place; what a definition is,
`bindings` says. Threads may look things up while nobody takes in a chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from automaton.errors import TermError
from automaton.terms.bindings import Bindings, Lookup, defined_name


@dataclass
class DefinitionLines:
    """What names stand for, and the lines of the chunk under way that say so."""

    defines: bool = True  # lines may do so; in some notations there are no names
    bindings: Bindings = field(default_factory=Bindings)
    base: int = 0  # where in the text the chunk begins, in bytes
    _faults: dict[int, str] = field(default_factory=dict)  # by line: "", or why it defines nothing

    def enter(self, chunk: bytes, text_of: Callable[[bytes], str]) -> None:
        """Take in the definitions of the next chunk, whose lines `text_of` decodes."""
        self._faults = {}
        for begin, raw in _candidates(chunk) if self.defines else ():
            try:
                line = text_of(raw)
                if defined_name(line):
                    self._faults[begin] = ""
                    self.bindings.define(self.base + begin, line)
            except TermError as error:
                self._faults[begin] = str(error)

    def leave(self, chunk: bytes) -> None:
        """The chunk is answered."""
        self.base += len(chunk)

    def is_one(self, begin: int) -> bool:
        """Whether the line there is a definition; one that cannot be meant is a TermError."""
        fault = self._faults.get(begin)
        if fault:
            raise TermError(fault)
        return fault is not None

    def known_at(self, begin: int) -> Lookup | None:
        """What names stand for in the line there; None where no name does."""
        return self.bindings.before(self.base + begin) if self.bindings else None


def _candidates(chunk: bytes) -> Iterator[tuple[int, bytes]]:
    """Where lines with an equals sign begin, and the lines."""
    at = chunk.find(b"=")
    while at >= 0:
        begin = chunk.rfind(b"\n", 0, at) + 1
        end = chunk.find(b"\n", at)
        yield begin, chunk[begin:end]
        at = chunk.find(b"=", end)
