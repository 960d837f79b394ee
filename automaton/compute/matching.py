"""Literals in a buffer of bytes, numerals and patterns in a batch of terms: on the CPU or the card.

Lives here: checked calls of the matching kernels. Must not know: lines, objects, populations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.compute import dispatch
from automaton.terms import notation
from automaton.terms.arrays import Bits, Bytes, Numbers, Truth, Words
from automaton.terms.packed import META
from kernels import cpu
from kernels.checks import KernelArgumentError, Run, array, at_once, closed_terms
from kernels.checks import spans as spans_of
from kernels.search import grams, literals
from kernels.search.literal_tables import Literals, Triples, check_strings, prepared
from kernels.terms import match

__all__ = ["PIECE", "Hits", "Literals", "Run", "at_once", "bind", "find", "numerals", "prepared"]

#: Bytes that all groups of literals look at before the next are fetched: a second-level cache.
PIECE = 1 << 19


class Hits(NamedTuple):
    """Which string holds which pattern, and in how many strings each pattern occurs.

    bits uint64 [N, ceil(P / 64)]: bit k % 64 of word k // 64; counts int64 [P].
    """

    bits: Bits
    counts: Numbers


def find(
    patterns: Literals, buffer: Bytes, offsets: Numbers, run: Run = at_once, *,
    bits: Bits | None = None,
) -> Hits:  # fmt: skip
    """The literals in the strings buffer[offsets[n]:offsets[n + 1]]; exact, overlaps included.

    `bits`, N rows or more, is used again: writing to fresh memory costs more than a scan.
    """
    check_strings(buffer, offsets)
    rows, words = len(offsets) - 1, -(-patterns.total // 64)
    held = np.zeros((rows, words), np.uint64) if bits is None else _enough(bits, rows, words)
    total = np.zeros(patterns.total, dtype=np.int64)
    if dispatch.run_on_card(
        "literals", int(offsets[-1] - offsets[0]),
        lambda card: card.find_literals(patterns, buffer, offsets, held, total),
    ):  # fmt: skip
        return Hits(held, total)
    counted: list[Numbers] = []

    def task(low: int, high: int) -> None:
        if bits is not None or dispatch.card_in_use():  # a card may have begun
            held[low:high] = 0
        counts = np.zeros(patterns.total, dtype=np.int64)
        waiting = np.empty(literals.WAITING, np.int64), np.empty(literals.WAITING, np.int32)
        tried, picked = np.empty((2, literals.PICKED), np.int64)
        marks = np.empty(literals.SPAN, np.uint8)
        for begin, end in _pieces(offsets, low, high, len(patterns.groups)):
            for group in patterns.groups:
                triples = isinstance(group, Triples)
                body = literals.scan_triples if triples else grams.scan_grams
                own = [marks] if triples else [tried, picked]
                cpu.compiled(body)(
                    buffer, offsets, begin, end, patterns.needles, patterns.starts, *group,
                    *own, *waiting, held, counts,
                )  # fmt: skip
        counted.append(counts)

    run(task, rows)
    return Hits(held, sum(counted, start=np.zeros(patterns.total, dtype=np.int64)))


def _enough(bits: Bits, rows: int, words: int) -> Bits:
    array("bits", bits, (np.uint64,), 2)
    if len(bits) < rows or bits.shape[1] != words:
        raise KernelArgumentError("bits", f"{rows:,} rows of {words} are needed, not {bits.shape}")
    return bits[:rows]


def _pieces(offsets: Numbers, low: int, high: int, groups: int) -> Iterator[tuple[int, int]]:
    """Ranges of strings of about PIECE bytes each; all at once for a single group."""
    while low < high:
        end = int(np.searchsorted(offsets, offsets[low] + PIECE)) if groups > 1 else high
        end = min(max(end, low + 1), high)
        yield low, end
        low = end


def numerals(code: Words, starts: Numbers, sizes: npt.NDArray[Any]) -> Truth:
    """Which terms are Church numerals, bool [terms]; an empty span is none."""
    found = np.empty(len(sizes), dtype=np.bool_)
    rows = np.arange(len(sizes), dtype=np.int32)
    cpu.compiled(match.match_numerals)(code, starts, sizes, rows, found)
    return found


def bind(
    text: str, code: Words, starts: Numbers, sizes: npt.NDArray[Any]
) -> tuple[Truth, npt.NDArray[np.int64]]:
    """Which terms match a pattern, and the spans of code that its metavariables stand for.

    found bool [terms]; spans int64 [2, terms, metavariables]: begin and end, -1 for none.
    An empty span is no term and matches nothing.
    """
    pattern = notation.parse(text, pattern=True)
    metas = pattern[pattern & 3 == META] >> 2
    spans_of(code, starts, sizes, least=0)
    rows = np.flatnonzero(sizes).astype(np.int32)
    closed_terms(code, starts[rows], sizes[rows])
    spans = np.full((2, len(rows), int(metas.max(initial=-1)) + 1), -1, dtype=np.int64)
    some = np.empty(len(rows), dtype=np.bool_)
    if not dispatch.run_on_card(
        "patterns", len(rows),
        lambda card: card.bind_terms(pattern, code, starts, rows, some, spans[0], spans[1]),
    ):  # fmt: skip
        cpu.compiled(match.bind_terms)(pattern, code, starts, rows, some, spans[0], spans[1])
    found = np.zeros(len(sizes), dtype=np.bool_)
    found[rows] = some
    whole = np.full((2, len(sizes), spans.shape[2]), -1, dtype=np.int64)
    whole[:, rows] = spans
    return found, whole
