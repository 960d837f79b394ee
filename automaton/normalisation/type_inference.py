"""Finding a type theory in which a term has no normal form, from what its reduction does.

A machine reduces the term for some steps and notes every call: a closure comes to the head,
with closures waiting on the stack. What a closure is called with is what it must be typed
for: each call gives arrows, one for each argument, whose results are the arrows of the rest
of the call. Calls that look alike are one; how alike is varied, from coarse to fine, and
`TypeTheory` says of each theory that comes out whether it proves anything. Nothing is
believed here, so nothing here needs a proof. Touches nothing outside.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from automaton.normalisation.term_tree import Tree, free_indices
from automaton.normalisation.type_theory import CONSTANTS, LETTERS, Arrow, TypeTheory

#: Steps of the machine that are looked at, and the most arrows before alike ones are joined.
STEPS = (8, 12, 18, 30)
MOST_CALLS = 300
_DEEPEST = 30  # arguments of a call that are looked at


class Closure:
    """A subterm with what its free variables stand for; None is a variable of the result."""

    __slots__ = ("environment", "term")

    def __init__(self, term: Tree, environment: tuple[Closure | None, ...]) -> None:
        self.term = term
        self.environment = environment

    @property
    def is_variable(self) -> bool:
        """Whether it is a variable of the result."""
        return isinstance(self.term, int) and self.environment[self.term] is None

    def shape(self, depth: int) -> Hashable:
        """What it looks like: its subterm's place, and so on in its environment."""
        place = -1 if isinstance(self.term, int) else id(self.term)
        if not depth:
            return place
        held = (self.environment[index] for index in sorted(free_indices(self.term)))
        return (place, *(-2 if one is None else one.shape(depth - 1) for one in held))


@dataclass(eq=False, slots=True)
class Call:
    """A closure at the head with the closures on the stack, in the argument of a number.

    `taken`: how many of them abstractions took before a variable of the result was at the
    head; None where that never came. `after`: how many arguments of that variable stood on
    the stack already.
    """

    closure: Closure
    stack: list[Closure]
    argument: int
    last: bool = False
    taken: int | None = None
    after: int = 0
    inside: bool = True  # whether the argument that does not end is none of those


class View(NamedTuple):
    """How alike calls must be to be one."""

    by_callee: bool  # whether who is called matters
    depth: int  # how deep closures are compared
    width: int  # how many arguments from here on are compared
    length: int  # after so many arguments, a call ends as H
    head: bool  # whether what never returns is said to have no head normal form
    spine: bool  # whether what comes to a variable of the result is typed as such


#: The views that are tried, in this order.
VIEWS = tuple(
    View(callee, depth, width, length, head, spine)
    for head, spine, width, depth, callee in product(
        (True, False), (False, True), (1, 2, 3), (0, 1, 2), (True, False)
    )
    for length in ((2, 3, 5) if head else (_DEEPEST,))
)


def calls(term: Tree, steps: int) -> list[Call]:  # noqa: C901, PLR0912 - one machine, one loop
    """The calls of so many steps of leftmost reduction, arguments that ended left out.

    Empty for a term that has a normal form within them.
    """
    found = [Call(Closure(term, ()), [], 0)]
    stack: list[Closure] = []  # the last is the first argument
    waiting: list[tuple[Closure, int, list[tuple[Call, int]], int]] = []
    under_way: list[tuple[Call, int]] = []  # of this argument: with the least height since
    path, arguments, made = [0], 0, 0
    environment: tuple[Closure | None, ...] = ()

    def note(closure: Closure) -> None:
        call = Call(closure, stack[::-1][:_DEEPEST], path[-1])
        found.append(call)
        under_way.append((call, len(stack)))

    while made < steps and len(found) < 8 * steps:
        if isinstance(term, int):
            closure = environment[term]
            if closure is not None and not closure.is_variable:
                note(closure)
            else:
                for call, height in under_way:
                    call.taken, call.after = len(call.stack) - height, height
                waiting += [
                    (one, len(path), under_way, height) for height, one in enumerate(stack, 1)
                ]
                if not waiting:
                    return []
                closure, depth, callers, position = waiting.pop()
                for call, height in callers:
                    call.inside = position > height
                stack, under_way = [], []
                arguments += 1
                made += 1
                path[depth:] = [arguments]
                note(closure)
            term, environment = closure.term, closure.environment
        elif len(term) == 2:
            function, argument = term
            held = environment[argument] if isinstance(argument, int) else None
            stack.append(held or Closure(argument, environment))
            term = function
            if isinstance(term, tuple):
                note(Closure(term, environment))
        else:
            if stack:
                environment = (stack.pop(), *environment)
                made += 1
                under_way = [(call, min(height, len(stack))) for call, height in under_way]
            else:
                environment = (None, *environment)
                under_way = []  # what they come to is an abstraction
            term = term[0]
    kept = [call for call in found if call.argument in path]
    for call in kept:
        call.last = call.argument == path[-1]
    return kept


