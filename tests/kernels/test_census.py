"""Counting different hashes and listing marked rows, against sets and a loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from targets import FORMS, fenced, intact

from kernels.terms import census

PROPERTY = settings(deadline=None)


@pytest.mark.parametrize("form", FORMS)
@PROPERTY
@given(
    hashes=st.lists(st.integers(0, 5) | st.integers(0, (1 << 64) - 1), min_size=1, max_size=20),
    data=st.data(),
)
def test_different_hashes_are_counted_once_zero_among_them(
    form: str, hashes: list[int], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(hashes) - 1), max_size=30, unique=True))
    table = fenced(1 << (2 * len(rows)).bit_length(), np.uint64)
    table[:] = 0
    found = FORMS[form](census.count_distinct)(
        np.array(hashes, np.uint64), np.array(rows, np.int32), table
    )
    assert found == len({hashes[row] for row in rows})
    assert intact(table)


@pytest.mark.parametrize("form", FORMS)
@PROPERTY
@given(st.lists(st.booleans(), max_size=40))
def test_marked_rows_are_listed_in_their_order(form: str, marks: list[bool]) -> None:
    rows = fenced(len(marks) + 1)
    count = FORMS[form](census.marked_rows)(np.array(marks, np.bool_), rows)
    assert rows[:count].tolist() == [row for row, marked in enumerate(marks) if marked]
    assert intact(rows)
