"""Folding winners into columns, against the words of docs/format.md on a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fold_model import WHOLE, WORD, Live, Model, hash_of, place_hash
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import closed_terms
from targets import FORMS, Array, fenced, intact, joined

from automaton.terms.arrays import Words
from kernels import philox
from kernels.chemistry import fold
from kernels.terms import packed
from kernels.text.winner_lines import LABEL, SPARE

PROPERTY = settings(deadline=None)

seeds = st.integers(0, WHOLE - 1)
slot_lists = st.lists(st.integers(0, WORD - 1), max_size=12, unique=True).map(sorted)


def draws(seed: int, tick: int, slots: list[int], form: str) -> Array:
    """What `draw_words` draws."""
    words = fenced(len(slots), np.uint32)
    counter = np.uint64(seed), np.uint64(tick), np.array(slots, np.int64)
    FORMS[form](fold.draw_words)(*counter, philox.PLACE, words)
    assert intact(words)
    return words


def places_of(
    seed: int, tick: int, slots: list[int], model: Model, form: str = "compiled"
) -> tuple[list[int], int]:
    """What `find_places` finds."""
    everywhere = range(model.size)
    free = [place for place in everywhere if place not in model.live]
    held = [place for place in model.live if model.live[place].definition]
    open_ = [place for place in everywhere if place not in held]
    words, places = draws(seed, tick, slots, form), fenced(len(slots))
    used = FORMS[form](fold.find_places)(
        words, np.array(free, np.int32), np.array(open_, np.int32), places
    )
    assert intact(places)
    return places.tolist(), int(used)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A population with holes and definitions."""
    size = draw(st.integers(1, 8))
    model = Model(size)
    for place in draw(st.lists(st.integers(0, size - 1), unique=True)):
        words = tuple(draw(closed_terms(12)).tolist())
        model.live[place] = Live(words, 1, place, definition=draw(st.booleans()))
    return model


@settings(PROPERTY, max_examples=200)
@given(models(), slot_lists, seeds, st.integers(1, WHOLE - 1))
def test_each_entering_term_gets_the_place_that_the_design_says(
    model: Model, slots: list[int], seed: int, tick: int
) -> None:
    expected = []
    gone = Model(model.size, dict(model.live))
    for slot in slots:
        place = gone.place_for(seed, tick, slot)
        expected.append(place)
        if place >= 0:
            gone.live[place] = Live((), tick, slot)
    used = min(len(slots), model.size - len(model.live))
    for form in FORMS:
        assert places_of(seed, tick, slots, model, form) == (expected, used)


@PROPERTY
@given(st.lists(st.booleans(), max_size=12), seeds, st.integers(1, WHOLE - 1), st.data())
def test_only_winners_draw_and_as_they_would_among_all_slots(
    won: list[bool], seed: int, tick: int, data: st.DataObject
) -> None:
    low = data.draw(st.integers(0, len(won)))
    high = data.draw(st.integers(low, len(won)))
    for form in FORMS:
        expected = draws(seed, tick, list(range(len(won))), form)
        words, flags = fenced(len(won), np.uint32), np.array(won, np.uint8)
        untouched = words.copy()
        counter = np.uint64(seed), np.uint64(tick)
        FORMS[form](fold.draw_won)(*counter, low, high, flags, philox.PLACE, words)
        assert intact(words)
        for slot, wins in enumerate(won):
            drew = wins and low <= slot < high
            assert words[slot] == (expected if drew else untouched)[slot]


@PROPERTY
@given(st.lists(st.integers(-1, 6), max_size=20))
def test_of_each_place_only_the_last_entry_survives(places: list[int]) -> None:
    expected = [i for i, place in enumerate(places) if place >= 0 and place not in places[i + 1 :]]
    for form in FORMS.values():
        last, survivors = fenced(7), fenced(len(places))
        last[:] = -1
        count = form(fold.last_of_each)(np.array(places, np.int32), last, survivors)
        assert survivors[:count].tolist() == expected
        assert last.tolist() == [-1] * 7
        assert intact(last, survivors)


#: The columns that `fold.enter` writes, in its order.
KINDS: dict[str, type[np.generic]] = {
    "start": np.int64, "size": np.int32, "born_tick": np.int64, "born_slot": np.int32,
    "level": np.int32, "kind": np.int16, "steps": np.int32, "hashes": np.uint64,
    "live": np.bool_, "normal": np.bool_, "value": np.int32,
}  # fmt: skip


@dataclass
class Columns:
    """The columns of a population in arrays of exact length, the terms behind a gap."""

    code: Array
    column: dict[str, Array]
    end: int
    labels: Array

    @classmethod
    def of(cls, model: Model, more: int) -> Columns:
        """The model in columns, with room for `more` words."""
        used = 3 + sum(len(new.words) for new in model.live.values())
        columns = cls(fenced(used + more), {}, 3, fenced(model.size * LABEL, np.uint8))
        for name, kind in KINDS.items():
            columns.column[name] = fenced(model.size, kind)
            columns.column[name][:] = 0
        for place, new in sorted(model.live.items(), reverse=True):
            columns.put(place, new)
        return columns

    def put(self, place: int, new: Live) -> None:
        self.code[self.end : self.end + len(new.words)] = new.words
        facts: dict[str, Any] = {
            "start": self.end, "size": len(new.words), "born_tick": new.tick,
            "born_slot": new.slot, "level": new.level, "kind": new.kind, "steps": new.steps,
            "hashes": np.uint64(hash_of(new.words)), "live": True,
        }  # fmt: skip
        for name, value in facts.items():
            self.column[name][place] = value
        self.end += len(new.words)

    def label(self, place: int) -> bytes:
        """The id that stands beside a row."""
        row = self.labels[place * LABEL :][:LABEL]
        return bytes(row[: row[-1]])

    def as_model(self, definitions: dict[int, bool]) -> dict[int, Live]:
        """What the columns say, place by place."""
        found = {}
        for place in np.flatnonzero(self.column["live"]).tolist():
            facts = {name: column[place].item() for name, column in self.column.items()}
            words = tuple(self.code[facts["start"] :][: facts["size"]].tolist())
            assert facts["hashes"] == hash_of(words)
            found[place] = Live(
                words, facts["born_tick"], facts["born_slot"], facts["level"], facts["kind"],
                facts["steps"], definitions.get(place, False),
            )  # fmt: skip
        return found


