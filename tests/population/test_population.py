"""The population under any sequence of changes, against a dictionary, and the names' buffer."""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import pytest
from fold_model import WHOLE, Live, Model, hash_of
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import closed_terms

from automaton.population import (
    COMPOSITION,
    MODIFICATION,
    Entrants,
    IdTable,
    Population,
    place_draws,
)
from automaton.program import NamedTerm
from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.packed import APP, LAM, lam
from kernels import philox
from kernels.terms import church
from kernels.text import winner_lines

PROPERTY = settings(deadline=None)
NAMES = [b"a", b"a#1", b"b", b"line:2", b""]
SEED = 11
NUMERALS = {tuple(encodings.numeral(n).tolist()): n for n in range(101)}


class Enter(NamedTuple):
    """Terms enter in the slots named, composed ones or winners."""

    entries: dict[int, Words]
    level: int
    composed: bool


class Add(NamedTuple):
    """A term enters under a name."""

    name: bytes
    words: Words
    kind: str
    level: int
    definition: bool


class Drop(NamedTuple):
    """Named terms leave."""

    names: list[bytes]


class Operator(NamedTuple):
    """An operator is kept, or put in the row of an earlier one."""

    words: Words
    number: int


class Fill(NamedTuple):
    """No room is left in the code, so that the next term moves the others together."""


Change: TypeAlias = Enter | Add | Drop | Operator | Fill

some_terms = closed_terms(12) | st.sampled_from(
    [encodings.numeral(0), encodings.numeral(30), encodings.TRUE, *church.OPERATORS.values()]
)
levels = st.integers(-3, 7)
changes: st.SearchStrategy[list[Change]] = st.lists(
    st.one_of(
        st.builds(
            Enter, st.dictionaries(st.integers(0, 99), some_terms, max_size=4), levels,
            st.booleans(),
        ),
        st.builds(
            Add, st.sampled_from(NAMES), some_terms, st.sampled_from(["automaton", "rule", "text"]),
            levels, st.booleans(),
        ),
        st.builds(Drop, st.lists(st.sampled_from([*NAMES, b"never seen"]), max_size=3)),
        st.builds(Operator, some_terms, st.integers(0, 2)),
        st.builds(Fill),
    ),
    max_size=12,
)  # fmt: skip


@dataclass
class Twin:
    """A population and the dictionary that it must equal."""

    population: Population
    model: Model
    names: list[bytes] = field(default_factory=list)  # in order of arrival
    operators: list[tuple[int, Words]] = field(default_factory=list)
    tick: int = 0

    def change(self, change: Change) -> None:
        """Make one change to both."""
        self.tick += 1
        if isinstance(change, Enter):
            self._enter(change)
        elif isinstance(change, Add):
            self._add(change)
        elif isinstance(change, Drop):
            self.population.drop(change.names)
            for name in change.names:
                self.model.live.pop(self.place_of(name), None)
        elif isinstance(change, Operator):
            self._operator(change)
        else:
            self.population.code = self.population.code[: self.population.end].copy()

    def place_of(self, name: bytes) -> int:
        """Where a named term lives, -1 where it does not."""
        number = self.names.index(name) if name in self.names else -1
        found = [p for p, one in self.model.live.items() if (one.tick, one.slot) == (0, number)]
        assert len(found) <= 1
        return found[0] if found else -1

    def number(self, name: bytes) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def _enter(self, change: Enter) -> None:
        kind = COMPOSITION if change.composed else MODIFICATION
        new = [
            Live(tuple(words.tolist()), self.tick, slot, change.level, kind, slot + 5)
            for slot, words in sorted(change.entries.items(), key=operator.itemgetter(0))
        ]
        changed = self.model.enter(SEED, new)
        stayed = self.population.enter(self.tick, entering(new), change.level, kind)
        assert stayed == len(changed)

    def _add(self, change: Add) -> None:
        number = self.tick % 7  # the number of the draw
        place = self.place_of(change.name)
        if place < 0:
            place = self.model.place_for(SEED, self.tick, number)
        self.population.add_named(NamedTerm(*change), SEED, self.tick, number, philox.PLACE)
        if place >= 0:
            self.model.live[place] = Live(
                tuple(change.words.tolist()), 0, self.number(change.name), change.level,
                self.population.kinds.index(change.kind), 0, change.definition,
            )  # fmt: skip

    def _operator(self, change: Operator) -> None:
        named = NamedTerm(b"operator", change.words, "operator")
        self.number(b"operator")
        if change.number < len(self.operators):
            row, _ = self.operators[change.number]
            self.population.set_operator(row, named)
            self.operators[change.number] = (row, change.words)
        else:
            self.operators.append((self.population.add_operator(named), change.words))

    def check(self) -> None:
        """Whatever can be asked of the population is what the dictionary says."""
        population, live = self.population, self.model.live
        assert population.total == self.model.total()
        assert population.choices().tolist() == sorted(live)
        assert len(population) == len(live)
        assert population.distinct() == len({hash_of(one.words) for one in live.values()})
        for place, one in live.items():
            assert facts_of(population, place) == one
            expected = b"xm%d.%d" % (one.tick, one.slot) if one.tick else self.names[one.slot]
            assert population.id_of(place) == expected
            label = population.labels[place * winner_lines.LABEL :][: winner_lines.LABEL]
            assert bytes(label[: label[-1]]) == expected
        for name in [*NAMES, b"operator", b"never seen"]:
            place = self.place_of(name)
            assert population.place_of(name) == (None if place < 0 else place)
        for row, words in self.operators:
            assert row >= population.max_objects
            assert population.words(row).tolist() == words.tolist()
            known = [k for k, term in church.OPERATORS.items() if term.tolist() == words.tolist()]
            assert population.column["form"][row] == sum(known)
            assert population.column["value"][row] == NUMERALS.get(tuple(words.tolist()), -1)
        assert (population.column["last"] == -1).all()


