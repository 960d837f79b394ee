"""Winner lines: written as the format says, read back, and read from anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reductions import bytes_of
from strategies import closed_terms
from targets import FORMS, Array, Body, fenced, intact, joined

from automaton.backends.batch import WinnerTemplate
from automaton.chemistry.batch_replay import parts
from automaton.population import IdTable
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term
from automaton.terms.packed import apply, lam, var
from kernels.text import winner_lines

PROPERTY = settings(deadline=None)


class Winners(NamedTuple):
    """A tick's batch and the population that it was drawn from."""

    prefix: str
    tick: int
    level: int
    born: list[tuple[int, int]]  # by place: tick and slot, or 0 and the number of a name
    names: list[str]
    slots: list[tuple[bool, int, int, int, int, Words]]  # won, operator, a, b, steps, normal form


names_of = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@st.composite
def batches(draw: st.DrawFn) -> Winners:
    names = draw(st.lists(names_of, min_size=1, max_size=4, unique=True))
    ticks = st.tuples(st.integers(1, 1 << 50), st.integers(0, (1 << 31) - 1))
    numbers = st.tuples(st.just(0), st.integers(0, len(names) - 1))
    born = draw(st.lists(ticks | numbers, min_size=1, max_size=5))
    place = st.integers(0, len(born) - 1)
    steps = st.integers(0, (1 << 31) - 1)
    slots = draw(
        st.lists(st.tuples(st.booleans(), place, place, place, steps, closed_terms()), max_size=5)
    )
    prefix = draw(st.sampled_from(["", "a", "zz"]))
    level = draw(st.integers(-(1 << 31), (1 << 31) - 1))
    return Winners(prefix, draw(st.integers(1, 1 << 50)), level, born, names, slots)


def escaped(name: str) -> str:
    """A name as it stands between the quotes of a line (docs/format.md)."""
    return "".join(
        "\\" + c if c in '"\\' else f"\\u{ord(c):04x}" if ord(c) < 32 else c for c in name
    )


def ids_of(w: Winners) -> list[str]:
    """By place, the id as it stands in a line."""
    return [
        f"{w.prefix}m{tick}.{slot}" if tick else escaped(w.names[slot]) for tick, slot in w.born
    ]


def expected_lines(w: Winners) -> list[bytes]:
    """The lines of those that won, as docs/format.md has them."""
    ids = ids_of(w)
    return [
        f'{{"id":"{w.prefix}m{w.tick}.{slot}","type":"modification","dimensionalLevel":{w.level},'
        f'"parents":["{ids[op]}","{ids[a]}","{ids[b]}"],"beta":{steps},"size":{len(term)},'
        f'"term":"{format_term(term)}"}}\n'.encode()
        for slot, (won, op, a, b, steps, term) in enumerate(w.slots)
        if won
    ]


def labels_of(w: Winners) -> Array:
    """By place, the id and its length where it is short enough to stand beside its row."""
    labels = fenced((len(w.born) + 1) * winner_lines.LABEL, np.uint8)
    for place, text in enumerate(name.encode() for name in ids_of(w)):
        row = labels[place * winner_lines.LABEL :][: winner_lines.LABEL]
        if len(text) < winner_lines.LABEL:
            row[: len(text)] = bytes_of(text)
        row[-1] = len(text) if len(text) < winner_lines.LABEL else 0
    return labels


def written(
    w: Winners, form: str = "compiled", low: int = 0, high: int | None = None,
    first: Sequence[int] = (), copies: Sequence[int] = (),
) -> bytes:  # fmt: skip
    """What `write_winners` writes for slots low..high-1, into a buffer of exactly that size."""
    names = IdTable()
    for name in w.names:
        names.add(escaped(name).encode())
    high = len(w.slots) if high is None else high
    won, op, a, b, steps, terms = (list(column) for column in zip(*w.slots, strict=True))
    code, starts, sizes = joined(terms)
    labels, slots = labels_of(w), np.array([slot for _, slot in w.born], np.int32)
    fragments = WinnerTemplate.of(w.prefix, w.tick, w.level)
    room = len(b"".join(expected_lines(w))) + 2 * winner_lines.SPARE + 21 * len(copies)
    buffer, stack = fenced(room, np.uint8), fenced(max(len(term) for term in terms))
    size = FORMS[form](winner_lines.write_winners)(
        low, high, np.array(won, np.uint8), fragments.text, fragments.mark,
        labels, slots, names.text(), names.starts(),
        np.array(steps, np.int32), sizes, np.zeros(len(sizes), np.int32),
        np.array(a, np.int32), np.array(b, np.int32), np.array(op, np.int32), starts,
        code, np.array(copies, np.int32), buffer, stack,
        np.array(first, np.int32), 1, *(fenced(len(first), np.int64) for _ in range(3)),
    )  # fmt: skip
    assert intact(buffer, stack, labels)
    return bytes(buffer[:size])


