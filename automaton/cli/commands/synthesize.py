"""`synthesize LOG`: terms that solve a problem, searched by many syntheses at once.

Says what was found and what was not; how it is searched, `automaton.synthesis.portfolio` knows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.commands.run import ended_by_signals
from automaton.cli.experiment_options import seed_option
from automaton.cli.option_types import PATH, WIDTH, option, switch
from automaton.cli.text import as_json, printable
from automaton.errors import NothingToRunError
from automaton.terms.notation import format_term

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.chemistry import World
    from automaton.synthesis import (
        Baseline,
        ComponentLibrary,
        Problem,
        SearchPortfolio,
        Settings,
        Solution,
    )


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@option(
    "--problem",
    "problems",
    metavar="PATTERN",
    multiple=True,
    required=True,
    show_default="none: it is needed",
    help="What is wanted: a name (add), pairs (2,3->5; 4,1->5), a term's pattern; may come again.",
)
@option(
    "--domains",
    type=click.IntRange(1, 1000),
    metavar="N",
    default=15,
    show_default=True,
    help="Syntheses, each with another way, dimension and stream (a count).",
)
@option(
    "--parallel",
    type=click.IntRange(1, 256),
    metavar="N",
    default=10,
    show_default=True,
    help="Syntheses that are computed at a time (a count); changes no answer.",
)
@seed_option("Seed of all draws (a number).")
@option(
    "--budget",
    type=click.IntRange(1, 1 << 40),
    metavar="N",
    default=1 << 27,
    show_default=True,
    help="Most beta steps of a synthesis (a count).",
)
@option(
    "--solutions",
    type=click.IntRange(1, 1000),
    metavar="N",
    default=5,
    show_default=True,
    help="Distinct terms that are shown, the smallest first (a count).",
)
@switch("--known", "Let terms of LOG that solve it as they are be building blocks too.")
@switch("--compare", "Enumerate all closed terms in order of size as well, and compare.")
@switch("--json", "Print one JSON object a problem.")
@switch("--objects", "Print the terms as objects of a log, one a line, fit for LOG.inbox.")
def synthesize(
    log: Path, problems: tuple[str, ...], domains: int, parallel: int, seed: int, budget: int,
    solutions: int, known: bool, compare: bool, json: bool, objects: bool,
) -> None:  # fmt: skip
    """Search for terms that solve a problem, with LOG's terms.

    What is found is checked on pairs that were held back. LOG is only read. Ctrl-C ends
    the search after the round under way and shows what was found. The answer depends on
    LOG, PATTERN, seed, budget and the number of syntheses alone.
    """
    from automaton.run.warmup import is_compiled  # noqa: PLC0415
    from automaton.synthesis import Settings, parse_problem  # noqa: PLC0415  # see the top

    asked = [parse_problem(text) for text in problems]
    if not json and not is_compiled("trials.try_terms"):
        click.echo("note: preparing (the first synthesis on a machine compiles kernels)", err=True)
    stock = _stock(log, seed)
    settings = Settings(domains, parallel, seed, budget, solutions)
    for number, problem in enumerate(asked):
        answer = _answer(problem, stock, settings, known=known, compare=compare)
        if json:
            click.echo(as_json(answer.as_json()))
        elif objects:
            for found in answer.solutions:
                click.echo(as_json(_object(problem, found)))
            if not answer.solutions:
                [line] = _found(answer)
                click.echo(f"note: {printable(problem.name)}: {line}", err=True)
        else:
            click.echo("\n" * (number > 0), nl=False)
            for line in _paragraphs(log, answer):
                click.echo(line)
        if answer.laboratory.stopped:
            return


@dataclass(frozen=True)
class ProblemOutcome:
    """What became of a problem, and the seconds that it took."""

    laboratory: SearchPortfolio
    solutions: list[Solution]
    seconds: float
    first_seconds: float  # until the round of the first solution had ended
    baseline: Baseline | None = None
    baseline_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For programs; seconds are those of this machine, now."""
        lab = self.laboratory
        facts = {
            "problem": lab.problem.name, "pairs": [str(pair) for pair in lab.problem.pairs],
            "held_back": [str(pair) for pair in lab.problem.held_back], "note": lab.problem.note,
            "known": [name for _, name in lab.known], "interrupted": lab.stopped,
            "rounds": lab.rounds, "candidates": lab.candidates, "beta_steps": lab.steps,
            "first_candidates": lab.first_candidates,
            "first_seconds": round(self.first_seconds, 3),
            "solutions": [s.as_json() for s in self.solutions],
            "syntheses": [s.as_json() for s in lab.syntheses], "seconds": round(self.seconds, 3),
        }  # fmt: skip
        if self.baseline is not None:
            facts["baseline"] = {
                **self.baseline.as_json(),
                "seconds": round(self.baseline_seconds, 3),
            }
        return facts


def _stock(log: Path, seed: int) -> ComponentLibrary:
    """The building blocks of a log as it stands."""
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay import MalformedLines  # noqa: PLC0415
    from automaton.replay.restore import restore_world  # noqa: PLC0415
    from automaton.replay.run_options import options_for  # noqa: PLC0415
    from automaton.synthesis import ComponentLibrary  # noqa: PLC0415  # see the top

    with Log.open(log, write=False) as opened:
        for notice in opened.notices:
            click.echo(f"note: {printable(notice)}", err=True)

        def world(**given: str) -> World:
            return restore_world(
                opened, options_for(opened, given), MalformedLines(), lambda _tick: None
            )

        try:
            return ComponentLibrary.of(world(), seed)
        except NothingToRunError:  # without automata its terms are building blocks all the same
            return ComponentLibrary.of(world(operator="λa.λb.a b"), seed)


