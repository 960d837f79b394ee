"""Pairs of terms with a known answer of unification."""

from __future__ import annotations

from automaton.terms.arrays import Words
from automaton.terms.packed import apply, lam, var

UNIFIABLE = [
    ("λx.x", "λx.λy.x y", True),  # a metavariable and anything
    ("λx.λy.x y", "λf.f f", True),
    ("λx.x x", "λf.λg.f (g f)", False),  # f = g f: the occurs check
    ("λx.λy.x (y x)", "λf.λg.f (f g)", True),
    ("λx.x (λy.y)", "λf.f (λz.z)", True),
    ("λx.x (λy.y)", "λf.f (λz.f)", False),  # f would have to be the inner y
    ("λx.x (λy.x)", "λf.f (λz.f)", True),
    ("λx.x (λy.λz.y)", "λf.f (λy.λz.z)", False),
    ("λx.x (λy.y x)", "λf.λg.f (λy.g)", False),  # g would capture y
    ("λx.x (λy.λz.z)", "λf.λg.f (λy.g)", True),  # g is λz.z, closed
    ("λx.x x", "λx.x (λy.x)", False),  # x = λy.x
    ("λx.λy.λz.x y (x z) (y z)", "λa.λb.a b b b", False),  # b = x z, y = b: y = x y
    ("λa.λb.λc.a (b c)", "λd.λe.d (λy.y)", False),  # an application is no lambda
    ("λa.λb.λc.a b c", "λd.d (λx.x) (λx.x x)", True),
]


def chain(size: int, *, left: bool) -> Words:
    """x1 = x0 x0, x2 = x1 x1, ...: the mgu is exponential in the terms' size."""
    body = var(size)
    for k in range(size):
        this, before = var(k), apply(var(k + 1), var(k + 1))
        body = apply(body, this if left else before)
    for _ in range(size + 1):
        body = lam(body)
    return body
