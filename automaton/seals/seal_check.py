"""Whether a sealed file still is what was sealed, and which lines are not.

Lives here: every byte held against its commit, and the lines of the first page that differs.
Must not know: who asks, the terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from automaton.digests.pages import PAGE, PageTree, page_at
from automaton.seals.seal_reader import SealReader
from automaton.seals.seal_records import SealCommit

MATCH, MISMATCH, TAIL = 0, 1, 3  # exit codes, as those of verify


@dataclass(slots=True)
class SealVerdict:
    """What was found."""

    commits: int
    lines: int
    bytes: int = 0  # that were held against commits
    fault: str = ""
    tail_bytes: int = 0  # of the file, that no commit seals
    parts: list[str] = field(default_factory=list)  # the files of the parts
    missing: int = 0  # parts that were not found

    @property
    def exit_code(self) -> int:
        """As that of verify."""
        if self.fault or self.missing:
            return MISMATCH
        return TAIL if self.tail_bytes else MATCH


def check_seal(
    sealed: SealReader, progress: Callable[[int, int], object] = lambda *_: None
) -> SealVerdict:
    """Hold every batch against its commit, up to the first that differs."""
    verdict = SealVerdict(sealed.last_tick, sealed.lines)
    if sealed.reason and sealed.reason != "the last commit is torn":
        verdict.fault = f"{sealed.path}, byte {sealed.size:,}: {sealed.reason}"
    total = sum(commit.length for commit in sealed.commits)
    missing = set()
    for commit in sealed.commits:
        if sealed.part(commit.part) is None:
            missing.add(commit.part)
            continue
        batch = bytes(sealed.batch(commit.tick))
        tree = PageTree()
        tree.update(batch)
        verdict.bytes += len(batch)
        if len(batch) != commit.length or tree.digest() != commit.batch:
            verdict.fault = verdict.fault or _fault(sealed, commit, batch, tree)
            break
        progress(verdict.bytes, total)
    verdict.missing = len(missing)
    verdict.parts = [str(name) for _, name in sorted(sealed.names.items())]
    if not verdict.fault:
        verdict.tail_bytes = _tail(sealed)
    return verdict


def _tail(sealed: SealReader) -> int:
    """Bytes of the file that no commit seals."""
    try:
        size = sealed.file.stat().st_size
    except OSError:
        return 0
    last = sealed.commits[-1] if sealed.commits else None
    own = last is not None and sealed.names.get(last.part) == sealed.file
    return size - last.end if last and own else size


def _fault(sealed: SealReader, commit: SealCommit, batch: bytes, tree: PageTree) -> str:
    """Which lines differ, as closely as it is known."""
    name, tick = sealed.names[commit.part], commit.tick
    first = sealed.first_line(tick)
    fd = sealed.part(commit.part)
    assert fd is not None
    size = os.fstat(fd).st_size
    page = _first_unequal(sealed.page_hashes(tick) or [], tree.leaves())
    there = page * PAGE < len(batch)
    begin, end = page_at(batch, page) if there else (len(batch), len(batch))
    low = first + batch.count(b"\n", 0, begin)
    if size < commit.end and page >= len(tree.leaves()) - 1:  # all whole pages are as they were
        sealed_to = max(other.end for other in sealed.commits if other.part == commit.part)
        return (
            f"{name} was cut: it ends at byte {size:,}, and is sealed up to byte {sealed_to:,}; "
            f"what is missing begins in the lines {low:,} to {low + _lines_in(batch, begin):,}"
        )
    high = max(low, low + batch.count(b"\n", begin, end) - 1)
    return (
        f"{name} differs from what commit {tick:,} sealed: in lines {low:,} to {high:,} (bytes "
        f"{commit.offset + begin:,} to {commit.offset + end:,}) a line was changed, left out or "
        "put in"
    )


def _lines_in(batch: bytes, begin: int) -> int:
    """Lines behind a byte, the last one counted though it may be torn."""
    return batch.count(b"\n", begin) + 1


def _first_unequal(due: list[bytes], found: list[bytes]) -> int:
    """The first page that differs, or the shorter one's end."""
    pairs = enumerate(zip(due, found, strict=False))
    return next((k for k, (one, other) in pairs if one != other), min(len(due), len(found)))
