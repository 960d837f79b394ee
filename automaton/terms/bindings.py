"""Names that stand for terms: lines `name = term`, for the terms after them.

A name means the last term that was given to it before its use, written in its place
(no beta step is made for it). Knows the order of lines, no files and no reduction.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable

from automaton.errors import TermError
from automaton.terms.arrays import Words
from automaton.terms.notation import MAX_NODES, parse_question
from automaton.terms.parser import Definition, Syntax, TermParser, is_name, shortened

Lookup = Callable[[str], Definition | None]

_LINE_END = re.compile(r"\r\n|\r|\n")


def defined_name(line: str) -> str:
    """The name that a line defines, "" where it is no definition."""
    name, equals, rest = line.partition("=")
    name = name.strip()
    return name if equals and not rest.startswith("=") and is_name(name) else ""


class Bindings:
    """The definitions of a text by their places, which only grow (a count of any unit).

    All of them have at most MAX_NODES nodes together, so that a text costs what its
    length and this bound say.
    """

    def __init__(self) -> None:
        self._places: dict[str, list[int]] = {}  # of each name's definitions
        self._definitions: dict[str, list[Definition]] = {}
        self._used: dict[str, str] = {}  # free name -> the first name whose definition has it
        self._room = MAX_NODES

    def __len__(self) -> int:
        return len(self._definitions)

    def before(self, place: int) -> Lookup:
        """What names stand for at a place."""

        def known(name: str) -> Definition | None:
            number = bisect_left(self._places.get(name, ()), place)
            return self._definitions[name][number - 1] if number else None

        return known

    def define(self, place: int, line: str) -> None:
        """Take in a definition; a TermError where it is none, or not of a term before it."""
        name, _, text = line.partition("=")
        offset, name = len(name) + 1, name.strip()
        shown = shortened(name)
        if name in self._used:
            user = shortened(self._used[name])
            raise TermError(f"{shown} is used by {user} before it is defined; {_ORDER}")
        grammar = Syntax(free=True, mixed=False, known=self._known(name, place))
        reader = TermParser(text, self._room, grammar)
        try:
            definition = Definition(reader.read(), reader.free)
        except TermError as error:
            at = error.position and error.position + offset
            raise TermError(f"{shown} is not defined: {_moved(str(error), offset)}", at) from None
        if reader.free_index >= 0:
            raise TermError(f"{shown} is not defined: a definition has no free indices")
        self._room -= len(definition.postorder)
        for free in reader.free_names:
            self._used.setdefault(free, name)
        self._places.setdefault(name, []).append(place)
        self._definitions.setdefault(name, []).append(definition)

    def _known(self, name: str, place: int) -> Lookup:
        """What names stand for in the definition of one of them."""
        before = self.before(place)

        def known(other: str) -> Definition | None:
            if other == name:
                raise TermError(f"{shortened(name)} would be defined by itself; {_RECURSION}")
            return before(other)

        return known


_ORDER = "definitions stand before their use, and cannot go round in a circle"
_RECURSION = (
    "a definition cannot be a cycle (a fixed point such as λf.(λx.f (x x)) (λx.f (x x)) can)"
)


def _moved(message: str, by: int) -> str:
    """The message with its character counted from the line's beginning."""
    return re.sub(r"(?<=character )\d+", lambda found: str(int(found[0]) + by), message, count=1)


def split_definitions(text: str) -> tuple[Bindings, str]:
    """The definitions in the first lines of a text, and the rest of it."""
    bindings = Bindings()
    at = 0
    for number, end in enumerate(_LINE_END.finditer(text), 1):
        line = text[at : end.start()]
        if line.strip():
            if not defined_name(line):
                break
            try:
                bindings.define(number, line)
            except TermError as error:
                raise TermError(f"line {number}: {error}", error.position) from None
        at = end.end()
    return bindings, text[at:]


def read_question(text: str, notation: str) -> tuple[Words, list[str]]:
    """The words and free names of a term, behind the definitions of its names if any."""
    if notation != "lambda":
        return parse_question(text, notation)
    bindings, term = split_definitions(text)
    return parse_question(term, notation, bindings.before(len(text)) if bindings else None)
