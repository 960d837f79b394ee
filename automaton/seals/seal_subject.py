"""What is not sealed from outside: a log of this program, which its own commits seal.

A file with run records is a log, whatever lies beside it; else whoever puts a seal beside a
false log would have the seal checked in its place. Lives here: how a log is told from any
other file. Must not know: whether a log is true, seals.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from automaton.format.records import parse_run

Read = Callable[[int], bytes]
_RUN = b'{"type":"run","id":"'
_SEGMENT = b'{"type":"segment","number":'
_BLOCK = 1 << 20  # bytes read at a time
_LINE = 1 << 16  # bytes of a run record, at most


def is_log(path: Path, look: int | None = None) -> bool:
    """Whether a file is a log: by its pin, its first line, or a run record.

    `look`: of how many bytes a run record is looked for in; None: all.
    """
    if Path(f"{path}.genesis").exists():
        return True
    try:
        with path.open("rb") as file:
            return _holds_run(file.read, look)
    except OSError:
        return False


def _holds_run(read: Read, look: int | None) -> bool:
    """Whether one of the lines that are read is a run record."""
    kept, seen = b"\n", 0
    while (look is None or seen < look) and (data := read(_BLOCK)):
        if not seen and data.startswith(_SEGMENT):
            return True
        text, seen = kept + data, seen + len(data)
        at = text.find(b"\n" + _RUN)
        while at >= 0:
            if parse_run(text[at + 1 :].partition(b"\n")[0]) is not None:
                return True
            at = text.find(b"\n" + _RUN, at + 1)
        kept = text[-_LINE:]  # so that none is missed between two blocks
    return False
