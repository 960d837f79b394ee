"""What is alive: the population's terms and facts as numpy columns, by place.

A place is a row; the rows 0..max_objects-1 can be reactants, the rows behind
them hold operators. Pure: no files, no clock, no parsing. A live object costs
`Population.ROW` bytes beside its term, and its id when it came under a name.

Longer than 300 lines: columns and all that changes them together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from automaton.errors import UsageError
from automaton.population.entrants import NO_PLACES, Entrants, place_draws
from automaton.population.free_list import FreeList
from automaton.population.id_table import IdTable
from automaton.program import NamedTerm
from automaton.terms.arrays import Allocate, Places, Words
from kernels import cpu
from kernels.chemistry import fold
from kernels.terms import census, church, packed
from kernels.text.winner_lines import LABEL, SPARE

#: Numbers in the `kind` column; the types of named terms follow.
MODIFICATION, COMPOSITION = 0, 1
#: Entries of the table of seen terms: a later one may overwrite an earlier one.
SEEN = 1 << 17
#: Changes of places that are remembered, for who looks only at what changed.
KEPT_CHANGES = 64
#: Columns that the fold fills, as `fold.enter` takes them.
_ENTERED = (
    "start", "size", "born_tick", "born_slot", "level", "kind", "steps", "hashes", "live",
    "normal", "value",
)  # fmt: skip
#: Words that all live terms may have: the machine's positions are 32-bit integers.
MAX_WORDS = (1 << 31) - (1 << 20)


class Population:
    """The live terms under a cap of `max_objects` places."""

    COLUMNS: ClassVar[dict[str, type[np.generic]]] = {
        "start": np.int64,  # first word of the term in `code`
        "size": np.int32,  # its nodes
        "born_tick": np.int64,  # tick of the winner; 0: `born_slot` numbers a name
        "born_slot": np.int32,
        "level": np.int32,  # dimensionalLevel
        "kind": np.int32,  # number of its type in `kinds`
        "steps": np.int32,  # beta steps that made it; 0 for named terms
        "hashes": np.uint64,  # packed.term_hash
        "live": np.bool_,
        "normal": np.bool_,  # known to be a normal form: every winner's term is
        "value": np.int32,  # what a Church numeral stands for; -1: the term is none
        "form": np.uint8,  # of an operator's row: its number in church.OPERATORS, else 0
        "definition": np.bool_,  # automata, transitions, rules: never overwritten
        "last": np.int32,  # scratch of the fold, -1 between ticks
    }
    #: What streams know of the places; 0 when another term takes the place.
    FACTS: ClassVar[dict[str, type[np.generic]]] = {
        "uses": np.int32,  # winners whose reactant it was
        "used": np.int64,  # last tick in which it was one, or won
        "salience": np.int32,  # of the winner
        "sensed": np.int64,  # 1 + the tick in which it came in from outside
    }
    ROW = LABEL + sum(np.dtype(dtype).itemsize for dtype in COLUMNS.values())

    def __init__(self, max_objects: int, prefix: str = "") -> None:
        self.max_objects = max_objects
        self.prefix = prefix  # of the ids that winners have
        self.labels = np.zeros((max_objects + 1) * LABEL, dtype=np.uint8)  # see lines.put_id
        self.kinds = ["modification", "composition"]
        self._numbers = {name: number for number, name in enumerate(self.kinds)}
        self.names = IdTable()
        self.code: Words = np.empty(1 << 12, dtype=np.int32)
        self.end = 0  # words used of `code`
        self.total = 0  # sum of packed.place_hash over the places, modulo 2**64
        self.column: dict[str, npt.NDArray[Any]] = {
            name: np.zeros(max_objects, dtype=dtype) for name, dtype in self.COLUMNS.items()
        }
        self.column["last"][:] = -1
        self.products = -1  # first of the rows for products of a tick, where there are some
        self.seen = np.zeros(0, dtype=np.uint64)  # hashes of terms that entered, by their bits
        self.facts: dict[str, npt.NDArray[Any]] = {}  # FACTS, while streams compete
        self._free = self._choices = self._overwritable = NO_PLACES
        self.entered = NO_PLACES, NO_PLACES  # entries of the last batch that stay, their places
        self._changed: deque[Places] = deque(maxlen=KEPT_CHANGES)
        self.changes = 0  # how often places changed so far
        self._stale = True
        self._free_list: FreeList | None = None  # while terms enter under names
        self._place_by_name: Places = NO_PLACES  # where a number's term was put last
        self._allocate: Allocate = np.empty

    # -- reading ---------------------------------------------------------

    def __len__(self) -> int:
        return len(self.choices())

    def words(self, row: int) -> Words:
        """The packed term of a row, a view that the next change may end."""
        begin = self.column["start"][row]
        return self.code[begin : begin + self.column["size"][row]]

    def choices(self) -> Places:
        """The live places, ascending."""
        self._refresh()
        return self._choices

    def places(self) -> tuple[Places, Places, Places]:
        """The live places, the free ones and those that may be overwritten, each ascending."""
        self._refresh()
        return self._choices, self._free, self._overwritable

    def place_of(self, name: bytes) -> int | None:
        """The place of a named term, if it lives."""
        number = self.names.find(name)
        return None if number is None else self._place_of_number(number)

    def id_of(self, row: int) -> bytes:
        """The id of the term of a row, as it stands in the log."""
        tick, slot = self.column["born_tick"][row], self.column["born_slot"][row]
        return f"{self.prefix}m{tick}.{slot}".encode() if tick else self.names[slot]

    def changed_since(self, changes: int) -> list[Places] | None:
        """The places that changed after so many changes; None where that is too long ago."""
        behind = self.changes - changes
        if behind > len(self._changed):
            return None
        return [self._changed[-k] for k in range(1, behind + 1)]

    def duplicates(self, rows: Places) -> npt.NDArray[np.bool_]:
        """Which rows hold a term that another live place holds too (by 64-bit hash)."""
        hashes, counts = np.unique(self.column["hashes"][self.choices()], return_counts=True)
        return np.isin(self.column["hashes"][rows], hashes[counts > 1])

    def distinct(self) -> int:
        """The number of different terms among the live ones (by 64-bit hash)."""
        rows = self.choices()
        table = np.zeros(1 << (2 * len(rows)).bit_length(), dtype=np.uint64)
        return int(cpu.compiled(census.count_distinct)(self.column["hashes"], rows, table))

    def nbytes(self) -> int:
        """Bytes of all columns, terms and names."""
        columns = sum(column.nbytes for column in self.column.values())
        names = self.names.nbytes + self._place_by_name.nbytes
        return columns + self.labels.nbytes + self.code.nbytes + names

    # -- changing --------------------------------------------------------

    def enter(self, tick: int, entering: Entrants, level: int, kind: int) -> int:
        """Terms enter in slot order; returns how many of them stay to the tick's end."""
        places = self._find_places(entering.words)
        survivors = np.empty(len(places), dtype=np.int32)
        count = cpu.compiled(fold.last_of_each)(places, self.column["last"], survivors)
        self.reserve(int(entering.sizes[entering.index[survivors[:count]]].sum()))
        letters = np.frombuffer(f"{self.prefix}m{tick}.".encode() + bytes(2 * SPARE), np.uint8)
        mark = np.array([0, len(letters) - 2 * SPARE], dtype=np.int64)
        rows = [self.column[name] for name in _ENTERED]
        self.end, total = cpu.compiled(fold.enter)(
            survivors[:count], places, entering.slots, entering.index, np.int64(tick),
            entering.source, entering.starts, entering.sizes, entering.steps,
            np.int32(level), np.int32(kind), np.int64(self.end), np.uint64(self.total),
            letters, mark, self.code, *rows, self.labels,
        )  # fmt: skip
        self.total = int(total)
        self.entered = survivors[:count], places[survivors[:count]]
        self._note(self.entered[1])
        for fact in self.facts.values():
            fact[self.entered[1]] = 0
        return int(count)

    def add_named(
        self, term: NamedTerm, seed: int, tick: int, number: int, purpose: np.uint64
    ) -> int:
        """A term under a name enters, in the place of its earlier version if that lives.

        `number` is its number among the draws of `purpose` in this tick. Returns its
        place, -1 where there is none.
        """
        place = self.place_of(term.name)
        if place is None:
            words = place_draws(seed, tick, purpose, np.array([number], dtype=np.int64))
            place = self._listed().take(words[0])
        if place >= 0:
            self._put(place, term, self._number(term.name))
        return place

    def drop(self, names: Iterable[bytes]) -> None:
        """Named terms leave, those that live; their places are free."""
        for place in map(self.place_of, names):
            if place is not None:
                free = self._listed()
                self._subtract(place)
                self.column["live"][place] = self.column["definition"][place] = False
                self._note(np.array([place], dtype=np.int32))
                self._stale = True
                free.protect(place, definition=False)
                free.give_back(place)

    def fill(self, terms: Iterable[NamedTerm]) -> None:
        """The first terms enter an empty population, in order; the cap is the caller's to check."""
        for place, term in enumerate(terms):
            self._put(place, term, self.names.add(term.name))

    def add_operator(self, term: NamedTerm) -> int:
        """Keep a term as an operator, in a row behind the places; returns its row."""
        row = self.add_rows(1)
        self.set_operator(row, term)
        return row

    def add_rows(self, count: int) -> int:
        """Rows behind the places, that hold nothing yet; returns the first."""
        row = len(self.column["live"])
        for name, values in self.column.items():
            self.column[name] = self._moved(values, count)
        self.labels = self._moved(self.labels, count * LABEL)
        return row

    def make_room_for_products(self, count: int, max_size: int) -> int:
        """Rows and words for the products of a tick before they enter; returns the first row."""
        rows = len(self.column["live"])
        if self.products < 0 or rows < self.products + count:
            self.products = self.add_rows(count)
        self.reserve(count * max_size)
        return self.products

    def keep_facts(self) -> None:
        """From now on keep what streams know of the places."""
        self.seen = self._allocate(SEEN, np.uint64)
        self.seen[:] = 0
        self.facts = {
            name: self._allocate(self.max_objects, dtype) for name, dtype in self.FACTS.items()
        }
        for fact in self.facts.values():
            fact[:] = 0

    def keep_candidate(self, row: int, tick: int, slot: int, words: Words, steps: int) -> None:
        """Put a candidate that did not enter in a row behind the places, under its own id."""
        name = f"{self.prefix}m{tick}.{slot}".encode()
        self._write(row, NamedTerm(name, words, "modification"), slot)
        self.column["born_tick"][row], self.column["steps"][row] = tick, steps
        self.column["live"][row] = True

    def set_operator(self, row: int, term: NamedTerm) -> None:
        """Put another term in an operator's row."""
        self._write(row, term, self._number(term.name))
        self.column["form"][row] = church.kind_of(term.words)
        self.column["live"][row] = True

    def live_in(self, allocate: Allocate) -> None:
        """From now on what workers read stands in arrays that `allocate` makes."""
        self._allocate = allocate
        self.column = {name: self._moved(values) for name, values in self.column.items()}
        self.facts = {name: self._moved(values) for name, values in self.facts.items()}
        self.seen = self._moved(self.seen)
        self.labels, self.code = self._moved(self.labels), self._moved(self.code)

    # -- inside ----------------------------------------------------------

    def _moved(self, values: npt.NDArray[Any], more: int = 0) -> npt.NDArray[Any]:
        """The values in another array, and so many zeros behind them."""
        moved = self._allocate(len(values) + more, values.dtype)
        moved[: len(values)], moved[len(values) :] = values, 0
        return moved

    def _note(self, places: Places) -> None:
        """Places hold other terms than before, or none."""
        self._changed.append(places)
        self.changes += 1

    def _refresh(self) -> None:
        """Recompute the lists of places when places came or went."""
        if self._stale:
            live = self.column["live"][: self.max_objects]
            definition = self.column["definition"][: self.max_objects]
            self._choices = np.flatnonzero(live).astype(np.int32)
            self._free = np.flatnonzero(~live).astype(np.int32)
            self._overwritable = np.flatnonzero(~definition).astype(np.int32)
            self._stale = False

    def _find_places(self, words: npt.NDArray[np.uint32]) -> Places:
        """The place of each entering term, -1 where there is none."""
        self._refresh()
        self._free_list = None
        places = np.empty(len(words), dtype=np.int32)
        used = cpu.compiled(fold.find_places)(words, self._free, self._overwritable, places)
        self._stale = bool(used)
        return places

    def _listed(self) -> FreeList:
        """The free list as it stands; made anew after winners have entered."""
        if self._free_list is None:
            live, definition = self.column["live"], self.column["definition"]
            self._free_list = FreeList(live[: self.max_objects], definition[: self.max_objects])
        return self._free_list

    def _place_of_number(self, number: int) -> int | None:
        self._know_places()
        place = int(self._place_by_name[number])
        column = self.column
        if place < 0 or column["born_tick"][place] or column["born_slot"][place] != number:
            return None
        return place if column["live"][place] else None

    def _know_places(self) -> None:
        """Make room for the places of all names; what came otherwise is found in the columns."""
        known = len(self._place_by_name)
        if known >= len(self.names):
            return
        places = np.full(2 * len(self.names), -1, dtype=np.int32)
        if known:
            places[:known] = self._place_by_name
        else:
            column = self.column
            named = column["live"] & (column["born_tick"] == 0)
            rows = np.flatnonzero(named[: self.max_objects])[::-1]
            places[column["born_slot"][rows]] = rows
        self._place_by_name = places

    def _put(self, place: int, term: NamedTerm, number: int) -> None:
        """Write a named term to a place of the population."""
        self._know_places()
        if self.column["live"][place]:
            self._subtract(place)
        self._write(place, term, number)
        self._place_by_name[number] = place
        self.total = (self.total + self._hash(place)) % (1 << 64)
        self.column["live"][place] = True
        self._note(np.array([place], dtype=np.int32))
        if self.column["definition"][place] != term.definition:
            self.column["definition"][place] = term.definition
            if self._free_list is not None:
                self._free_list.protect(place, definition=term.definition)
        for fact in self.facts.values():
            fact[place] = 0
        self._stale = True

    def _subtract(self, place: int) -> None:
        self.total = (self.total - self._hash(place)) % (1 << 64)

    def _hash(self, place: int) -> int:
        return int(cpu.compiled(packed.place_hash)(place, self.column["hashes"][place]))

    def _write(self, row: int, term: NamedTerm, number: int) -> None:
        """Write a named term and its facts to a row."""
        self.reserve(len(term.words))
        values = {
            "start": self.end,
            "size": len(term.words),
            "born_tick": 0,
            "born_slot": number,
            "level": term.level,
            "kind": self.kind(term.kind),
            "steps": 0,
            "last": -1,
            "normal": cpu.compiled(packed.is_normal)(term.words, 0, len(term.words)),
            "value": cpu.compiled(packed.numeral_of)(term.words, 0, len(term.words)),
            "hashes": cpu.compiled(packed.term_hash)(term.words, 0, len(term.words)),
        }
        for name, value in values.items():
            self.column[name][row] = value
        self._label(row, term.name)
        self.code[self.end : self.end + len(term.words)] = term.words
        self.end += len(term.words)

    def _label(self, row: int, name: bytes) -> None:
        """Keep a name beside its row where it is short enough."""
        short = name if len(name) < LABEL else b""
        label = short.ljust(LABEL - 1, b"\0") + bytes([len(short)])
        self.labels[row * LABEL : (row + 1) * LABEL] = np.frombuffer(label, dtype=np.uint8)

    def _number(self, name: bytes) -> int:
        number = self.names.find(name)
        return self.names.add(name) if number is None else number

    def kind(self, name: str) -> int:
        """The number of a type."""
        if name not in self._numbers:
            self._numbers[name] = len(self.kinds)
            self.kinds.append(name)
        return self._numbers[name]

    def know(self, kinds: Iterable[str]) -> None:
        """Number these types in this order, those that have no number yet."""
        for name in kinds:
            self.kind(name)

    def reserve(self, nodes: int) -> None:
        """Make room for `nodes` words, moving the live terms together when it is short."""
        if self.end + nodes <= len(self.code):
            return
        used = int(self.column["size"][self.column["live"]].sum(dtype=np.int64))
        if used + nodes > MAX_WORDS:
            message = (
                f"the live terms need {used + nodes} words, more than {MAX_WORDS}; "
                "begin the log with a smaller --max-objects or --max-size"
            )
            raise UsageError(message)
        code = self._allocate(min(max(2 * (used + nodes), 1 << 12), MAX_WORDS), np.int32)
        self.end = cpu.compiled(fold.compact)(
            self.code, code, self.column["start"], self.column["size"], self.column["live"]
        )
        self.code = code
