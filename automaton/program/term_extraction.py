"""The terms that an object carries, under the names by which they can be reactants.

An object's `term`; else, of an automaton, the operator that its `currentState`
names; else each usable span of its `text`. Pure: members in, packed terms out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automaton.errors import AutomatonError
from automaton.format import graphs, json_edit, objects
from automaton.format.objects import NamedObject
from automaton.program.definitions import DEFINITIONS, MAX_NAME
from automaton.terms import encodings, notation
from automaton.terms.arrays import Words
from kernels import cpu
from kernels.text import winner_lines


def reserved(identity: str) -> bool:
    """Whether an id reads like the name of a span (`x#1`) or of a line (`line:3`)."""
    _, mark, number = identity.rpartition("#")
    if not mark:
        prefix, mark, number = identity.partition(":")
        mark = mark if prefix == "line" else ""
    return bool(mark) and number.isdigit() and number.isascii()


class TermExtractor:
    """Finds terms of at most `max_size` nodes; those not usable are counted in `skipped`."""

    def __init__(self, max_size: int, skipped: int = 0, *, graph: bool = False) -> None:
        self.max_size = max_size
        self.graph = graph  # whether `dimension` may say the level (see `graphs`)
        self.skipped = skipped
        self.smallest = 0  # nodes of the smallest term that is too large; 0: there is none
        self._canonical = _CanonicalReader(max_size)

    def terms_of(self, found: NamedObject) -> list[NamedTerm]:
        """The terms of an object's current version; those not usable are counted."""
        source = objects.term_sources(found.members)
        name = json_edit.quote(found.id)[1:-1]
        if len(name) > MAX_NAME or (
            objects.object_id(found.members) == found.id and reserved(found.id)
        ):
            self.skipped += len(self._words_of(source))
            return []
        kind = objects.object_type(found.members) or ""
        members = graphs.plain(found.members) if self.graph else found.members
        level = objects.level(members)
        definition = kind in DEFINITIONS
        usable = []
        for suffix, words in self._words_of(source):
            if len(words) > self.max_size:
                self.skipped += 1
                self.smallest = min(self.smallest or len(words), len(words))
            else:
                usable.append(NamedTerm(name + suffix, words, kind, level, definition))
        return usable

    def too_large(self) -> str:
        """What to do where the terms that there are were too large; "" where none was."""
        if not self.smallest:
            return ""
        return (
            f"nothing to step: every term of the log is larger than --max-size {self.max_size} "
            f"or cannot be used; the smallest of those has {self.smallest} nodes: raise it to that"
        )

    def _words_of(self, source: objects.TermSource) -> list[tuple[bytes, Words]]:
        if source.kind == "text":
            found, skipped = notation.spans_counted(source.value)
            self.skipped += skipped
            return [(b"#%d" % number, words) for number, words in found]
        if source.kind == "state":
            return [(b"", encodings.operator_named(source.value))]
        if source.kind == "none":
            return []
        words = self._canonical.read(source.value)
        if words is not None:
            return [(b"", words)]
        try:
            return [(b"", notation.parse(source.value))]
        except AutomatonError:
            self.skipped += 1
            return []


class _CanonicalReader:
    """Reads terms in canonical notation by the kernel, which is all that our own lines hold."""

    def __init__(self, room: int) -> None:
        self._words = np.empty(room, dtype=np.int32)
        self._stack = np.empty(4 * room + 8, dtype=np.int32)

    def read(self, text: str) -> Words | None:
        """The packed term, or None where the text is not canonical (or too large)."""
        raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
        size, end = cpu.compiled(winner_lines.get_term)(
            raw, 0, len(raw), self._words, 0, len(self._words), self._stack
        )
        return self._words[:size].copy() if size > 0 and end == len(raw) else None


@dataclass(frozen=True)
class NamedTerm:
    """A term that enters under a name: `name` is its id, escaped as in the log."""

    name: bytes
    words: Words
    kind: str
    level: int = 0
    definition: bool = False
