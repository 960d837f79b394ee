"""What a file is: whose genesis, which commits count, and what of the rest is torn.

Law 2 of the design lives here, as decisions on bytes; nothing is written. Must
not know: locks, appending, ids beyond the prefix. The rules, in order, stand in
docs/format.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from automaton.digests.batch_digest import batch_digest
from automaton.errors import DamagedError
from automaton.format.records import (
    Genesis,
    RunRecord,
    parse_commit,
    parse_frame,
    parse_run,
    run_head,
)
from automaton.format.versions import FORMATS, Format
from automaton.log import foreign_file
from automaton.log.byte_source import File, pread, size_of
from automaton.log.commit_scanner import CommitScanner
from automaton.log.commit_table import CommitRow
from automaton.log.file_io import blocks, sha256
from automaton.log.line_search import last_line, line_at, prefix_for, records, separator
from automaton.log.omission import read_kept
from automaton.log.side_files import sidecars
from automaton.log.side_files.checkpoint import Checkpoint, resume_scan
from automaton.log.side_files.checkpoint import read as read_checkpoint

_RUN = b'{"type":"run","id":"'
_SMALL = 16 << 20  # bytes of a genesis that a writer hashes whenever it opens: some ten ms


@dataclass(slots=True)
class RecoveredLog:
    """What opening found; `walk` is None where no batch was ever committed."""

    genesis_bytes: int
    genesis: Genesis | None = None  # None: not hashed, for it is not pinned
    walk: CommitScanner | None = None
    pinned: bool = False
    restored: bool = False  # the pin is to be written again
    size: int = 0
    durable: int = 0  # up to where the hint says that it is, if it can be believed
    hint: sidecars.Hint | None = None  # as it was before the file's end was looked for
    tail_reason: str = ""
    notice: str = ""

    @property
    def end(self) -> int:
        """Where the last whole commit ends, or the genesis."""
        return self.walk.end if self.walk else self.genesis_bytes

    @property
    def tail_bytes(self) -> int:
        """Bytes that no commit covers."""
        return self.size - self.end


def recover(
    file: File, path: str, *, as_genesis: bool = False, writing: bool = False
) -> RecoveredLog:
    """Reads what is there and decides by law 2; raises `DamagedError`, `DocumentError`.

    `writing`: the pin of a small genesis is compared too, for what follows a changed one
    never verifies.
    """
    hint = sidecars.read_hint(path)  # before the size: a writer may be at work
    pinned = sidecars.read_pin(path)
    size = size_of(file)
    try:
        found = _pinned(file, path, pinned, hint, size) if pinned and pinned.bytes <= size else None
        found = found or _unpinned(file, path, size)
        if writing and found.pinned and found.walk and found.genesis_bytes <= _SMALL:
            _hold_to_pin(file, path, found.walk.genesis)
    except DamagedError as damage:
        if not as_genesis:
            raise
        return mere_data(size, damage)
    if found.walk is None:
        foreign_file.refuse(file, path, size)
    if not found.pinned and pinned and not found.restored:
        found.notice = f"{path} was edited since it was pinned; a run's first tick pins it anew"
    if found.pinned and hint:
        found.durable = min(hint.offset, found.end)
    found.size, found.hint = size, hint
    return found


def _hold_to_pin(file: File, path: str, genesis: Genesis) -> None:
    """Raises `DamagedError` where the beginning of a log that has run was edited in place."""
    if not _is_genesis(file, genesis):
        raise DamagedError(
            f"{path} is damaged: the genesis of tick 0 (line 1, byte 0) differs from what was "
            "pinned, so it was edited after the first run; nothing was changed: restore a copy, "
            "begin a new log with what now stands there (`fork LOG --to 0 --out NEW`), or run it "
            "as mere data (--as-genesis)",
            0,
        )


def mere_data(size: int, damage: DamagedError) -> RecoveredLog:
    """A damaged file as a genesis: whatever it says of itself counts for nothing."""
    notice = f"{str(damage).partition('; ')[0]}; --as-genesis: all {size} bytes are mere data"
    return RecoveredLog(size, size=size, notice=notice)


def _pinned(
    file: File, path: str, genesis: Genesis, hint: sidecars.Hint | None, size: int
) -> RecoveredLog | None:
    """The log as its pin says, or None where the pin is not this file's."""
    walk = scan_commits(file, genesis, size, read_checkpoint(path))
    known = hint if hint and _lies_on_commit(file, hint, genesis, size) else None
    if known and len(walk.commits) + 1 < known.tick:
        if not len(walk.commits) and not _is_genesis(file, genesis):
            return None
        raise _damaged(path, walk.end, walk.reason, len(walk.commits) + 1)
    bad = first_bad_batch(file, walk, max(known.tick, 1) if known else 1)
    if bad:
        walk = _cut(file, walk, bad)
    if walk.end == size and len(walk.commits):
        return RecoveredLog(genesis.bytes, genesis, walk, pinned=True)
    later = later_commit(file, walk, size, 2)
    if later is not None and known is None and _is_genesis(file, genesis):
        raise _damaged(path, walk.end, walk.reason, len(walk.commits) + 1)
    return _torn(file, path, walk, size, bad)


