"""A folder of copies that follows islands' logs, as a group of readers is brought what they gain.

A gain is made durable before it is acknowledged, and counts once, by island and epoch:
the copies themselves say what is there. Touches the disk and the clock. Must not know:
what brings gains, runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from automaton.errors import DamagedError, UsageError
from automaton.islands.archipelago import FILE
from automaton.islands.copies.log_copy import Gain, LogCopy
from automaton.islands.copies.shared_place import genesis_in
from automaton.islands.folder import Folder, open_folder
from automaton.log import file_io

#: Milliseconds for which one look waits for something new.
WAIT_MS = 200
#: Milliseconds of silence after which what a reader was given becomes another's.
SILENT_MS = 5000
#: Seconds between two looks for what was given to readers that are gone, or was never brought.
CARE_S = 1.0
_FILES = file_io.FileOps()


class Reader(NamedTuple):
    """Who reads: a group, and one of those that read for it."""

    group: str
    name: str


class GainSource(Protocol):
    """What brings gains to groups of readers."""

    def join(self, group: str, islands: Iterable[int]) -> None:
        """Have a group of readers, where it is not there."""
        ...

    def read(self, who: Reader, islands: Sequence[int], milliseconds: int) -> list[Gain]:
        """What is new to the group, waited for so long."""
        ...

    def reclaim(self, who: Reader, island: int, idle: int) -> list[Gain]:
        """What was given to readers that were silent for so many milliseconds."""
        ...

    def gains(self, island: int, epoch: int) -> Iterator[Gain]:
        """What is there from an epoch on, whoever was given it."""
        ...

    def acknowledge(self, group: str, gains: Iterable[Gain]) -> None:
        """Say that gains are durable."""
        ...

    def announce(self, group: str, island: int, epoch: int) -> None:
        """Say which epoch of an island is needed next."""
        ...


class LogArchive:
    """The copies of an archipelago's logs in a folder that `islands stats` and `verify` read."""

    def __init__(self, path: Path, origin: Folder, islands: Sequence[int]) -> None:
        self.archipelago = origin.archipelago
        self._copies: dict[int, LogCopy] = {}
        folder = Folder(path, self.archipelago)
        try:
            _begun(path, origin)
            for island in islands:
                log = folder.log(island)
                if not log.exists():
                    file_io.save_new(_FILES, str(log), genesis_in(origin))
                self._copies[island] = LogCopy(log)
        except OSError as error:
            raise file_io.refusal(error, str(path), 0, "copies end with whole ticks") from None

    @property
    def islands(self) -> list[int]:
        """Whose logs are copied."""
        return list(self._copies)

    def epochs(self, island: int) -> int:
        """How many epochs of an island's log are in its copy."""
        return self.archipelago.epochs_done(self._copies[island].tick)

    def add(self, gain: Gain) -> bool:
        """Take a gain in; False where something before it is missing, or it is not the log's."""
        return self._copies[gain.island].add(gain.piece)

    def sync(self, islands: Iterable[int]) -> None:
        """Return when the copies of these islands are durable."""
        for island in islands:
            self._copies[island].sync()

    def close(self) -> None:
        """Let go of all files."""
        for copy in self._copies.values():
            copy.close()


def _begun(path: Path, origin: Folder) -> None:
    """A folder with the archipelago's file, made where there is none."""
    if not (path / FILE).exists():
        path.mkdir(parents=True, exist_ok=True)
        file_io.save_new(_FILES, str(path / FILE), origin.archipelago.lines)
    elif open_folder(path).archipelago.digest != origin.archipelago.digest:
        raise UsageError(f"{path} holds another archipelago than {origin.path}")
    if path.resolve() == origin.path.resolve():
        raise UsageError(f"{path} is where the islands run: give a folder for copies of them")


class ArchiveFollower:
    """Keeps an archive up with a source, as one reader of a group; `go` returns at its end."""

    def __init__(self, archive: LogArchive, source: GainSource, who: Reader) -> None:
        self._archive, self._source, self._who = archive, source, who
        self._waiting: dict[tuple[int, int], Gain] = {}  # that came before what they go on from
        self._stopping = False

    def stop(self) -> None:
        """End `go` soon; safe in a signal handler."""
        self._stopping = True

    def go(self, until: int | None, tell: Callable[[], object] = lambda: None) -> bool:
        """Follow until every copy has so many epochs; False where it was stopped before."""
        archive, source, cared = self._archive, self._source, float("-inf")
        source.join(self._who.group, archive.islands)
        while not self._stopping:
            if time.monotonic() - cared >= CARE_S:
                cared = time.monotonic()
                self._care()
            if until is not None and all(archive.epochs(k) >= until for k in archive.islands):
                return True
            self._take(source.read(self._who, archive.islands, WAIT_MS))
            tell()
        return False

    def _care(self) -> None:
        """Say what is needed; take what silent readers were given, and what nobody will bring."""
        for island in self._archive.islands:
            self._source.announce(self._who.group, island, self._archive.epochs(island))
            self._take(self._source.reclaim(self._who, island, SILENT_MS))
            self._take(self._source.gains(island, self._archive.epochs(island)))

    def _take(self, gains: Iterable[Gain]) -> None:
        """Write gains, make them durable, then acknowledge them."""
        before = {k: self._archive.epochs(k) for k in self._archive.islands}
        self._waiting.update(((g.island, g.epoch), g) for g in gains)
        for place in sorted(self._waiting):
            if place in self._waiting and not self._archive.add(self._waiting[place]):
                self._refuse(self._waiting[place])
        grown = [k for k, epochs in before.items() if self._archive.epochs(k) > epochs]
        self._archive.sync(grown)
        done = [g for g in self._waiting.values() if g.epoch < self._archive.epochs(g.island)]
        self._source.acknowledge(self._who.group, done)
        for gain in done:
            del self._waiting[gain.island, gain.epoch]
        for island in grown:
            self._source.announce(self._who.group, island, self._archive.epochs(island))

    def _refuse(self, gain: Gain) -> None:
        """What comes next and is not the log's is an error; what comes too early waits."""
        if gain.epoch == self._archive.epochs(gain.island):
            raise DamagedError(
                f"what was brought of island {gain.island}, epoch {gain.epoch}, does not go on "
                "from its copy: somebody else wrote to the server, or the copy is of another log; "
                "look with islands verify, remove the stream or the copy, and follow again"
            )
        del self._waiting[gain.island, gain.epoch]  # it is read again when it can be used
