"""`reduce`: lambda terms to normal form, one or a file of them, by the kernels.

Asks for answers and prints them; what a term and a normal form is, others know.
"""

from __future__ import annotations

import codecs
import functools
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import click

from automaton.calculator import small_terms
from automaton.calculator.answer_lines import DETAILED, ROWS, Answer
from automaton.cli.option_types import PATH, WIDTH, option, switch, whole
from automaton.cli.text import shown_json
from automaton.compute.budgets import MAX_WORK, MOST_STEPS, UNLIMITED, Budgets
from automaton.errors import BudgetError, FileError, TermError
from automaton.format.options import UNSET
from automaton.terms import reduction_trace
from automaton.terms.bindings import read_question
from automaton.terms.notation import NOTATIONS

Option = Callable[[Callable[..., object]], Callable[..., object]]

EXCEEDED = {
    "steps": "no normal form within --max-steps",
    "size": "the normal form is larger than --max-size",
    "depth": "more pending arguments than --max-depth",
    "work": "no normal form within --max-work",
}
#: Largest normal form that may be asked for, in nodes: its text fits in memory.
MOST_NODES = 1 << 26
MOST_WORK = 1 << 40
#: Most steps of a trace: more is nothing that a person reads.
MOST_TRACED = 100_000


class StepLimit(click.IntRange):
    """A number of steps, or the word for no limit."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or `UNLIMITED`."""
        return UNLIMITED if value == UNSET else super().convert(value, param, ctx)


def budget(flag: str, default: int, help_: str, kind: click.IntRange | None = None) -> Option:
    """A budget of a reduction."""
    type_ = kind or whole(flag.removeprefix("--").replace("-", "_"))
    return option(flag, type=type_, metavar="N", default=default, show_default=True, help=help_)


DEPTH = budget("--max-depth", 4_096, "Most pending arguments of a reduction (a count).")


def reducing(batch: str, written: str, budgets: list[Option], members: str) -> Option:
    """The options of what reduces, with what some of them mean for this command."""
    options: list[Option] = [
        option("--batch", type=PATH, metavar="FILE", show_default="none", help=batch),
        option(
            "--notation", type=click.Choice(NOTATIONS), default="lambda", show_default=True,
            help=f"How {written}; blc is binary.",
        ),
        *budgets,
        switch("--json", f"Print one JSON object an answer: {members}."),
    ]  # fmt: skip
    return lambda command: functools.reduce(lambda to, add: add(to), reversed(options), command)


BUDGETS = [
    budget(
        "--max-steps", 1_000_000,
        "Budget of a reduction in beta steps, leftmost-outermost; none: they are only counted.",
        StepLimit(1, MOST_STEPS),
    ),
    budget(
        "--max-work", MAX_WORK,
        "Budget of a reduction in beta steps that are really made, and in cells of memory.",
        click.IntRange(1, MOST_WORK),
    ),
    budget("--max-size", 65_536, "Largest normal form in nodes.", click.IntRange(1, MOST_NODES)),
    DEPTH,
]  # fmt: skip


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("term", required=False)
@reducing(
    "Reduce the terms of a file (a path; - is standard input), one term a line.",
    "terms are written (a word), going in and coming out",
    BUDGETS,
    "outcome, steps, size, term, numeral, shared_steps, peak_cells, machine",
)
@option(
    "--trace",
    type=click.IntRange(1, MOST_TRACED),
    metavar="N",
    show_default="none",
    help="First show the terms of N beta steps, each with the next redex in brackets.",
)
@switch("--explain", "Say too which budget was met, and how the work grew.")
def reduce(
    term: str | None, batch: Path | None, notation: str, max_steps: int, max_work: int,
    max_size: int, max_depth: int, json: bool, trace: int | None, explain: bool,
) -> None:  # fmt: skip
    """Reduce TERM to normal form, leftmost-outermost.

    Free variables may stay. Lines `name = term` before it, or in a file before other
    lines, define names.

    Of a file, every line that is not empty gives one line, in order: the normal
    form, the number it stands for, beta steps, outcome, with tabs between and - for
    what there is not. A line that holds no term stops nothing: its outcome is
    `error`, followed by the reason (with --json the member "reason"), and the exit
    code is 2 in the end. Without a normal form within the budgets it is 12.

    An argument is evaluated once, however often it is used; the beta steps are those
    of a reduction that evaluates it each time.
    """
    budgets = Budgets(max_steps, max_size, max_depth, max_work)
    if (term is None) == (batch is None):
        raise click.UsageError("give a TERM or --batch FILE", click.get_current_context())
    if wrong := _misuse(term, notation, json, trace, explain):
        raise click.UsageError(wrong, click.get_current_context())
    if term is not None:
        with ended_at_once():
            if trace:
                _trace(term, notation, trace)
            answer = _one(term, budgets, notation, json)
            if explain:
                _explain(term, budgets, notation, answer)
        if answer.term is None:
            raise BudgetError(exceeded(answer.outcome, budgets))
    elif batch is not None:
        with source(batch) as (file, name):
            _many(file, name, budgets, notation, json)


