"""`<log>.verified`: up to which commit somebody verified a log here, to go on from.

Also `<log>.remembered`, which says the same of a memory. A note for whoever wrote
it, not a proof: it counts only where the log's chain at that tick is the noted one,
and only for those who ask for it. Must not know: what verifying is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from automaton.log.file_io import FileOps, first_bytes, of_names, save_new
from automaton.log.side_files.provenance import set_aside

VERIFIED = ".verified"
_NOTE = re.compile(rb'\{"tick":([0-9]{1,18}),"chain":"([0-9a-f]{64})"\}\n')


@dataclass(frozen=True, slots=True)
class Watermark:
    """A tick, and the chain after it (32 raw bytes)."""

    tick: int
    chain: bytes


def read(path: str, suffix: str = VERIFIED) -> Watermark | None:
    """The note beside a log, if there is one that can be read."""
    match = _NOTE.fullmatch(first_bytes(f"{path}{suffix}", 256) or b"")
    return Watermark(int(match[1]), bytes.fromhex(match[2].decode())) if match else None


def write(path: str, mark: Watermark, suffix: str = VERIFIED) -> list[str]:
    """Put a note in the place of the one before; says what stood there and was not ours."""
    notices = set_aside(path, (suffix, f"{suffix}.tmp"))
    text = b'{"tick":%d,"chain":"%s"}\n' % (mark.tick, mark.chain.hex().encode())
    disk = FileOps()
    save_new(disk, f"{path}{suffix}", text)
    return [*notices, *of_names(disk)]
