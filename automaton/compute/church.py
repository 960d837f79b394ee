"""Church numerals in batches: encode, decode, arithmetic by reduction and on counts.

The checked way to `kernels.terms.church`: arguments are looked at before anything
runs. Reduction is the machine's, real beta steps under budgets; `add_counts`
and `mult_counts` are the short cut on integers. It knows no files and no log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from automaton.compute import dispatch
from automaton.compute.budgets import Budgets, MachineScratch
from automaton.terms.arrays import Words
from kernels import cpu
from kernels.checks import (
    MOST_WORDS,
    KernelArgumentError,
    Run,
    array,
    at_once,
    budgets,
    closed_terms,
    integers,
    same_length,
    spans,
)
from kernels.terms import church

Counts: TypeAlias = npt.NDArray[np.int64]

STATUS = church.STATUS
kind_of = church.kind_of
_ROOM = 1 << 20  # words of results that are collected at a time


class PackedTerms(NamedTuple):
    """A batch of packed terms in CSR form: term i is code[starts[i]:][:sizes[i]]."""

    code: Words
    starts: Counts
    sizes: Counts

    def words(self, i: int) -> Words:
        """A term, a view."""
        begin = self.starts[i]
        return self.code[begin : begin + self.sizes[i]]


AMPLE = Budgets()


@dataclass(frozen=True)
class ChurchResults:
    """What came of a batch, in input order; a term that has no normal form here has size 0."""

    outcomes: npt.NDArray[np.uint8]  # numbers into `kernels.terms.reduce.OUTCOMES`
    steps: npt.NDArray[np.int32]
    terms: PackedTerms

    def values(self) -> Counts:
        """The numerals' values, -1 where the result is none."""
        return decode(*self.terms)


def encode(ns: Sequence[int] | Counts) -> PackedTerms:
    """The numerals of counts, one behind the other."""
    counts = integers("ns", ns)
    if len(counts) and not 0 <= int(counts.min()) <= int(counts.max()) < church.MOST_COUNT:
        raise KernelArgumentError("ns", f"a numeral stands for 0 to {church.MOST_COUNT - 1:,}")
    sizes = 2 * counts + 3
    if int(sizes.sum()) >= MOST_WORDS:
        raise KernelArgumentError("ns", "2**30 words or more; split the batch")
    ends = np.cumsum(sizes)
    code: Words = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.int32)
    starts = ends - sizes
    if not dispatch.run_on_card(
        "numerals", len(code), lambda card: card.encode_numerals(counts, starts, code)
    ):
        cpu.compiled(church.encode_numerals)(counts, starts, 0, len(counts), code)
    return PackedTerms(code, starts, sizes)


def decode(code: Words, starts: Counts, sizes: Counts) -> Counts:
    """The values of numerals, -1 for terms (and for empty spans) that are none."""
    spans(code, starts, sizes, least=0)
    values = np.empty(len(starts), dtype=np.int64)
    if not dispatch.run_on_card(
        "numerals", len(code),
        lambda card: card.decode_numerals(
            code, starts, sizes.astype(np.int32, copy=False), values
        ),
    ):  # fmt: skip
        cpu.compiled(church.decode_numerals)(code, starts, sizes, 0, len(starts), values)
    return values


def add_counts(m: Counts, n: Counts) -> tuple[Counts, npt.NDArray[np.uint8]]:
    """Sums, and for each a status: ok, overflow or negative; -1 where it is not ok."""
    return _on_counts(church.add_counts, m, n)


def mult_counts(m: Counts, n: Counts) -> tuple[Counts, npt.NDArray[np.uint8]]:
    """Products, and for each a status: ok, overflow or negative; -1 where it is not ok."""
    return _on_counts(church.mult_counts, m, n)


def _on_counts(body: Any, m: Counts, n: Counts) -> tuple[Counts, npt.NDArray[np.uint8]]:
    ms, ns = integers("m", m), integers("n", n)
    same_length("n", ns, len(ms), "m")
    values, status = np.empty(len(ms), dtype=np.int64), np.empty(len(ms), dtype=np.uint8)
    if not dispatch.run_on_card(
        "counts", len(ms), lambda card: getattr(card, body.__name__)(ms, ns, values, status)
    ):
        cpu.compiled(body)(ms, ns, 0, len(ms), values, status)
    return values, status