def _torn(file: File, path: str, walk: CommitScanner, size: int, bad: int) -> RecoveredLog | None:
    """Decides about bytes after the last commit: the pin itself must hold first."""
    genesis = walk.genesis
    if not _is_genesis(file, genesis):
        if len(walk.commits):
            raise _damaged(path, 0, "the genesis is not what was pinned")
        return None
    if walk.end == size:
        return RecoveredLog(genesis.bytes, genesis, None, pinned=True)
    if not len(walk.commits) and not bad and not _begins_run(file, walk, size):
        return None
    committed = walk if len(walk.commits) else None
    return RecoveredLog(genesis.bytes, genesis, committed, pinned=True, tail_reason=walk.reason)


def _unpinned(file: File, path: str, size: int) -> RecoveredLog:
    """A file without a valid pin: nothing is moved unless a chain verifies."""
    best, seen = best_chain(file, size)
    if seen is None:
        return RecoveredLog(size)
    if best is None:
        raise _damaged(path, seen, "it holds run records, but no chain verifies from them")
    if later_commit(file, best, size, 1) is not None:
        raise _damaged(path, best.end, best.reason, len(best.commits) + 1)
    reason = best.reason if best.end < size else ""
    return RecoveredLog(best.genesis.bytes, best.genesis, best, restored=True, tail_reason=reason)


def best_chain(file: File, size: int) -> tuple[CommitScanner | None, int | None]:
    """The chain from a first run record that goes furthest, and where one stands at all."""
    best, seen = None, None
    digest, hashed = hashlib.sha256(), 0
    for offset, raw in records(file, 0, size, _RUN):
        run = parse_run(raw)
        if run is None:
            continue
        seen = offset if seen is None else seen
        stop = run.genesis.bytes
        if (
            run.number != 1
            or not hashed <= stop <= offset
            or stop + separator(file, stop) != offset
        ):
            continue
        for data in blocks(file, hashed, stop):
            digest.update(data)
        hashed = stop
        if digest.digest() == run.genesis.sha256:
            walk = _verified(file, run, size)
            if len(walk.commits) and (best is None or walk.end > best.end):
                best = walk
    return best, seen


def _is_genesis(file: File, genesis: Genesis) -> bool:
    return sha256(file, 0, genesis.bytes) == genesis.sha256


def _verified(file: File, run: RunRecord, size: int) -> CommitScanner:
    walk = CommitScanner(file, run.genesis, run.prefix, separator(file, run.genesis.bytes)).follow(
        size
    )
    bad = first_bad_batch(file, walk, 1)
    return _cut(file, walk, bad) if bad else walk


