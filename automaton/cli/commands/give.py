"""`give LOG FILE`: lines for a program that runs or will run, through its inbox or to one tick."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from automaton.cli.option_types import PATH, switch
from automaton.cli.text import counted
from automaton.errors import FileError, StorageError, UsageError
from automaton.format.admission import admit

#: What to do about a line that cannot be input, by the reason it is refused for.
REMEDIES = {
    "no id": 'give it a member "id" (a text), under which it stands in the log',
    "id not a string": 'make its "id" a text',
    "not JSON": "a line is one JSON object; arrays and terms: init NEW --from FILE",
    "not an object": "a line is one JSON object",
    "record": "run records and commits are written by runs alone",
    "id of the log's own": "ids such as m1.0, run:1 and commit:1 are a run's; choose another",
}


@click.command()
@click.argument("log", type=PATH)
@click.argument("source", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE|-")
@switch("--now", "Run one tick of LOG that takes them, whether its program reads its inbox or not.")
def give(log: Path, source: Path, now: bool) -> None:
    """Give the lines of FILE to LOG's program as input.

    All of them are given, or none; - is standard input. They go to LOG.inbox, from
    which the action self-io of a run takes them, also of one that is under way. A line
    with an id that LOG has is a new version of that object.
    """
    from automaton.analysis.snapshot import reads_inbox  # noqa: PLC0415  # loads numba
    from automaton.log import Log  # noqa: PLC0415

    with Log.open(log, write=False) as opened:
        lines = _admitted(source, opened.prefix)
        heard = now or reads_inbox(opened)
    if not heard:
        raise UsageError(
            f"{log}: nobody would read them: no transition has the action self-io; --now gives "
            "them to one tick, and so would such a transition (fork LOG --out NEW, edit, run)"
        )
    if not lines:
        click.echo(f"{source} holds no lines; nothing was given")
    elif now:
        tick = _run_a_tick(log, lines)
        click.echo(f"{log}: tick {tick:,} took in {counted(len(lines), 'line')}")
    else:
        _append(Path(f"{log}.inbox"), b"".join(lines))
        given = counted(len(lines), "line")
        click.echo(f"{log}.inbox: {given} more; the next self-io of a run takes them in")


def _admitted(source: Path, prefix: str) -> list[bytes]:
    """The lines of the source, each of them fit for a batch; one that is not is an error."""
    content = sys.stdin.buffer.read() if str(source) == "-" else _content(source)
    taken: list[bytes] = []
    for number, raw in enumerate(content.split(b"\n"), 1):
        _, lines, refused = admit([raw], prefix)
        if refused:
            reason = next(iter(refused))
            remedy = REMEDIES.get(reason)
            raise UsageError(
                f"{source}: line {number}: {reason}{f': {remedy}' if remedy else ''}; nothing was "
                "given"
            )
        taken += lines
    return taken


def _content(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise FileError(f"{source}: cannot be read: {error.strerror}") from None


def _append(inbox: Path, data: bytes) -> None:
    """All lines, made durable."""
    try:
        fd = os.open(inbox, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise FileError(f"{inbox}: cannot be written: {error.strerror}") from None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise FileError(f"{inbox} is not a regular file; nothing was given")
        if info.st_size and os.pread(fd, 1, info.st_size - 1) != b"\n":
            raise FileError(
                f"{inbox} ends within a line: another program is writing it, or has left it so; "
                "try again, or end that line; nothing was given"
            )
        _write_whole(fd, inbox, data, info.st_size)
    finally:
        os.close(fd)


def _write_whole(fd: int, inbox: Path, data: bytes, before: int) -> None:
    """Write and wait for the disk; where it takes less, the inbox is as it was."""
    try:
        rest = memoryview(data)
        while rest:  # a second write only where the first was cut short; it then says why
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except OSError as error:
        os.ftruncate(fd, before)
        message = f"{inbox}: {error.strerror}; nothing was given: make room, and give them again"
        raise StorageError(message, before) from None


def _run_a_tick(log: Path, lines: Sequence[bytes]) -> int:
    """One tick that takes the lines, on the disk when this returns."""
    from automaton.run import Run  # noqa: PLC0415  # loads numba

    with Run(log) as run:
        for text in run.log.notices:
            click.echo(f"note: {text}", err=True)
        run.step(lines)
        run.background.wait()
        run.log.sync()
        return run.tick
