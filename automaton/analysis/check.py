"""From an opened log to the report of what it holds.

Winner lines, nearly all of a long log, are read by the kernel that replays them,
and only counted; every other line is looked at. Opens nothing, prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from automaton.analysis.check_report import CheckReport, ReportBuilder
from automaton.chemistry import World
from automaton.chemistry.batch_replay import read_winners
from automaton.errors import AutomatonError
from automaton.format.ids import is_our_id
from automaton.format.options import Options, from_record
from automaton.format.records import parse_run
from automaton.log import LogReader
from automaton.log.omission import line as line_of

STEP = 4096  # lines of a genesis between two calls of `progress`
NEWLINE = 10


def check_log(
    log: LogReader,
    progress: Callable[[int], object] = lambda _: None,
    elsewhere: Callable[[str], bool] = lambda _id: False,
) -> CheckReport:
    """What a log holds and what is wrong with it; `progress` is told the bytes looked at.

    `elsewhere` says whether an id is that of an object in another file of the same set.
    """
    survey = ReportBuilder(log.reading)
    for number, offset, raw in _genesis(log):
        survey.see(number, offset, raw)
        if number % STEP == 0:
            progress(offset)
    world = _reading(log)
    for tick in range(1, len(log.commits) + 1):
        batch = _Batch(log, tick, survey)
        if log.omits(tick):
            survey.winners(log.commits.row(tick).omitted)
        batch.look(world)
        survey.record("commit")
        progress(log.commits.row(tick).end)
    report = survey.result(
        lambda name: (is_our_id(name, log.prefix) and bool(log.find(name))) or elsewhere(name)
    )
    if world.streams is not None or world.options.updating == "sequential":
        report.idle_vetoes.clear()
    if world.streams is not None and world.streams.reasons:
        report.idle_rules.clear()
    return report


def _genesis(log: LogReader) -> Iterator[tuple[int, int, bytes]]:
    """The genesis' lines: number, the byte it begins at, its bytes."""
    offset = 0
    for number, raw in log.genesis_lines():
        yield number, offset, raw
        offset += len(raw) + 1


def _reading(log: LogReader) -> World:
    """As much of a snapshot as reading winner lines takes: the prefix, and options."""
    return World(Options(max_objects=1), log.prefix, log.format)


class _Batch:
    """The lines of one tick's batch."""

    def __init__(self, log: LogReader, tick: int, survey: ReportBuilder) -> None:
        self._row, self._survey = log.commits.row(tick), survey
        kept = log.kept(tick) if log.omits(tick) else None
        raw = log.batch(tick) if kept is None else kept.head + kept.tail
        self._data: npt.NDArray[np.uint8] = np.frombuffer(raw, dtype=np.uint8)
        self._gap = len(raw) if kept is None else len(kept.head)  # where something is left out
        self._own = 0 if kept is None or kept.stub is None else len(line_of(kept.stub))
        self._head = f'{{"id":"{log.prefix}m{tick}.'.encode()

    def look(self, world: World) -> None:
        """Every line, winners by the kernel as many at a time as follow one another."""
        number, last = self._row.first_line, self._row.first_line + self._row.lines
        last -= self._row.omitted
        at = 1 if len(self._data) and self._data[0] == NEWLINE else 0
        while number < last and at < len(self._data):
            count, end = self._winners(at, last - number, world)
            if not count:
                count, end = self._line(number, at, world)
            number, at = number + count, end

    def _winners(self, at: int, most: int, world: World) -> tuple[int, int]:
        """How many winner lines stand here, and where they end."""
        if self._data[at : at + len(self._head)].tobytes() != self._head:
            return 0, at
        found = read_winners(self._data, at, most, world, self._row.tick)
        slots = found.entering.slots
        if not len(slots) or np.any(np.diff(slots) <= 0):
            return 0, at
        self._survey.winners(len(slots))
        return len(slots), found.end

    def _line(self, number: int, at: int, world: World) -> tuple[int, int]:
        """One line of another kind."""
        end = at + 4096
        while not np.any(self._data[at:end] == NEWLINE) and end < len(self._data):
            end += 3 * (end - at)
        raw = self._data[at:end].tobytes().partition(b"\n")[0]
        run = parse_run(raw) if number == self._row.first_line else None
        if run is None:
            behind = at >= self._gap
            line, offset = number + behind * self._row.omitted, at + behind * self._own
            self._survey.see(line, self._row.batch_start + offset, raw)
        else:
            self._survey.record("run")
            _follow(world, run.options)
        return 1, at + len(raw) + 1


def _follow(world: World, record: object) -> None:
    """The options under which the next winners were written, as far as reading needs them."""
    try:
        options = from_record(record)  # type: ignore[arg-type]  # whatever it is, it is refused
        world.begin_run(replace(options, max_objects=1, operator=None), 1, 1)
    except (AutomatonError, TypeError):
        return
