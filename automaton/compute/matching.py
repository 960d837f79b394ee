"""Bindings of a term pattern's metavariables in a batch of terms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.compute import dispatch
from automaton.terms import notation
from automaton.terms.arrays import Numbers, Truth, Words
from automaton.terms.packed import META
from kernels import cpu
from kernels.checks import closed_terms
from kernels.checks import spans as spans_of
from kernels.terms import match


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
