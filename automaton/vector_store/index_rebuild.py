"""Putting into a memory what a log and its archive hold: all that a run left out.

A vector is a function of its term, so that a memory can be made anew at any time.
Must not know: engines, the terminal, how an archive is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from automaton.errors import TermError
from automaton.format import stream_options
from automaton.format.objects import Object, parse_line
from automaton.format.options import Options, from_record
from automaton.format.records import parse_run
from automaton.log import LogReader
from automaton.log.side_files import archive
from automaton.terms import notation
from automaton.terms.arrays import Words
from automaton.terms.packed import is_closed
from automaton.vector_store.decay import DecayRule
from automaton.vector_store.indexer import IndexCounts, Indexer, TermBatch
from automaton.vector_store.store import Store, together

ROWS = 1000  # terms that are put in at once
_OURS = re.compile(r"([a-z]*)m([0-9]{1,18})\.([0-9]{1,18})")


@dataclass(frozen=True)
class Entry:
    """A term that was won, or archived: of which candidate, and of which stream."""

    tick: int
    slot: int
    level: int
    stream: str
    won: bool
    words: Words


def won(log: LogReader) -> Iterator[Entry]:
    """The winners of a log, in their order."""
    head = b'{"id":"%sm' % log.prefix.encode()
    for tick in log.commits.tick.tolist():
        for _, raw in log.batch_lines(tick):
            entry = _entry(raw, log.prefix, won=True) if raw.startswith(head) else None
            if entry is not None:
                yield entry


def archived(log: LogReader, found: archive.ReadReport) -> Iterator[Entry]:
    """The candidates of a log's archive, tick by tick, as far as it is still there."""
    names: list[str] = []
    run = level = 0
    for frame in archive.read(log, found):
        if (now := _run_of(log, frame.tick)) != run:
            run, names = now, _streams(log, now)
        level = _level(log, frame.tick)
        rows = zip(frame.slots.tolist(), frame.starts.tolist(), frame.sizes.tolist(), strict=True)
        for slot, start, size in rows:
            stream, words = names[slot % len(names)], frame.code[start : start + size]
            yield Entry(frame.tick, slot, level, stream, won=False, words=words)


def _run_of(log: LogReader, tick: int) -> int:
    """The line of the run record that was in force at a tick."""
    row = log.commits.row(tick)
    return max(line for line in log.run_lines if line < row.first_line + row.lines)


def _streams(log: LogReader, line: int) -> list[str]:
    """The names of the streams that a run record stands for; one without a name for none."""
    run = parse_run(log.line(line))
    options = Options() if run is None else from_record(run.options)
    return [stream.name for stream in stream_options.parse_streams(options.streams)] or [""]


def _level(log: LogReader, tick: int) -> int:
    """The dimension of a tick: of its first winner, else that of the machine before it."""
    head = b'{"id":"%sm' % log.prefix.encode()
    for _, raw in log.batch_lines(tick):
        if raw.startswith(head) and (entry := _entry(raw, log.prefix, won=True)) is not None:
            return entry.level
    return log.commit(tick - 1).dimension if tick > 1 else 0


def _entry(raw: bytes, prefix: str, *, won: bool) -> Entry | None:
    """What a line says of a candidate, if it is one."""
    line = parse_line(raw)
    members: dict[str, Any] = line.members if isinstance(line, Object) else {}
    ours = _OURS.fullmatch(str(members.get("id")))
    term, level = members.get("term"), members.get("dimensionalLevel")
    if ours is None or ours[1] != prefix or not isinstance(term, str):
        return None
    try:
        words = notation.parse(term)
    except TermError:
        return None
    if not is_closed(words):
        return None
    stream = members.get("stream")
    return Entry(
        int(ours[2]), int(ours[3]), level if type(level) is int else 0,
        stream if isinstance(stream, str) else "", won, words,
    )  # fmt: skip


def reindex(
    store: Store, prefix: str, entries: Iterable[Entry], period: int,
    progress: Callable[[IndexCounts], object] = lambda _: None,
) -> IndexCounts:  # fmt: skip
    """Put all entries in that the store does not hold, as of `period`, then build its index."""
    names: list[str] = []
    learner = Indexer(store, prefix, names, DecayRule(), period=period)
    source = iter(entries)
    while some := list(islice(source, ROWS)):
        learner.learn(_batch(some, names))
        progress(learner.learned)
    learner.flush()
    store.optimize()
    return learner.learned


def _batch(entries: list[Entry], names: list[str]) -> TermBatch:
    """The entries as columns; new names of streams are added to `names`."""
    for entry in entries:
        if entry.stream not in names:
            names.append(entry.stream)
    code, _, sizes = together(entry.words for entry in entries)
    return TermBatch(
        np.array([entry.tick for entry in entries], dtype=np.int64),
        np.array([entry.slot for entry in entries], dtype=np.int64),
        sizes.astype(np.int32),
        np.array([entry.level for entry in entries], dtype=np.int32),
        code,
        np.array([names.index(entry.stream) for entry in entries], dtype=np.uint8),
        np.array([entry.won for entry in entries], dtype=np.uint8),
    )


def log_entries(log: LogReader, found: archive.ReadReport) -> Iterator[Entry]:
    """What a log and its archive hold."""
    return chain(won(log), archived(log, found))