def _misuse(term: str | None, notation: str, json: bool, trace: int | None, explain: bool) -> str:
    """Why these options do not go together; empty where they do."""
    if (trace or explain) and (term is None or json):
        return "--trace and --explain tell people of one TERM; leave out --batch and --json"
    if trace and notation == "blc":
        return "--trace marks redexes, which binary cannot; use --notation lambda or debruijn"
    return ""


def _one(term: str, budgets: Budgets, notation: str, json: bool) -> Answer:
    """Answer one term: a line of JSON, or the normal form and what it is."""
    answer = small_terms.answer(term, budgets, notation)
    if answer is None:
        from automaton.calculator.text_batch import TextReducer  # noqa: PLC0415  # numba takes half a second

        answer = TextReducer(budgets, notation, DETAILED).question(term)
    if json:
        output(json=True)(DETAILED.line(answer))
    elif answer.term is not None:
        sys.stdout.write(paragraph(answer) + "\n")
    return answer


def _trace(term: str, notation: str, steps: int) -> None:
    """Show the first steps of a reduction, numbered, and a blank line behind them."""
    words, names = read_question(term, notation)
    shown = list(reduction_trace.trace(words, notation, names, steps))
    width = len(str(len(shown) - 2))
    for number, line in enumerate(shown[:-1]):
        click.echo(f"{number:>{width}}  {line}")
    click.echo(f"... {shown[-1]}\n" if shown[-1] else "")


def _explain(term: str, budgets: Budgets, notation: str, answer: Answer) -> None:
    """Show how the work of a reduction grew."""
    from automaton.calculator.work_report import report  # noqa: PLC0415  # numba takes half a second

    click.echo("")
    for line in report(term, budgets, notation, answer):
        click.echo(line)


def _many(file: BufferedReader, name: str, budgets: Budgets, notation: str, json: bool) -> None:
    """Answer the terms of a file; what could not be read is an error at the end."""
    from automaton.calculator.text_batch import TextBatch, whole_lines  # noqa: PLC0415  # numba takes a second

    batch = TextBatch(budgets, notation, DETAILED if json else ROWS)
    put = output(json=json)
    chunks = batch.answers(whole_lines(file.read1, batch.chunk_size))
    with ended_at_once():
        for answers in chunks:
            put(answers)
            sys.stdout.flush()
    if batch.first is not None:
        number, reason = batch.first
        others = f" (and {batch.refused - 1:,} more)" if batch.refused > 1 else ""
        raise TermError(f"{name}: line {number}: {reason}{others}")
    if batch.first_exceeded is not None:
        number, outcome = batch.first_exceeded
        others = f" (and {batch.exceeded - 1:,} more)" if batch.exceeded > 1 else ""
        raise BudgetError(f"{name}: line {number}: {exceeded(outcome, budgets)}{others}")


def exceeded(outcome: str, budgets: Budgets) -> str:
    """Which budget an outcome exceeds, and what to do."""
    return f"{EXCEEDED[outcome]} {getattr(budgets, f'max_{outcome}')}; raise it"


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Ctrl-C ends the process even while a kernel computes, which hears no handler of ours."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:  # not in the main thread, which alone hears signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def output(*, json: bool) -> Callable[[bytes], object]:
    """What writes UTF-8, or JSON in it, to standard output, in the terminal's encoding."""
    if codecs.lookup(sys.stdout.encoding).name == "utf-8":
        sys.stdout.flush()
        return sys.stdout.buffer.write
    shown: Callable[[str], str] = shown_json if json else str
    return lambda answers: sys.stdout.write(shown(answers.decode()))


@contextmanager
def source(batch: Path) -> Iterator[tuple[BufferedReader, str]]:
    """The bytes of a batch, and what an error calls it."""
    if str(batch) == "-":
        yield cast(BufferedReader, sys.stdin.buffer), "standard input"
        return
    try:
        file = batch.open("rb")
    except OSError as error:
        raise FileError(f"{batch}: cannot be read: {error.strerror}") from None
    with file:
        yield file, str(batch)


def paragraph(answer: Answer) -> str:
    """A normal form and what it is, for people."""
    more = "more than " if answer.more_steps else ""
    facts = [f"normal form after {more}{answer.steps} beta steps"]
    if answer.size is not None:
        facts.append(f"{answer.size} nodes")
    if answer.numeral is not None:
        facts.append(f"the numeral {answer.numeral}")
    return f"{answer.term}\n{', '.join(facts)}"
