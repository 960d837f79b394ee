"""First-order unification of packed terms, in nearly linear time.

Huet's unification closure with union-find, then one check for cycles (F. Baader
and W. Snyder, Unification Theory, 2001, section 2.3). The leading lambdas of
each term bind its metavariables and are their nodes; inner lambdas are
constructors, the variables of inner lambdas and free variables constants. Two
nodes of one class are equal as first-order terms; a class that holds a
metavariable must hold no variable of an inner lambda around it.

`automaton.terms.unification.unifiable` says the same slowly. Bodies only.
"""

from __future__ import annotations

from .packed import APP, LAM, VAR

#: int32 words of scratch that `unify` needs for a node of its two terms.
ROOM = 7

# The scratch, in columns of n words each, n the nodes of both terms (those of a
# come first): union-find's parent; schema, a node of the class that is no
# metavariable (-1: none); label of a variable, later the colour of the search;
# reach, how many lambdas around the class its inner variables see; flexible, 1
# where the class holds a metavariable; and two columns for the pairs to unify.


def unify(pool, a, a_end, b, b_end, work):  # type: ignore[no-untyped-def]
    """Whether the terms pool[a:a_end] and pool[b:b_end] are unifiable.

    pool: int32 words. work: int32 scratch of at least ROOM words a node of both
    terms; with less the answer is False. Nothing else is ever given up: there
    are fewer unions than nodes. About 28 bytes a node are written.
    """
    n = (a_end - a) + (b_end - b)
    if work.shape[0] < ROOM * n:
        return False
    split = a_end - a
    left = enter(pool, a, split, 0, n, work)
    right = enter(pool, b, n - split, split, n, work)
    return close(pool, a, b - split, split, n, left, right, work) and acyclic(
        pool, a, b - split, split, n, left, work
    )


def enter(pool, start, size, base, n, work):  # type: ignore[no-untyped-def]
    """Write the columns of one term, whose nodes begin at `base`; its body's node.

    The label of a variable is 2 i for index i of an inner lambda and 2 k + 1
    for the free variable k.
    """
    leading = 0
    while pool[start + leading] == LAM:
        work[base + leading] = base + leading
        work[n + base + leading] = -1
        work[3 * n + base + leading] = 0
        work[4 * n + base + leading] = 1
        leading += 1
    label = 2 * n + base
    reach = 3 * n + base
    work[label + leading] = 0  # downwards: how many inner lambdas stand around
    for i in range(leading, size):
        word = pool[start + i]
        if word & 3 == LAM:
            work[label + i + 1] = work[label + i] + 1
        elif word & 3 == APP:
            work[label + i + 1] = work[label + i]
            work[label + i + (word >> 2)] = work[label + i]
    for i in range(size - 1, leading - 1, -1):
        word = pool[start + i]
        work[base + i] = base + i
        work[n + base + i] = base + i
        work[4 * n + base + i] = 0
        work[reach + i] = 0
        if word & 3 == LAM:
            work[reach + i] = max(0, work[reach + i + 1] - 1)
        elif word & 3 == APP:
            work[reach + i] = max(work[reach + i + 1], work[reach + i + (word >> 2)])
        else:
            index = word >> 2
            beyond = index - work[label + i]
            if beyond < 0:
                work[reach + i] = index + 1
                work[label + i] = 2 * index
            elif beyond < leading:
                work[base + i] = base + leading - 1 - beyond
            else:
                work[label + i] = 2 * (beyond - leading) + 1
    return base + leading


def find(work, node):  # type: ignore[no-untyped-def]
    """The root of a node's class; paths are halved on the way."""
    while work[node] != node:
        work[node] = work[work[node]]
        node = work[node]
    return node


def word_at(pool, a, b, split, node):  # type: ignore[no-untyped-def]
    """The word of a node; `b` is where node 0 of the second term would stand."""
    return pool[a + node] if node < split else pool[b + node]


def close(pool, a, b, split, n, left, right, work):  # type: ignore[no-untyped-def]
    """Make the two nodes equal and all that follows from it; False on a clash."""
    pairs = 5 * n
    work[pairs] = left
    work[pairs + 1] = right
    waiting = 1
    while waiting > 0:
        waiting -= 1
        x = find(work, work[pairs + 2 * waiting])
        y = find(work, work[pairs + 2 * waiting + 1])
        if x == y:
            continue
        s = work[n + x]
        t = work[n + y]
        work[y] = x
        work[3 * n + x] = max(work[3 * n + x], work[3 * n + y])
        work[4 * n + x] = max(work[4 * n + x], work[4 * n + y])
        if work[3 * n + x] > 0 and work[4 * n + x] > 0:
            return False
        if s < 0:
            work[n + x] = t
            continue
        if t < 0:
            continue
        u = word_at(pool, a, b, split, s)
        v = word_at(pool, a, b, split, t)
        if u & 3 != v & 3 or (u & 3 == VAR and work[2 * n + s] != work[2 * n + t]):
            return False
        if u & 3 != VAR:
            work[pairs + 2 * waiting] = s + 1
            work[pairs + 2 * waiting + 1] = t + 1
            waiting += 1
        if u & 3 == APP:
            work[pairs + 2 * waiting] = s + (u >> 2)
            work[pairs + 2 * waiting + 1] = t + (v >> 2)
            waiting += 1
    return True


def acyclic(pool, a, b, split, n, root, work):  # type: ignore[no-untyped-def]
    """Whether no class contains itself: the occurs check for all metavariables.

    Depth first from the root over classes; colour 0 is unseen, 1 and 2 on the
    path with so many children begun, 3 done.
    """
    colour = 2 * n
    path = 5 * n
    for i in range(n):
        work[colour + i] = 0
    work[path] = find(work, root)
    top = 1
    while top > 0:
        node = work[path + top - 1]
        schema = work[n + node]
        word = VAR if schema < 0 else word_at(pool, a, b, split, schema)
        begun = work[colour + node]
        if word & 3 == VAR or begun == 2 or (word & 3 == LAM and begun == 1):
            work[colour + node] = 3
            top -= 1
            continue
        child = find(work, schema + 1 if begun == 0 else schema + (word >> 2))
        work[colour + node] = begun + 1
        if work[colour + child] == 0:
            work[path + top] = child
            top += 1
        elif work[colour + child] < 3:
            return False
    return True