Key = Any  # a constant's name, or what a call looks like from an argument on
Arrows = dict[Key, tuple[set[Key], set[Key]]]


def arrows_of(found: list[Call], view: View) -> Arrows:  # noqa: C901 - one pass over calls
    """An arrow for each call and argument of it, calls that look alike joined."""
    wanted: dict[int, set[Key]] = {}
    named: list[tuple[list[Key], set[Key], list[Closure]]] = []
    shapes: dict[int, Hashable] = {}

    def shape(closure: Closure) -> Hashable:
        if id(closure) not in shapes:
            shapes[id(closure)] = closure.shape(view.depth)
        return shapes[id(closure)]

    for call in found:
        for argument in call.stack:
            if argument.is_variable:
                wanted[id(argument)] = {"V"}
    for call in found:
        head = view.head and call.last
        stack = call.stack[: view.length] if head else call.stack
        seen = [shape(argument) for argument in stack]
        keys: list[Key] = []
        for k in range(len(stack)):
            left = min(view.width, len(stack) - k)
            key = (head, left, *seen[k : k + view.width])
            keys.append((*key, shape(call.closure), k) if view.by_callee else key)
        ends = {"H" if head else "N"}
        if view.spine and call.taken is not None:
            ends = {"V", "N"} if call.inside else {"V"}
            stack = stack[: call.taken]
            del keys[call.taken :]
        wanted.setdefault(id(call.closure), set()).update(keys[:1] or ends)
        named.append((keys, ends, stack))
    arrows: Arrows = {}
    for keys, ends, stack in named:
        for k, argument in enumerate(stack):
            takes, gives = arrows.setdefault(keys[k], (set(), set()))
            takes |= wanted.get(id(argument), set())
            gives |= {keys[k + 1]} if k + 1 < len(keys) else ends
        if len(arrows) > MOST_CALLS:
            return {}
    return arrows


def theories_of(arrows: Arrows) -> Iterator[tuple[Arrow, ...]]:
    """Theories in which arrows are joined that look alike to a depth of 1, 2, ..."""
    block: dict[Key, int] = dict.fromkeys(arrows, 0)
    before = 0
    while True:
        numbers: dict[Hashable, int] = {}
        finer = {}
        for key, (takes, gives) in arrows.items():
            looks = (
                block[key],
                frozenset(block.get(other, other) for other in takes),
                frozenset(block.get(other, other) for other in gives),
            )
            finer[key] = numbers.setdefault(looks, len(numbers))
        block = finer
        if len(numbers) == before or len(numbers) > len(LETTERS):
            return
        before = len(numbers)
        joined: list[tuple[set[str], set[str]]] = [(set(), set()) for _ in range(before)]
        names = {key: LETTERS[number] for key, number in block.items()}
        names |= {constant: constant for constant in CONSTANTS}
        for key, (takes, gives) in arrows.items():
            joined[block[key]][0].update(names[other] for other in takes)
            joined[block[key]][1].update(names[other] for other in gives)
        yield tuple(Arrow(*("".join(sorted(names)) for names in pair)) for pair in joined)


def infer(term: Tree, steps: tuple[int, ...] = STEPS) -> tuple[Arrow, ...] | None:
    """A theory in which the closed term has no normal form, made small; None: none was found."""
    tried: set[frozenset[Arrow]] = set()
    for most in steps:
        found = calls(term, most)
        if not found:
            return None
        for view in VIEWS:
            for arrows in theories_of(arrows_of(found, view)):
                if frozenset(arrows) not in tried:
                    tried.add(frozenset(arrows))
                    if TypeTheory(arrows).refutes(term):
                        return smaller(arrows, term)
    return None


def smaller(arrows: tuple[Arrow, ...], term: Tree) -> tuple[Arrow, ...]:
    """A part of a theory that still refutes the term, and no part of it by one name less does."""
    while True:
        for fewer in _parts(arrows):
            if TypeTheory(fewer).refutes(term):
                arrows = fewer
                break
        else:
            return arrows


def _parts(arrows: tuple[Arrow, ...]) -> Iterator[tuple[Arrow, ...]]:
    """The theory without one of its arrows, then with one name less in one of them."""
    for gone in reversed(range(len(arrows))):
        names = [name for k, name in enumerate(LETTERS) if k != gone]
        new = {**dict(zip(names, LETTERS, strict=False)), LETTERS[gone]: ""}
        table = str.maketrans(new)
        left = [a for k, a in enumerate(arrows) if k != gone]
        part = tuple(Arrow(a.takes.translate(table), a.gives.translate(table)) for a in left)
        if all(arrow.gives for arrow in part):
            yield part
    for k, (takes, gives) in enumerate(arrows):
        less = [Arrow(takes.replace(name, ""), gives) for name in takes]
        less += [Arrow(takes, gives.replace(name, "")) for name in gives if len(gives) > 1]
        yield from ((*arrows[:k], arrow, *arrows[k + 1 :]) for arrow in less)
