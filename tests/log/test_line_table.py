"""Lines of a batch found from few of its bytes: the same lines as by looking at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automaton.log import line_table
from automaton.log.line_table import LineCounts, LineTable

HEAD = b'{"id":"m7.'


def line(slot: int | None, length: int) -> bytes:
    """A line of ours with this slot, or of somebody else."""
    head = b'{"id":"x' if slot is None else HEAD + b"%d" % slot
    return head + b'",' + b"-" * length + b"}\n"


def table(data: bytes, cuts: Sequence[int] = ()) -> LineTable:
    """The lines of some bytes, counted in parts."""
    counts, begin = LineCounts(), 0
    for end in (*cuts, len(data)):
        counts, begin = counts.more(data[begin:end]), end
    assert (counts.lines, counts.bytes) == (data.count(b"\n"), len(data))
    return LineTable(lambda start, stop: data[start:stop], counts.by_block())


@given(
    slots=st.lists(st.none() | st.integers(0, 300), max_size=60),
    lengths=st.lists(st.integers(0, 90), min_size=60, max_size=60),
    block=st.integers(1, 200),
    few=st.integers(1, 4),
    separated=st.booleans(),
    draw=st.data(),
)
def test_every_line_and_every_id_is_found_where_it_stands(
    slots: list[int | None],
    lengths: list[int],
    block: int,
    few: int,
    draw: st.DataObject,
    *,
    separated: bool,
) -> None:
    ours = iter(sorted({slot for slot in slots if slot is not None}))
    numbers = [next(ours, None) if slot is not None else None for slot in slots]
    lines = [line(*each) for each in zip(numbers, lengths, strict=False)]
    data = b"\n" * separated + b"".join(lines)
    ends = [k + 1 for k, byte in enumerate(data) if byte == 10]
    cuts = sorted(draw.draw(st.lists(st.sampled_from(ends), max_size=3)) if ends else [])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(line_table, "BLOCK", block)
        patched.setattr(line_table, "FEW", few)
        found = table(data, cuts)
        for k, raw in enumerate(lines):
            assert found.line(k + separated) == raw[:-1]
        for slot in range(301):
            row = numbers.index(slot) if slot in numbers else None
            due = None if row is None else (row + separated, lines[row][:-1])
            assert found.find(HEAD, slot) == due


def test_a_line_among_many_is_found_from_a_hundredth_of_their_bytes() -> None:
    data = b"".join(line(slot, 150) for slot in range(100_000))
    read = []

    def reading(start: int, stop: int) -> bytes:
        read.append(min(stop, len(data)) - start)
        return data[start:stop]

    found = LineTable(reading, LineCounts().more(data).by_block())
    assert found.find(HEAD, 77_777) == (77_777, line(77_777, 150)[:-1])
    assert found.line(77_777).startswith(HEAD + b"77777")
    assert sum(read) < len(data) // 100
