"""The log: the only opener of the JSONL, and its one writer.

Lives here: opening, locking, appending a batch with its commit, durability. Must
not know: terms, populations, the clock (it is handed one), the terminal. What a
file is, `automaton.log.recovery` decides; reading is `automaton.log.reader`'s; the
system calls are `automaton.log.file_io`'s; the format is docs/format.md; going on in
another file behind sealed segments is `automaton.log.segments.segmented_log`'s. These modules are
one package, and nobody else opens a log.

Longer than 300 lines: one writer, whose steps may not be torn apart.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from types import TracebackType
from typing import Literal, Self

from automaton.digests.batch_digest import new_digest
from automaton.errors import AutomatonError, DamagedError, LockedError, StorageError
from automaton.format.records import (
    Commit,
    CommitFields,
    RunRecord,
    commit_line,
    parse_frame,
    parse_run,
    run_line,
)
from automaton.format.versions import refuse_large
from automaton.log import foreign_file, omission, recovery
from automaton.log.commit_scanner import first_line, named_in
from automaton.log.commit_table import NamedLine
from automaton.log.directory_entry import DirectoryEntry
from automaton.log.file_io import (
    Buffer,
    FileOps,
    clear_owner,
    lock,
    of_names,
    open_regular,
    refusal,
    unlock,
    write_all,
    write_owner,
)
from automaton.log.file_io import real as real_path
from automaton.log.prefix_hash import NO_PREFIX, HashedPrefix
from automaton.log.reader import LogReader
from automaton.log.segments.log_file import LogFile
from automaton.log.side_files import sidecars, version_history
from automaton.log.side_files.inbox_position import InboxPosition
from automaton.log.side_files.provenance import OF_A_RUN, set_aside
from automaton.log.side_files.torn_tail import FilePart, save_tail

KEEP_CACHED = 16 << 20  # bytes before the end that stay in memory for readers

Durability = Literal["commit", "interval", "off"]
Clock = Callable[[], float]  # seconds
Policy = tuple[Durability, float, Clock | None]


class LogWriter(LogReader):
    """A log opened for reading, or by its one writer. Use it in a `with` statement."""

    def __init__(
        self, file: LogFile, path: str, found: recovery.RecoveredLog, disk_: FileOps, policy: Policy
    ) -> None:
        super().__init__(file, path, found)
        self.durability, self._interval_s, self._clock = policy
        self._synced_at = self._clock() if self._clock else 0.0
        self._forgotten = self.size
        self.writable, self._disk, self._broken = False, disk_, ""
        self._closed = False
        self._hint = sidecars.DurableMark(disk_, path)
        self._deferred = False  # whether somebody else syncs what is appended
        self._noting, self._looking, self._switching = Lock(), Lock(), Lock()
        self._gone: StorageError | None = None  # the log's name leads elsewhere
        self._entry: DirectoryEntry | None = None  # of a writer
        self._moved: list[str] = []  # what is to be said of its folder
        self.inbox = InboxPosition(path, disk_)
        self._version = ""  # to be noted
        self._unsaid: list[str] = []  # what segments were in the way
        self._named_folder = False  # whether it was said that names are not durable

    @classmethod
    def open(  # noqa: PLR0913 - options by name, most with defaults
        cls,
        path: str | os.PathLike[str],
        *,
        write: bool,
        durability: Durability = "commit",
        interval_s: float = 1.0,
        clock: Clock | None = None,
        as_genesis: bool = False,
        disk: FileOps | None = None,
        version: str = "",
    ) -> Self:
        """Opens by the rules of law 2; with `write`, takes the lock and mends a torn tail.

        `version`: of the program that writes, to be noted beside the log with its first
        append; "" notes nothing.

        With durability `interval` and a `clock` (seconds), appends are made durable
        at least `interval_s` apart; without a clock, each is.
        """
        real, disk_ = real_path(path), disk or FileOps()
        disk_.names = durability != "off"
        file = _opened(disk_, real, write=write)
        try:
            moved: list[str] = []
            if write:
                moved = set_aside(real, [".lock"])
                write_owner(disk_, real)
            found = recovery.recover(file, real, as_genesis=as_genesis, writing=write)
            file.hold_to(found.end, found.tail_reason)
            log = cls(file, real, found, disk_, (durability, interval_s, clock))
            log._version = version
            log.notices += moved
            log._mention_loss(found.hint)
            if write:
                log._begin_writing(found)
        except BaseException as error:
            if write and not isinstance(error, LockedError):
                clear_owner(real)
            file.close()
            raise
        log._mention_tail()
        return log

    def become_genesis(self, damage: DamagedError) -> None:
        """Take all of the file for a genesis, before anything is appended: it is damaged."""
        found, notices = recovery.mere_data(self.size + self.tail_bytes, damage), self.notices
        super().__init__(self._file, self.path, found)
        self.notices = [*notices, *self.notices]
        self._forgotten = self.size

    def _mention_loss(self, hint: sidecars.Hint | None) -> None:
        if hint is not None and hint.tick > len(self.commits):
            self.notices.append(
                f"the log ends at tick {len(self.commits)}, but was durable up to tick "
                f"{hint.tick}: it was cut, or is an older copy"
            )

    def _mention_tail(self) -> None:
        if self.tail_bytes:
            self.notices.append(
                f"{self.tail_bytes} bytes after the last commit are not part of the log: "
                "a tick that is being written, or a torn one that the next run moves aside"
            )

    def _begin_writing(self, found: recovery.RecoveredLog) -> None:
        self.writable = True
        self._entry = DirectoryEntry(self.path, self._file.fd)
        try:
            self.notices += set_aside(self.path, OF_A_RUN)
            self._file.clear_drafts(self._disk)
            if found.restored:
                sidecars.write_pin(self._disk, self.path, self.genesis)
                self.pinned = True
                self.notices.append(f"the pin of {self.path} was missing; its chain restored it")
            if self.tail_bytes:
                self._move_tail(found.tail_reason)
        except OSError as error:
            raise self._refused(error, self.tail_bytes) from error
        if len(self.commits) and self.durability != "off":
            self.sync()

    def _move_tail(self, reason: str) -> None:
        end, size = self.size, self.size + self.tail_bytes
        by_hand = foreign_file.lines_by_hand(self._file, end, size, self.prefix)
        target = save_tail(self._disk, self.path, FilePart(self._file, end, size))
        self._disk.ftruncate(self._file.fd, self._file.place(end))
        self._disk.fdatasync(self._file.fd)
        self.notices.append(
            foreign_file.advice(by_hand, self.tail_bytes, len(self.commits), target)
            if by_hand
            else f"{self.tail_bytes} bytes after tick {len(self.commits)} were torn ({reason}); "
            f"they were moved to {target}"
        )
        self.tail_bytes = 0

    # Appending.

    def run_record(self, options: Mapping[str, object]) -> bytes:
        """The line of the next run record, to be the first part of a batch."""
        number = self.run_count + 1
        refuse_large(options, self.format)
        return run_line(RunRecord(number, self.prefix, self.genesis, options, self.format))

    def append(  # noqa: PLR0913, PLR0917 - a batch is made of these
        self,
        parts: Sequence[Buffer],
        lines: int,
        fields: CommitFields,
        named: Sequence[tuple[str | None, int]] | None = None,
        begun: HashedPrefix | None = None,
        left_out: slice | None = None,
        ahead: Callable[[bytes], object] | None = None,
    ) -> Commit:
        """Writes a batch and its commit at once; on any failure the log ends where it did.

        Each part holds whole lines, `lines` of them in all; a run record stands in
        the first part. `named` are the lines that are neither winner nor run record:
        id (None where there is none) and number within the batch, from 0. Without
        it every line is looked at, half a millisecond for 8,000 of them. What is
        `begun` is hashed and counted already, if the batch does begin so. `left_out`
        are the parts, winner lines all of them, that are sealed and not written.
        `ahead` is told the new chain before anything of the batch is written.
        """
        self._may_append(fields)
        first = not len(self.commits)
        if begun is None or first or not begun.begins(parts):
            begun = NO_PREFIX
        found, counts = named_in(parts, self.prefix, named, begun)
        if counts.lines != lines:
            raise ValueError(f"the batch holds {counts.lines} lines, not {lines}")
        run = parse_run(first_line(parts))
        if run is None and self.run is None:
            raise ValueError("the first batch begins with a run record")
        batch = [b"\n"[: self._separator(1) if first else 0], *parts]
        line, head, commit = self._sealed(batch, lines, fields, begun)
        if first:
            self._pin()
        stored, gap = batch, omission.NO_GAP
        if left_out is not None:
            shift = len(batch) - len(parts)
            stored, gap = omission.without(batch, left_out.start + shift, left_out.stop + shift)
            self.hold(fields.tick, b"".join(batch))
        sealed = sum(memoryview(part).nbytes for part in stored)
        if ahead is not None:
            ahead(head)
        durable = self._store([*stored, line], sealed + len(line))
        self._enter(commit, head, (sealed, len(line)), found, gap)
        if not first:  # which may begin with a newline of its own
            self._lines.keep_counts(fields.tick, counts.by_block())
        if run:
            self.run = run
            self.run_lines.append(self.commits.row(fields.tick).first_line)
        if durable:
            self._note_durable(self._mark)
        return commit

    def news(self) -> list[str]:
        """What became known since the log was opened, and is to be said; each once."""
        said = [*self._moved, *self._unsaid, *self.inbox.notices]
        self._moved, self._unsaid, self.inbox.notices = [], [], []
        if not self._named_folder and self._disk.refused:
            self._named_folder = True
            said = [*said, *of_names(self._disk)]
        return said

    def inbox_lines(self, offset: int) -> tuple[list[bytes], int]:
        """Complete lines of the inbox from `offset` on, or from the start of another inbox.

        Of a writer; a position is kept beside the log. Also where they end.
        """
        return self.inbox.lines(offset) if self.writable else super().inbox_lines(offset)

    def _may_append(self, fields: CommitFields) -> None:
        if not self.writable:
            raise ValueError("this log was opened for reading")
        if self._broken:
            raise StorageError(f"{self._broken}; open it anew to go on")
        if fields.tick != len(self.commits) + 1:
            raise ValueError(f"tick {fields.tick} where {len(self.commits) + 1} is due")
        self.look()

    def _sealed(
        self, batch: Sequence[Buffer], lines: int, fields: CommitFields, begun: HashedPrefix
    ) -> tuple[bytes, bytes, Commit]:
        digest = begun.digest.copy() if begun.parts else new_digest(self.format)
        count = begun.counts.bytes
        for part in batch[1 + len(begun.parts) :] if begun.parts else batch:
            digest.update(part)
            count += memoryview(part).nbytes
        sealed = digest.digest()
        line, head = commit_line(self.prefix, fields, lines, count, sealed, self.head, self.format)
        if parse_frame(line) is None:
            raise ValueError("the commit does not read back as it was written")
        return line, head, Commit.of(fields, (lines, count), sealed, head)

    def _pin(self) -> None:
        """Makes the genesis known on disk before anything follows it."""
        try:
            self._see_own_end()
            if not self.pinned:
                sidecars.write_pin(self._disk, self.path, self.genesis)
                self.pinned = True
            self._hint.write(sidecars.Hint(0, self.size, self.genesis.sha256), durable=True)
            self._disk.sync_folder(self.path)
        except OSError as error:
            raise self._refused(error, sidecars.PIN_BYTES) from error

    def _store(self, parts: Sequence[Buffer], nbytes: int) -> bool:
        """Puts the bytes behind the last commit; whether they were made durable."""
        self._see_own_end()
        if self._version:
            version_history.note(self, self._version)
            self._version = ""
        try:
            os.lseek(self._file.fd, self._file.place(self.size), os.SEEK_SET)
            write_all(self._disk, self._file.fd, parts)
            due = self._due()
            if due:
                self._fdatasync()
        except OSError as error:
            self._roll_back()
            raise self._refused(error, nbytes) from error
        except BaseException:
            self._roll_back()
            raise
        return due

    def _see_own_end(self) -> None:
        """Raises where the file does not end where this writer left it."""
        if self._file.size() != self.size:
            raise self._foreign()

    def _foreign(self) -> StorageError:
        return StorageError(
            f"another program wrote into {self.path}; give input through {self.path}.inbox, "
            "and start again: what was written is looked at then"
        )

    def look(self) -> None:
        """Raises where the log's name no longer leads to the open file, once that is safe.

        What was acknowledged is then under another name, which the error says.
        """
        with self._looking:  # a batch may be appended while the one before is synced
            if self._gone is None and self._entry is not None and self._entry.is_intact():
                return
            self._gone = self._gone or self._no_longer_there()
            if self._gone is not None:
                raise self._gone
            self._follow_folder()

    def _follow_folder(self) -> None:
        """Know the log, and what stands beside it, by the new name of its folder."""
        if self._entry is not None and (path := self._entry.path_after_move()) is not None:
            self._moved.append(f"the folder of {self.path} was renamed; it goes on as {path}")
            self.path = self.inbox.path = path

    def _no_longer_there(self) -> StorageError | None:
        """What to say where the name leads elsewhere."""
        if self._entry is None or self._broken or not (fault := self._entry.fault()):
            return None
        self._broken = f"{self.path} was {fault} while this run wrote it"
        held = f"what it held up to tick {len(self.commits)}, byte {self.size}, is"
        name = self._entry.name_now()
        try:
            written = FilePart(self._file.fd, 0, self._file.place(self.size))
            target = name or save_tail(self._disk, self.path, written, "replaced")
        except OSError as error:
            return StorageError(
                f"{self._broken}; {held} lost, for it could not be saved: {error.strerror}"
            )
        return StorageError(
            f"{self._broken} (an editor that saves by renaming, mv, rm, log rotation); {held} in "
            f"{target}: put it back under its name to go on, and give input through "
            f"{self.path}.inbox"
        )

    def _roll_back(self) -> None:
        try:
            self._disk.ftruncate(self._file.fd, self._file.place(self.size))
        except OSError as error:
            self._broken = f"{self.path} could not be cut back to its last commit: {error.strerror}"

    def _refused(self, error: OSError, needed: int) -> AutomatonError:
        state = f"the log ends at tick {len(self.commits)}, byte {self.size}"
        if self.durable < self.size:
            state += f" (durable: byte {self.durable})"
        return refusal(error, self.path, needed, state)

    def _enter(
        self, commit: Commit, head: bytes, lengths: tuple[int, int], found: Sequence[NamedLine],
        gap: omission.Gap,
    ) -> None:  # fmt: skip
        """What is on disk, entered in the tables; lengths are of the batch and the commit."""
        start, after = self.size, self.lines - self.commits.genesis_lines
        sealed = start + lengths[0]
        end = sealed + lengths[1]
        stub = gap.stub
        place = start + gap.at if gap.own else 0
        self.commits.append(
            start, sealed, end, after, commit.lines, place, stub.lines, stub.bytes - gap.own
        )
        first = start + self._separator(commit.tick)
        for number, offset, identity in found:
            behind = gap.own > 0 and self._separator(commit.tick) + offset >= gap.at
            moved = gap.own - stub.bytes if behind else 0
            self._name(identity, self.lines + 1 + number, first + offset + moved)
        self.size = end
        self.lines += commit.lines + 1
        self.last_commit, self._chain = commit, head

    # Durability.

    @property
    def _mark(self) -> sidecars.Hint:
        """Up to where the log is written, read at once: a batch may be entered meanwhile."""
        last = self.last_commit
        if last is None:
            return sidecars.Hint(0, self.size, self.head)
        row = self.commits.row(last.tick)
        return sidecars.Hint(last.tick, row.end, last.chain)

    def defer_syncs(self) -> None:
        """From now on `append` leaves it to the caller to `sync`, from whichever thread."""
        self._deferred = True

    def _due(self) -> bool:
        if self._deferred and self.durability == "commit":
            return False
        if self.durability != "interval" or self._clock is None:
            return self.durability != "off"
        return self._clock() - self._synced_at >= self._interval_s

    def _fdatasync(self) -> None:
        try:
            self._disk.fdatasync(self._file.fd)
        except OSError as error:
            # After a failed sync the kernel may drop what it could not write and
            # report success the next time: nothing more is believed of this file.
            self._broken = f"{self.path} could not be made durable: {error.strerror}"
            raise

    def _note_durable(self, mark: sidecars.Hint) -> None:
        with self._noting:
            self._synced_at = self._clock() if self._clock else 0.0
            if mark.offset < self.durable:
                return
            self.durable = mark.offset
            self._forget()
            self._hint.write(mark)

    def _forget(self) -> None:
        """Give back the memory of what was written long ago and is safe on the medium.

        The next writes take the same pages again, which on virtual machines is two
        to four times as fast as touching new ones.
        """
        if self.durable - self._forgotten >= 2 * KEEP_CACHED:
            until = self.durable - KEEP_CACHED
            start, stop = (max(self._file.place(at), 0) for at in (self._forgotten, until))
            if start < stop:  # else it was sealed, and the file that held it is gone
                self._disk.forget(self._file.fd, start, stop - start)
            self._forgotten = until

    def sync(self) -> None:
        """Makes all commits durable now; another thread may append meanwhile."""
        if not self.writable or not len(self.commits) or self._broken:
            return
        with self._switching:
            mark = self._mark
            try:
                self._fdatasync()
            except OSError as error:
                raise self._refused(error, self.size - self.durable) from error
        self.look()
        with self._switching:  # the file that is open must stay so
            self._note_durable(mark)

    def close(self) -> None:
        """Makes durable what the policy wants so, and gives the lock back."""
        if self._closed:
            return
        try:
            if self.writable and self.durability != "off" and self.durable < self.size:
                self.sync()
        finally:
            self._hint.close()
            self._follow_folder()
            if self._entry is not None:
                self._entry.close()
            if self.writable:
                clear_owner(self.path)
                unlock(self._file.fd)
            self._file.close()
            self._closed, self.writable = True, False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _opened(disk: FileOps, path: str, *, write: bool) -> LogFile:
    """The file of a log, locked for a writer: the one that its name leads to then."""
    while True:
        file = LogFile(path, open_regular(disk, path, write=write))
        if write:
            lock(file.fd, path)
        if not write or file.stands_under_name():
            return file
        file.close()  # another writer went on in the next active file, and ended
