"""Whether the logs of an archipelago fit each other: every migrant held against its source.

Reads opened logs. A log may be true by itself and still not be the one that its
neighbours' migrants came from. Must not know: whether a log is true by itself, processes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from automaton.errors import DamagedError
from automaton.format.options import OF_ISLANDS
from automaton.islands.archipelago import Archipelago
from automaton.islands.emigrant_selection import parse_migrant
from automaton.islands.folder import Folder
from automaton.islands.log_emigrants import emigrant_lines, emigrants
from automaton.log import AuditedLog
from automaton.replay.omitted_batches import with_omitted_batches

_AROUND = 60  # bytes before and behind a difference that a fault shows


class CrossFault(NamedTuple):
    """Where the logs of two islands do not fit, or a log is not the island that it stands for."""

    island: int
    epoch: int | None  # whose first tick it is about; None: the whole log
    source: int | None  # whose log the migrants should be in
    line: int | None  # of the island's log
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"island {self.island}" + ("" if self.epoch is None else f", epoch {self.epoch}")
        where += "" if self.source is None else f", migrants of island {self.source}"
        where += "" if self.line is None else f", line {self.line}"
        return f"{where}: expected {self.expected}, found {self.found}"


class _Arrivals(NamedTuple):
    """The migrants' lines of one log, by the tick that took them in."""

    lines: dict[int, list[tuple[int, bytes]]]  # number and bytes of each line

    @classmethod
    def of(cls, archipelago: Archipelago, log: AuditedLog) -> _Arrivals:
        """All of them, wherever they stand."""
        shape = re.compile(r"([a-z]*)island:[0-9]+:.*")
        found: dict[int, list[tuple[int, bytes]]] = {}
        for number, _, identity in log.named_lines():
            match = None if identity is None else shape.fullmatch(identity)
            if match is not None and match[1] == archipelago.prefix:
                tick = log.commits.tick_of_line(number)
                found.setdefault(tick, []).append((number, log.line(number) + b"\n"))
        return cls(found)


def head_of_heads(heads: Iterable[bytes]) -> bytes:
    """SHA-256 over the islands' heads (32 raw bytes each) in order: one number for them all."""
    return hashlib.sha256(b"".join(heads)).digest()


class CrossVerifier:
    """The logs of an archipelago, opened to be held against each other."""

    def __init__(self, folder: Folder, logs: Mapping[int, AuditedLog]) -> None:
        self.archipelago, self._logs = folder.archipelago, logs
        self.migrants = 0  # lines that were looked up at their source
        self._arrivals: dict[int, _Arrivals] = {}
        self._wrong: set[int] = set()  # islands whose log is not theirs at all

    def faults(self, tell: Callable[[int, int], object] = lambda *_: None) -> Iterator[CrossFault]:
        """All that does not fit; `tell` hears how many epochs of how many are done."""
        for island, log in self._logs.items():
            for fault in _own_faults(self.archipelago, island, log):
                self._wrong.add(island)
                yield fault
        sound = {k: log for k, log in self._logs.items() if k not in self._wrong}
        self._arrivals = {k: _Arrivals.of(self.archipelago, log) for k, log in sound.items()}
        for island in sound:
            yield from self._elsewhere(island)
        begun = max((len(log.commits) for log in sound.values()), default=0)
        epochs = self.archipelago.epoch_of(begun) + 1 if begun else 0
        for epoch in range(epochs):
            yield from self._of_epoch(epoch, sound)
            tell(epoch + 1, epochs)

    def _elsewhere(self, island: int) -> Iterator[CrossFault]:
        """Migrants where none arrive: at another tick than the first of an epoch, or too early."""
        one = self.archipelago
        for tick, lines in self._arrivals[island].lines.items():
            epoch = one.epoch_of(tick)
            if tick != one.first_tick(epoch) or one.departure(epoch) < 0:
                number, raw = lines[0]
                due = f"no migrant at tick {tick}"
                yield CrossFault(island, epoch, None, number, due, _window(raw, 0))

    def _of_epoch(self, epoch: int, sound: Mapping[int, AuditedLog]) -> Iterator[CrossFault]:
        """What arrived with an epoch's first tick, of every island that has begun it."""
        one, left = self.archipelago, self.archipelago.departure(epoch)
        if left < 0:
            return
        tick, known = one.first_tick(epoch), dict[int, list[bytes] | None]()
        for island, log in sound.items():
            if len(log.commits) < tick:
                continue
            found = self._arrivals[island].lines.get(tick, [])
            due: list[bytes] = []
            for source in one.sources[island]:
                if source not in sound:
                    continue
                if source not in known:
                    known[source] = self._emigrants(source, left)
                own = known[source]
                if own is None:
                    ends = len(sound[source].commits)
                    yield CrossFault(
                        island, epoch, source, None, f"a log that has epoch {left} behind it",
                        f"one that ends at tick {ends}: it was cut, or is an older copy",
                    )  # fmt: skip
                    continue
                due += own
            missing = {s for s in one.sources[island] if s not in sound or known.get(s) is None}
            yield from self._compared(island, epoch, due, found, missing)

    def _emigrants(self, source: int, epoch: int) -> list[bytes] | None:
        """The lines that leave an island after an epoch; None: its log does not reach so far."""
        log, one = self._logs[source], self.archipelago
        if one.epochs_done(len(log.commits)) <= epoch:
            return None
        return emigrant_lines(one, source, log, emigrants(one, log, epoch))

    def _compared(
        self, island: int, epoch: int, due: Sequence[bytes], found: Sequence[tuple[int, bytes]],
        missing: set[int],
    ) -> Iterator[CrossFault]:  # fmt: skip
        """The first difference between what was due and what stands there, if there is one.

        Of sources that are missing nothing is known, so their lines are passed over.
        """
        stands = [(n, raw) for n, raw in found if _island_of(raw) not in missing]
        for k in range(max(len(due), len(stands))):
            wanted = due[k] if k < len(due) else None
            number, raw = stands[k] if k < len(stands) else (None, None)
            if wanted == raw:
                self.migrants += 1
                continue
            source = _island_of(wanted or raw or b"")
            here = _first_difference(wanted, raw) if wanted and raw else 0
            shown = _window(wanted, here), _window(raw, here)
            yield CrossFault(island, epoch, source, number, *shown)
            return


