"""Which lines hold which id: an index of JSONL bytes, without Python objects.

It answers what a loop of a JSON parser over the lines would, at the speed of
memory. Lives here: the arrays, how they grow, and the lines that the kernel
hands back. Must not know: paths, records, what an id means. It opens nothing:
`automaton.log.writer` lends it a descriptor and says which bytes count.

A row is a line that was entered. A malformed line that begins like an object with
an id and ends like one stays under that id (and counts in `ids`): who parses a
version and fails walks back.

Longer than 300 lines: one table, and all that reads it.
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_left
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from automaton.errors import FileError
from automaton.format import objects
from automaton.log.byte_source import File, mapped, pread, readinto, size_of
from kernels import cpu
from kernels.text import id_scan

#: Bytes read at a time: stays in the second-level cache, where fresh memory would not.
BUFFER_BYTES = 512 * 1024
FIRST_ROWS = 1024  # and slots
#: Kinds of lines without an id, as `lines_without_id` takes them.
BLANK, DIRECTIVE, MALFORMED, NAMELESS = (id_scan.NO_ID + n for n in range(4))

#: Bytes behind an odd line that are looked at for more of them: odd lines come together.
_ODD_BYTES = 1 << 10
_PLAIN = b'{"id":'  # how most lines begin that the kernel can enter

_LOW_HALF = 0xFFFF_FFFF


class IdIndex:
    """The lines of a JSONL file and, of every id, all its versions.

    `file` is borrowed and must stay open. `hash_mask` is for tests: fewer bits, more
    collisions, the same answers.
    """

    def __init__(
        self,
        file: File,
        *,
        buffer_bytes: int = BUFFER_BYTES,
        max_line_bytes: int = objects.MAX_LINE_BYTES,
        hash_mask: int = 0xFFFF_FFFF_FFFF_FFFF,
    ) -> None:
        self._file = file
        self._buffer_bytes = buffer_bytes
        self._max_line_bytes = max_line_bytes
        self._hash_mask = np.uint64(hash_mask)
        self._offsets = np.zeros(FIRST_ROWS, np.int64)
        self._links = np.zeros(FIRST_ROWS, np.uint32)
        self._checks = np.zeros(FIRST_ROWS, np.uint32)
        self._slots = np.zeros(FIRST_ROWS, np.uint64)
        self._rows = 0
        self._used = 0
        self._read_rows = 0
        self._added_lines = array("q")
        self.identity: Callable[[objects.Members], str | None] = objects.object_id
        self.integers = self.surrogates = 0  # lines whose id is an integer, or has half a pair

    @classmethod
    def build(cls, file: File, start: int = 0, stop: int | None = None, **options: int) -> IdIndex:
        """The index of the lines in bytes `start` to `stop` (default: the end) of the file."""
        index = cls(file, **options)
        index.extend(start, stop)
        return index

    # Entering lines.

    def extend(self, start: int, stop: int | None = None) -> None:
        """Enters the lines of a range; their numbers follow those entered before.

        The range ends a line, with or without a newline. It comes before any `add`.
        """
        if self._added_lines:
            raise ValueError("ranges are indexed before single lines are added")
        stop = size_of(self._file) if stop is None else stop
        whole = self._map(stop)
        window = np.empty(self._buffer_bytes + id_scan.PADDING, np.uint8)
        kept = 0
        while start + kept < stop:
            filled = kept + self._fill(window, kept, start + kept, stop)
            ends = start + filled == stop
            if ends and window[filled - 1] != 10:
                window[filled] = 10
                filled += 1
            at = self._enter_lines(window, filled, start, whole)
            if ends:
                break
            window, kept = _slide(window, at, filled)
            start += at
        self._read_rows = self._rows

    def add(self, identity: str, line: int, offset: int) -> None:
        """Enters one line, later than all others, that stands at `offset` and has this id."""
        if line <= (self._added_lines[-1] if self._added_lines else self._read_rows):
            raise ValueError(f"line {line} is not later than the lines indexed")
        self._grow()
        self._enter(_encoded(identity), offset)
        self._added_lines.append(line)

    def _map(self, stop: int) -> NDArray[np.uint8]:
        """The bytes before `stop` for comparing ids; dropped when the range is indexed."""
        known = mapped(self._file, 0, min(stop, size_of(self._file)))
        return np.frombuffer(known if len(known) else b"\0", np.uint8)

    def _fill(self, window: NDArray[np.uint8], kept: int, position: int, stop: int) -> int:
        room = min(len(window) - id_scan.PADDING - kept, stop - position)
        count = readinto(self._file, window[kept : kept + room], position)
        if count == 0:
            raise FileError(
                f"the file ends at byte {position}, {stop} bytes were expected: "
                "another program may be changing it; stop that program and try again"
            )
        return count

    def _enter_lines(
        self, window: NDArray[np.uint8], filled: int, base: int, whole: NDArray[np.uint8]
    ) -> int:
        """Enters the whole lines of the window; returns where the rest begins."""
        enter = cpu.compiled(id_scan.index_lines)
        text = window.data[:filled]
        at, why = 0, id_scan.GROW
        while why != id_scan.MORE:
            why, at, end, self._rows, self._used = enter(
                window, at, filled, base, self._max_line_bytes, self._hash_mask,
                whole, self._rows, self._used, self._offsets, self._links, self._checks,
                self._slots,
            )  # fmt: skip
            if why == id_scan.GROW:
                self._grow()
            elif why == id_scan.ODD:
                self._enter_odd(bytes(text[at:end]), base + at)
                at = end + 1
                lines = bytes(text[at : at + _ODD_BYTES]).split(b"\n")[:-1]
                for raw in itertools.takewhile(self._is_odd, lines):
                    self._enter_odd(raw, base + at)
                    at += len(raw) + 1
            elif why == id_scan.LONG:
                where = f"line {self._rows + 1}, at byte {base + at}, is longer than"
                what = f"{self._max_line_bytes} bytes; split its object, or take the line out"
                raise FileError(f"{where} {what}")
        return at

    def _is_odd(self, raw: bytes) -> bool:
        """Whether a line behind an odd one may be entered like it: the kernel sees the others."""
        full = self._rows >= len(self._offsets) or 4 * self._used >= 3 * len(self._slots)
        return not full and not raw.startswith(_PLAIN) and len(raw) <= self._max_line_bytes

    def _enter_odd(self, raw: bytes, offset: int) -> None:
        """Enters a line that a parser has to read."""
        identity, kind = self._parsed(raw)
        self._enter(identity, offset, kind)

    def _enter(self, identity: bytes | None, offset: int, kind: int = NAMELESS) -> None:
        """Enters a line whose id is known; `kind` says what it is if it has none."""
        link = kind
        if identity is not None:
            hashed = self._hash(identity)
            place = self._find(hashed, identity)
            previous = int(self._slots[place]) & _LOW_HALF
            self._slots[place] = hashed >> 32 << 32 | (self._rows + 1)
            self._checks[self._rows] = hashed & _LOW_HALF
            self._used += previous == 0
            link = previous | id_scan.PARSED
        self._offsets[self._rows] = offset
        self._links[self._rows] = link
        self._rows += 1

    # Room.

    def _grow(self) -> None:
        """Where full: a quarter more rows, in place; twice the slots, moved in order."""
        if self._rows >= id_scan.MAX_ROWS:
            raise FileError(
                f"more than {id_scan.MAX_ROWS} lines, which is the limit; split the file"
            )
        if self._rows >= len(self._offsets):
            rows = min(len(self._offsets) * 5 // 4, id_scan.MAX_ROWS)
            for table in (self._offsets, self._links, self._checks):
                table.resize(rows, refcheck=False)
        if 4 * self._used >= 3 * len(self._slots):
            slots = np.zeros(2 * len(self._slots), np.uint64)
            cpu.compiled(id_scan.move_slots)(self._slots, slots)
            self._slots = slots

    @property
    def nbytes(self) -> int:
        """Bytes held: line table, links, slots, numbers of added lines."""
        tables = (self._offsets, self._links, self._checks, self._slots)
        return sum(table.nbytes for table in tables) + 8 * len(self._added_lines)

    # Finding ids.

    def _hash(self, identity: bytes) -> int:
        padded = np.frombuffer(bytearray(identity + bytes(8)), np.uint8)
        hashed = cpu.compiled(id_scan.hash_bytes)(padded, 0, len(identity))
        return int(hashed & self._hash_mask)

    def _find(self, hashed: int, identity: bytes) -> int:
        """The slot of an id, or the empty one that it would take."""
        size = len(self._slots)
        high, low = divmod(hashed, 1 << 32)
        place = high * size >> 32
        while entry := int(self._slots[place]):
            row = (entry & _LOW_HALF) - 1
            same = entry >> 32 == high and self._checks[row] == low
            if same and self._id_of(row) == identity:
                return place
            place = (place + 1) % size
        return place

    def _id_of(self, row: int) -> bytes | None:
        """The id that stands on a row, read from the file again."""
        raw = self._read_line(int(self._offsets[row]))
        parsed = int(self._links[row]) & id_scan.PARSED
        return self._parsed(raw)[0] if parsed else raw.split(b'"', 4)[3]

    def _parsed(self, raw: bytes) -> tuple[bytes | None, int]:
        """The id that a parser finds in a line, else the kind of line that it is."""
        match objects.parse_line(raw):
            case objects.Object(members):
                self.integers += type(members.get("id")) is int
                identity = self.identity(members)
                return (None if identity is None else self._whole(identity)), NAMELESS
            case objects.Directive():
                return None, DIRECTIVE
            case objects.Blank():
                return None, BLANK
        return None, MALFORMED

    def _whole(self, identity: str) -> bytes:
        try:
            return identity.encode()
        except UnicodeEncodeError:
            self.surrogates += 1
            return _encoded(identity)

    def _read_line(self, offset: int) -> bytes:
        size = 1024
        while True:
            raw = pread(self._file, size, offset)
            if (end := raw.find(b"\n")) >= 0 or len(raw) < size:
                return raw[:end] if end >= 0 else raw
            size *= 8

    # Answers. Lines are numbered from 1.

    @property
    def line_count(self) -> int:
        """Lines entered by `extend`; `add`ed ones have their own numbers."""
        return self._read_rows

    @property
    def ids(self) -> int:
        """Distinct ids."""
        return self._used

    def offset(self, line: int) -> int:
        """Where a line begins, in bytes from the beginning of the file."""
        return int(self._offsets[self._row(line)])

    def last_line(self, identity: str) -> int | None:
        """The last line with this id."""
        lines = self._rows_of(identity)
        return self._line(lines[0]) if lines else None

    def lines_of(self, identity: str) -> list[int]:
        """All lines with this id, ascending."""
        return [self._line(row) for row in reversed(self._rows_of(identity))]

    def first_lines(self) -> NDArray[np.int64]:
        """Lines at which an id first appears, and those of objects without id, ascending."""
        links = self._links[: self._rows]
        first = (links == 0) | (links == id_scan.PARSED) | (links == NAMELESS)
        return self._lines(np.flatnonzero(first))

    def lines_without_id(self, kind: int) -> NDArray[np.int64]:
        """Lines of one kind: `BLANK`, `DIRECTIVE`, `MALFORMED` (as far as seen), `NAMELESS`."""
        return self._lines(np.flatnonzero(self._links[: self._rows] == kind))

    def _rows_of(self, identity: str) -> list[int]:
        """The rows of an id, last first."""
        encoded = _encoded(identity)
        row = (int(self._slots[self._find(self._hash(encoded), encoded)]) & _LOW_HALF) - 1
        rows = []
        while row >= 0:
            rows.append(row)
            row = (int(self._links[row]) & ~id_scan.PARSED) - 1
        return rows

    def _line(self, row: int) -> int:
        return row + 1 if row < self._read_rows else self._added_lines[row - self._read_rows]

    def _lines(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        split = int(np.searchsorted(rows, self._read_rows))
        added = np.array(self._added_lines, np.int64)
        return np.concatenate([rows[:split] + 1, added[rows[split:] - self._read_rows]])

    def _row(self, line: int) -> int:
        if 0 < line <= self._read_rows:
            return line - 1
        place = bisect_left(self._added_lines, line)
        if place == len(self._added_lines) or self._added_lines[place] != line:
            raise IndexError(f"line {line} is not in the index")
        return self._read_rows + place


def _encoded(identity: str) -> bytes:
    return identity.encode("utf-8", "surrogatepass")


def _slide(window: NDArray[np.uint8], at: int, filled: int) -> tuple[NDArray[np.uint8], int]:
    """The window with what was not used moved to its front, grown if that fills it."""
    kept = filled - at
    if kept < len(window) - id_scan.PADDING:
        window[:kept] = window[at:filled]
        return window, kept
    return np.concatenate([window[at:filled], np.empty(kept + id_scan.PADDING, np.uint8)]), kept