def entered(
    model: Model, seed: int, entering: list[Live], order: list[int], form: str
) -> tuple[Columns, int]:
    """The columns after `enter`, and the sum; the sources stand in another order than the slots."""
    slots = [new.slot for new in entering]
    places, _ = places_of(seed, entering[0].tick, slots, model)
    last, survivors = np.full(model.size, -1, np.int32), fenced(len(slots))
    count = FORMS[form](fold.last_of_each)(np.array(places, np.int32), last, survivors)
    stored = [np.array(entering[i].words, np.int32) for i in order]
    source, starts, sizes = joined(stored)
    index = np.argsort(order).astype(np.int64)
    room = sum(len(entering[i].words) for i in survivors[:count])
    columns = Columns.of(model, room)
    steps = np.array([entering[i].steps for i in order], np.int32)
    first = entering[0]
    letters = f"xm{first.tick}.".encode()
    end, total = FORMS[form](fold.enter)(
        survivors[:count], np.array(places, np.int32), np.array(slots, np.int64), index,
        np.int64(first.tick), source, starts, sizes, steps, np.int32(first.level),
        np.int16(first.kind), np.int64(columns.end), np.uint64(model.total()),
        np.frombuffer(letters + bytes(SPARE), np.uint8), np.array([0, len(letters)]),
        columns.code, *columns.column.values(), columns.labels,
    )  # fmt: skip
    assert end == len(columns.code)
    assert intact(columns.code, survivors, *columns.column.values(), columns.labels)
    return columns, int(total)


@settings(PROPERTY, max_examples=200)
@given(
    models(), seeds, slot_lists.filter(bool), st.data(), st.integers(1, 1 << 50),
    st.integers(-(1 << 31), WORD // 2 - 1), st.integers(0, (1 << 15) - 1),
)  # fmt: skip
def test_winners_enter_as_they_do_in_the_dictionary(
    model: Model, seed: int, slots: list[int], data: st.DataObject, tick: int, level: int, kind: int
) -> None:
    slots = sorted({slot % (WORD // 2) for slot in slots})
    steps = st.integers(0, WORD // 2 - 1)
    entering = [
        Live(tuple(data.draw(closed_terms(12)).tolist()), tick, slot, level, kind, data.draw(steps))
        for slot in slots
    ]
    order = data.draw(st.permutations(range(len(slots))))
    after = Model(model.size, dict(model.live))
    changed = after.enter(seed, entering)
    definitions = {place: new.definition for place, new in after.live.items()}
    for form in FORMS:
        columns, total = entered(model, seed, entering, order, form)
        assert columns.as_model(definitions) == after.live
        assert total == after.total()
        assert set(np.flatnonzero(columns.column["normal"]).tolist()) == changed
        for place in changed:
            assert columns.label(place) == f"xm{tick}.{after.live[place].slot}".encode()


@PROPERTY
@given(models(), st.data())
def test_moving_the_terms_together_keeps_every_live_one(model: Model, data: st.DataObject) -> None:
    before = Columns.of(model, 0)
    gone = data.draw(st.sets(st.sampled_from(sorted(model.live)))) if model.live else set()
    for place in gone:
        before.column["live"][place] = False
        del model.live[place]
    definitions = {place: new.definition for place, new in model.live.items()}
    used = sum(len(new.words) for new in model.live.values())
    for form in FORMS.values():
        new, column = fenced(used), dict(before.column)
        column["start"] = fenced(model.size, np.int64)
        column["start"][:] = before.column["start"]
        end = form(fold.compact)(before.code, new, column["start"], column["size"], column["live"])
        assert end == used
        assert intact(new, *column.values())
        assert Columns(new, column, used, before.labels).as_model(definitions) == model.live


@PROPERTY
@given(closed_terms(), closed_terms(), st.integers(0, WORD // 2 - 1), st.integers(0, 9))
def test_both_forms_of_the_hashes_are_those_of_the_integers(
    term: Words, other: Words, place: int, gap: int
) -> None:
    shifted = np.concatenate([other[:gap], term])
    expected = hash_of(term.tolist())
    for form in FORMS.values():
        found = form(packed.term_hash)(shifted, len(shifted) - len(term), len(term))
        assert int(found) == expected
        assert int(form(packed.place_hash)(place, np.uint64(found))) == place_hash(place, expected)


@pytest.mark.parametrize("form", FORMS)
def test_where_every_place_holds_a_definition_nothing_enters(form: str) -> None:
    model = Model(3, {place: Live((1, 0), 0, place, definition=True) for place in range(3)})
    assert places_of(5, 1, [0, 1, 2], model, form) == ([-1, -1, -1], 0)
