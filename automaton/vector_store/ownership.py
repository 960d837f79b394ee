"""`<log>.remembered`: of which log the memory beside it is, as a tick and the chain after it.

A log that was made anew under the name of another does not go on with its memory:
that is moved aside, or, on a server, named. Must not know: terms, engines, what is
remembered.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from automaton.errors import FileError
from automaton.log import LogReader
from automaton.log.side_files import watermarks

SUFFIX = ".remembered"


def is_foreign(log: LogReader) -> bool:
    """Whether the memory was of another log of this name, or of ticks that this one lost."""
    mark = watermarks.read(log.path, SUFFIX)
    if mark is None:
        return False
    if mark.tick <= len(log.commits):
        return log.chain_at(mark.tick) != mark.chain
    return log.is_read_to_end()  # else it is written just now


def mark(log: LogReader) -> None:
    """Note the last commit where the memory is this log's; else, and on a full disk, nothing."""
    if not is_foreign(log):
        _note(log)


def _note(log: LogReader) -> None:
    with contextlib.suppress(OSError):
        watermarks.write(log.path, watermarks.Watermark(len(log.commits), log.head), SUFFIX)


def claim_ownership(log: LogReader, folder: Path | None) -> str:
    """Take a memory for this log's own before it is fed: what was found, or nothing.

    The folder of another log is moved aside; None stands for a server, whose
    collection stays as it is, and is named each time.
    """
    foreign = is_foreign(log)
    if foreign and folder is None:
        return _on_server(log)
    note = ""
    if foreign and folder is not None and folder.exists():
        note = f"{_of_another(folder)}; moved to {_moved(folder)}: `memory reindex` fills a new one"
    _note(log)
    return note


def require_ownership(log: LogReader, folder: Path | None) -> str:
    """Refuse the folder of another log to a reader; what to say of a server, or nothing."""
    if not is_foreign(log):
        return ""
    if folder is None:
        return _on_server(log)
    raise FileError(f"{_of_another(folder)}; `memory reindex` moves it aside and makes this log's")


def _of_another(folder: Path) -> str:
    return f"{folder} is of another log of this name, or of ticks that this one lost"


def _on_server(log: LogReader) -> str:
    return (
        "the server's memory of this log holds terms of another log of this name, or of ticks that "
        f"this one lost; to be rid of them delete its collection and {log.path}{SUFFIX}, then "
        "`memory reindex`"
    )


def _moved(folder: Path) -> Path:
    number = 1
    while os.path.lexists(f"{folder}.other-{number}"):
        number += 1
    return folder.rename(f"{folder}.other-{number}")
