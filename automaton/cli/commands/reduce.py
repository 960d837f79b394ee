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
from typing import cast

import click

from automaton.cli.option_types import PATH, WIDTH, option, switch, whole
from automaton.compute.answer_lines import JSON, ROWS, Answer
from automaton.compute.budgets import Budgets
from automaton.errors import FileError, TermError
from automaton.terms.notation import NOTATIONS

Option = Callable[[Callable[..., object]], Callable[..., object]]

WORDS = {
    "normal": "normal form",
    "steps": "no normal form within --max-steps",
    "size": "the normal form is larger than --max-size",
    "depth": "more pending arguments than --max-depth",
}


def most(flag: str, default: int, help_: str) -> Option:
    """A budget of a reduction."""
    name = flag.removeprefix("--").replace("-", "_")
    return option(
        flag, type=whole(name), metavar="N", default=default, show_default=True, help=help_
    )


def reducing(batch: str, written: str, size: str) -> Option:
    """The options of what reduces, with what some of them mean for this command."""
    options: list[Option] = [
        option("--batch", type=PATH, metavar="FILE", show_default="none", help=batch),
        option(
            "--notation", type=click.Choice(NOTATIONS), default="lambda", show_default=True,
            help=f"How {written}; blc is binary.",
        ),
        most("--max-steps", 1_000_000, "Budget of a reduction in beta steps."),
        most("--max-size", 65_536, size),
        most("--max-depth", 4_096, "Most pending arguments of a reduction (a count)."),
        switch("--json", "Print one JSON object an answer: outcome, steps, size, term, numeral."),
    ]  # fmt: skip
    return lambda command: functools.reduce(lambda to, add: add(to), reversed(options), command)


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("term", required=False)
@reducing(
    "Reduce the terms of a file (a path; - is standard input), one term a line.",
    "terms are written (a word), going in and coming out",
    "Largest normal form in nodes.",
)
def reduce(
    term: str | None, batch: Path | None, notation: str, max_steps: int, max_size: int,
    max_depth: int, json: bool,
) -> None:  # fmt: skip
    """Reduce TERM to normal form, leftmost-outermost; free variables may stay.

    Of a file, every line that is not empty gives one line, in order: the normal
    form, the number it stands for, beta steps, outcome, with tabs between and - for
    what there is not. A line that holds no term stops nothing: its outcome is
    `error`, followed by the reason (with --json the member "reason"), and the exit
    code is 2 in the end.
    """
    budgets = Budgets(max_steps, max_size, max_depth)
    if (term is None) == (batch is None):
        raise click.UsageError("give a TERM or --batch FILE", click.get_current_context())
    if term is not None:
        _one(term, budgets, notation, json)
    elif batch is not None:
        with source(batch) as (file, name):
            _many(file, name, budgets, notation, json)


def _one(term: str, budgets: Budgets, notation: str, json: bool) -> None:
    """Answer one term: a line of JSON, or the term and what it is."""
    from automaton.compute.text_batch import TextReducer  # noqa: PLC0415  # numba takes a second

    with ended_at_once():
        answer = TextReducer(budgets, notation).answer(term)
    sys.stdout.write(JSON.line(answer).decode() if json else paragraph(answer) + "\n")


def _many(file: BufferedReader, name: str, budgets: Budgets, notation: str, json: bool) -> None:
    """Answer the terms of a file; what could not be read is an error at the end."""
    from automaton.compute.text_batch import TextBatch, whole_lines  # noqa: PLC0415  # numba takes a second

    batch = TextBatch(budgets, notation, JSON if json else ROWS)
    put = output()
    chunks = batch.answers(whole_lines(file.read1, batch.chunk_size))
    with ended_at_once():
        for answers in chunks:
            put(answers)
            sys.stdout.flush()
    if batch.first is not None:
        number, reason = batch.first
        others = f" (and {batch.refused - 1:,} more)" if batch.refused > 1 else ""
        raise TermError(f"{name}: line {number}: {reason}{others}")


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


def output() -> Callable[[bytes], object]:
    """What writes UTF-8 to standard output, in the terminal's encoding."""
    if codecs.lookup(sys.stdout.encoding).name == "utf-8":
        sys.stdout.flush()
        return sys.stdout.buffer.write
    return lambda answers: sys.stdout.write(answers.decode())


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
    """A term and what it is, for people."""
    facts = [f"{WORDS[answer.outcome]} after {answer.steps} beta steps"]
    if answer.size is not None:
        facts.append(f"{answer.size} nodes")
    if answer.numeral is not None:
        facts.append(f"the numeral {answer.numeral}")
    said = ", ".join(facts)
    return said if answer.term is None else f"{answer.term}\n{said}"
