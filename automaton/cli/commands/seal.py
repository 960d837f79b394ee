"""`seal FILE`: commits over a file that another program writes, in FILE.seal."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from automaton.cli.option_types import PATH, FiniteFloat, option, switch
from automaton.cli.text import as_json, counted
from automaton.errors import FileError, UsageError

if TYPE_CHECKING:
    from automaton.seals.seal_writer import SealWriter


@click.command()
@click.argument("file", type=PATH)
@option(
    "--out",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="With - (standard input): the file that its lines are appended to (a path).",
)
@option(
    "--interval",
    type=FiniteFloat(0.01, 86400),
    metavar="SECONDS",
    default=1.0,
    show_default=True,
    help="How long a line waits at most until it is sealed, in seconds.",
)
@option(
    "--key",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="A key of keygen (a path): FILE.seal.note is then the signed head.",
)
@option(
    "--sign-every", type=FiniteFloat(0.1, 86400), metavar="SECONDS", default=60.0,
    show_default=True,
    help="With --key: seconds between signed heads; also at the end.",
)  # fmt: skip
@switch("--once", "Seal what stands in FILE, and end.")
@switch("--json", "Print one JSON object whenever lines are sealed and durable.")
def seal(
    file: Path, out: Path | None, interval: float, key: Path | None, sign_every: float,
    once: bool, json: bool,
) -> None:  # fmt: skip
    """Seal FILE as another program appends lines to it.

    JSONL, or any other lines.

    FILE is only read; its seal is FILE.seal. It is followed as tail -F does: rotation and
    truncation are noticed. What was said to be sealed is durable. verify FILE finds what was
    changed since, and prove FILE line:N proves one line.
    """
    from automaton.seals.seal_follower import Follower, SealSchedule  # noqa: PLC0415
    from automaton.seals.seal_writer import SealWriter  # noqa: PLC0415

    piped = str(file) == "-"
    if piped != (out is not None):
        raise click.UsageError("- and --out FILE belong together", click.get_current_context())
    target = out if out is not None else file
    _refuse(target, once=once and not piped)
    signing = None if key is None else _HeadSigner(target, key, sign_every)
    writer = SealWriter(target)
    known = writer.tick

    def told(sealed: SealWriter) -> None:
        _show(sealed, json)
        if signing is not None:
            signing.when_due()

    stopping = Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    try:
        for text in writer.notices:
            _note(text)
        follower = Follower(target, writer, SealSchedule(interval, told, _note), stopping)
        if piped:
            follower.copy(0)
        else:
            follower.follow(once=once)
            if once and writer.tick == known:
                _show(writer, json)  # all of it was sealed before
        if signing is not None and writer.tick:
            signing.sign()
    finally:
        writer.close()


def _refuse(file: Path, *, once: bool) -> None:
    """Raise where a file is a log, or where nothing is there and nothing is waited for."""
    from automaton.seals.seal_reader import SUFFIX  # noqa: PLC0415
    from automaton.seals.seal_subject import is_log  # noqa: PLC0415

    if is_log(file, 1 << 20):
        raise UsageError(f"{file} is a log: its own commits seal it (see head, sign and verify)")
    if once and not (file.exists() or Path(f"{file}{SUFFIX}").exists()):
        raise FileError(f"{file} is not there; check the name, or leave --once to wait for it")


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)


def _show(writer: SealWriter, json: bool) -> None:
    part = writer.part
    facts = {
        "tick": writer.tick, "lines": writer.lines, "part": part.number, "offset": part.offset,
    }  # fmt: skip
    lines = counted(writer.lines, "line")
    text = f"sealed {lines}, byte {part.offset:,}, commit {writer.tick:,}"
    click.echo(as_json(facts) if json else text)


class _HeadSigner:
    """The signed head of a seal, now and then."""

    def __init__(self, file: Path, key: Path, every: float) -> None:
        from automaton.proofs.keys import read_key  # noqa: PLC0415
        from automaton.proofs.notes import ED25519  # noqa: PLC0415

        self._file, self._key, self._every = file, read_key(key, ED25519), every
        self._last = Path(f"{key}.signed")
        self._due = 0.0

    def when_due(self) -> None:
        """Sign where it is time."""
        import time  # noqa: PLC0415

        if time.monotonic() >= self._due:
            self.sign()
            self._due = time.monotonic() + self._every

    def sign(self) -> None:
        """Sign the head now, beside the seal."""
        from automaton.proofs.commit_tree import commit_tree  # noqa: PLC0415
        from automaton.proofs.signing import replace, sign_head  # noqa: PLC0415
        from automaton.seals.seal_reader import SealReader  # noqa: PLC0415

        with SealReader.open(self._file) as reader, commit_tree(reader) as tree:
            note = sign_head(reader, tree, self._key, self._last)
        replace(Path(f"{reader.path}.note"), str(note).encode())
