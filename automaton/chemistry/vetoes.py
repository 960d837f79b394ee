"""Vetoes: rules in the log that forbid candidates before anything is appended.

A veto is an object `{"type":"veto","match":SELECTOR}`, its selector as an automaton's,
with `duplicate`: an equal term has entered before. Where streams compete, the candidates
of a tick are looked at together, as columns; in a soup in order each product is asked
before the next collision, by a program that says the same (`kernels.chemistry.veto_programs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.backends.batch import VetoProgram
from automaton.population import MODIFICATION
from automaton.population.selection import chosen
from automaton.program import grammar, selectors
from automaton.program.selectors import Selector
from automaton.terms import notation
from automaton.terms.arrays import Places, Slots, Truth, Words
from kernels import cpu
from kernels.chemistry import streams as kernel
from kernels.chemistry import veto_programs as steps
from kernels.terms.packed import META

Codes = npt.NDArray[np.uint8]

#: Rules that can be told apart; those behind them are not used.
MOST_VETOES = 255


class Candidates:
    """Normal forms that might win, as a veto's selector sees them: `selection.Terms`."""

    def __init__(  # noqa: PLR0913, PLR0917 - columns travel as arguments
        self, code: Words, starts: Slots, sizes: Places, steps: Places, level: int,
        seen: npt.NDArray[np.uint64],
    ) -> None:  # fmt: skip
        self.code = code
        self.kinds = ["modification"]
        self._seen = seen
        self.column: dict[str, npt.NDArray[Any]] = {
            "start": starts,
            "size": sizes,
            "steps": steps,
            "level": np.full(len(sizes), level, dtype=np.int32),
            "kind": np.full(len(sizes), MODIFICATION, dtype=np.int32),
        }

    def duplicates(self, rows: Places) -> Truth:
        """Which rows hold a term that has entered before."""
        found = np.empty(len(rows), dtype=np.bool_)
        cpu.compiled(kernel.known)(
            self.code, self.column["start"], self.column["size"], rows, self._seen, found
        )
        return found

    def vetoed(self, vetoes: Mapping[str, Selector]) -> Codes:
        """By row: the number, from 1, of the first rule that forbids it, or 0."""
        codes = np.zeros(len(self.column["size"]), dtype=np.uint8)
        rows: Places = np.arange(len(codes), dtype=np.int32)
        for number, selector in enumerate(list(vetoes.values())[:MOST_VETOES], 1):
            codes[chosen(self, rows, selector)] = number
            rows = np.flatnonzero(codes == 0).astype(np.int32)
        return codes


#: How the kernel compares, and numbers of 32 bits that no size or step count reaches.
_HOW = {
    "==": steps.EQUAL, "!=": steps.UNEQUAL, "<": steps.LESS, "<=": steps.AT_MOST,
    ">": steps.GREATER, ">=": steps.AT_LEAST,
}  # fmt: skip
_MEASURES = {"size": steps.SIZE, "steps": steps.STEPS}
_MOST = 1 << 40
Step = tuple[int, int, int]


def compiled_vetoes(vetoes: Mapping[str, Selector], level: int) -> VetoProgram:
    """The rules as a program that is asked of one term; `level` is that of all products."""
    return VetoCompiler(level).compile(vetoes)


class VetoCompiler:
    """Turns selectors over products of one dimension into steps; `duplicate` has none."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._patterns: list[Words] = []
        self._metas = 0

    def compile(self, vetoes: Mapping[str, Selector]) -> VetoProgram:
        """The steps of all rules, one behind the other."""
        program: list[Step] = []
        for selector in list(vetoes.values())[:MOST_VETOES]:
            program += [*self._steps(selector), (steps.END, 0, 0)]
        return VetoProgram.of(program, self._patterns, self._metas)

    def _steps(self, selector: Selector) -> Iterator[Step]:
        match selector:
            case grammar.Not(part):
                yield from self._steps(part)
                yield steps.NOT, 0, 0
            case grammar.And(parts) | grammar.Or(parts):
                joining = steps.AND if isinstance(selector, grammar.And) else steps.OR
                for number, part in enumerate(parts):
                    yield from self._steps(part)
                    if number:
                        yield joining, 0, 0
            case selectors.Matches(text):
                yield steps.MATCHES, 0, self._pattern(text)
            case selectors.Numeral():
                yield steps.NUMERAL, 0, 0
            case selectors.Member(field, values) if field in _MEASURES:
                yield _constant(value=False)
                for value in values:
                    yield _MEASURES[field], steps.EQUAL, _bounded(int(value))
                    yield steps.OR, 0, 0
            case grammar.Compare(field, op, value) if field in _MEASURES:
                yield _MEASURES[field], _HOW[op], _bounded(int(value))
            case _:
                yield _constant(value=self._known(selector))

    def _known(self, leaf: Any) -> bool:
        """What is the same of all products: their dimension and their type."""
        match leaf:
            case grammar.Const(value):
                return value
            case grammar.Compare(_, op, value):
                return bool(grammar.COMPARISONS[op](self._level, value))
            case selectors.Member("type", values):
                return "modification" in values
            case selectors.Member(_, values):
                return self._level in values
        raise AssertionError(f"{leaf} is asked of a product")

    def _pattern(self, text: str) -> int:
        words = notation.parse(text, pattern=True)
        metas = words[words & 3 == META] >> 2
        self._metas = max(self._metas, int(metas.max()) + 1 if len(metas) else 0)
        self._patterns.append(words)
        return len(self._patterns) - 1


def _constant(*, value: bool) -> Step:
    return steps.CONSTANT, 0, int(value)


def _bounded(value: int) -> int:
    return max(-_MOST, min(_MOST, value))