def scan_commits(
    file: File, genesis: Genesis, size: int, kept: Checkpoint | None = None
) -> CommitScanner:
    """The commits that follow a genesis, as far as they fit; from a checkpoint on if it fits."""
    gap = separator(file, genesis.bytes)
    first = line_at(file, genesis.bytes + gap, size)
    run = parse_run(first) if first and pread(file, gap, genesis.bytes) == b"\n"[:gap] else None
    prefix = run.prefix if run else prefix_for(file, genesis.bytes)
    walk = CommitScanner(file, genesis, prefix, gap)
    if kept is not None and kept.facts["end"] <= size:
        resume_scan(file, walk, kept)
    return walk.follow(size)


def _cut(file: File, walk: CommitScanner, bad: int) -> CommitScanner:
    """The same walk up to the batch of tick `bad`."""
    stop = walk.commits.row(bad).batch_start
    shorter = CommitScanner(file, walk.genesis, walk.prefix, walk.separator).follow(stop)
    shorter.reason = f"the batch of tick {bad} is not what its commit sealed"
    return shorter


def first_bad_batch(file: File, walk: CommitScanner, first: int) -> int:
    """The first tick from `first` on whose bytes differ from its commit's digest; 0: none."""
    for tick in range(first, len(walk.commits) + 1):
        row = walk.commits.row(tick)
        frame = parse_frame(pread(file, row.end - row.commit_start, row.commit_start))
        if frame is None or not _stands(file, row, frame.batch, walk.format):
            return tick
    return 0


def _stands(file: File, row: CommitRow, digest: bytes, form: Format) -> bool:
    """Whether a batch's bytes are those of its digest; what is left out is not looked at."""
    if row.gap:
        return read_kept(file, row.batch_start, row.gap, row.commit_start).fits()
    return batch_digest(form, blocks(file, row.batch_start, row.commit_start)) == digest


def _lies_on_commit(file: File, hint: sidecars.Hint, genesis: Genesis, size: int) -> bool:
    if hint.tick == 0:
        return hint.offset == genesis.bytes and hint.chain == genesis.sha256
    if not genesis.bytes < hint.offset <= size:
        return False
    frame = parse_frame(last_line(file, genesis.bytes, hint.offset))
    return frame is not None and (frame.tick, frame.chain) == (hint.tick, hint.chain)


def _begins_run(file: File, walk: CommitScanner, size: int) -> bool:
    """Whether the bytes after the genesis are a first run record of ours, whole or cut."""
    genesis = walk.genesis
    for form in FORMATS.values():
        ours = b"\n"[: walk.separator] + run_head(walk.prefix, 1, genesis, form)
        tail = pread(file, min(len(ours), size - genesis.bytes), genesis.bytes)
        if tail == ours[: len(tail)]:
            return True
    return False


def later_commit(file: File, walk: CommitScanner, size: int, distance: int) -> int | None:
    """Where a whole commit at least `distance` ticks further stands after the walk's end."""
    head = f'{{"type":"commit","id":"{walk.prefix}commit:'.encode()
    for offset, raw in records(file, walk.end, size, head):
        commit = parse_commit(raw)
        if commit and commit.tick >= len(walk.commits) + distance:
            return offset
    return None


def _damaged(path: str, offset: int, reason: str, tick: int = 0) -> DamagedError:
    """The error; `tick` is the first that differs, where there is one."""
    where = f"byte {offset}, in tick {tick}" if tick else f"byte {offset}"
    return DamagedError(
        f"{path} is damaged after {where}: {reason}; nothing was changed: restore a copy, "
        "cut it there yourself to keep what stands before, or run it as mere data (--as-genesis). "
        "A log that has run is not edited: `fork LOG --out NEW` writes one to be edited, and "
        "`give LOG FILE` gives lines to its program",
        offset,
    )
