"""The terms that an object carries, under the names by which they can be reactants.

An object's `term`; else, of an automaton, the operator that its `currentState`
names; else each usable span of its `text`. Pure: members in, packed terms out.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from automaton.errors import AutomatonError
from automaton.format import graphs, json_edit, objects
from automaton.format.objects import NamedObject
from automaton.program.definitions import DEFINITIONS, MAX_NAME
from automaton.terms import encodings, notation
from automaton.terms.arrays import Words
from kernels import cpu
from kernels.text import winner_lines

#: Called now and then while much is read; it raises where reading is to end.
Watch = Callable[[], None]
#: Spans after which it is called: a few hundredths of a second.
WATCHED_SPANS = 1 << 10


def never() -> None:
    """Read to the end."""


@dataclass(frozen=True)
class NamedTerm:
    """A term that enters under a name: `name` is its id, escaped as in the log."""

    name: bytes
    words: Words
    kind: str
    level: int = 0
    definition: bool = False


class Terms(Sequence[NamedTerm]):
    """The terms of one object as columns: a term costs its words and 12 bytes.

    `numbers` are those of the spans, 0 for the object's own term.
    """

    def __init__(self, name: bytes, kind: str, level: int) -> None:
        self._name, self._kind, self._level = name, kind, level
        self._definition = kind in DEFINITIONS
        self.numbers = array("i")
        self._ends = array("q", [0])
        self._code = array("i")

    def append(self, number: int, words: Words) -> None:
        """Add a term; those that were given out end with it."""
        self._code.frombytes(words.tobytes())
        self._ends.append(len(self._code))
        self.numbers.append(number)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, at: int) -> NamedTerm: ...
    @overload
    def __getitem__(self, at: slice) -> list[NamedTerm]: ...
    def __getitem__(self, at: int | slice) -> NamedTerm | list[NamedTerm]:
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        number = self.numbers[at]
        at %= len(self)
        code = self._code[self._ends[at] : self._ends[at + 1]]
        name = self._name + b"#%d" % number if number else self._name
        words = np.frombuffer(code, dtype=np.int32)
        return NamedTerm(name, words, self._kind, self._level, self._definition)


def reserved(identity: str) -> bool:
    """Whether an id reads like the name of a span (`x#1`) or of a line (`line:3`)."""
    _, mark, number = identity.rpartition("#")
    if not mark:
        prefix, mark, number = identity.partition(":")
        mark = mark if prefix == "line" else ""
    return bool(mark) and number.isdigit() and number.isascii()


class TermExtractor:
    """Finds terms of at most `max_size` nodes; those not usable are counted in `skipped`."""

    def __init__(
        self, max_size: int, skipped: int = 0, watch: Watch = never, *, graph: bool = False
    ) -> None:
        self.max_size = max_size
        self.watch = watch
        self.graph = graph  # whether `dimension` may say the level (see `graphs`)
        self.skipped = skipped
        self.smallest = 0  # nodes of the smallest term that is too large; 0: there is none
        self._found = False  # some usable term, so that nobody will ask for the smallest
        self._canonical = _CanonicalReader(max_size)

    def terms_of(self, found: NamedObject) -> Terms:
        """The terms of an object's current version; those not usable are counted."""
        source = objects.term_sources(found.members)
        name = json_edit.quote(found.id)[1:-1]
        kind = objects.object_type(found.members) or ""
        members = graphs.plain(found.members) if self.graph else found.members
        usable = Terms(name, kind, objects.level(members))
        nameless = len(name) > MAX_NAME or (
            objects.object_id(found.members) == found.id and reserved(found.id)
        )
        for number, words in self._words_of(source):
            if nameless:
                self.skipped += 1
            elif len(words) > self.max_size:
                self.skipped += 1
                self.smallest = min(self.smallest or len(words), len(words))
            else:
                usable.append(number, words)
                self._found = True
        return usable

    def too_large(self) -> str:
        """What to do where the terms that there are were too large; "" where none was."""
        if not self.smallest:
            return ""
        return (
            f"nothing to step: every term of the log is larger than --max-size {self.max_size} "
            f"or cannot be used; the smallest of those has {self.smallest} nodes: raise it to that"
        )

    def _words_of(self, source: objects.TermSource) -> Iterator[tuple[int, Words]]:
        """The numbers of an object's terms and their words, one at a time."""
        if source.kind == "text":
            number = 0
            for count, span in enumerate(notation.read_spans(source.value), 1):
                if count % WATCHED_SPANS == 0:
                    self.watch()
                if span is None:
                    self.skipped += 1
                else:
                    number += 1
                    yield number, span
        elif source.kind == "state":
            yield 0, encodings.operator_named(source.value)
        elif source.kind == "term":
            words = self._canonical.read(source.value)
            most = self.max_size if self._found else notation.MAX_NODES
            try:
                yield 0, notation.parse(source.value, max_nodes=most) if words is None else words
            except AutomatonError:
                self.skipped += 1


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
