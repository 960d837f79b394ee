"""`measure NAME LOG`: measures that others define, of a log's terms over its ticks.

One command a measure. What each means, docs/measures.md says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.option_types import PATH, Topics, option
from automaton.cli.tabular import Form, form_of, forms, print_json, print_rows
from automaton.errors import UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.complexity.ordinal_patterns import Ties
    from automaton.log import Log

_TIES = ("position", "skip", "equal")
_EVERY = option(
    "--every",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="A snapshot after tick 0, every N-th tick (a count) and the last.",
)


@click.group(cls=Topics)
def measure() -> None:
    """Measure a log's evolution as others define it.

    Activity, hallmarks of open-endedness, entropies, assembly. docs/measures.md has the
    formulas and their sources. LOG is only read: its ticks are computed again.
    """


@measure.command()
@click.argument("log", type=PATH)
@_EVERY
@option(
    "--seed",
    type=click.IntRange(0, (1 << 64) - 1),
    metavar="S",
    default=0,
    show_default=True,
    help="Of the neutral shadow's draws (a number).",
)
@forms
def activity(log: Path, every: int, seed: int, json: bool, csv: bool) -> None:
    """Print evolutionary activity beside a neutral shadow.

    A row a snapshot. The shadow has the same births and deaths, of whom is drawn. new is
    the activity of terms that come to the level there, which at most 5 % of the shadow's
    terms reach.
    """
    from automaton.complexity import activity as measures  # noqa: PLC0415  # see the top
    from automaton.complexity.neutral_shadow import neutral_shadow  # noqa: PLC0415
    from automaton.complexity.species_reader import term_history  # noqa: PLC0415

    form = form_of(json=json, csv=csv)
    with _opened(log) as opened:
        history = term_history(opened, every).history
    by_chance = neutral_shadow(history, seed)
    found, shadow = measures.activity(history), measures.activity(by_chance)
    level = measures.adaptive_level(shadow)
    names = (
        "tick", "diversity", "cumulative", "mean", "new", "level",
        "shadow_diversity", "shadow_cumulative", "shadow_mean", "shadow_new",
    )  # fmt: skip
    columns = (
        history.ticks, found.diversity, found.cumulative, found.mean(),
        measures.new_activity(history, found, level), [level] * len(history),
        shadow.diversity, shadow.cumulative, shadow.mean(),
        measures.new_activity(by_chance, shadow, level),
    )  # fmt: skip
    lists = [list(getattr(column, "tolist", lambda c=column: c)()) for column in columns]
    _show(names, list(zip(*lists, strict=True)), form)


@measure.command()
@click.argument("log", type=PATH)
@_EVERY
@forms
def modes(log: Path, every: int, json: bool, csv: bool) -> None:
    """Print change, novelty, complexity and ecology (MODES).

    A row a snapshot but the last, over the terms that live in the next snapshot, too:
    --every says how long a term must persist. Complexity is the nodes of the largest.
    """
    from automaton.complexity.open_endedness import hallmarks  # noqa: PLC0415  # see the top
    from automaton.complexity.species_reader import term_history  # noqa: PLC0415

    form = form_of(json=json, csv=csv)
    with _opened(log) as opened:
        found = term_history(opened, every)
    names = ("tick", "persistent", "change", "novelty", "complexity", "ecology")
    rows = [row.as_json() for row in hallmarks(found.history, found.sizes)]
    _show(names, [[row[name] for name in names] for row in rows], form)


@measure.command("permutation-entropy")
@click.argument("log", type=PATH)
@_EVERY
@option(
    "--order", type=click.IntRange(2, 7), metavar="N", default=3, show_default=True,
    help="Values that a pattern compares (a count).",
)  # fmt: skip
@option(
    "--delay", type=click.IntRange(min=1), metavar="N", default=1, show_default=True,
    help="How far apart they are (a count of snapshots).",
)  # fmt: skip
@option(
    "--ties", type=click.Choice(_TIES), default="position", show_default=True,
    help="Of equal values (a word): the earlier is smaller, no pattern, or equal in rank.",
)  # fmt: skip
@forms
def permutation_entropy(
    log: Path, every: int, order: int, delay: int, ties: Ties, json: bool, csv: bool
) -> None:
    """Print the order in time of each figure of `series`.

    Permutation entropy, a row a figure: bits, and by the greatest there could be. It
    begins at the first tick.
    """
    from automaton.analysis.population_series import FIGURES, tick_rows  # noqa: PLC0415  # see top
    from automaton.complexity.ordinal_patterns import ordinal_entropy  # noqa: PLC0415

    form = form_of(json=json, csv=csv)
    with _opened(log) as opened:
        series = list(tick_rows(opened, every))
    rows = []
    for name in FIGURES:
        values = [getattr(row, name) for row in series]
        found = ordinal_entropy(values, order, delay, ties)
        rows.append((name, len(values), order, delay, ties, *found))
    names = ("figure", "values", "order", "delay", "ties", "patterns", "bits", "normalised")
    _show(names, rows, form)


@measure.command("higher-order-entropy")
@click.argument("log", type=PATH)
@_EVERY
@forms
def higher_order_entropy(log: Path, every: int, json: bool, csv: bool) -> None:
    """Print higher-order entropy as cubff defines it.

    Of the living terms, one a line in the order of their places, in bits a byte: entropy
    of single bytes less what brotli needs. It needs the extra `entropy`.
    """
    from automaton.complexity import higher_order_entropy as measures  # noqa: PLC0415  # see top
    from automaton.complexity.species_reader import snapshots  # noqa: PLC0415

    form = form_of(json=json, csv=csv)
    rows: list[tuple[float, ...]] = []
    with _opened(log) as opened:
        for tick, terms in snapshots(opened, every):
            data = "".join(f"{term}\n" for term in terms).encode()
            rows.append((tick, *measures.higher_order_entropy(data)))
    _show(("tick", "bytes", "h0", "compressed", "higher_order"), rows, form)


@measure.command()
@click.argument("log", type=PATH)
@_EVERY
@option(
    "--most", type=click.IntRange(min=1), metavar="N", default=1000, show_default=True,
    help="The N most frequent terms of a snapshot (a count).",
)  # fmt: skip
@forms
def assembly(log: Path, every: int, most: int, json: bool, csv: bool) -> None:
    """Print bounds of the assembly index of living terms.

    A row a snapshot, over the different terms as texts in de Bruijn notation: the mean of
    the bounds, and those of the term with the greatest lower bound.
    """
    from automaton.complexity.assembly_bounds import assembly_bounds  # noqa: PLC0415  # see the top
    from automaton.complexity.species_reader import snapshots  # noqa: PLC0415

    form = form_of(json=json, csv=csv)
    rows: list[tuple[float | None, ...]] = []
    with _opened(log) as opened:
        for tick, terms in snapshots(opened, every):
            common = Counter(terms).most_common(most)
            bounds = [assembly_bounds(text) for text, _ in common]
            n, greatest = len(bounds), max(bounds, default=(None, None))
            means = [sum(b[k] for b in bounds) / n if n else None for k in (0, 1)]
            rows.append((tick, n, *means, *greatest))
    _show(("tick", "terms", "lower_mean", "upper_mean", "lower_most", "upper_most"), rows, form)


@contextmanager
def _opened(log: Path) -> Iterator[Log]:
    """The log to read."""
    from automaton.log import Log  # noqa: PLC0415  # see the top
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        if not len(opened.commits):
            raise UsageError(f"{log}: it has no ticks yet; run it first")
        yield opened


def _show(names: Sequence[str], rows: Sequence[Sequence[Any]], form: Form) -> None:
    """The rows as they were asked for."""
    if form == "json":
        print_json(dict(zip(names, row, strict=True)) for row in rows)
    else:
        print_rows(names, rows, form)