class Lines(NamedTuple):
    """What `read_winners` finds."""

    lines: int
    at: int  # the position behind the last line
    facts: dict[str, list[int]]  # columns by line
    ids: list[list[bytes]]
    terms: list[list[int]]


def read_back(
    text: bytes,
    prefix: str,
    tick: int,
    form: str = "compiled",
    count: int = 9,
    max_size: int = 99,
    room: int = 999,
    known: int = 0,
) -> Lines:
    """What `read_winners` finds, in arrays of exactly the lengths that it states."""
    body: Body = FORMS[form](winner_lines.read_winners)
    constant, mark = parts(prefix, tick)
    kinds: dict[str, Any] = {
        "slots": np.int64, "steps": np.int32, "sizes": np.int32,
        "salience": np.int32, "starts": np.int64,
        "levels": np.int32, "copied": np.int32,
    }  # fmt: skip
    columns = {name: fenced(count, kind) for name, kind in kinds.items()}
    ids, words = fenced(count * 6, np.int64), fenced(room)
    stack, buffer = fenced(4 * max_size + 8), fenced(len(text), np.uint8)
    buffer[:] = bytes_of(text)
    found, at, used = body(
        buffer, 0, len(text), constant, mark, max_size,
        *columns.values(), ids.reshape(count, 3, 2), words, stack,
        np.full((known, 2), -1, np.int64),
    )  # fmt: skip
    assert intact(*columns.values(), ids, words, stack, buffer)
    facts = {name: column[:found].tolist() for name, column in columns.items()}
    ends = ids.reshape(count, 3, 2)[:found].tolist()
    sizes = zip(facts["starts"], facts["sizes"], strict=True)
    assert used <= sum(facts["sizes"]) if known else used == sum(facts["sizes"])
    ids_found = [[text[begin:end] for begin, end in three] for three in ends]
    terms = [words[begin : begin + size].tolist() for begin, size in sizes]
    return Lines(int(found), int(at), facts, ids_found, terms)


def kinds_of(w: Winners) -> list[int]:
    """By slot: the first slot with the same steps and term."""
    results = [(steps, term.tobytes()) for *_, steps, term in w.slots]
    return [results.index(result) for result in results]


@settings(PROPERTY, max_examples=150)
@given(batches())
def test_winner_lines_have_the_bytes_of_the_format(w: Winners) -> None:
    if w.slots:
        for form in FORMS:
            assert written(w, form) == b"".join(expected_lines(w))
            assert written(w, form, first=kinds_of(w)) == b"".join(expected_lines(w))
        middle = len(w.slots) // 2
        assert written(w, high=middle) + written(w, low=middle) == written(w)
        for line in expected_lines(w):
            assert json.loads(line)["dimensionalLevel"] == w.level


@PROPERTY
@given(batches(), st.data())
def test_a_winner_of_several_places_says_how_many_and_is_read_back(
    w: Winners, data: st.DataObject
) -> None:
    if not w.slots:
        return
    number = st.one_of(st.integers(1, 120), st.just(winner_lines.LARGEST))
    copies = data.draw(st.lists(number, min_size=len(w.slots), max_size=len(w.slots)))
    won = [count for count, row in zip(copies, w.slots, strict=True) if row[0]]
    lines = [
        line if count == 1 else line[:-2] + b',"copies":%d}\n' % count
        for line, count in zip(expected_lines(w), won, strict=True)
    ]
    for form in FORMS:
        assert written(w, form, copies=copies) == b"".join(lines)
        assert read_back(b"".join(lines), w.prefix, w.tick, form).facts["copied"] == won
    alike = [copies[kind] for kind in kinds_of(w)]
    again = written(w, first=kinds_of(w), copies=alike)
    assert again == written(w, copies=alike)


@settings(PROPERTY, max_examples=150)
@given(batches(), st.sampled_from([b"", b'{"id":"x"}\n', b"{", b"\n"]))
def test_winner_lines_are_read_back_as_they_were_written(w: Winners, behind: bytes) -> None:
    text = b"".join(expected_lines(w))
    ids = [name.encode() for name in ids_of(w)]
    won = [(slot, row) for slot, row in enumerate(w.slots) if row[0]]
    for form in FORMS:
        found = read_back(text + behind, w.prefix, w.tick, form)
        assert (found.lines, found.at) == (len(won), len(text))
        assert found.facts["slots"] == [slot for slot, _ in won]
        assert found.facts["levels"] == [w.level] * found.lines
        assert found.facts["steps"] == [row[4] for _, row in won]
        assert found.ids == [[ids[row[1]], ids[row[2]], ids[row[3]]] for _, row in won]
        assert found.terms == [row[5].tolist() for _, row in won]
        for known in (1, 16):  # cells in which texts that were read are looked for
            again = read_back(text * 2 + behind, w.prefix, w.tick, form, count=18, known=known)
            assert (again.lines, again.at) == (2 * len(won), 2 * len(text))
            assert (again.terms, again.ids) == (found.terms * 2, found.ids * 2)