def succ(m: PackedTerms, budget: Budgets = AMPLE, run: Run = at_once) -> ChurchResults:
    """The successors of numerals, by reduction."""
    return operate(church.OPERATORS[church.SUCCESSOR], (m,), budget, run)


def add(
    m: PackedTerms, n: PackedTerms, budget: Budgets = AMPLE, run: Run = at_once
) -> ChurchResults:
    """The sums of numerals, by reduction."""
    return operate(church.OPERATORS[church.ADDITION], (m, n), budget, run)


def mult(
    m: PackedTerms, n: PackedTerms, budget: Budgets = AMPLE, run: Run = at_once
) -> ChurchResults:
    """The products of numerals, by reduction."""
    return operate(church.OPERATORS[church.MULTIPLICATION], (m, n), budget, run)


def exp(
    m: PackedTerms, n: PackedTerms, budget: Budgets = AMPLE, run: Run = at_once
) -> ChurchResults:
    """The powers m**n of numerals, by reduction; 0**0 is 1."""
    return operate(church.OPERATORS[church.EXPONENTIATION], (m, n), budget, run)


def operate(
    operator: Words, arguments: tuple[PackedTerms, ...], budget: Budgets, run: Run = at_once
) -> ChurchResults:
    """A closed operator applied to one or two closed terms each, and reduced."""
    _check(operator, arguments, budget)
    count = len(arguments[0].starts)
    code = np.concatenate([operator, *(terms.code for terms in arguments)])
    bases = len(operator) + np.cumsum([0, *(len(terms.code) for terms in arguments)])
    starts = [terms.starts + base for terms, base in zip(arguments, bases, strict=False)]
    inputs = (code, 0, len(arguments), starts[0], starts[-1])
    outcomes = np.empty(count, dtype=np.uint8)
    steps, sizes = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
    parts: dict[int, Words] = {}

    def on_card(card: Any) -> None:
        columns = {
            "outcomes": outcomes, "steps": steps, "sizes": sizes,
            "places": np.empty(count, dtype=np.int64),
        }  # fmt: skip
        out: Words = np.empty(count * budget.max_size, dtype=np.int32)
        reducer = card.Reducer(count, card.Limits(*budget[:3]))
        parts[0] = out[: reducer.operate(*inputs, columns, out)]

    def task(low: int, high: int) -> None:
        out: Words = np.empty(max(_ROOM, budget.max_size), dtype=np.int32)
        places = np.empty(count, dtype=np.int64)
        scratch = MachineScratch.of(budget)
        while low < high:
            upto = cpu.compiled(church.operate)(
                *inputs,
                low,
                high,
                *budget[:3],
                out,
                len(out),
                outcomes,
                steps,
                sizes,
                places,
                *scratch,
            )
            parts[low] = out[: int(sizes[low:upto].sum())].copy()
            low = upto

    room = count * budget.max_size < MOST_WORDS
    if not (room and dispatch.run_on_card("operate", count, on_card)):
        run(task, count)
    results = [parts[low] for low in sorted(parts)] or [np.empty(0, dtype=np.int32)]
    lengths = sizes.astype(np.int64)
    return ChurchResults(
        outcomes, steps, PackedTerms(np.concatenate(results), _starts(lengths), lengths)
    )


def _check(operator: Words, arguments: tuple[PackedTerms, ...], budget: Budgets) -> None:
    """Closed terms, as many of one as of the other, and budgets that memory can hold."""
    budgets(budget.max_steps, budget.max_size, budget.max_depth)
    array("operator", operator, (np.int32,), 1)
    begin, size = np.zeros(1, dtype=np.int64), np.array([len(operator)], dtype=np.int64)
    closed_terms(operator, begin, size, "operator.")
    for name, terms in zip("mn", arguments, strict=False):
        closed_terms(*terms, f"{name}.")
        same_length(f"{name}.starts", terms.starts, len(arguments[0].starts), "m.starts")


def _starts(sizes: Counts) -> Counts:
    """Where spans begin that stand one behind the other."""
    return np.cumsum(sizes, dtype=np.int64) - sizes
