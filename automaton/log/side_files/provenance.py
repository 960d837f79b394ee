"""Whose a file beside a log is: one under a name of ours that is not ours is moved aside.

A backup may be called `LOG.genesis`, and anybody may have a `LOG.lock`. Before a
file of ours is put under such a name, what stands there is read: it is ours if it
looks like what we write, or like the beginning of it, which a crash can leave. Must
not know: what the files mean, when they count.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from automaton.log.file_io import first_bytes

_WORD = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+!-")
Parts = tuple[bytes | frozenset[int], ...]  # texts, and bytes of which any number may stand there

_DIGITS, _HEX, _SPACES = frozenset(b"0123456789"), frozenset(b"0123456789abcdef"), frozenset(b" ")
_PIN: Parts = (b'{"bytes":', _DIGITS, b',"sha256":"', _HEX, b'"}\n')
_HINT: Parts = (
    b'{"tick":', _DIGITS, b',"offset":', _DIGITS, b',"chain":"', _HEX, b'"}', _SPACES, b"\n",
)  # fmt: skip
_NOTE: Parts = (b'{"tick":', _DIGITS, b',"chain":"', _HEX, b'"}\n')
_SEALED: Parts = (
    b'{"tick":', _DIGITS, b',"chain":"', _HEX, b'","seal":"', _HEX, b'"}\n',
)  # fmt: skip
_VERSION: Parts = (
    b'{"tick":', _DIGITS, b',"chain":"', _HEX, b'","version":"', _WORD, b'"}\n',
)  # fmt: skip
_POSITION: Parts = (b'{"offset":', _DIGITS, b',"sha256":"', _HEX, b'"}\n')
_LOOKED_AT = 16_384  # bytes; what is ours and small is smaller


def _is_beginning(data: bytes, parts: Parts) -> bool:
    """Whether the data are the parts one after the other, or any beginning of that."""
    at = 0
    for part in parts:
        if isinstance(part, bytes):
            found = data[at : at + len(part)]
            if not part.startswith(found):
                return False
            at += len(found)
        else:
            while at < len(data) and data[at] in part:
                at += 1
    return at == len(data)


#: By suffix: what a file of ours looks like, as far as it is written.
_OURS: dict[str, tuple[Parts, ...]] = {
    ".lock": ((_DIGITS, b"\n"),),
    ".genesis": (_PIN,),
    ".genesis.tmp": (_PIN,),
    ".durable": (_HINT,),
    ".inbox-position": (_POSITION * 8,),
    ".inbox-position.tmp": (_POSITION * 8,),
    ".verified": (_SEALED, _NOTE),  # the second before notes were sealed
    ".verified.tmp": (_SEALED, _NOTE),
    ".remembered": (_NOTE,),
    ".remembered.tmp": (_NOTE,),
    ".versions": (_VERSION * 64,),
    ".versions.tmp": (_VERSION * 64,),
}
#: Begins like that; what follows is held to its own hash.
_CHECKPOINT = b'{"checkpoint":'
#: How the next active file begins (`automaton.log.segments`).
_NEXT = b'{"type":"segment","number":'
#: What a run may write beside its log from the start.
OF_A_RUN = (
    ".genesis", ".genesis.tmp", ".durable", ".checkpoint", ".checkpoint.tmp",
    ".inbox-position", ".inbox-position.tmp", ".versions", ".versions.tmp",
)  # fmt: skip


def is_ours(path: str, suffix: str) -> bool:
    """Whether a file beside the log at `path` is ours, or is not there."""
    name = f"{path}{suffix}"
    if not os.path.lexists(name):
        return True
    data = first_bytes(name, _LOOKED_AT)
    if data is None:
        return False
    if not data.strip(b"\0"):  # empty, or as a power failure may leave it
        return True
    if suffix.startswith(".checkpoint"):
        return data.startswith(_CHECKPOINT) or _CHECKPOINT.startswith(data)
    if suffix == ".next":
        return data.startswith(_NEXT) or _NEXT.startswith(data)
    return any(_is_beginning(data, parts) for parts in _OURS[suffix])


def set_aside(path: str, suffixes: Iterable[str]) -> list[str]:
    """Move what is not ours to the next free `.other-<n>`; a line for each. May raise OSError."""
    notices = []
    for suffix in suffixes:
        if not is_ours(path, suffix):
            name = f"{path}{suffix}"
            notices.append(f"{name} was not written by a run of this log; moved to {_moved(name)}")
    return notices


def _moved(name: str) -> str:
    number = 1
    while os.path.lexists(f"{name}.other-{number}"):
        number += 1
    return str(Path(name).rename(f"{name}.other-{number}"))
