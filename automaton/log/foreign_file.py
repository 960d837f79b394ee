"""What others wrote where this package expects its own: documents, lines added by hand.

Lives here: how they are told from a log, by a descriptor. To JSON documents
and compressed files nothing is ever appended; what a document is,
`automaton.format.documents` says. Must not know: commits, pins.
"""

from __future__ import annotations

import shlex

from automaton.errors import DocumentError
from automaton.format import documents
from automaton.format.ids import claims_our_id
from automaton.format.objects import Object, parse_line
from automaton.log.byte_source import File, mapped, pread

_HEAD = 8  # bytes by which compression is told
_LOOKED_AT = 1 << 20  # bytes behind the last commit in which lines added by hand are looked for


def refuse(file: File, path: str, size: int) -> None:
    """Raises `DocumentError` where a file without commits is no log."""
    packed = documents.compression(pread(file, _HEAD, 0))
    if packed is not None:
        raise _error(path, f"compressed with {packed}", packed in documents.UNPACKED)
    if not size:
        return
    with mapped(file, 0, size) as data:
        found = documents.document(data)
    if found is not None:
        raise _error(path, str(found), readable=True)


def lines_by_hand(file: File, start: int, stop: int, prefix: str) -> int:
    """How many whole objects stand in a range, where none of its lines is one of ours.

    A tick that was cut off between two lines of input, which are somebody's too, cannot
    be told from lines added by hand.
    """
    data = pread(file, min(stop - start, _LOOKED_AT), start)
    *whole, rest = data.split(b"\n")
    lines = [line for line in [*whole, rest] if line.strip()]
    cut = rest.strip() and not isinstance(parse_line(rest), Object)
    if cut or any(claims_our_id(line, prefix) for line in lines):
        return 0
    return sum(isinstance(parse_line(line), Object) for line in lines)


def advice(lines: int, size: int, tick: int, target: str) -> str:
    """What is said of lines that were added to a log by hand, and moved."""
    name = shlex.quote(target)
    stood = "1 line" if lines == 1 else f"{lines} lines"
    return (
        f"{stood} stood behind tick {tick} ({size} bytes) that no run has sealed, as if appended "
        f"by hand, which a log cannot take; what stood there was moved to {target}. Two ways work: "
        f"`give LOG {name}` hands it to the program (--now: to one tick), and `fork LOG --out "
        "NEW` writes a log that may be edited before it runs"
    )


def _error(path: str, what: str, readable: bool) -> DocumentError:  # noqa: FBT001 - said by name
    command = f"automaton-scalable init NEW.jsonl --from {shlex.quote(path)}"
    remedy = f"make a log of it: {command}" if readable else "unpack it first"
    return DocumentError(f"{path} is no log: it is {what}; {remedy}", what, remedy)
