"""`busy-beaver`: closed terms by size, with a normal form and without, and the largest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.option_types import PATH, option, switch
from automaton.cli.output_file import refuse_place, whole_file
from automaton.cli.tabular import print_json
from automaton.cli.text import json_text
from automaton.errors import UsageError
from automaton.terms.notation import format_term, parse

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.normalisation.busy_beaver import SizeCensus

_COLUMNS = ("bits", "closed", "normal form", "none", "open", "largest")
_WIDTHS = (4, 13, 13, 9, 6, 9)


@click.command(name="busy-beaver")
@option(
    "--bits",
    metavar="N",
    default="4-30",
    show_default=True,
    help="Sizes of the terms in binary lambda calculus: a number of bits, or two as 4-36.",
)
@option(
    "--certificates",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="Write a line for each term without a normal form, with a proof (a path).",
)
@switch("--force", "Replace FILE where it exists.")
@switch("--json", "Print one JSON object a size.")
def busy_beaver(bits: str, certificates: Path | None, force: bool, json: bool) -> None:
    """Count closed terms by size, and those with a normal form.

    Says of each size how many closed terms there are, how many have a normal form, how
    many have none, with a proof of each, of how many it is open, and which normal form is
    the largest. A proof is a cycle of leftmost reduction, or a theory of intersection
    types; scripts/studies/check_certificates.py checks FILE without this program.
    """
    from automaton.normalisation.busy_beaver import FEWEST, MOST, BusyBeaver  # noqa: PLC0415

    first, last = _range(bits, FEWEST, MOST)
    beaver = BusyBeaver()
    if not json:
        click.echo("  ".join(n.rjust(w) for n, w in zip(_COLUMNS, _WIDTHS, strict=True)) + "  term")
    with _received(certificates, force=force) as receive, _told() as tell:
        for size in range(first, last + 1):
            found = beaver.count(size, receive, lambda *done, size=size: tell(size, *done))
            tell(0, 0, 0)
            if json:
                print_json([found.as_json()])
            else:
                click.echo(_row(found))


def _range(text: str, fewest: int, most: int) -> tuple[int, int]:
    """The first and the last size."""
    low, dash, high = text.partition("-")
    try:
        first, last = int(low), int(high if dash else low)
    except ValueError:
        raise UsageError(f"--bits {text}: a number of bits is wanted, or two, as 4-36") from None
    if not fewest <= first <= last <= most:
        raise UsageError(
            f"--bits {text}: sizes go from {fewest} to {most} bits, the smaller one first"
        )
    return first, last


@contextmanager
def _received(path: Path | None, *, force: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Who receives certificates: a file that appears when all are in it, or nobody."""
    if path is None:
        yield lambda _certificate: None
        return
    refuse_place(path, path.absolute().parent, force=force)
    with whole_file(path, force=force) as file:
        yield lambda certificate: _written(file.write(f"{json_text(certificate)}\n".encode()))


def _written(_count: int) -> None:
    """Nothing is said of a line that was written."""


@contextmanager
def _told() -> Iterator[Callable[[int, int, int], None]]:
    """Says on standard error how far a size is, where a terminal is looking."""
    if not sys.stderr.isatty():
        yield lambda _bits, _reduced, _judged: None
        return

    def tell(bits: int, reduced: int, judged: int) -> None:
        said = f"{bits} bits: {reduced:,} reduced, {judged:,} judged" if bits else ""
        click.echo(f"\r{said:60}\r", nl=False, err=True)

    yield tell


def _row(found: SizeCensus) -> str:
    """What a person reads of a size."""
    term = format_term(parse(found.champion, "blc")) if found.champion else "none"
    figures = (found.bits, found.closed, found.normal, found.without.total(), len(found.open))
    cells = [f"{number:,}" for number in figures]
    cells.append(str(found.as_json()["largest"]))
    shown = (cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return "  ".join([*shown, term])
