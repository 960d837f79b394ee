"""The winners of a log as columns, some thousands of rows at a time.

Lines are taken as they stand, without reading their terms; where a file leaves winners
out, they are computed again. Must not know: who asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.errors import DamagedError
from automaton.export.columns import AnyColumn, Column, Table, TextColumn
from automaton.export.export_selection import Selection, stream_names
from automaton.log import LogReader
from automaton.terms.arrays import Bytes, Numbers
from kernels import cpu
from kernels.text import winner_columns as kernel

Progress = Callable[[int], object]  # is told the last tick that was read

#: Bytes of a log that are read at a time; a tick that is longer is read whole.
BLOCK = 16 << 20
#: Bytes that a winner's line has at least.
SHORTEST = 96
#: Columns of the winners' table, and what they are.
WINNERS = {
    "tick": "int64", "slot": "int32", "id": "text", "dimension": "int32", "operator": "text",
    "a": "text", "b": "text", "stream": "text", "salience": "int32", "beta": "int32",
    "size": "int32", "term": "text",
}  # fmt: skip
#: Texts of a line, by their place in `spans`.
_TEXTS = {"id": 0, "operator": 1, "a": 2, "b": 3, "term": 4}


@dataclass(frozen=True)
class WinnerLines:
    """Winner lines as they were found: numbers by line, and where their texts stand."""

    text: Bytes
    spans: npt.NDArray[np.int64]  # [line, one of id, operator, a, b and term, (from, to)]
    numbers: dict[str, npt.NDArray[Any]]  # tick, slot, dimension, stream, salience, beta, size
    names: tuple[str, ...]  # of the streams
    last: int  # tick that was read

    def table(self, rows: Numbers, names: tuple[str, ...] = tuple(WINNERS)) -> Table:
        """Columns of some lines."""
        return {name: self._column(name, rows) for name in names}

    def _column(self, name: str, rows: Numbers) -> AnyColumn:
        if name in _TEXTS:
            return self._texts(_TEXTS[name], rows)
        values = self.numbers[name][rows]
        if name not in {"stream", "salience"}:
            return Column(values)
        compete = self.numbers["stream"][rows] >= 0
        valid = None if compete.all() else compete
        return Column(values, valid, self.names if name == "stream" else None)

    def _texts(self, which: int, rows: Numbers) -> TextColumn:
        own = self.spans[rows, which]
        room = int((own[:, 1] - own[:, 0]).sum())
        out, offsets = np.empty(room, np.uint8), np.empty(len(rows) + 1, np.int32)
        end = cpu.compiled(kernel.gather)(self.text, self.spans, which, rows, offsets, out)
        return TextColumn(out[: int(end)], offsets)

    def keys(self, which: str) -> Numbers:
        """The ids of a place, as numbers; see `kernels.text.winner_columns.read_keys`."""
        keys = np.empty(len(self.spans), np.int64)
        head = np.frombuffer(self._head(), np.uint8)
        cpu.compiled(kernel.read_keys)(self.text, self.spans, _TEXTS[which], head, keys)
        return keys

    def _head(self) -> bytes:
        """What the ids of winners begin with; there is at least one line."""
        first = self.spans[0, 0]
        return self.text[first[0] : first[1]].tobytes().rstrip(b"0123456789.")


def winner_tables(
    log: LogReader, selection: Selection, progress: Progress = lambda _tick: None
) -> Iterator[Table]:
    """The winners of a selection, in the order of their lines; see `WINNERS` for the columns."""
    for lines in winner_lines(log, selection, progress):
        rows = chosen_rows(lines, selection)
        if len(rows):
            yield lines.table(rows)


def chosen_rows(lines: WinnerLines, selection: Selection) -> Numbers:
    """The lines that a selection means."""
    if not selection.filters:
        return np.arange(len(lines.spans))
    levels, streams = (Column(lines.numbers[name]) for name in ("dimension", "stream"))
    return np.flatnonzero(selection.chosen({"dimension": levels, "stream": streams}, lines.names))


def winner_lines(
    log: LogReader, selection: Selection, progress: Progress = lambda _tick: None
) -> Iterator[WinnerLines]:
    """The winner lines of the ticks of a selection, whatever their streams and dimensions."""
    names = stream_names(log)
    parts, marks = _joined(_parts(log))
    streams, stream_marks = _joined([name.encode() for name in names])
    for last, start, raw in _blocks(log, selection):
        text = np.frombuffer(raw, np.uint8)
        at = 0
        while at < len(text):
            found = _Columns(1 + (len(text) - at) // SHORTEST)
            count, at, wrong = cpu.compiled(kernel.find_winners)(
                text, at, len(text), parts, marks, streams, stream_marks, *found.numbers.values(),
                found.spans,
            )  # fmt: skip
            if wrong >= 0:
                raise DamagedError(
                    f"{log.path}: a line of tick {start} to {last} begins like a winner's and is "
                    "none; the log was altered, or written by another version: see check --chain"
                )
            if count:
                numbers = {name: values[:count] for name, values in found.numbers.items()}
                yield WinnerLines(text, found.spans[:count], numbers, names, last)
        progress(last)


class _Columns:
    """Room for what is found."""

    def __init__(self, rows: int) -> None:
        kinds = {
            "tick": np.int64, "slot": np.int32, "dimension": np.int32, "stream": np.int16,
            "salience": np.int32, "beta": np.int32, "size": np.int32,
        }  # fmt: skip
        self.numbers: dict[str, npt.NDArray[Any]] = {
            name: np.empty(rows, kind) for name, kind in kinds.items()
        }
        self.spans = np.empty((rows, kernel.TEXTS, 2), np.int64)


def _parts(log: LogReader) -> list[bytes]:
    """The constant parts of a winner's line, in the order of `find_winners`."""
    prefix, beta = log.prefix.encode(), log.format.beta.encode()
    return [
        b'{"id":"%sm' % prefix, b".", b'","type":"modification","dimensionalLevel":',
        b',"parents":["', b'","', b'"],"stream":"', b'","salience":', b'"],"%s":' % beta,
        b',"%s":' % beta, b',"size":', b',"term":"', b'"}\n',
    ]  # fmt: skip


def _joined(parts: list[bytes]) -> tuple[Bytes, npt.NDArray[np.int64]]:
    marks = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return np.frombuffer(b"".join(parts), np.uint8), marks


def _blocks(log: LogReader, selection: Selection) -> Iterator[tuple[int, int, memoryview | bytes]]:
    """Last tick, first tick and bytes, whole ticks at a time."""
    tick, stop = selection.first, selection.stop
    ends = log.commits.end
    while tick <= stop:
        if log.omits(tick):
            last, pieces, size = tick, [log.batch(tick)], 0
            while last < stop and (size := size + len(pieces[-1])) < BLOCK and log.omits(last + 1):
                last += 1
                pieces.append(log.batch(last))
            yield last, tick, b"".join(pieces)
        else:
            limit = log.commits.row(tick).batch_start + BLOCK
            last = max(tick, int(np.searchsorted(ends[:stop], limit, side="right")))
            yield last, tick, log.batches(tick, last)
        tick = last + 1
