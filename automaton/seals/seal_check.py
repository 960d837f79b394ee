"""Whether a sealed file still is what was sealed, and which lines are not.

Lives here: every byte held against its commit, and the lines of the first page that differs.
Must not know: who asks, the terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from automaton.digests.batch_digest import PAGE, PageTree, page_at
from automaton.seals.seal_fault import DifferentLines, explain, flipped_bit
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
    tails: dict[str, int] = field(default_factory=dict)  # bytes by file that no commit seals
    parts: list[str] = field(default_factory=list)  # the files of the parts
    missing: int = 0  # parts that were not found

    @property
    def tail_bytes(self) -> int:
        """Bytes that no commit seals."""
        return sum(self.tails.values())

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
        verdict.tails = _tails(sealed)
    return verdict


def _tails(sealed: SealReader) -> dict[str, int]:
    """Bytes of the parts' files, and of the file itself, that no commit seals."""
    ends = {str(sealed.file): 0}
    for part, name in sealed.names.items():
        ends[str(name)] = max(ends.get(str(name), 0), sealed.end_of(part))
    sizes = {name: _size(name) for name in ends}
    return {name: sizes[name] - end for name, end in ends.items() if sizes[name] > end}


def _size(name: str) -> int:
    try:
        return Path(name).stat().st_size
    except OSError:
        return 0


def _fault(sealed: SealReader, commit: SealCommit, batch: bytes, tree: PageTree) -> str:
    """Which lines differ, as closely as it is known."""
    name, tick = sealed.names[commit.part], commit.tick
    first = sealed.first_line(tick)
    fd = sealed.part(commit.part)
    assert fd is not None
    size = os.fstat(fd).st_size
    hashes = sealed.page_hashes(tick)
    if hashes is None:
        last = first + commit.lines - 1
        return (
            f"{name} differs from what commit {tick:,} sealed: one of the lines {first:,} to "
            f"{last:,} (the hashes of their pages are not as they were sealed either)"
        )
    page = _first_unequal(hashes, tree.leaves())
    there = page * PAGE < len(batch)
    begin, end = page_at(batch, page) if there else (len(batch), len(batch))
    low = first + batch.count(b"\n", 0, begin)
    if size < commit.end and page >= len(tree.leaves()) - 1:  # all whole pages are as they were
        torn = low + batch.count(b"\n", begin)
        other = f" (the page begins with line {low:,}, and is not whole)" if low < torn else ""
        return (
            f"{name} was cut: it ends at byte {size:,}, and is sealed up to byte "
            f"{sealed.end_of(commit.part):,}; what is missing begins in line {torn:,}{other}"
        )
    data = batch + os.pread(fd, 2 * PAGE, commit.end)
    found = explain(data, begin, commit.length, page, hashes[page])
    bit = flipped_bit(batch[begin:end], hashes[page]) if found is None else None
    if bit is not None:
        line = low + batch.count(b"\n", begin, begin + bit)
        what = f"line {line:,} was changed, by one bit of byte {commit.offset + begin + bit:,}"
    elif found is None:
        high = max(low, low + batch.count(b"\n", begin, end) - 1)
        what = (
            f"in lines {low:,} to {high:,} (bytes {commit.offset + begin:,} to "
            f"{commit.offset + end:,}) a line was changed, left out or put in"
        )
    else:
        what = _told(found, low)
    return f"{name} differs from what commit {tick:,} sealed: {what}"


def _told(found: DifferentLines, low: int) -> str:
    """What became of lines of a page that begins with a line of this number."""
    first, last = f"{low + found.first:,}", f"{low + found.last:,}"
    if not found.put_in:
        return f"the lines {first} and {last} changed places"
    return f"line {first} was put in" if first == last else f"lines {first} to {last} were put in"


def _first_unequal(due: list[bytes], found: list[bytes]) -> int:
    """The first page that differs, or the shorter one's end."""
    pairs = enumerate(zip(due, found, strict=False))
    return next((k for k, (one, other) in pairs if one != other), min(len(due), len(found)))
