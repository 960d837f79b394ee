"""One island under way: its log, its run, and the epochs that it is asked for.

`advance` is idempotent: the log's last tick says which epochs it has behind it, and so
which migrants it has taken; whatever was asked before is read out of the log. Touches the
clock and a log, through a run. Must not know: other islands, processes, transports.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from automaton.errors import FileError, LockedError, StorageError
from automaton.islands.copies.log_copy import LogPiece, piece_of
from automaton.islands.copies.shared_place import SharedPlace, restored
from automaton.islands.folder import Folder
from automaton.islands.log_emigrants import (
    LoggedWinners,
    emigrant_lines,
    emigrants,
    selection_from,
    winners_of,
)
from automaton.run import Run, SidecarOptions
from automaton.workers.autoscale_policy import ScalingOptions

#: Of a task: no epoch is wanted, only how far the island is.
ASK = -1
#: Seconds for which a log that another process holds is waited for: a predecessor may be dying.
PATIENCE_S = 10.0
#: Seconds between two looks at whether it is free.
_LOOK_S = 0.05
#: One island computes in the thread that runs it: others of its process take the other cores.
_ALONE = ScalingOptions(engine="serial", workers=1, auto_scale=False)
#: Departures that are kept in memory, of the epochs asked for last.
_KEPT = 8


class Task(NamedTuple):
    """An epoch that is wanted of an island, and the lines that its first tick takes in.

    None: whoever asks takes that tick for done. Where it is not, nothing is, and the answer
    says how far the island is.
    """

    island: int
    epoch: int
    inbound: tuple[bytes, ...] | None = None


class EpochReport(NamedTuple):
    """What became of a task: the lines that leave after its epoch, where the island is now."""

    island: int
    epoch: int
    lines: tuple[bytes, ...]  # of the emigrants, by rank
    tick: int  # the log's last one
    head: bytes  # the chain after it
    seconds: float = 0.0  # that its ticks took
    candidates: int = 0  # that they had
    piece: LogPiece | None = None  # what the log gained by it, where that travels
    shared: int | None = None  # epochs that its copy in the shared place holds, where there is one


class HostOptions(NamedTuple):
    """How islands are kept where they run; none of it changes a byte of a log."""

    durability: Literal["commit", "interval", "off"] = "commit"
    record: str | None = None  # of new logs: full, or commits
    archive: int = 0  # bytes of each island's archive (0: none)
    min_free: int = 0  # bytes of the disk below which no epoch begins
    segment_bytes: int = 0  # of a sealed segment of each log, at least; 0: none is sealed
    send: bool = False  # whether reports say what the log gained
    shared: str | None = None  # a folder that all hosts reach, for copies of the logs
    shared_every: int = 16  # epochs from copy to copy


class Control(NamedTuple):
    """How an island is watched, and stopped between two ticks."""

    stopping: Callable[[], bool] = lambda: False
    progress: Callable[[int, int], object] = lambda _island, _tick: None


IN_PEACE = Control()
AS_USUAL = HostOptions()


class Island:
    """An island's log, opened when it is first asked for and held until `close`."""

    def __init__(
        self, folder: Folder, number: int, options: HostOptions = AS_USUAL,
        control: Control = IN_PEACE,
    ) -> None:  # fmt: skip
        self._folder, self.archipelago, self.number = folder, folder.archipelago, number
        self.path = folder.log(number)
        self._options, self._control = options, control
        self._run: Run | None = None
        self._departures: dict[int, tuple[bytes, ...]] = {}
        self._place = (
            SharedPlace(Path(options.shared), folder.archipelago) if options.shared else None
        )
        self._shared: int | None = None
        self._said: set[str] = set()
        self.notices: list[str] = []  # that opening found, each to be said once

    @property
    def run(self) -> Run:
        """The run under way; opens the log."""
        if self._run is None:
            self._run = self._opened()
            self.notices += self._run.log.notices
            if self._place is not None:
                self._shared = self._place.epochs(self.number, self._run.log)
        return self._run

    def _opened(self) -> Run:
        given, until = self.archipelago.options_of(self.number), time.monotonic() + PATIENCE_S
        options = self._options
        if not self.path.exists() and options.shared is not None:
            restored(self._folder, self.number, Path(options.shared), ())
        if not self.path.exists():
            raise FileError(
                f"{self.path} is not there: bring a copy of it, or of what `islands init` made "
                "(it is computed again), or give --shared FOLDER, where runs of these islands "
                "kept what is needed to go on"
            )
        while True:
            try:
                return Run(
                    self.path, given, durability=options.durability, record=options.record,
                    scaling=_ALONE, keeping=SidecarOptions(options.archive),
                    segment_bytes=options.segment_bytes,
                )  # fmt: skip
            except LockedError:
                if time.monotonic() >= until or self._control.stopping():
                    raise
                time.sleep(_LOOK_S)

    def perform(self, task: Task) -> EpochReport | None:
        """Do what a task wants; None where it was stopped on the way, after a whole tick."""
        run, begun, before = self.run, time.monotonic(), self.run.tick
        done = self.archipelago.epochs_done(run.tick)
        begins = run.tick + 1 == self.archipelago.first_tick(task.epoch)
        if task.epoch == ASK or task.epoch > done or (begins and task.inbound is None):
            return self._report(ASK, ())
        lines = self._departures.get(task.epoch)
        if lines is None:
            lines = self._leaving(task) if task.epoch < done else self._computed(task)
            if lines is None:
                return None
            self._keep(task.epoch, lines)
        ticks, spent = run.tick - before, time.monotonic() - begun
        return self._report(task.epoch, lines, spent, ticks * run.world.slots)

    def _report(
        self, epoch: int, lines: tuple[bytes, ...], seconds: float = 0.0, candidates: int = 0
    ) -> EpochReport:
        run, piece = self.run, None
        if self._options.send and epoch != ASK:
            piece = self._gained(epoch)
        return EpochReport(
            self.number, epoch, lines, run.tick, run.log.head, seconds, candidates, piece,
            self._shared,
        )  # fmt: skip

    def _gained(self, epoch: int) -> LogPiece | None:
        """What an epoch left in the file, where that is little enough to travel."""
        log = self.run.log
        if log.omits(self.archipelago.last_tick(epoch)):
            return piece_of(self.archipelago, log, epoch)
        self._note_once("its log holds every line, which is too much to send: see --record commits")
        return None

    def _note_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.notices.append(text)

    def _keep(self, epoch: int, lines: tuple[bytes, ...]) -> None:
        self._departures[epoch] = lines
        while len(self._departures) > _KEPT:
            del self._departures[next(iter(self._departures))]

    def _leaving(self, task: Task) -> tuple[bytes, ...]:
        """The emigrants of an epoch that is in the log."""
        log = self.run.log
        selection = emigrants(self.archipelago, log, task.epoch)
        return tuple(emigrant_lines(self.archipelago, self.number, log, selection))

    def _computed(self, task: Task) -> tuple[bytes, ...] | None:
        """Run an epoch to its end, from its beginning or from where it was left."""
        run, epoch, ours = self.run, task.epoch, self.archipelago
        first, last = ours.first_tick(epoch), ours.last_tick(epoch)
        self._refuse_full_disk()
        winners = winners_of(run.space.batch)
        seen = range(first, run.tick + 1) if winners.valued else ()
        selection = selection_from(ours, run.log, seen)
        while run.tick < last:
            if self._control.stopping():
                return None
            run.step((task.inbound or ()) if run.tick + 1 == first else ())
            if winners.valued or run.tick == last:  # else the last tick's come first
                selection.add(run.tick, winners)
            self._control.progress(self.number, run.tick)
        run.settle()
        if not winners.valued:
            LoggedWinners(run.log).show(range(first, last), selection)
        self._share(epoch)
        return tuple(emigrant_lines(ours, self.number, run.log, selection))

    def _share(self, epoch: int) -> None:
        """Copy the log to the shared place now and then; the run does without where it must."""
        if self._place is None or (epoch + 1) % self._options.shared_every:
            return
        try:
            self._place.keep(self.number, self.run.log, self.archipelago.last_tick(epoch))
            self._shared = epoch + 1
        except OSError as error:
            self._note_once(
                f"--shared {self._place.path} takes no copy of its log ({error.strerror}); it is "
                "tried again"
            )

    def _refuse_full_disk(self) -> None:
        """Begin no epoch where the disk is short of room."""
        short = self.run.short_of_disk(self._options.min_free)
        if short:
            raise StorageError(short)

    def close(self) -> None:
        """Finish what is being written, and give the log back."""
        if self._run is not None:
            self._run.close()
            self._run = None


class IslandHost:
    """The islands of one process; tasks are done one after the other."""

    def __init__(self, make: Callable[[int], Island]) -> None:
        self._make, self._islands = make, dict[int, Island]()

    def perform(self, task: Task) -> EpochReport | None:
        """Do what a task wants; None where it was stopped on the way."""
        if task.island not in self._islands:
            self._islands[task.island] = self._make(task.island)
        return self._islands[task.island].perform(task)

    def notices(self) -> list[str]:
        """What opening logs found worth saying, each once."""
        found: list[str] = []
        for island in self._islands.values():
            found += [f"island {island.number}: {text}" for text in island.notices]
            island.notices = []
        return found

    def close(self) -> None:
        """Give all logs back."""
        for island in self._islands.values():
            island.close()
