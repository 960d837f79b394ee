"""Candidates in order of size: normal forms over building blocks, and all closed terms.

The first is a way of searching, the second (`Closed`) what every way is held
against. Terms come by number and are written by the kernels; only what is right on
all examples is seen here. Knows no log and no other way of searching.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.synthesis.evaluation import EvaluationScratch, Examples
from automaton.terms import notation
from automaton.terms.arrays import Words
from automaton.terms.packed import LAM
from kernels import cpu
from kernels.experiments import evaluate as kernel
from kernels.terms import enumerate_closed, enumerate_forms, packed

#: Candidates that a kernel tries at a time, and the most that are right among them.
CHUNK, SOLVED = 1 << 14, 128
#: Bits up to which normal forms, and closed terms, are counted: no search comes so far.
FORM_BITS, CLOSED_BITS = 48, 46
#: Stands for the first block where a term is written with their names.
_NAMES = 1 << 20


@dataclass(frozen=True)
class FormHit:
    """A candidate that is right on all examples; `told` says for people how it was made."""

    words: Words
    told: Callable[[], tuple[str, ...]] = tuple


@dataclass(frozen=True)
class SearchSlice:
    """What a slice of a search came to."""

    candidates: int
    steps: int
    hits: list[FormHit]


@dataclass(frozen=True)
class Sketch:
    """What all candidates have in common: lambdas around a body of some kind.

    low, high: the variables (de Bruijn indices of the body) that may lead, of LED.
    """

    lambdas: int
    kind: int
    low: int = 0
    high: int = 0

    def __str__(self) -> str:
        what = {
            enumerate_forms.FORM: "?",
            enumerate_forms.HEAD: "? of a head",
            enumerate_forms.LED: "? led by an input",
        }
        return "λ" * self.lambdas + what[self.kind]


def price(blocks: int) -> int:
    """The bits that a building block takes: those of a variable, and its number."""
    return 2 + max(1, (blocks - 1).bit_length()) if blocks else 0


class FormEnumerator:
    """Normal forms under a sketch, the smallest first; building blocks are constants."""

    def __init__(
        self, examples: Examples, sketch: Sketch, blocks: Sequence[tuple[str, Words]] = ()
    ) -> None:
        self.sketch = sketch
        self._examples = examples
        self._names = [name for name, _ in blocks]
        self._price = price(len(blocks))
        words = [words for _, words in blocks]
        self._sizes = np.array([len(block) for block in words], dtype=np.int32)
        front = len(examples.code)
        self._places = (front + np.cumsum(self._sizes) - self._sizes).astype(np.int64)
        self._front = front + int(self._sizes.sum())
        largest = int(self._sizes.max()) if words else 0
        room = sketch.lambdas + FORM_BITS * max(1, largest)
        self._code = np.concatenate((examples.code, *words, np.zeros(room, dtype=np.int32)))
        self._heads, self._forms = enumerate_forms.counted(
            FORM_BITS, sketch.lambdas, len(words), self._price
        )
        self._led = enumerate_forms.led(self._forms, sketch.lambdas, sketch.low, sketch.high)
        self._stack = np.zeros((FORM_BITS + 2, 4), dtype=np.int64)
        self._linking = np.empty(room, dtype=np.int32)
        self._solved = np.empty(SOLVED, dtype=np.int64)
        self._bits, self._rank = 2, 0

    @property
    def ended(self) -> bool:
        """Whether all that can be counted was tried."""
        return self._bits > FORM_BITS

    def _total(self) -> int:
        """How many forms there are of the size that is tried."""
        of = {enumerate_forms.FORM: self._forms, enumerate_forms.HEAD: self._heads}
        table = of.get(self.sketch.kind)
        at = self._bits
        return int(self._led[at] if table is None else table[at, self.sketch.lambdas])

    def slice(self, own: EvaluationScratch, steps: int) -> SearchSlice:
        """Try the next ones until so many beta steps are made."""
        candidates = made = 0
        hits: list[FormHit] = []
        while made < steps and not self.ended:
            left = self._total() - self._rank
            if left <= 0:
                self._bits, self._rank = self._bits + 1, 0
                continue
            found, beta, count = self._chunk(own, min(left, CHUNK))
            hits += [self._hit(rank) for rank in self._solved[:found].tolist()]
            self._rank += count
            candidates, made = candidates + count, made + max(beta, count)
        return SearchSlice(candidates, made, hits)

    def _chunk(self, own: EvaluationScratch, count: int) -> tuple[int, int, int]:
        sketch = self.sketch
        answer: tuple[int, int, int] = cpu.compiled(kernel.try_forms)(
            self._heads, self._forms, self._led, sketch.low, sketch.high, self._price,
            self._places, self._sizes, sketch.kind, self._bits, sketch.lambdas,
            self._rank, count, self._code, self._front, self._stack, self._linking, self._solved,
            *self._examples.columns, *own.limits, *own.judging, *own.machine,
        )  # fmt: skip
        return answer

    def _hit(self, rank: int) -> FormHit:
        words = self._written(rank, self._places, self._sizes, self._code, self._bits)
        return FormHit(words, partial(self._told, rank, self._bits))

    def _told(self, rank: int, bits: int) -> tuple[str, ...]:
        """The form with the names of its blocks, and its number."""
        standing = np.arange(len(self._names), dtype=np.int64)
        marks = ((_NAMES + standing) << 2).astype(np.int32)
        ones = np.ones(len(standing), dtype=np.int32)
        named = self._written(rank, standing, ones, marks, bits)
        text = notation.format_term(named)
        for k in np.flatnonzero(np.isin(marks, named)).tolist():
            text = text.replace(str(_NAMES + k), self._names[k])
        blocks = f", over {len(self._names)} blocks" if self._names else ""
        return (f"{text}: normal form {rank} of {bits} bits, {self.sketch}{blocks}",)

    def _written(
        self, rank: int, places: npt.NDArray[np.int64], sizes: npt.NDArray[np.int32],
        code: Words, bits: int,
    ) -> Words:  # fmt: skip
        """The candidate of a number, with these constants of `code`."""
        sketch = self.sketch
        out = np.empty(len(self._linking), dtype=np.int32)
        out[: sketch.lambdas] = LAM
        size = cpu.compiled(enumerate_forms.write_form)(
            self._heads, self._forms, self._led, sketch.low, sketch.high, self._price,
            places, sizes, code, sketch.kind, bits, sketch.lambdas, rank,
            out, sketch.lambdas, self._stack,
        )  # fmt: skip
        cpu.compiled(packed.link)(out, sketch.lambdas, size, self._linking)
        return out[: sketch.lambdas + size].copy()


class ClosedTermEnumerator:
    """All closed terms, the smallest first: the plain enumeration that others are held against."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        self._counts = enumerate_closed.counted(CLOSED_BITS)
        self._room = CLOSED_BITS

    def sizes(self) -> list[tuple[int, int]]:
        """Bits, and how many closed terms there are of them, ascending."""
        return [(n, int(self._counts[n, 0])) for n in range(4, CLOSED_BITS + 1)]

    def chunk(
        self, bits: int, low: int, high: int, own: EvaluationScratch
    ) -> tuple[list[int], int]:
        """Which of the terms low..high-1 are right, and the beta steps made."""
        front = len(self._examples.code)
        code = np.concatenate((self._examples.code, np.zeros(self._room, dtype=np.int32)))
        solved = np.empty(SOLVED, dtype=np.int64)
        found: list[int] = []
        total = 0
        while low < high:
            count, steps, done = cpu.compiled(kernel.try_closed)(
                self._counts, bits, low, high - low, code, front, *self._writing(), solved,
                *self._examples.columns, *own.limits, *own.judging, *own.machine,
            )  # fmt: skip
            found += solved[:count].tolist()
            total += steps
            low += done
        return found, total

    def term(self, bits: int, rank: int) -> Words:
        """The closed term of a number."""
        code = np.zeros(self._room, dtype=np.int32)
        stack, linking = self._writing()
        size = cpu.compiled(enumerate_closed.write_term)(self._counts, bits, rank, code, 0, stack)
        cpu.compiled(packed.link)(code, 0, size, linking)
        return code[:size].copy()

    def _writing(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return np.empty((self._room, 3), dtype=np.int64), np.empty(self._room, dtype=np.int32)
