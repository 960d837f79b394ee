"""The side files of a log: the pinned genesis and the durable hint.

Lives here: their names, their bytes, when they count as readable. Must not know:
batches, commits, what was torn (`automaton.log.side_files.torn_tail`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass

from automaton.format.records import Genesis
from automaton.log.file_io import FileOps, first_bytes, save_new

PIN_BYTES = 128  # about; for saying how much room a first append needs beside the log
_HINT_BYTES = 160  # fixed, so that rewriting in place leaves nothing of the old one
_PIN = re.compile(rb'\{"bytes":([0-9]{1,18}),"sha256":"([0-9a-f]{64})"\}\n')
_HINT = re.compile(rb'\{"tick":([0-9]{1,18}),"offset":([0-9]{1,18}),"chain":"([0-9a-f]{64})"\} *\n')


@dataclass(frozen=True, slots=True)
class Hint:
    """Up to which commit the log is known to be durable."""

    tick: int
    offset: int
    chain: bytes


def pin_path(path: str) -> str:
    """The name of the file that pins the genesis."""
    return f"{path}.genesis"


def _side(path: str, limit: int = 4096) -> bytes:
    return first_bytes(path, limit) or b""


def read_pin(path: str) -> Genesis | None:
    """The pin of this log if there is one that can be read."""
    match = _PIN.fullmatch(_side(pin_path(path)))
    return Genesis(int(match[1]), bytes.fromhex(match[2].decode())) if match else None


def has_pin(path: str) -> bool:
    """Whether there is a pin, readable or not."""
    return os.path.lexists(pin_path(path))


def write_pin(disk: FileOps, path: str, genesis: Genesis) -> None:
    """Pins the genesis; durable when this returns."""
    value = {"bytes": genesis.bytes, "sha256": genesis.sha256.hex()}
    save_new(disk, pin_path(path), json.dumps(value, separators=(",", ":")).encode() + b"\n")


def hint_bytes(hint: Hint) -> bytes:
    """The hint as it stands in its file, always equally long."""
    text = b'{"tick":%d,"offset":%d,"chain":"%s"}' % (
        hint.tick,
        hint.offset,
        hint.chain.hex().encode(),
    )
    return text.ljust(_HINT_BYTES - 1) + b"\n"


def read_hint(path: str) -> Hint | None:
    """The hint of this log if there is one that can be read."""
    match = _HINT.fullmatch(_side(f"{path}.durable"))
    if match is None:
        return None
    return Hint(int(match[1]), int(match[2]), bytes.fromhex(match[3].decode()))


class DurableMark:
    """Keeps `<log>.durable`; a disk that refuses it costs time at opening, not data."""

    def __init__(self, disk: FileOps, path: str) -> None:
        self._disk = disk
        self._path = f"{path}.durable"
        self._fd = -1

    def write(self, hint: Hint, *, durable: bool = False) -> None:
        """Puts the hint in place of the one before; `durable` is for the first."""
        with contextlib.suppress(OSError):
            if self._fd < 0:
                self._fd = self._disk.open(self._path, os.O_RDWR | os.O_CREAT)
                self._disk.ftruncate(self._fd, _HINT_BYTES)
            self._disk.pwrite(self._fd, hint_bytes(hint), 0)
            if durable:
                self._disk.fdatasync(self._fd)

    def close(self) -> None:
        """Lets go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