def entering(new: list[Live]) -> Entrants:
    """Terms that enter, stored one behind the other in the reverse order of their slots."""
    stored = new[::-1]
    sizes = np.array([len(one.words) for one in stored], np.int32)
    slots = np.array([one.slot for one in new], np.int64)
    tick = new[0].tick if new else 1
    return Entrants(
        slots, np.arange(len(new), dtype=np.int64)[::-1].copy(),
        np.array([word for one in stored for word in one.words], np.int32),
        np.cumsum([0, *sizes.tolist()], dtype=np.int64)[:-1], sizes,
        np.array([one.steps for one in stored], np.int32),
        place_draws(SEED, tick, philox.PLACE, slots),
    )  # fmt: skip


def facts_of(population: Population, place: int) -> Live:
    """A place's columns; its term is said to be a normal form only if it is one."""
    facts = {name: column[place].item() for name, column in population.column.items()}
    words = population.words(place).tolist()
    redex = any(this & 3 == APP and after == LAM for this, after in itertools.pairwise(words))
    assert facts["hashes"] == hash_of(words)
    assert facts["value"] == NUMERALS.get(tuple(words), -1)
    assert facts["form"] == 0
    assert not (facts["born_tick"] == 0 and facts["normal"] == redex)
    return Live(
        tuple(words), facts["born_tick"], facts["born_slot"], facts["level"], facts["kind"],
        facts["steps"], facts["definition"],
    )  # fmt: skip


@settings(PROPERTY, max_examples=200)
@given(st.integers(1, 6), st.lists(st.sampled_from(NAMES), unique=True), changes)
def test_a_population_equals_a_dictionary_after_any_changes(
    size: int, first: list[bytes], changes: list[Change]
) -> None:
    twin = Twin(Population(size, "x"), Model(size))
    first = first[:size]
    twin.population.fill(NamedTerm(name, encodings.IDENTITY, "text", 1) for name in first)
    for place, name in enumerate(first):
        twin.model.live[place] = Live((1, 0), 0, twin.number(name), 1, 2, 0)
    twin.check()
    for change in changes:
        twin.change(change)
        twin.check()


def test_moving_the_terms_together_keeps_the_code_as_small_as_what_lives() -> None:
    population = Population(50)
    for tick in range(1, 400):
        one = Live(tuple(encodings.numeral(100).tolist()), tick, 0)
        population.enter(tick, entering([one]), 0, MODIFICATION)
    assert len(population) == 50
    live = 50 * 203
    assert population.end >= live
    assert len(population.code) <= 2 * (live + 203)
    for place in population.choices().tolist():
        assert population.words(place).tolist() == encodings.numeral(100).tolist()


