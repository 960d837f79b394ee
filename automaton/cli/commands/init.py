"""`init PATH`: the shipped log at a new place. Never opens a file that is there."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import BinaryIO

import click

from automaton.cli.option_types import PATH
from automaton.errors import FileError, StorageError

NAME = "automaton.jsonl"


def shipped() -> bytes:
    """The shipped log: in the wheel it lies in the package, in a checkout beside it."""
    package = resources.files("automaton")
    beside = Path(str(package)).parent
    for place in (package.joinpath(NAME), beside.joinpath(NAME)):
        if place.is_file():
            return place.read_bytes()
    raise FileError(f"the shipped {NAME} is not in this installation; install the program again")


@click.command()
@click.argument("path", type=PATH)
def init(path: Path) -> None:
    """Write the shipped log to PATH, a file that does not exist yet."""
    content = shipped()
    _write_new(path, content)
    lines = content.count(b"\n")
    click.echo(f"wrote {path}: {lines} lines, {len(content)} bytes")
    click.echo(f"run it: automaton-scalable {path}")


def _write_new(path: Path, content: bytes) -> None:
    """The file appears whole or not at all."""
    with created(path) as file:
        try:
            file.write(content)
            file.flush()
        except OSError as error:
            path.unlink()
            needed = f"{len(content)} bytes are needed"
            raise StorageError(f"{path}: {error.strerror}; {needed}", len(content)) from None


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
