"""`<log>.verified`: up to which commit this user verified a log here, to go on from.

Also `<log>.remembered`, which says the same of a memory. A note for whoever wrote
it, not a proof for others: it counts only where the log's chain at that tick is the
noted one. The note of a verification is sealed with a key of the user's own, so that
one that came with somebody's log counts for nothing. Must not know: what verifying is.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Self

from automaton.log.file_io import FileOps, first_bytes, of_names, save_new
from automaton.log.provenance import set_aside
from automaton.log.user_key import user_key

VERIFIED = ".verified"
_NOTE = re.compile(
    rb'\{"tick":([0-9]{1,18}),"chain":"([0-9a-f]{64})"(?:,"seal":"([0-9a-f]{64})")?\}\n'
)


@dataclass(frozen=True, slots=True)
class Watermark:
    """A tick, and the chain after it (32 raw bytes)."""

    tick: int
    chain: bytes
    seal: bytes = b""  # HMAC-SHA-256 of both; empty: not sealed

    @classmethod
    def own(cls, tick: int, chain: bytes) -> Self:
        """One that is sealed with this user's key."""
        return cls(tick, chain, _seal(tick, chain))

    @property
    def is_own(self) -> bool:
        """Whether this user sealed it, on this machine."""
        return hmac.compare_digest(self.seal, _seal(self.tick, self.chain))


def _seal(tick: int, chain: bytes) -> bytes:
    return hmac.digest(user_key(), tick.to_bytes(8, "little") + chain, "sha256")


def read(path: str, suffix: str = VERIFIED) -> Watermark | None:
    """The note beside a log, if there is one that can be read."""
    match = _NOTE.fullmatch(first_bytes(f"{path}{suffix}", 256) or b"")
    if match is None:
        return None
    chain, seal = (bytes.fromhex((part or b"").decode()) for part in match.group(2, 3))
    return Watermark(int(match[1]), chain, seal)


def write(path: str, mark: Watermark, suffix: str = VERIFIED) -> list[str]:
    """Put a note in the place of the one before; says what stood there and was not ours."""
    notices = set_aside(path, (suffix, f"{suffix}.tmp"))
    seal = f',"seal":"{mark.seal.hex()}"' if mark.seal else ""
    text = f'{{"tick":{mark.tick},"chain":"{mark.chain.hex()}"{seal}}}\n'.encode()
    disk = FileOps()
    save_new(disk, f"{path}{suffix}", text)
    return [*notices, *of_names(disk)]
