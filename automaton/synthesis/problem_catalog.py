"""Problems with a name: what is wanted is known, so pairs can be held back at will.

A new one is a row of NAMED: what it means, a function of values, the inputs to
learn from and others to be checked on. Pure; knows no search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from automaton.errors import closest
from automaton.synthesis.problem import (
    Pair,
    Problem,
    ProblemError,
    Value,
    of_pairs,
    read,
    refuse_pair,
    shown,
)


@dataclass(frozen=True)
class CatalogProblem:
    """What a name means; inputs as the grammar has them, the one that tells most first."""

    meaning: str
    function: Callable[..., Value]
    inputs: str
    held_back: str

    def pairs(self, inputs: str) -> tuple[Pair, ...]:
        """The pairs of some inputs."""
        _, asked, _ = read("; ".join(f"{part} -> 0" for part in inputs.split(";")))
        return tuple(Pair(p.inputs, self.function(*p.inputs), p.at) for p in asked)


_BOTH = "true,false; true,true; false,true; false,false"
_NUMBERS, _OTHERS = "2; 0; 1; 4", "3; 5; 7; 12"
_TWO, _OTHER_TWO = "2,3; 3,1; 0,2; 1,0; 1,1", "3,2; 4,5; 0,0; 5,3; 2,0"
_LISTS, _OTHER_LISTS = "[3,1]; [2]; []; [0,2,5]", "[1,2,3,4]; [4]; [7,7]; [0]"
_FULL, _OTHER_FULL = "[3,1]; [2]; [0,2,5]; [1,3]", "[1,2,3,4]; [4]; [7,0]; [2,2,2]"

NAMED: dict[str, CatalogProblem] = {
    "succ": CatalogProblem("n + 1", lambda n: n + 1, _NUMBERS, _OTHERS),
    "pred": CatalogProblem(
        "n - 1, 0 of 0", lambda n: max(0, n - 1), "3; 0; 1; 2; 5", "4; 6; 8; 11"
    ),
    "add": CatalogProblem("m + n", lambda m, n: m + n, _TWO, _OTHER_TWO),
    "mult": CatalogProblem("m * n", lambda m, n: m * n, _TWO, _OTHER_TWO),
    "exp": CatalogProblem(
        "m to the n, n from 1", lambda m, n: m**n, "2,3; 3,1; 0,2; 3,2", "2,5; 1,4; 4,2"
    ),
    "sub": CatalogProblem(
        "m - n, 0 below", lambda m, n: max(0, m - n), "5,2; 1,3; 2,0; 3,3; 4,1", _OTHER_TWO
    ),
    "double": CatalogProblem("2 n", lambda n: 2 * n, _NUMBERS, _OTHERS),
    "square": CatalogProblem("n * n", lambda n: n * n, "3; 0; 1; 2; 4", "5; 6; 7"),
    "half": CatalogProblem("n / 2, rounded down", lambda n: n // 2, "5; 2; 0; 1; 4", "3; 6; 9; 12"),
    "factorial": CatalogProblem(
        "n!", lambda n: reduce(lambda a, b: a * b, range(1, n + 1), 1), "3; 0; 2; 1", "4; 5"
    ),
    "max": CatalogProblem("the larger", max, _TWO, _OTHER_TWO),
    "is-zero": CatalogProblem("whether n is 0", lambda n: n == 0, "0; 2; 1; 3", "4; 5; 9"),
    "even": CatalogProblem("whether n is even", lambda n: n % 2 == 0, "3; 0; 2; 1", "4; 5; 8; 11"),
    "leq": CatalogProblem(
        "whether m <= n", lambda m, n: m <= n, "3,1; 1,3; 2,2; 0,1; 1,0", "4,2; 2,5; 3,3; 0,0; 5,4"
    ),
    "not": CatalogProblem("the other one", lambda p: not p, "true; false", ""),
    "and": CatalogProblem("both", lambda p, q: p and q, _BOTH, ""),
    "or": CatalogProblem("at least one", lambda p, q: p or q, _BOTH, ""),
    "xor": CatalogProblem("exactly one", lambda p, q: p != q, _BOTH, ""),
    "swap": CatalogProblem(
        "a pair's parts exchanged",
        lambda p: (p[1], p[0]),
        "(1,2); (3,0); (true,4)",
        "(5,2); ([1],0); (2,2)",
    ),
    "fst": CatalogProblem(
        "a pair's first", lambda p: p[0], "(1,2); (3,0); (true,4)", "(5,2); ([1],0); (0,7)"
    ),
    "snd": CatalogProblem(
        "a pair's second", lambda p: p[1], "(1,2); (3,0); (4,true)", "(5,2); (0,[1]); (7,0)"
    ),
    "pair": CatalogProblem(
        "the pair of a and b", lambda a, b: (a, b), "1,2; 3,0; true,4", "5,2; [1],0; 2,2"
    ),
    "cons": CatalogProblem(
        "h before the list t",
        lambda h, t: [h, *t],
        "2,[1,3]; 0,[]; 1,[4]",
        "5,[2,2,2]; 3,[]; [1],[[2]]",
    ),
    "head": CatalogProblem("a list's first", lambda xs: xs[0], _FULL, _OTHER_FULL),
    "tail": CatalogProblem("a list without its first", lambda xs: xs[1:], _LISTS, _OTHER_LISTS),
    "is-nil": CatalogProblem("whether a list is empty", lambda xs: not xs, _LISTS, _OTHER_LISTS),
    "length": CatalogProblem("how long a list is", len, _LISTS, _OTHER_LISTS),
    "sum": CatalogProblem("the sum of a list", sum, _LISTS, _OTHER_LISTS),
    "append": CatalogProblem(
        "two lists in one",
        lambda a, b: a + b,
        "[1],[2,3]; [],[1]; [2,0],[]; [1,2],[3]",
        "[4,1,2],[2,5]; [],[]; [0],[0]",
    ),
    "reverse": CatalogProblem("a list backwards", lambda xs: xs[::-1], _LISTS, _OTHER_LISTS),
}


def parse_problem(text: str) -> Problem:
    """The problem of a text: a pattern, pairs, or a name with or without pairs."""
    name, pairs, pattern = read(text)
    if pattern is not None:
        note = "a pattern has no pairs to hold back"
        return Problem(name or text.strip(), pattern=pattern, note=note)
    named = NAMED.get(name)
    if named is None and not pairs:
        hint = closest(name, NAMED) or f"; names: {', '.join(NAMED)}"
        raise ProblemError(f"there is no problem `{name}`{hint}, or give it pairs: {name}: 2,3->5")
    return _of_name(name, named, pairs) if named else of_pairs(name, pairs)


def _of_name(name: str, named: CatalogProblem, given: list[Pair]) -> Problem:
    for pair in given:
        _check(name, named, pair)
    known = [repr(pair.inputs) for pair in given]
    others = named.pairs(named.held_back) if named.held_back else ()
    if given:  # what is to be learnt from is given: all else checks
        others += named.pairs(named.inputs)
    held = tuple(pair for pair in others if repr(pair.inputs) not in known)
    pairs = tuple(given) or named.pairs(named.inputs)
    note = f"{len(held)} pairs held back" if held else "the pairs are all that there are"
    return Problem(name, pairs, held, meaning=named.meaning, note=note)


def _check(name: str, named: CatalogProblem, pair: Pair) -> None:
    """A pair given for a name must be what the name means."""
    own = "; leave the name away, or take another, for a problem of your own"
    expected = len(named.pairs(named.inputs)[0].inputs)
    if len(pair.inputs) != expected:
        refuse_pair(pair, f"{name} has {expected} input{'s' * (expected > 1)}{own}")
    try:
        output: Any = named.function(*pair.inputs)
    except (TypeError, ValueError, IndexError, KeyError):
        refuse_pair(pair, f"{name} ({named.meaning}) has no such inputs{own}")
    if shown(output) != shown(pair.output):
        refuse_pair(pair, f"{name} gives {shown(output)} here, not {shown(pair.output)}{own}")
