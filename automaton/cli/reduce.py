"""`reduce`: lambda terms to normal form, one or a file of them, by the kernels.

Reads and prints terms; what a normal form is, is the kernels' knowledge.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import click

from automaton.errors import FileError, TermError
from automaton.notation import NOTATIONS, format_term, parse
from automaton.packed import Words, free_variables
from automaton.terms import numeral_value

from .kinds import PATH, WIDTH, option, whole
from .words import as_json

#: Terms that are read, reduced and printed together: enough to keep a kernel busy.
CHUNK = 1 << 16
#: Longest line of a batch in bytes, as for logs.
LONGEST_LINE = 16 << 20

WORDS = {
    "normal": "normal form",
    "steps": "no normal form within --max-steps",
    "size": "the normal form is larger than --max-size",
    "depth": "more pending arguments than --max-depth",
}


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("term", required=False)
@option(
    "--batch",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="Reduce the terms of a file (a path; - is standard input), one term a line.",
)
@option(
    "--notation",
    type=click.Choice(NOTATIONS),
    default="lambda",
    show_default=True,
    help="How terms are written (a word), going in and coming out; blc is binary.",
)
@option(
    "--max-steps",
    type=whole("max_steps"),
    metavar="N",
    default=1_000_000,
    show_default=True,
    help="Budget of a term in beta steps.",
)
@option(
    "--max-size",
    type=whole("max_size"),
    metavar="N",
    default=65_536,
    show_default=True,
    help="Largest normal form in nodes.",
)
@option(
    "--max-depth",
    type=whole("max_depth"),
    metavar="N",
    default=4_096,
    show_default=True,
    help="Most pending arguments (a count).",
)
@option(
    "--json",
    "as_json",
    is_flag=True,
    show_default="off",
    help="Print one JSON object a term: outcome, steps, size, term, numeral.",
)
def reduce(
    term: str | None,
    batch: Path | None,
    notation: str,
    max_steps: int,
    max_size: int,
    max_depth: int,
    as_json: bool,
) -> None:
    """Reduce TERM to normal form, leftmost-outermost; free variables may stay.

    Of a file, every line gives one line, in order: the normal form, the number it
    stands for, beta steps, outcome, with tabs between and - for what there is not.
    """
    if (term is None) == (batch is None):
        raise click.UsageError("give a TERM or --batch FILE", click.get_current_context())
    show = _as_json if as_json else _as_paragraph if batch is None else _as_row
    with _source(term, batch) as lines:
        for answer in _answers(lines, notation, (max_steps, max_size, max_depth)):
            sys.stdout.write(show(answer) + "\n")


class Answer:
    """What became of one term, as text and numbers."""

    __slots__ = ("numeral", "outcome", "size", "steps", "term")

    def __init__(self, outcome: str, steps: int, words: Words | None, text: str | None) -> None:
        self.outcome = outcome
        self.steps = steps
        self.size = None if words is None else len(words)
        self.term = text
        self.numeral = None if words is None else numeral_value(words)


def _answers(
    lines: Iterable[tuple[str, str]], notation: str, budgets: tuple[int, int, int]
) -> Iterator[Answer]:
    """The answers to the terms in order; a chunk of them is one call of the kernel."""
    from automaton.device import reduce_batch  # noqa: PLC0415  # numba takes a second

    waiting = iter(lines)
    while chunk := list(islice(waiting, CHUNK)):
        read = [_parsed(place, text, notation) for place, text in chunk]
        free = [free_variables(words) for words, _names in read]
        results = reduce_batch([words for words, _names in read], *budgets, free)
        for i, (_words, names) in enumerate(read):
            words = results.words(i)
            text = None if words is None else format_term(words, notation, names)
            yield Answer(results.outcome(i), int(results.steps[i]), words, text)


def _parsed(place: str, text: str, notation: str) -> tuple[Words, list[str]]:
    """The term and the names of its free variables; an error says where it stands."""
    try:
        return parse(text, notation, free=True)
    except TermError as error:
        raise TermError(f"{place}{error}", error.position) from None


@contextmanager
def _source(term: str | None, batch: Path | None) -> Iterator[Iterable[tuple[str, str]]]:
    """The terms that are asked for, each with the words that begin an error about it."""
    if batch is None:
        yield [("", term or "")]
    elif str(batch) == "-":
        yield _lines(sys.stdin.buffer, "standard input")
    else:
        try:
            file = batch.open("rb")
        except OSError as error:
            raise FileError(f"{batch}: cannot be read: {error.strerror}") from None
        with file:
            yield _lines(file, str(batch))


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[str, str]]:
    """The lines that hold a term, as `_source` gives them."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        place = f"{name}: line {number}: "
        if len(raw) > LONGEST_LINE:
            raise TermError(f"{place}longer than {LONGEST_LINE} bytes")
        try:
            text = raw.decode().strip().removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise TermError(f"{place}not UTF-8 at byte {error.start + 1}") from None
        if text:
            yield place, text


def _as_json(answer: Answer) -> str:
    names = ("outcome", "steps", "size", "term", "numeral")
    return as_json({name: getattr(answer, name) for name in names})


def _as_row(answer: Answer) -> str:
    columns = (answer.term, answer.numeral, answer.steps, answer.outcome)
    return "\t".join("-" if column is None else str(column) for column in columns)


def _as_paragraph(answer: Answer) -> str:
    facts = [f"{WORDS[answer.outcome]} after {answer.steps} beta steps"]
    if answer.size is not None:
        facts.append(f"{answer.size} nodes")
    if answer.numeral is not None:
        facts.append(f"the numeral {answer.numeral}")
    said = ", ".join(facts)
    return said if answer.term is None else f"{answer.term}\n{said}"
