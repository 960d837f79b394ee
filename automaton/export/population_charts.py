"""What pictures show of populations, as values: diversity, a map of places, a tree.

These fold the log, which takes about as long as running it. Must not know: who draws.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import ceil, sqrt

import numpy as np

from automaton.analysis import snapshot
from automaton.analysis.population_series import tick_rows
from automaton.export import charts
from automaton.export.charts import Chart, ChartSeries, window
from automaton.export.job import ExportJob
from automaton.export.lifetimes import ALIVE
from automaton.export.phylogeny import Phylogeny, phylogeny
from automaton.terms.arrays import Floats, Numbers
from automaton.terms.notation import format_term

#: Terms that have a colour of their own on the map.
NAMED = 8
#: Terms whose likeness is drawn, the most frequent ones.
MOST_TERMS = 2000
#: Leaves of a tree that a person can look at.
LEAVES = 60
#: Characters of a term in a legend.
SHOWN = 28


def diversity(job: ExportJob) -> Chart:
    """How many terms are alive, how many of them differ, and how evenly they are spread."""
    part = job.selection
    rows = []
    for row in tick_rows(job.log, max(1, -(-part.stop // charts.BINS))):
        if row.tick > part.stop:
            break
        job.progress(row.tick)
        if row.tick >= part.first:
            rows.append(row)
    ticks = np.array([row.tick for row in rows], np.float64)
    series = [
        ChartSeries(label, ticks, np.array([getattr(row, name) for row in rows], np.float64))
        for name, label in (("live", "alive"), ("distinct", "distinct"), ("effective", "effective"))
    ]
    return Chart(
        "diversity", "Terms alive, distinct, and effective", "tick", "terms", "lines",
        series if rows else [], "the population, folded from the log", window(job), len(rows),
        "Effective: exp of the Shannon entropy of shares (Hill number of order 1).",
    )  # fmt: skip


def population(job: ExportJob) -> Chart:
    """One cell a place, coloured by the most frequent terms."""
    tick = job.selection.stop
    world = snapshot.world_at(job.log, tick)
    places = world.population.choices().tolist()
    terms = [world.population.words(row).tobytes() for row in places]
    common = [term for term, _ in Counter(terms).most_common(NAMED)]
    size = world.population.max_objects if not places else max(places) + 1
    columns = max(1, ceil(sqrt(2 * size)))
    grid: Numbers = np.full(columns * max(1, ceil(size / columns)), -1, np.int64)
    rank = {term: k for k, term in enumerate(common)}
    grid[places] = [rank.get(term, NAMED) for term in terms]
    counts = Counter(terms)
    labels = [f"{counts[t]:,} of {_shown(t)}" for t in common]
    other = len(terms) - sum(counts[term] for term in common)
    series = [ChartSeries(label, np.zeros(0), np.zeros(0)) for label in labels]
    series += [ChartSeries(f"{other:,} of other terms", np.zeros(0), np.zeros(0))]
    return Chart(
        "population", f"Population after tick {tick:,}", "place, row by row", "", "cells",
        series if places else [], "the population, folded from the log",
        f"tick {tick:,} of {job.name}", len(places),
        "" if places else "nothing lives", grid.reshape(-1, columns),
    )  # fmt: skip


def _shown(term: bytes) -> str:
    text = format_term(np.frombuffer(term, np.int32), "lambda")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def memory(job: ExportJob) -> Chart:
    """Living terms on the plane of their greatest variance, by the vectors `recall` compares."""
    tick = job.selection.stop
    found = snapshot.term_counts(snapshot.world_at(job.log, tick), MOST_TERMS)
    counts: Numbers = np.array(found.counts, np.int64)
    series, shares = list[ChartSeries](), (0.0, 0.0)
    if len(counts) > 2:
        plane = snapshot.principal_plane(found.vectors, counts)
        series, shares = [ChartSeries("terms", plane.x, plane.y)], plane.explained
    note = f"At most the {MOST_TERMS:,} most frequent; the larger, the more objects carry it."
    return Chart(
        "memory", f"Terms by likeness, after tick {tick:,}",
        f"first component, {shares[0]:.1%} of the variance",
        f"second component, {shares[1]:.1%} of the variance", "points", series,
        "shapes counted in living terms; principal components of their unit vectors",
        f"tick {tick:,} of {job.name}", len(counts),
        note if series else "fewer than three terms live", counts=counts,
    )  # fmt: skip


def tree(job: ExportJob) -> Chart:
    """The ancestry of some of the living along one parent, as a tree over time."""
    roles = job.selection.roles if len(job.selection.roles) == 1 else ("a",)
    job = replace(job, selection=replace(job.selection, roles=roles))
    found = phylogeny(job.log, job.selection, job.progress)
    living = np.flatnonzero((found.end == ALIVE) & (found.key >= 0))
    chosen = living[np.unique(np.linspace(0, max(0, len(living) - 1), LEAVES).astype(np.int64))] \
        if len(living) else living  # fmt: skip
    lines = _branches(found, chosen.tolist(), job.selection.stop)
    series = [ChartSeries("ancestry", lines[0], lines[1])] if len(chosen) else []
    note = f"Parent {roles[0]!r}; {len(chosen)} of {len(living):,} living winners, evenly by age."
    return Chart(
        "phylogeny", "Ancestry of the living", "tick", "lineages", "tree", series,
        "winners' parents, and places of the population", window(job), len(chosen),
        note if len(chosen) else "no winner lives",
    )  # fmt: skip


def _branches(found: Phylogeny, leaves: list[int], last: int) -> tuple[Floats, Floats]:
    """Lines of a tree: x and y of both ends of each, one after the other."""
    children: dict[int, list[int]] = {}
    seen: set[int] = set()
    roots: list[int] = []
    for leaf in leaves:
        row = leaf
        while row not in seen:
            seen.add(row)
            above = int(found.ancestors[row, 0])
            if above < 0:
                roots.append(row)
                break
            children.setdefault(above, []).append(row)
            row = above
    height = _heights(children, roots)
    x: list[float] = []
    y: list[float] = []
    for row in sorted(seen):
        begin, own = float(found.origin[row]), height[row]
        below = children.get(row, [])
        end = max([float(found.origin[k]) for k in below], default=begin)
        if row in leaves:
            end = float(last)
        x += [begin, end]
        y += [own, own]
        for child in below:
            x += [float(found.origin[child])] * 2
            y += [own, height[child]]
    return np.array(x), np.array(y)


def _heights(children: dict[int, list[int]], roots: list[int]) -> dict[int, float]:
    """Where each row stands: leaves one below the other, others amid their children."""
    height: dict[int, float] = {}
    waiting = [(root, False) for root in sorted(roots, reverse=True)]
    lowest = 0
    while waiting:
        row, done = waiting.pop()
        below = sorted(children.get(row, []))
        if not done and below:
            waiting += [(row, True), *((child, False) for child in reversed(below))]
            continue
        if not below:
            height[row] = float(lowest)
            lowest += 1
        else:
            height[row] = sum(height[child] for child in below) / len(below)
    return height
