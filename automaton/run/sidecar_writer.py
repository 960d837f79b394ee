"""What a run keeps beside its log where streams compete: who lost, and why who won has won.

Everything here can be computed again from the log; nothing of it decides bytes.
Columns are taken while they are whole and written while the next tick is computed.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from automaton.backends import CpuBackend
from automaton.backends.batch import CandidateBatch
from automaton.chemistry import World
from automaton.chemistry.decision_lines import decision_line, decision_rows
from automaton.compute.reduction import NORMAL
from automaton.errors import StorageError, UsageError
from automaton.log import LogReader
from automaton.log.side_files.archive import BOUND, Archive, TooLargeError
from automaton.log.side_files.decision_log import DecisionLog
from automaton.population import Reactants
from automaton.vector_store import VectorFeed, folder, ownership

Write = Callable[[bytes], None]  # is given a chain
#: Seconds from one mark of whose the memory is to the next: each waits for the disk.
MARK_S = 1.0


@dataclass(frozen=True)
class SidecarOptions:
    """What is kept: bytes of the archive (0: none), one decision in so many (0: none)."""

    archive: int = BOUND
    decisions: int = 0
    memory: int = 0  # terms a second that the memory takes at most (0: none)
    server: str | None = None  # of the memory; None: the engine beside the log

    @classmethod
    def of(cls, archive: int, decisions: str, memory: int, server: str | None) -> SidecarOptions:
        """What `--archive`, `--decisions`, `--memory-rate` and `--memory-url` say."""
        every = {"none": 0, "all": 1}.get(decisions)
        number = decisions.removeprefix("sample=")
        if every is None and number != decisions and number.isdecimal() and int(number):
            every = int(number)
        if every is None:
            message = (
                f"--decisions {decisions}: give none, all, or sample=N for one round in N, "
                "such as sample=100"
            )
            raise UsageError(message)
        return cls(archive, every, memory, server)


class SidecarWriter:
    """The files beside a log; opened when streams compete, one writer."""

    def __init__(
        self, log: LogReader, keeping: SidecarOptions, device: CpuBackend, world: World
    ) -> None:
        self._log, self._device, self._every = log, device, keeping.decisions
        self._troubles: list[str] = []
        self._too_large = False  # said that a tick was
        self._memory: VectorFeed | None = None
        self._marked = monotonic() - MARK_S
        self._decisions: DecisionLog | None = None
        self._archive = Archive(log, keeping.archive) if keeping.archive else None
        self._buffers = (device.buffer(), device.buffer())
        try:
            self._decisions = DecisionLog(Path(log.path), log=log) if self._every else None
            for file in (self._archive, self._decisions):
                self._troubles += file.notices if file is not None else ()
            if keeping.memory:
                self._memory = self._opened(world, keeping)
        except BaseException:
            self.close()
            raise

    def _opened(self, world: World, keeping: SidecarOptions) -> VectorFeed | None:
        """The memory that the run feeds, once it is this log's; None where the disk has no room."""
        path = Path(self._log.path)
        new = not folder(path).exists()
        note = ownership.claim_ownership(self._log, None if keeping.server else folder(path))
        self._troubles += [note] if note else []
        try:
            return VectorFeed.open(
                path, prefix=world.prefix, streams=world.stream_names, url=keeping.server,
                rate=keeping.memory,
            )  # fmt: skip
        except StorageError as error:
            if new:  # what was begun of it takes the room that the log needs
                shutil.rmtree(folder(path), ignore_errors=True)
            self._troubles.append(f"{error}: this run goes on without its memory")
            return None

    def take(self, tick: int, world: World, batch: CandidateBatch, choice: Reactants) -> Write:
        """What a tick leaves, before its columns are used again; the answer writes it.

        To be called with the chain after the tick's commit, before that is written; what
        is kept is in the files when it returns. So the end of the process leaves more
        here than in the log, which is cut off again, and never less.
        """
        buffer, ends = self._buffers[tick % 2], world.state.ends or {}
        if self._archive is not None:
            self._device.archive(batch, buffer)
        chosen = self._chosen(tick, world, batch) if self._decisions is not None else None
        if self._memory is not None:
            self._offer(self._memory, tick, batch, choice.level)
        names, prefix = world.stream_names, world.prefix
        weights = choice.competing.weights.tolist()  # the state's may have been trained since

        def write(chain: bytes) -> None:
            archive, decisions = self._archive, self._decisions
            self._mark()
            if archive is not None:
                with self._forgiving("archive"):
                    archive.append(tick, chain, buffer.parts, ends["archived"])
            if decisions is not None and chosen is not None:
                lines = [decision_line(prefix, tick, names, weights, row, chain) for row in chosen]
                names_of = [f"{prefix}m{tick}.{row[1]}".encode() for row in chosen]
                with self._forgiving("decisions"):
                    decisions.wait(decisions.append(lines, names_of))

        return write

    def _mark(self) -> None:
        """Note now and then up to where the log stood when the memory was fed."""
        now = monotonic()
        if self._memory is not None and now - self._marked >= MARK_S:
            ownership.mark(self._log)
            self._marked = now

    @contextmanager
    def _forgiving(self, name: str) -> Iterator[None]:
        """A file that cannot be written is not kept any more in this run, which is said once.

        The log stands already: what is kept beside it must not end the run.
        """
        try:
            yield
        except TooLargeError as error:
            if not self._too_large:
                self._troubles.append(f"{error}; such ticks are not archived")
            self._too_large = True
        except OSError as error:
            file = getattr(self, f"_{name}")
            setattr(self, f"_{name}", None)
            with contextlib.suppress(OSError):
                file.close()
            again = "; they can be computed again from the log"
            self._troubles.append(f"{error}: this run keeps no more {name}{again}")

    def troubles(self) -> list[str]:
        """What could not be kept, each said once."""
        return [self._troubles.pop(0) for _ in range(len(self._troubles))]

    def _offer(self, memory: VectorFeed, tick: int, batch: CandidateBatch, level: int) -> None:
        """Winners and candidates that lost, as many as the memory may take; it does not wait."""
        self._device.complete(batch)
        slots = np.flatnonzero((batch.outcomes == NORMAL) & (batch.vetoed == 0))
        memory.offer(
            tick, slots, batch.out, batch.results[slots], batch.sizes[slots],
            levels=np.full(len(slots), level, dtype=np.int32), streams=slots % batch.streams,
            won=batch.won[slots] != 0,
        )  # fmt: skip

    def remembered(self) -> dict[str, Any] | None:
        """What the memory took and did not; None without one."""
        return None if self._memory is None else self._memory.report()

    def settle(self) -> None:
        """Wait until what was taken is kept, as far as it can be."""
        if self._decisions is not None:
            with self._forgiving("decisions"):
                self._decisions.flush()
        if self._memory is not None:
            self._memory.flush()
            ownership.mark(self._log)

    def _chosen(self, tick: int, world: World, batch: CandidateBatch) -> list[list[int]]:
        """The rounds whose decisions are kept; see `facts`."""
        rounds = np.arange(-tick % self._every, world.options.parallel, self._every)
        return decision_rows(batch, rounds)

    def close(self) -> None:
        """Give the files back."""
        for file in (self._archive, self._decisions, self._memory):
            if file is not None:
                with contextlib.suppress(OSError):  # said by `troubles` where it could be
                    file.close()
        if self._memory is not None:  # it has acknowledged the rest
            with contextlib.suppress(OSError):
                ownership.mark(self._log)