def test_a_live_object_costs_at_most_120_bytes_beside_its_term_and_its_name() -> None:
    population = Population(10_000)
    assert Population.ROW <= 120
    columns = sum(column.nbytes for column in population.column.values())
    columns += population.labels.nbytes
    assert columns == 10_000 * Population.ROW + winner_lines.LABEL
    rest = population.code.nbytes + population.names.nbytes
    assert population.nbytes() == columns + rest
    assert rest < 32_768


def test_a_place_that_a_winner_took_is_no_longer_that_of_the_name() -> None:
    population = Population(1)
    population.fill([NamedTerm(b"a", encodings.IDENTITY, "text")])
    assert population.place_of(b"a") == 0
    population.enter(1, entering([Live((1, 0), 1, 0)]), 0, MODIFICATION)
    assert population.place_of(b"a") is None
    population.add_named(NamedTerm(b"a", encodings.TRUE, "text"), SEED, 2, 0, philox.ACCEPTED)
    assert population.place_of(b"a") == 0


def test_definitions_are_never_overwritten() -> None:
    population = Population(3)
    named = [
        NamedTerm(b"%d" % n, encodings.numeral(n), "automaton", definition=n < 2) for n in range(3)
    ]
    population.fill(named)
    for tick in range(1, 30):
        new = [Live(tuple(encodings.TRUE.tolist()), tick, slot) for slot in range(5)]
        assert population.enter(tick, entering(new), 0, MODIFICATION) == 1
    assert [population.place_of(b"%d" % n) for n in range(3)] == [0, 1, None]
    more = NamedTerm(b"more", lam(encodings.TRUE), "rule", definition=True)
    population.add_named(more, SEED, 30, 0, philox.ACCEPTED)
    assert population.place_of(b"more") == 2
    before = population.total
    population.add_named(NamedTerm(b"late", encodings.TRUE, "text"), SEED, 31, 0, philox.ACCEPTED)
    assert population.enter(32, entering([Live((1, 0), 32, 0)]), 0, MODIFICATION) == 0
    assert population.place_of(b"late") is None
    assert population.total == before
    population.drop([b"0", b"1", b"more"])
    assert (len(population), population.total) == (0, 0)


def test_the_sum_stays_within_64_bits() -> None:
    population = Population(200)
    population.fill(NamedTerm(b"%d" % n, encodings.numeral(n), "text") for n in range(200))
    assert 0 <= population.total < WHOLE
    population.drop(b"%d" % n for n in range(0, 200, 2))
    assert 0 <= population.total < WHOLE
    population.drop(b"%d" % n for n in range(200))
    assert population.total == 0


# -- names -----------------------------------------------------------------

names_of = st.binary(max_size=6).map(lambda name: name.replace(b"\n", b""))


@PROPERTY
@given(st.lists(names_of, unique=True, max_size=20), names_of)
def test_names_are_numbered_in_order_of_arrival_and_found(some: list[bytes], other: bytes) -> None:
    names = IdTable()
    for number, name in enumerate(some):
        assert names.find(name) is None
        assert names.add(name) == number
    assert len(names) == len(some)
    assert [names[number] for number in range(len(some))] == some
    assert [names.find(name) for name in some] == list(range(len(some)))
    assert names.find(other) == (some.index(other) if other in some else None)
    text, starts = names.text(), names.starts()
    assert len(starts) == len(some) + 1
    assert len(text) >= int(starts[-1]) + winner_lines.SPARE
    for number, name in enumerate(some):
        assert bytes(text[starts[number] : starts[number + 1] - 1]) == name


def test_the_buffer_that_was_handed_out_stays_what_it_was() -> None:
    names = IdTable()
    names.add(b"a")
    before, starts = names.text(), names.starts()
    held = bytes(before), starts.tolist()
    for number in range(3000):
        names.add(b"n%d" % number)
    assert (bytes(before), starts.tolist()) == held
    assert names.text() is names.text()
    assert names.find(b"n2999") == 3000
    assert names.nbytes < 64 * 3001


@pytest.mark.parametrize("name", [b"ab", b"b", b"a", b""])
def test_a_part_of_a_name_is_not_a_name(name: bytes) -> None:
    names = IdTable()
    names.add(b"abc")
    names.add(b"cab")
    assert names.find(name) is None
