"""The size in bits of a normal form that may be far too large to write down.

Strong call-by-need, where what is read out is not the normal form but its size: a constant,
and for each variable free in it how often it occurs and under how many lambdas in all. So
what is shared is counted once. And an abstraction applied to a variable, or to one that is
applied, gives its own normal form with the argument in place of its variable: no new redex
can come about, and the size is that of the body plus that of the argument as often as it
occurs. So f (f ... x) with 2**256 times f is counted in some thousand steps. Touches nothing
outside; exact; recurses on the depth of what it reads.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from automaton.normalisation.term_tree import Tree

#: How deep values and extents may need each other, and the frames of Python that this takes.
DEEPEST, FRAMES = 2000, 10_000


class OutOfFuelError(Exception):
    """More steps would be needed than are allowed, or more that wait for each other."""


@dataclass(eq=False, slots=True)
class Extent:
    """The size of a normal form: bits apart from its free variables, and those.

    variables: by variable how often it occurs, and the sum over these places of the lambdas
    between the root and the place.
    """

    bits: int
    variables: dict[Variable, tuple[int, int]]

    def add(self, other: Extent, times: int = 1, lambdas: int = 0) -> None:
        """Put another in, so many times, under so many lambdas in all of these places."""
        self.bits += times * other.bits
        for variable, (count, depth) in other.variables.items():
            here, deep = self.variables.get(variable, (0, 0))
            more = times * depth + lambdas * count
            self.variables[variable] = (here + times * count, deep + more)


@dataclass(eq=False, slots=True)
class Variable:
    """A variable of the result."""


@dataclass(eq=False, slots=True)
class Function:
    """An abstraction with its environment, and the extent of its body once it is known."""

    body: Tree
    environment: Environment
    variable: Variable | None = None
    extent: Extent | None = None


@dataclass(eq=False, slots=True)
class Spine:
    """A variable of the result with the arguments it is applied to."""

    head: Variable
    arguments: tuple[Suspension, ...]


@dataclass(eq=False, slots=True)
class Suspension:
    """A subterm with its environment; its value and its extent are computed once."""

    term: Tree
    environment: Environment
    value: Function | Spine | None = None
    extent: Extent | None = None


Environment = tuple[Suspension, Any] | None


@dataclass
class SizeReader:
    """Reads the size of normal forms; `fuel` beta steps and readings are left."""

    fuel: int
    _limit: list[int] = field(default_factory=list)
    _deep: int = 0

    def size(self, term: Tree) -> int:
        """The bits of a closed term's normal form, OutOfFuelError where it takes too long."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, FRAMES))
        try:
            return self._extent(Suspension(term, None)).bits
        finally:
            sys.setrecursionlimit(before)

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._deep += 1
        try:
            if self._deep > DEEPEST:
                raise OutOfFuelError
            yield
        finally:
            self._deep -= 1

    def _spend(self) -> None:
        self.fuel -= 1
        if self.fuel < 0 or (self._limit and self.fuel < self._limit[-1]):
            raise OutOfFuelError

    def _value(self, wanted: Suspension) -> Function | Spine:
        """The weak head normal form of a suspension."""
        if wanted.value is not None:
            return wanted.value
        term, environment = wanted.term, wanted.environment
        stack: list[Suspension] = []
        while True:
            self._spend()
            if isinstance(term, int):
                with self._deeper():
                    value = self._value(_looked_up(term, environment))
                if isinstance(value, Spine):
                    found: Function | Spine = Spine(value.head, (*value.arguments, *stack[::-1]))
                    break
                if not stack:
                    found = value
                    break
                term, environment = value.body, (stack.pop(), value.environment)
            elif len(term) == 1:
                if not stack:
                    found = Function(term[0], environment)
                    break
                environment = (stack.pop(), environment)
                term = term[0]
            else:
                stack.append(_suspended(term[1], environment))
                term = term[0]
        wanted.value = found
        return found

    def _extent(self, wanted: Suspension) -> Extent:
        """The extent of a suspension's normal form."""
        if wanted.extent is None:
            self._spend()
            with self._deeper():
                wanted.extent = self._of_application(wanted) or self._of_value(self._value(wanted))
        return wanted.extent

    def _of_value(self, value: Function | Spine) -> Extent:
        if isinstance(value, Function):
            return self._of_function(value)
        found = Extent(2 * len(value.arguments), {value.head: (1, 0)})
        for argument in value.arguments:
            found.add(self._extent(argument))
        return found

    def _body(self, function: Function) -> tuple[Variable, Extent]:
        """The extent of a function's body, and the variable that stands for what it takes."""
        if function.extent is None or function.variable is None:
            variable = Variable()
            bound = Suspension(0, None, Spine(variable, ()))
            inside = Suspension(function.body, (bound, function.environment))
            function.extent = self._extent(inside)
            function.variable = variable
        return function.variable, function.extent

    def _of_function(self, function: Function) -> Extent:
        """The extent of an abstraction: a variable under d lambdas has d + 2 bits."""
        variable, body = self._body(function)
        found = Extent(body.bits + 2, {})
        for other, (count, depth) in body.variables.items():
            if other is variable:
                found.bits += depth + 2 * count
            else:
                found.variables[other] = (count, depth + count)
        return found

    def _of_application(self, wanted: Suspension) -> Extent | None:
        """The extent of a function of a variable, or of one that is applied; else None."""
        term, environment = wanted.term, wanted.environment
        if isinstance(term, int) or len(term) == 1:
            return None
        function = self._value(_suspended(term[0], environment))
        argument = _suspended(term[1], environment)
        if not isinstance(function, Function) or not self._is_spine(argument):
            return None
        variable, body = self._body(function)
        count, depth = body.variables.get(variable, (0, 0))
        left = {other: at for other, at in body.variables.items() if other is not variable}
        found = Extent(body.bits, left)
        if count:
            found.add(self._extent(argument), count, depth)
        return found

    def _is_spine(self, argument: Suspension) -> bool:
        """Whether an argument is known to be a variable, or one that is applied.

        It may have no value at all where it is not needed, so this is tried for a while only.
        """
        self._limit.append(max(self.fuel - 10_000, self._limit[-1] if self._limit else 0))
        try:
            return isinstance(self._value(argument), Spine)
        except OutOfFuelError:
            return False
        finally:
            self._limit.pop()


def _looked_up(index: int, environment: Environment) -> Suspension:
    for _ in range(index):
        assert environment is not None
        environment = environment[1]
    assert environment is not None
    return environment[0]


def _suspended(term: Tree, environment: Environment) -> Suspension:
    """The suspension of a subterm; of a variable, what it stands for."""
    if isinstance(term, int):
        return _looked_up(term, environment)
    return Suspension(term, environment)
