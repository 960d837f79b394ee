"""Which terms a tick rewrites, and what rules with a replacement make of them.

A rewriting is an operator λa.λb.t, t the rewritten term: on a and a it reduces to t's
normal form, so that it is computed, judged and recorded as every other reaction. What
is drawn is a function of the snapshot; the rows are written anew each tick.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from automaton.chemistry.streams import REWRITING
from automaton.format import json_edit
from automaton.population import Population
from automaton.population.selection import ON_CPU, Matcher, select
from automaton.program import NamedTerm
from automaton.program.definitions import RewritingRule
from automaton.terms.arrays import Places, Words
from automaton.terms.rewrite_rule import RewriteRule
from kernels import cpu, philox
from kernels.terms import rewrite as kernel


def operator(rule: RewriteRule, code: Words, start: int, limit: int) -> Words | None:
    """The operator λa.λb.t for the term at code[start], None where there is none.

    Where the term does not match, or t has more than limit - 2 nodes.
    """
    out, stack = np.empty((2, limit), dtype=np.int32)
    bound = np.empty((2, rule.metas), dtype=np.int64)
    size = cpu.compiled(kernel.rewrite)(
        rule.pattern, rule.replacement, rule.under, rule.depths, code, start, limit, out, stack,
        bound[0], bound[1],
    )  # fmt: skip
    return out[:size] if size else None


def matching(population: Population, rule: RewritingRule, matcher: Matcher = ON_CPU) -> Places:
    """The live places whose term a rule rewrites, ascending."""
    rows = select(population, rule.match, matcher)
    return rows[matcher.terms(population, rows, rule.rewriting.pattern, rule.rewriting.metas)]


def draw_rewrites(
    population: Population, rules: Mapping[str, RewritingRule], seed: int, tick: int,
    matcher: Matcher = ON_CPU,
) -> list[tuple[RewritingRule, int]]:  # fmt: skip
    """At most `REWRITING` pairs of a rule and a place that it matches, drawn in this order.

    Every rule that matches something is as likely; a pair that is drawn again counts once.
    """
    matched = [(rule, matching(population, rule, matcher)) for rule in rules.values()]
    able = [(rule, places) for rule, places in matched if len(places)]
    found: dict[tuple[str, int], tuple[RewritingRule, int]] = {}
    for number in range(REWRITING if able else 0):
        words = philox.words(seed, tick, number, philox.REWRITING)
        rule, places = able[philox.index_of(words[0], len(able))]
        place = int(places[philox.index_of(words[1], len(places))])
        found[rule.id, place] = rule, place
    return list(found.values())


def write_operators(
    population: Population, rows: Places, pairs: list[tuple[RewritingRule, int]], max_size: int
) -> tuple[Places, Places]:
    """Put the operators of drawn pairs into rows: those rows, and the place of each one's a."""
    places: list[int] = []
    for rule, place in pairs:
        start = int(population.column["start"][place])
        words = operator(rule.rewriting, population.code, start, max_size)
        if words is not None:
            named = NamedTerm(json_edit.quote(rule.id)[1:-1], words, "operator")
            population.set_operator(int(rows[len(places)]), named)
            places.append(place)
    return rows[: len(places)], np.array(places, dtype=np.int32)