def _own_faults(archipelago: Archipelago, island: int, log: AuditedLog) -> Iterator[CrossFault]:
    """Whether a log is of this archipelago, and this island of it."""
    if log.genesis != archipelago.genesis:
        yield CrossFault(
            island, None, None, 1, f"a genesis of SHA-256 {archipelago.genesis.sha256.hex()}",
            f"one of {log.genesis.sha256.hex()}",
        )  # fmt: skip
        return
    wanted = archipelago.options_of(island)
    options = dict(log.run.options) if log.run else {}
    due = {name: wanted[name] for name in OF_ISLANDS}
    if log.run is None or {name: options.get(name) for name in OF_ISLANDS} == due:
        return
    if options.get("archipelago") == archipelago.digest:
        said = f"the log of island {options.get('island')}"
    elif options.get("archipelago") is None:
        said = "a log that ran alone"
    else:
        said = f"the log of island {options.get('island')} of archipelago {options['archipelago']}"
    yield CrossFault(
        island, None, None, log.run_lines[-1],
        f"the log of island {island} of archipelago {archipelago.digest}", said,
    )  # fmt: skip


def cross_verify(
    folder: Folder, leave_out: Iterable[int], tell: Callable[[int, int], object]
) -> tuple[list[CrossFault], int]:
    """The faults between the logs of a folder, and how many migrants were looked up.

    leave_out: islands whose logs cannot be trusted by themselves.
    """
    left = set(leave_out)
    with ExitStack() as stack:
        logs = {
            island: stack.enter_context(AuditedLog.open(path))
            for island, path in enumerate(folder.logs)
            if island not in left
        }
        for log in logs.values():
            stack.enter_context(with_omitted_batches(log, checkpoints=False))
        verifier = CrossVerifier(folder, logs)
        return list(verifier.faults(tell)), verifier.migrants


def _island_of(raw: bytes) -> int | None:
    """The island that a migrant's line names."""
    try:
        return parse_migrant(raw).island
    except DamagedError:
        return None


def _first_difference(due: bytes, found: bytes) -> int:
    """The first byte at which two different lines differ."""
    pairs = enumerate(zip(due, found, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(due), len(found)))


def _window(raw: bytes | None, at: int) -> str:
    """What stands around a byte of a line, for people."""
    if raw is None:
        return "nothing"
    return raw[max(0, at - _AROUND) : at + _AROUND].decode("utf-8", "backslashreplace").strip()
