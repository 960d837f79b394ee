"""`<log>.inbox-position`: what stood in the inbox before the offset up to which it was read.

An inbox that was replaced (`>` where `>>` was meant, rotation, copying and cutting) may be
as long as the one before; its content tells them apart. This is derived and decides
nothing that is verified: without it, only a shorter inbox is known to be another one.
Lives here: the digests and the file that keeps them. Must not know: which lines are
accepted, commits.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

from automaton.log.file_io import FileOps, first_bytes, write_all
from automaton.log.side_files.inbox import complete_lines, opened_inbox

SUFFIX = ".inbox-position"
#: Bytes that a digest is of: so many at the start of the inbox, so many before the offset.
WINDOW = 1 << 16
#: Positions that are kept: that of the last commit is among them, however often a tick reads.
KEPT = 8
_LINE = re.compile(rb'\{"offset":([0-9]{1,18}),"sha256":"([0-9a-f]{64})"\}\n')


class InboxPosition:
    """The inbox as its log's writer reads it: from an offset on, or anew if it is another one."""

    def __init__(self, path: str, disk: FileOps) -> None:
        self.path, self._disk = path, disk
        self._known: dict[int, str] | None = None  # digest by offset, the last one last
        self._seen: tuple[int, ...] = ()  # the file as it was when it was looked at last
        self.notices: list[str] = []  # what was found and is worth saying
        self.begun_anew = 0  # times that it was

    def lines(self, offset: int) -> tuple[list[bytes], int]:
        """Complete lines from `offset` on, or from the start of another inbox; where they end."""
        with opened_inbox(self.path) as fd:
            if fd is None:
                return [], offset
            start = offset
            if offset and self._is_another(fd, offset):
                start = 0
                self.begun_anew += 1
                self.notices.append(
                    f"{self.path}.inbox was replaced or begun anew, and is read from its start "
                    f"(of the one before, {offset} bytes were read)"
                )
            lines, after = complete_lines(fd, start)
            if (start, after) != (offset, offset):
                self._keep(after, _digest(fd, after))
            return lines, after

    def _is_another(self, fd: int, offset: int) -> bool:
        info = os.fstat(fd)
        seen = info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, offset
        if seen == self._seen:
            return False
        if info.st_size < offset or os.pread(fd, 1, offset - 1) != b"\n":
            return True
        known = self._positions().get(offset)
        if known is not None and known != _digest(fd, offset):
            return True
        self._seen = seen
        return False

    def _positions(self) -> dict[int, str]:
        """The digests that are known, by offset."""
        if self._known is None:
            data = first_bytes(f"{self.path}{SUFFIX}", 4096) or b""
            self._known = {int(m[1]): m[2].decode() for m in _LINE.finditer(data)}
        return self._known

    def _keep(self, offset: int, digest: str) -> None:
        """Put one more position into the file; a disk that refuses costs only this knowledge."""
        known = self._positions()
        known.pop(offset, None)
        known[offset] = digest
        for old in list(known)[:-KEPT]:
            del known[old]
        text = b"".join(
            b'{"offset":%d,"sha256":"%s"}\n' % (k, v.encode()) for k, v in known.items()
        )
        draft = f"{self.path}{SUFFIX}.tmp"
        with contextlib.suppress(OSError):
            fd = self._disk.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                write_all(self._disk, fd, [text])
            finally:
                os.close(fd)
            Path(draft).replace(f"{self.path}{SUFFIX}")


def _digest(fd: int, offset: int) -> str:
    """Of the first bytes of the inbox, and of the last ones before an offset."""
    digest = hashlib.sha256(os.pread(fd, min(WINDOW, offset), 0))
    digest.update(os.pread(fd, min(WINDOW, offset), max(0, offset - WINDOW)))
    return digest.hexdigest()
