"""Checks certificates that terms have no normal form, line by line, slowly and on its own.

    python scripts/studies/check_certificates.py FILE

Python alone: nothing of the program that wrote the file is used. Terms are objects whose
binders have names of their own, never indices; types are sets of letters, and each is asked
for by its own derivation. docs/terms.md says what a certificate claims and why that suffices.

Says how many terms of each size have a certificate, and ends with 1 at the first line that
does not prove what it claims.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FRESH = itertools.count()
#: Terms on the way may not have more nodes: a certificate of ours stays far below.
MOST_NODES = 100_000
MOST_STEPS = 100_000


class WrongError(Exception):
    """A line that proves nothing."""


class Variable:
    """A variable by the name of its binder."""

    def __init__(self, name: int) -> None:
        self.name = name
        self.free = frozenset((name,))
        self.nodes = 1


class Lambda:
    """An abstraction; no other has its name."""

    def __init__(self, name: int, body: Term) -> None:
        self.name = name
        self.body = body
        self.free = body.free - {name}
        self.nodes = 1 + body.nodes


class Application:
    """A function with its argument."""

    def __init__(self, function: Term, argument: Term) -> None:
        self.function = function
        self.argument = argument
        self.free = function.free | argument.free
        self.nodes = 1 + function.nodes + argument.nodes


Term = Variable | Lambda | Application


def read(text: str) -> Term:
    """The closed term of a text in binary lambda calculus."""

    def term(at: int, around: list[int]) -> tuple[Term, int]:
        if text[at : at + 2] == "00":
            name = next(FRESH)
            body, end = term(at + 2, [*around, name])
            return Lambda(name, body), end
        if text[at : at + 2] == "01":
            function, middle = term(at + 2, around)
            argument, end = term(middle, around)
            return Application(function, argument), end
        end = text.find("0", at)
        if end <= at or end - at > len(around):
            raise WrongError(f"not a closed term: {text}")
        return Variable(around[at - end]), end + 1

    if set(text) - {"0", "1"}:
        raise WrongError(f"not binary: {text}")
    found, end = term(0, [])
    if end != len(text):
        raise WrongError(f"more than one term: {text}")
    return found


def written(term: Term, around: tuple[int, ...] = ()) -> str:
    """The text of a term: equal for terms that differ in names alone."""
    if isinstance(term, Variable):
        return "1" * (len(around) - around.index(term.name)) + "0"
    if isinstance(term, Lambda):
        return "00" + written(term.body, (*around, term.name))
    return "01" + written(term.function, around) + written(term.argument, around)


def substituted(term: Term, name: int, value: Term) -> Term:
    """The term with a value for a variable; each copy of a binder gets a new name."""
    if isinstance(term, Variable):
        return renamed(value) if term.name == name else term
    if name not in term.free:
        return term
    if isinstance(term, Lambda):
        return Lambda(term.name, substituted(term.body, name, value))
    return Application(
        substituted(term.function, name, value), substituted(term.argument, name, value)
    )


def renamed(term: Term) -> Term:
    """A copy with new names for its binders."""
    if isinstance(term, Variable):
        return term
    if isinstance(term, Application):
        return Application(renamed(term.function), renamed(term.argument))
    name = next(FRESH)
    return Lambda(name, substituted(renamed(term.body), term.name, Variable(name)))


def contracted(term: Term, position: int) -> Term:
    """The term after the contraction of its redex at a node, counted in preorder."""
    if position == 0:
        if not isinstance(term, Application) or not isinstance(term.function, Lambda):
            raise WrongError("there is no redex at a position that is contracted")
        return substituted(term.function.body, term.function.name, term.argument)
    if isinstance(term, Lambda):
        return Lambda(term.name, contracted(term.body, position - 1))
    if isinstance(term, Application):
        first = term.function.nodes
        if position <= first:
            return Application(contracted(term.function, position - 1), term.argument)
        return Application(term.function, contracted(term.argument, position - 1 - first))
    raise WrongError("a position is beyond the term")


def leftmost(term: Term) -> int | None:
    """The position of the leftmost-outermost redex; None in a normal form."""
    if isinstance(term, Variable):
        return None
    if isinstance(term, Lambda):
        inside = leftmost(term.body)
        return None if inside is None else inside + 1
    if isinstance(term.function, Lambda):
        return 0
    inside = leftmost(term.function)
    if inside is not None:
        return inside + 1
    inside = leftmost(term.argument)
    return None if inside is None else inside + 1 + term.function.nodes


def check_cycle(term: Term, first: int, again: int) -> None:
    """Leftmost reduction comes to the same term after both numbers of steps."""
    if not 0 <= first < again:
        raise WrongError("a cycle takes at least one step")
    if again > MOST_STEPS:
        raise WrongError(f"more than {MOST_STEPS} steps are not made")
    texts = []
    for step in range(again + 1):
        if step in {first, again}:
            texts.append(written(term))
        position = leftmost(term)
        if position is None or term.nodes > MOST_NODES:
            raise WrongError("leftmost reduction does not come so far")
        term = contracted(term, position)
    if texts[0] != texts[1]:
        raise WrongError("the two terms differ")


class Theory:
    """Arrows by letter, each what it takes and what it gives."""

    def __init__(self, text: str) -> None:
        parts = [part.split(">") for part in text.split(" ")]
        letters = LETTERS[: len(parts)]
        self.arrows = dict(zip(letters, parts, strict=True))
        for part in parts:
            if len(part) != 2 or not part[1] or set("".join(part)) - set(letters + "HNV"):
                raise WrongError(f"not a theory: {text}")
        self.above = {False: set(letters), True: set(letters)}
        while lost := [
            (none, letter)
            for none, letters_left in self.above.items()
            for letter in letters_left
            if not self._stays(letter, none=none)
        ]:
            for none, letter in lost:
                self.above[none].discard(letter)

    def _stays(self, letter: str, *, none: bool) -> bool:
        """Whether what has V (and N, if none) has this arrow, as far as is known."""
        takes, gives = self.arrows[letter]
        then = none or "N" in takes or "H" in takes
        return all(
            name == "V" or (name == "N" and then) or name in self.above[then] for name in gives
        )

    def check(self, term: Term) -> None:
        """The closed term has the type N."""
        if not self._has(term, "N", {}, {}):
            raise WrongError("the term has not the type N in this theory")

    def _has(
        self, term: Term, wanted: str, types: dict[int, frozenset[str]], known: dict[Any, bool]
    ) -> bool:
        """Whether a term has a type where its free variables have these."""
        held = tuple((name, types[name]) for name in sorted(term.free))
        key = (id(term), wanted, held)
        if key not in known:
            known[key] = self._derived(term, wanted, types, known) or self._follows(
                term, wanted, types, known
            )
        return known[key]

    def _follows(
        self, term: Term, wanted: str, types: dict[int, frozenset[str]], known: dict[Any, bool]
    ) -> bool:
        """By H, which is below all types, or by V, which is below some arrows."""
        if isinstance(term, Lambda) or wanted == "H":
            return False
        if self._has(term, "H", types, known):
            return True
        if wanted in self.above[False]:
            return self._has(term, "V", types, known)
        return (
            wanted in self.above[True]
            and self._has(term, "V", types, known)
            and self._has(term, "N", types, known)
        )

    def _derived(
        self, term: Term, wanted: str, types: dict[int, frozenset[str]], known: dict[Any, bool]
    ) -> bool:
        """By the rule for variables, for abstractions or for applications."""
        if isinstance(term, Variable):
            return wanted in types[term.name]
        if isinstance(term, Application):
            return self._by_variable(term, wanted, types, known) or self._by_arrow(
                term, wanted, types, known
            )
        if wanted in {"H", "V"}:
            return False
        takes, gives = ("V", "N") if wanted == "N" else self.arrows[wanted]
        inside = {**types, term.name: frozenset(takes)}
        return all(self._has(term.body, name, inside, known) for name in gives)

    def _by_variable(
        self,
        term: Application,
        wanted: str,
        types: dict[int, frozenset[str]],
        known: dict[Any, bool],
    ) -> bool:
        """A variable that is applied; it has no normal form where one of the two has none."""
        if wanted not in {"V", "N"} or not self._has(term.function, "V", types, known):
            return False
        return wanted == "V" or any(
            self._has(part, "N", types, known) for part in (term.function, term.argument)
        )

    def _by_arrow(
        self,
        term: Application,
        wanted: str,
        types: dict[int, frozenset[str]],
        known: dict[Any, bool],
    ) -> bool:
        """A function that takes what the argument is; what has H may be applied to anything."""
        if wanted == "H" and self._has(term.function, "H", types, known):
            return True
        return any(
            wanted in gives
            and self._has(term.function, letter, types, known)
            and all(self._has(term.argument, name, types, known) for name in takes)
            for letter, (takes, gives) in self.arrows.items()
        )


def check(line: str) -> tuple[str, str]:
    """The term of a line and the kind of its proof; WrongError where it proves nothing."""
    try:
        claim = json.loads(line)
        text, kind, bits = claim["term"], claim["kind"], claim["bits"]
        term = read(text)
        if bits != len(text):
            raise WrongError(f"the term has {len(text)} bits")
        for position in claim["contract"]:
            term = contracted(term, position)
        if kind == "cycle":
            check_cycle(term, claim["first"], claim["again"])
        elif kind == "types":
            Theory(claim["types"]).check(term)
        else:
            raise WrongError(f"no kind of proof: {kind}")
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise WrongError(f"not a certificate: {error!r}") from None
    return text, kind


def check_new(line: str, seen: set[str]) -> tuple[str, str]:
    """As `check`, of a term that was not seen before."""
    text, kind = check(line)
    if text in seen:
        raise WrongError("its term has a certificate before")
    return text, kind


def main() -> int:
    """Check a file; the exit code."""
    parser = argparse.ArgumentParser(description="Check certificates line by line.")
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    seen: set[str] = set()
    kinds: Counter[tuple[int, str]] = Counter()
    digest = hashlib.sha256()
    try:
        data = given.file.read_bytes()
    except OSError as error:
        sys.stderr.write(f"error: {given.file}: {error.strerror}\n")
        return 2
    for number, raw in enumerate(data.splitlines(keepends=True), 1):
        digest.update(raw)
        try:
            text, kind = check_new(raw.decode(), seen)
        except (WrongError, UnicodeDecodeError) as error:
            sys.stdout.write(f"line {number}: {error}\n")
            return 1
        seen.add(text)
        kinds[len(text), kind] += 1
    for bits in sorted({bits for bits, _ in kinds}):
        by_kind = {kind: kinds[bits, kind] for kind in ("cycle", "types")}
        sys.stdout.write(
            f"{bits} bits: {sum(by_kind.values())} terms have no normal form "
            f"({by_kind['cycle']} by a cycle, {by_kind['types']} by types)\n"
        )
    sys.stdout.write(f"{len(seen)} certificates hold; SHA-256 {digest.hexdigest()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
