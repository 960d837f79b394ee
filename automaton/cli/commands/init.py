"""`init PATH`: a log at a new place, the shipped one or one made of another file.

Never opens a file that is there.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

import click

from automaton.cli.experiment_options import operator_option, seed_option
from automaton.cli.option_types import PATH, option, switch
from automaton.cli.soup import Soup
from automaton.cli.text import counted, printable
from automaton.conversion import KINDS, Conversion, Inclusion, opened
from automaton.errors import FileError, StorageError, UsageError
from automaton.format.options import UNSET
from automaton.terms.random_terms import MOST_NODES

NAME = "automaton.jsonl"


def _places() -> list[Path]:
    """Where the shipped log may lie: in the wheel in the package, in a checkout beside it."""
    package = Path(str(resources.files("automaton")))
    return [package / NAME, package.parent / NAME]


def refuse_shipped(log: Path) -> None:
    """The shipped log itself is never appended to: it is what `init` copies."""
    if log.exists() and any(place.exists() and place.samefile(log) for place in _places()):
        raise UsageError(
            f"{log} is the shipped log itself, to which nothing is appended; make a copy and run "
            "that: automaton-scalable init my.jsonl, then automaton-scalable my.jsonl"
        )


def shipped() -> bytes:
    """The shipped log."""
    for place in _places():
        if place.is_file():
            return place.read_bytes()
    raise FileError(f"the shipped {NAME} is not in this installation; install the program again")


def size_range(
    _context: click.Context, _option: click.Parameter, text: str
) -> tuple[int, int]:  # fmt: skip
    """`N`, or `A-B`, as smallest and largest."""
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise UsageError(f"--size {text}: a number of nodes is wanted, or two, as 3-20") from None


@click.command()
@click.argument("path", type=PATH)
@option(
    "--from",
    "source",
    type=PATH,
    metavar="FILE",
    show_default="the shipped log",
    help="Make a log of FILE: a canvas, a JSON array, a list of terms, .jsonl.gz, .jsonl.zst.",
)
@option(
    "--as",
    "kind",
    type=click.Choice(KINDS),
    show_default="as it looks",
    help="What FILE holds (a word): JSON of any kind, terms one a line, or packed BLC.",
)
@option(
    "--random",
    type=click.IntRange(1, 1 << 24),
    metavar="N",
    show_default="none",
    help="A soup of N closed terms (a count), each drawn evenly among all of its size.",
)
@option(
    "--size",
    callback=size_range,
    metavar="N|A-B",
    default="3-20",
    show_default=True,
    help="Of --random: nodes of a term; of a range each number is as likely.",
)
@option(
    "--depth",
    type=click.IntRange(1, MOST_NODES),
    metavar="N",
    default=8,
    show_default=True,
    help="Of --random: most lambdas around a variable (a count).",
)
@option(
    "--generator",
    metavar="NAME",
    show_default="each of a size as likely",
    help="Of --random: another generator (a word): tree:N, depth:N, grammar:LEVELS, blc:BITS.",
)
@seed_option("Of --random: seed of its draws (an integer of 64 bits): same seed, same soup.")
@operator_option(
    "Of --random: an automaton with this operator (a lambda term) comes first.", "none"
)
@switch("--include", "Put what @include names behind that line: files below FILE's folder.")
def init(
    path: Path, source: Path | None, kind: str | None, include: bool, random: int | None,
    **drawn: Any,
) -> None:  # fmt: skip
    """Write a log to PATH, a file that does not exist yet.

    It is the shipped log, one made of FILE (--from), or a random soup (--random).
    """
    if random is not None and (source is not None or kind is not None or include):
        raise UsageError("--random makes a soup of its own; leave --from, --as and --include away")
    if random is not None:
        _draw(path, random, **drawn)
        return
    if source is None and (kind is not None or include):
        raise UsageError("--as and --include are for the file of --from; give --from FILE too")
    if source is not None and include:
        _include(path, source)
        return
    if source is not None:
        _convert(path, source, kind)
        return
    content = shipped()
    lines, size = write_new(path, [content])
    click.echo(f"wrote {path}: {lines} lines, {size} bytes")
    click.echo(f"run it: automaton-scalable {path}")


def _draw(
    path: Path, count: int, *, size: tuple[int, int], depth: int, seed: int,
    operator: str | None, generator: str | None,
) -> None:  # fmt: skip
    """A soup, and the command that keeps it at its size."""
    operator = None if operator == UNSET else operator
    soup = Soup(count, *size, depth, seed, operator, generator)
    lines, written = write_new(path, soup.lines())
    kind = f"{soup.smallest} to {soup.largest} nodes under at most {depth} lambdas"
    click.echo(
        f"wrote {path}: {lines:,} lines, {written:,} bytes; {counted(count, 'closed term')} of "
        f"{generator or kind}, seed {seed}"
    )
    places = count + (operator is not None)
    more = "" if operator is not None else " --operator 'λx.λy.x y'"
    command = f"automaton-scalable {shlex.quote(str(path))} --max-objects {places}{more}"
    click.echo(f"run it with as many objects as it has, so that what is made dilutes: {command}")


def _convert(path: Path, source: Path, kind: str | None) -> None:
    from automaton.log.segments.log_file import refuse_active  # noqa: PLC0415 - loads numpy

    refuse_active(str(source))
    with opened(source) as (stream, packed):
        conversion = Conversion(stream, _stem(source, packed), kind)
        lines, size = write_new(path, conversion.lines())
    of = f", compressed with {packed}" if packed else ""
    click.echo(f"wrote {path}: {lines} lines, {size} bytes, from {source} ({conversion.what}{of})")
    for place in conversion.left_out:
        click.echo(f"note: left out: {printable(place)}", err=True)
    more = conversion.left_out_count - len(conversion.left_out)
    if more:
        click.echo(f"note: left out: {counted(more, 'more place')}", err=True)
    click.echo(_next_step(path, conversion))


def _include(path: Path, source: Path) -> None:
    inclusion = Inclusion(source)
    lines, size = write_new(path, inclusion.lines())
    files = counted(len(inclusion.files), "file")
    click.echo(f"wrote {path}: {lines} lines, {size} bytes, from {source} and {files} it includes")
    for missing in inclusion.missing:
        click.echo(f"note: {printable(missing)}", err=True)
    click.echo(f"run it: automaton-scalable {shlex.quote(str(path))}")


def _stem(source: Path, packed: str | None) -> str:
    """The name of what was compressed."""
    return str(source.with_suffix("") if packed else source)


def _next_step(path: Path, conversion: Conversion) -> str:
    """The command that runs what was made, or what it lacks."""
    command = f"automaton-scalable {shlex.quote(str(path))}"
    report = conversion.report
    if report is None or (report.terms and "automaton" in report.types):
        return f"run it: {command}"
    if not report.terms:
        return (
            "it holds no lambda terms yet, so nothing reacts: a run takes them from `term`, "
            "and from `text` between backticks; states are of type automaton, ways between them "
            "of type transition (docs/language.md, A canvas that runs)"
        )
    terms = counted(report.terms, "term")
    return f"it holds {terms} and no automaton; run it: {command} --operator 'λx.λy.x y'"


def write_new(path: Path, pieces: Iterable[bytes]) -> tuple[int, int]:
    """The file appears whole or not at all; its lines and bytes."""
    with created(path) as file:
        try:
            return _written(file, iter(pieces))
        except OSError as error:
            path.unlink()
            if error.errno is None or error.filename is not None:  # what is read is broken
                raise
            at = file.tell()
            raise StorageError(f"{path}: {error.strerror} at byte {at}", at) from None
        except BaseException:
            path.unlink()
            raise


def _written(file: BinaryIO, pieces: Iterator[bytes]) -> tuple[int, int]:
    lines = size = 0
    last = b"\n"
    for piece in pieces:
        file.write(piece)
        lines, size, last = lines + piece.count(b"\n"), size + len(piece), piece[-1:] or last
    file.flush()
    return lines + (last != b"\n"), size


def created(path: Path) -> BinaryIO:
    """A file that was not there, open for writing."""
    try:
        return path.open("xb")
    except FileExistsError:
        what = "is a folder; name a file in it" if path.is_dir() else "exists; choose another place"
        raise FileError(f"{path}: {what}") from None
    except FileNotFoundError:
        raise FileError(f"{path}: there is no folder {path.parent}; make it first") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be made: {error.strerror}") from None