def _answer(
    problem: Problem, stock: ComponentLibrary, settings: Settings, *, known: bool, compare: bool
) -> ProblemOutcome:
    from automaton.synthesis import SearchPortfolio, enumerate_baseline  # noqa: PLC0415

    lab = SearchPortfolio(problem, stock, settings, known=known)
    first: list[float] = []

    def show(lab: SearchPortfolio) -> None:
        if lab.first and not first:
            first.append(time.perf_counter() - begun)
        _progress(lab)

    with ended_by_signals(lab.stop):
        begun = time.perf_counter()
        found = lab.run(show)
        seconds = (time.perf_counter() - begun, first[0] if first else 0.0)
        _progress(None)
        if not compare or lab.stopped:
            return ProblemOutcome(lab, found, *seconds)
        begun = time.perf_counter()
        plain = enumerate_baseline(problem, lab.allowance, settings.parallel, lambda: lab.stopped)
        return ProblemOutcome(lab, found, *seconds, plain, time.perf_counter() - begun)


def _progress(lab: SearchPortfolio | None) -> None:
    """One line on a terminal, written over and over; nothing anywhere else."""
    if not sys.stderr.isatty():
        return
    text = ""
    if lab is not None:
        text = f"round {lab.rounds}: {lab.candidates:,} candidates, {len(lab.solutions())} found"
    click.echo(f"\r{text:70}" + "\r" * (lab is None), err=True, nl=False)


def _object(problem: Problem, found: Solution) -> dict[str, Any]:
    """A solution as a line of a log."""
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in problem.name)[:40]
    return {
        "id": f"{name}-{found.key}", "type": "text", "term": format_term(found.words),
        "problem": problem.name, "betaSteps": found.steps, "lineage": list(found.made),
    }  # fmt: skip


def _paragraphs(log: Path, answer: ProblemOutcome) -> Iterator[str]:
    lab, problem = answer.laboratory, answer.laboratory.problem
    meaning = f" ({problem.meaning})" if problem.meaning else ""
    pairs = f"; {len(problem.pairs)} pairs" if problem.pairs else ""
    yield f"{printable(problem.name)}{meaning}{pairs}; {problem.note}"
    if lab.known:
        names = ", ".join(printable(name) for _, name in lab.known[:8])
        use = "" if lab.uses_known else " (no building blocks)"
        yield f"in {printable(str(log))} already: {names}{use}"
    yield from _found(answer)
    yield from _table(_syntheses(lab))
    yield from _compared(answer)


def _found(answer: ProblemOutcome) -> Iterator[str]:
    stopped = answer.laboratory.stopped
    if not answer.solutions:
        budget = f"{answer.laboratory.settings.budget:,} beta steps a synthesis"
        yield "interrupted: not found until then" if stopped else f"not found within {budget}"
        return
    if stopped:
        yield "interrupted: what follows is what was found until then"
    head = ("nodes", "bits", "beta steps", "synthesis", "term")
    rows = [
        (str(len(s.words)), str(s.bits), f"{s.steps:,}", str(s.synthesis), format_term(s.words))
        for s in answer.solutions
    ]
    yield from _table([head, *rows])
    yield "lineage of the first:"
    yield from (f"  {printable(line)}" for line in answer.solutions[0].made)


def _syntheses(lab: SearchPortfolio) -> list[tuple[str, ...]]:
    head = ("synthesis", "way", "dimension", "stream", "blocks", "candidates", "beta steps")
    rows = [
        (
            str(s.number), s.way, "-" if s.dimension is None else str(s.dimension), s.stream,
            str(s.blocks), f"{s.candidates:,}", f"{s.steps:,}", f"{s.fitted:,}",
            f"{s.refuted:,}", str(len(s.found)),
        )
        for s in lab.syntheses
    ]  # fmt: skip
    return [(*head, "fit the pairs", "refuted", "found"), *rows]


def _compared(answer: ProblemOutcome) -> Iterator[str]:
    """One line for the syntheses, one for the plain enumeration."""
    head = ("", "found", "nodes", "bits", "beta steps", "candidates", "seconds", "to the first")
    rows: list[tuple[str, ...]] = [head]
    best, lab = answer.solutions[0] if answer.solutions else None, answer.laboratory
    first = f"{lab.first_candidates:,}, {answer.first_seconds:.2f} s" if lab.first else "-"
    rows.append(("syntheses", *_best(best), f"{lab.candidates:,}", f"{answer.seconds:.2f}", first))
    if (plain := answer.baseline) is not None:
        tried = f"{plain.candidates:,}"
        rows.append(
            ("enumeration", *_best(plain.solution), tried, f"{answer.baseline_seconds:.2f}", "all")
        )
    yield from _table(rows)


def _best(found: Solution | None) -> tuple[str, ...]:
    if found is None:
        return "no", "-", "-", "-"
    return "yes", str(len(found.words)), str(found.bits), f"{found.steps:,}"


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Columns side by side, as wide as their widest cell."""
    cells = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
