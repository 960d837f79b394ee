"""The textbook reducer: literal leftmost-outermost substitution on trees.

Obviously right and slow: the oracle of `kernels.terms.reduce` and the reference of
`majority_agree`, never the engine. It knows no kernels, files or clock, and
does not recurse on the depth of a term.

The redexes are contracted in normal order, and the limits are looked at in
that order too, as docs/terms.md defines them: the term is split into what
has been read out (only its size matters, and it is kept as the result), the
subterm looked at, and the arguments that wait. An argument is pending until
the head of its spine is known to be a variable; then the spine is read out and
its arguments wait for their turn, the first one first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from automaton.terms.arrays import Words
from automaton.terms.packed import APP, LAM, VAR, App, Lam, Tree, Var, linked, pack, unpack

MAX_NODES = 65_536  # nodes of the whole term on the way, as majority_agree has it


@dataclass(frozen=True, slots=True)
class Reduction:
    """How a reduction ended: outcome, beta steps made, the normal form or None.

    Outcomes: normal, steps, size, depth; and nodes, where a term on the way
    would have more nodes than the reference is allowed (the engine has no such
    limit).
    """

    outcome: str
    steps: int
    words: Words | None = None


@dataclass(slots=True)
class _PendingArgument:
    """An argument; `pending` until its spine has been read out."""

    tree: Tree
    pending: bool = True


def reduce(  # noqa: C901 (one branch for each kind of node and of limit)
    words: Words,
    max_steps: int,
    max_size: int,
    max_depth: int,
    max_nodes: int = MAX_NODES,
) -> Reduction:
    """Reduce a term to its beta-normal form within budgets."""
    tree = unpack(words)
    waiting: list[_PendingArgument] = []
    out: list[int] = []  # the normal form, applications without offsets
    steps, nodes = 0, len(words)
    while True:
        if isinstance(tree, App):
            if len(waiting) >= max_depth:
                return Reduction("depth", steps)
            waiting.append(_PendingArgument(tree.argument))
            tree = tree.function
        elif isinstance(tree, Lam) and waiting and waiting[-1].pending:
            if steps >= max_steps:
                return Reduction("steps", steps)
            argument = waiting.pop().tree
            nodes += growth(tree.body, argument)
            if nodes > max_nodes:
                return Reduction("nodes", steps)
            tree = substitute(tree.body, argument)
            steps += 1
        elif isinstance(tree, Lam):
            if len(out) >= max_size:
                return Reduction("size", steps)
            out.append(LAM)
            tree = tree.body
        else:
            arguments = _read_out(waiting)
            if len(out) + arguments + 1 > max_size:
                return Reduction("size", steps)
            out += [APP] * arguments + [tree.index << 2 | VAR]
            if not waiting:
                return Reduction("normal", steps, linked(out))
            tree = waiting.pop().tree


def _read_out(waiting: list[_PendingArgument]) -> int:
    """Mark the pending arguments of the innermost spine as read out; how many."""
    count = 0
    while count < len(waiting) and waiting[-1 - count].pending:
        waiting[-1 - count].pending = False
        count += 1
    return count


def substitute(body: Tree, argument: Tree) -> Tree:
    """The body of an abstraction with its variable replaced by the argument.

    The argument's free variables are lifted past the lambdas that are passed
    on the way; the body's own lose the lambda that is gone.
    """

    def replace(index: int, depth: int) -> Tree:
        if index == depth:
            return lift(argument, depth)
        return Var(index - 1 if index > depth else index)

    return _with_variables(body, replace)


def lift(tree: Tree, by: int) -> Tree:
    """The tree moved under `by` further lambdas."""
    if by == 0:
        return tree
    return _with_variables(tree, lambda index, depth: Var(index + by * (index >= depth)))


def _with_variables(tree: Tree, leaf: Callable[[int, int], Tree]) -> Tree:
    """The tree with each variable replaced by leaf(index, lambdas around it)."""
    done: list[Tree] = []
    todo: list[type[Lam | App] | tuple[Tree, int]] = [(tree, 0)]
    while todo:
        item = todo.pop()
        if item is Lam:
            done.append(Lam(done.pop()))
        elif item is App:
            argument = done.pop()
            done.append(App(done.pop(), argument))
        else:
            assert isinstance(item, tuple)
            node, depth = item
            if isinstance(node, Var):
                done.append(leaf(node.index, depth))
            elif isinstance(node, Lam):
                todo += (Lam, (node.body, depth + 1))
            else:
                todo += (App, (node.argument, depth), (node.function, depth))
    return done[0]


def growth(body: Tree, argument: Tree) -> int:
    """By how many nodes the term grows when (λ body) argument is contracted."""
    uses = 0
    todo = [(body, 0)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, Var):
            uses += node.index == depth
        elif isinstance(node, Lam):
            todo.append((node.body, depth + 1))
        else:
            todo += ((node.argument, depth), (node.function, depth))
    size = len(pack(argument))
    return uses * (size - 1) - size - 2