@PROPERTY
@given(batches(), st.data())
def test_reading_stops_before_the_line_that_was_damaged(w: Winners, data: st.DataObject) -> None:
    rows = expected_lines(w)
    text = b"".join(rows)
    if not rows:
        return
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b"9" * 12, b"("]))
    damaged = text[:at] + byte + text[at + 1 :]
    found = read_back(damaged, w.prefix, w.tick, "python")
    assert read_back(damaged, w.prefix, w.tick) == found
    shared = read_back(text + damaged, w.prefix, w.tick, count=18, known=16)
    assert shared.at == len(text) + found.at
    assert shared.terms[len(shared.terms) - found.lines :] == found.terms
    whole = sum(len(b"".join(rows[: k + 1])) <= at for k in range(len(rows)))
    assert found.lines >= whole
    before = read_back(text, w.prefix, w.tick)
    assert before.ids[:whole] == found.ids[:whole]
    assert before.terms[:whole] == found.terms[:whole]
    for name, column in before.facts.items():
        assert found.facts[name][:whole] == column[:whole]


@PROPERTY
@given(batches(), st.binary(max_size=30))
def test_reading_a_cut_line_stays_within_bounds(w: Winners, behind: bytes) -> None:
    text = b"".join(expected_lines(w))
    for stop in range(0, len(text), 3):
        found = read_back(text[:stop], w.prefix, w.tick)
        assert found[1] <= stop
        assert found == read_back(text[:stop] + behind[:1].replace(b"\n", b""), w.prefix, w.tick)
    for stop in range(0, len(text), 7):
        cut = text[:stop] + b"\\"
        assert read_back(cut, w.prefix, w.tick, "python") == read_back(cut, w.prefix, w.tick)
    for stop in range(0, len(text), 29):
        cut = text[:stop] + behind
        assert read_back(cut, w.prefix, w.tick, "python") == read_back(cut, w.prefix, w.tick)


def test_no_more_lines_are_read_than_there_are_rows_for_and_no_larger_terms() -> None:
    term = lam(apply(var(0), var(0)))
    w = Winners("", 3, 0, [(0, 0)], ["a"], [(True, 0, 0, 0, 5, term)] * 4)
    text = written(w)
    assert read_back(text, "", 3, count=2)[0] == 2
    assert read_back(text, "", 3, room=11).lines == 2
    assert read_back(text, "", 3, room=12).lines == 3
    assert read_back(text, "", 3, max_size=4)[0] == 4
    assert read_back(text, "", 3, max_size=3)[:2] == (0, 0)
    assert read_back(text, "", 4)[0] == 0
    assert read_back(text, "a", 3)[0] == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"beta":5', b'"beta":4294967301'),
        (b'"beta":5', b'"beta":05'),
        (b'"beta":5', b'"beta":-5'),
        (b'Level":0', b'Level":-0'),
        (b'Level":0', b'Level":2147483648'),
        (b'Level":0', b'Level":-2147483649'),
        (b'"size":4', b'"size":5'),
        (b"m3.0", b"m3.2147483648"),
        ("λ0 0".encode(), "λ0 1".encode()),
    ],
)
def test_a_line_that_we_would_not_write_is_not_read(form: str, old: bytes, new: bytes) -> None:
    term = lam(apply(var(0), var(0)))
    w = Winners("", 3, 0, [(0, 0)], ["a"], [(True, 0, 0, 0, 5, term)])
    text = written(w)
    assert read_back(text, "", 3, form)[0] == 1
    assert read_back(text.replace(old, new), "", 3, form)[0] == 0


@PROPERTY
@given(
    st.sampled_from(["m", "am", "zzm"]), st.integers(1, 1 << 50), st.integers(0, (1 << 31) - 1),
    st.integers(0, 2),
)  # fmt: skip
def test_a_label_holds_the_id_and_its_length(letters: str, tick: int, slot: int, row: int) -> None:
    begin = f"{letters}{tick}.".encode()
    expected = begin + b"%d" % slot
    text = bytes_of(begin + bytes(winner_lines.SPARE))
    for form in FORMS.values():
        labels = fenced(3 * winner_lines.LABEL, np.uint8)
        untouched = bytes(labels[: winner_lines.LABEL])
        form(winner_lines.put_label)(labels, row, text, np.array([0, len(begin)]), slot)
        assert intact(labels)
        for other in range(3):
            label = bytes(labels[other * winner_lines.LABEL :][: winner_lines.LABEL])
            if other == row:
                assert (label[-1], label[: label[-1]]) == (len(expected), expected)
            else:
                assert label == untouched
