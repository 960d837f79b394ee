"""What a rule means that has a pattern and a replacement: read once, refused where it cannot be.

A metavariable under k lambdas of the pattern stands for a term in their k variables.
In the replacement it may stand under k lambdas or more, and gets the variables of the
outermost k, in their order: names do not matter, and lambdas further in capture nothing.
Knows no population and no kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from automaton.errors import UsageError
from automaton.terms import notation
from automaton.terms.arrays import Words
from automaton.terms.packed import APP, LAM, META


@dataclass(frozen=True)
class RewriteRule:
    """A pattern and its replacement, metavariables numbered alike."""

    pattern: Words
    replacement: Words
    under: Words  # by metavariable: the lambdas around it in the pattern; -1: it is not there
    depths: Words  # by node of the replacement: the lambdas around it

    @property
    def metas(self) -> int:
        """One more than the greatest number of a metavariable."""
        return len(self.under)


def is_rewrite_rule(members: Mapping[str, Any]) -> bool:
    """Whether a `rule` object rewrites: it has one of both members, and no `operator`."""
    either = isinstance(members.get("pattern"), str) or isinstance(members.get("replacement"), str)
    return either and not isinstance(members.get("operator"), str)


def from_object(members: Mapping[str, Any], max_size: int) -> RewriteRule:
    """The rewriting of a `rule` object; raises as `read`."""
    pattern, replacement = members.get("pattern"), members.get("replacement")
    if not (isinstance(pattern, str) and isinstance(replacement, str)):
        missing = "replacement" if isinstance(pattern, str) else "pattern"
        raise UsageError(f"a rule that rewrites needs a `{missing}`, a term with metavariables")
    return read(pattern, replacement, max_size)


def read(pattern: str, replacement: str, max_size: int) -> RewriteRule:
    """The rewriting that two texts mean.

    Raises `TermError` where one cannot be read, and `UsageError` where a metavariable of
    the replacement stands for nothing, or for something whose variables it has not.
    """
    first, second, names = notation.parse_together(pattern, replacement)
    under = _under(first, names)
    depths = _depths(second)
    for word, depth in zip(second.tolist(), depths, strict=True):
        if word & 3 == META:
            _fit(names[word >> 2], under.get(word >> 2), depth)
    if len(second) + 2 > max_size:
        message = f"the replacement has {len(second)} nodes; with two lambdas at most {max_size}"
        raise UsageError(message)
    table = [under.get(meta, -1) for meta in range(max(under, default=-1) + 1)]
    return RewriteRule(first, second, np.array(table, np.int32), np.array(depths, np.int32))


def _under(pattern: Words, names: dict[int, str]) -> dict[int, int]:
    """By metavariable: the lambdas around it, everywhere as many unless it is closed."""
    around: dict[int, set[int]] = {}
    for word, depth in zip(pattern.tolist(), _depths(pattern), strict=True):
        if word & 3 == META:
            around.setdefault(word >> 2, set()).add(depth)
    for meta, found in around.items():
        if len(found) > 1 and min(found):
            message = (
                f"{names[meta]} stands under {min(found)} and under {max(found)} lambdas of the "
                "pattern, so that its variables are not the same; use two metavariables"
            )
            raise UsageError(message)
    return {meta: min(found) for meta, found in around.items()}


def _fit(name: str, under: int | None, depth: int) -> None:
    """A metavariable of the replacement must be bound, and its variables with it."""
    if under is None:
        raise UsageError(f"{name} stands in the replacement and not in the pattern; add it there")
    if depth < under:
        message = (
            f"{name} stands under {under} lambdas in the pattern and under {depth} in the "
            "replacement, where its variables may be unbound; put it under as many"
        )
        raise UsageError(message)


def _depths(words: Words) -> list[int]:
    """The lambdas around each node."""
    around = [0] * len(words)
    for at, word in enumerate(words.tolist()):
        if word & 3 == LAM:
            around[at + 1] = around[at] + 1
        elif word & 3 == APP:
            around[at + 1] = around[at + (word >> 2)] = around[at]
    return around
