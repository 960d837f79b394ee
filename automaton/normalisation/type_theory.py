"""Intersection types that prove that a term has no normal form.

A theory is a finite list of arrows, each from a set of types to a set of types; sets are read
as intersections, and arrows may refer to each other in circles. Beside the arrows there are
three constants:

  N  no normal form
  H  no head normal form: H is below every type, so it may be applied to anything
  V  a variable, applied to any number of terms, where no binder of it is ever applied

What types a term has in an environment is computed by its structure: a variable has those of
the environment; an abstraction has S -> B where its body has B once its variable has S, and N
where its body has N once its variable has V; an application has B where the function has
S -> B and the argument S, V where the function has V, and then N where one of the two has N.
Beta steps keep types, and no normal form has N under variables of V: so a term with N has
no normal form. docs/terms.md has the proof. Touches nothing outside.
"""

from __future__ import annotations

from typing import NamedTuple

from automaton.normalisation.term_tree import Tree, free_indices

#: Names of arrows in a theory's text; a theory has no more.
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CONSTANTS = "HNV"


class Arrow(NamedTuple):
    """A type of functions: names of what they take and of what they give."""

    takes: str
    gives: str


def read_theory(text: str) -> tuple[Arrow, ...]:
    """The arrows of a text like `ab>H b>ab`: the first is called a, the second b."""
    arrows = tuple(Arrow(*part.split(">")) for part in text.split())
    names = set(LETTERS[: len(arrows)] + CONSTANTS)
    if not 1 <= len(arrows) <= len(LETTERS) or any(
        not set(takes + gives) <= names or not gives for takes, gives in arrows
    ):
        raise ValueError(f"not a theory: {text!r}")
    return arrows


def theory_text(arrows: tuple[Arrow, ...]) -> str:
    """The text of a theory."""
    return " ".join(f"{takes}>{gives}" for takes, gives in arrows)


class TypeTheory:
    """A theory as bit masks, and what types a term has in it."""

    def __init__(self, arrows: tuple[Arrow, ...]) -> None:
        self.arrows = arrows
        names = LETTERS[: len(arrows)] + CONSTANTS
        self._bit = {name: 1 << k for k, name in enumerate(names)}
        self._no_head, self._none, self._variable = (self._bit[name] for name in CONSTANTS)
        self._all = (1 << len(names)) - 1
        self._gives = [self._mask(arrow.gives) for arrow in arrows]
        takes = [self._mask(arrow.takes) for arrow in arrows]
        self._above, self._above_none = self._above_variable(takes)
        self._takes = [self._closed(mask) for mask in takes]
        self._of_variable = self._closed(self._variable)

    def refutes(self, tree: Tree) -> bool:
        """Whether the closed term has the type N here: then it has no normal form."""
        environment: tuple[int, ...] = ()
        while isinstance(tree, tuple) and len(tree) == 1:
            environment = (self._of_variable, *environment)
            tree = tree[0]
        return bool(self._types(tree, environment, {}, {}) & self._none)

    def _mask(self, names: str) -> int:
        return sum(self._bit[name] for name in set(names))

    def _above_variable(self, takes: list[int]) -> tuple[int, int]:
        """The arrows that a term of V has, and those that one of V and N has: both largest."""
        variable, none = self._variable, self._none
        every = (1 << len(takes)) - 1
        above = above_none = every
        while True:
            with_none = variable | none | above_none
            mine = yours = 0
            for k, (taken, given) in enumerate(zip(takes, self._gives, strict=True)):
                strict = taken & (none | self._no_head)
                allowed = with_none if strict else variable | above
                mine |= (not given & ~allowed) << k
                yours |= (not given & ~with_none) << k
            if (mine, yours) == (above, above_none):
                return above, above_none
            above, above_none = above & mine, above_none & yours

    def _closed(self, mask: int) -> int:
        """All types of a term that has these."""
        if mask & self._no_head:
            return self._all
        if mask & self._variable:
            mask |= self._above_none if mask & self._none else self._above
        return mask

    def _applied(self, function: int, argument: int) -> int:
        if function & self._no_head:
            return self._all
        found = 0
        for k, taken in enumerate(self._takes):
            if function >> k & 1 and not taken & ~argument:
                found |= self._gives[k]
        if function & self._variable:
            found |= self._variable | ((function | argument) & self._none)
        return self._closed(found)

    def _types(
        self,
        tree: Tree,
        environment: tuple[int, ...],
        known: dict[tuple[int, ...], int],
        free: dict[int, tuple[int, ...]],
    ) -> int:
        """The mask of the term's types; `known` by node and what its free variables have."""
        if isinstance(tree, int):
            return environment[tree]
        indices = free.get(id(tree))
        if indices is None:
            indices = free[id(tree)] = tuple(sorted(free_indices(tree)))
        key = (id(tree), *(environment[index] for index in indices))
        found = known.get(key)
        if found is not None:
            return found
        if len(tree) == 2:
            function = self._types(tree[0], environment, known, free)
            found = self._applied(function, self._types(tree[1], environment, known, free))
        else:
            body = tree[0]
            found = 0
            bodies: dict[int, int] = {}
            for k, taken in enumerate(self._takes):
                if taken not in bodies:
                    bodies[taken] = self._types(body, (taken, *environment), known, free)
                found |= (not self._gives[k] & ~bodies[taken]) << k
            under = self._types(body, (self._of_variable, *environment), known, free)
            found |= under & self._none
        known[key] = found
        return found
