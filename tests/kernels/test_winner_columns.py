"""Winner lines as columns: what is no winner's line is none, whatever its bytes are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernels import cpu
from kernels.text import winner_columns

PARTS = [
    b'{"id":"m', b".", b'","type":"modification","dimensionalLevel":', b',"parents":["', b'","',
    b'"],"stream":"', b'","salience":', b'"],"beta":', b',"beta":', b',"size":', b',"term":"',
    b'"}\n',
]  # fmt: skip
PLAIN = (
    b'{"id":"m3.4","type":"modification","dimensionalLevel":-2,"parents":["op","a\\"\\u001fb","m1.0"],'
    b'"beta":3,"size":2,"term":"\xce\xbb0"}\n'
)
STREAMED = (
    b'{"id":"m3.5","type":"modification","dimensionalLevel":0,"parents":["op","K","m2.7"],'
    b'"stream":"anchor","salience":9,"beta":0,"size":2,"term":"\xce\xbb0"}\n'
)
COMMIT = b'{"type":"commit","id":"commit:3"}\n'


def found(raw: bytes, *, plain: bool = False) -> tuple[object, ...]:
    """What the kernel finds in some bytes."""
    text = np.frombuffer(raw, np.uint8)
    part, names = (np.frombuffer(b"".join(some), np.uint8) for some in (PARTS, [b"anchor"]))
    mark = np.cumsum([0, *map(len, PARTS)], dtype=np.int64)
    ticks, spans = np.zeros(4, np.int64), np.zeros((4, winner_columns.TEXTS, 2), np.int64)
    slots, levels, salience, beta, sizes = np.zeros((5, 4), np.int32)
    streams = np.zeros(4, np.int16)
    body = winner_columns.find_winners
    run = cpu.plain(body) if plain else cpu.compiled(body)
    count, at, wrong = run(
        text, 0, len(text), part, mark, names, np.array([0, 6]), ticks, slots, levels, streams,
        salience, beta, sizes, spans,
    )  # fmt: skip
    columns = (ticks, slots, levels, streams, salience, beta, sizes)
    rows = [tuple(map(int, row)) for row in zip(*columns, strict=True)]
    return (
        (int(count), int(at), int(wrong)), rows[:count],
        [[raw[a:b] for a, b in line] for line in spans[:count].tolist()],
    )  # fmt: skip


def test_numbers_and_texts_are_those_of_the_lines() -> None:
    counts, numbers, texts = found(COMMIT + PLAIN + b"\n" + STREAMED + COMMIT)
    assert counts == (2, len(COMMIT + PLAIN + b"\n" + STREAMED + COMMIT), -1)
    assert numbers == [(3, 4, -2, -1, 0, 3, 2), (3, 5, 0, 0, 9, 0, 2)]
    assert texts == [
        [b"m3.4", b"op", b'a\\"\\u001fb', b"m1.0", b"\xce\xbb0"],
        [b"m3.5", b"op", b"K", b"m2.7", b"\xce\xbb0"],
    ]


def test_escapes_of_our_lines_are_undone() -> None:
    raw = np.frombuffer(b'a\\"\\\\\\u001f\\ud800z', np.uint8)
    spans = np.zeros((1, winner_columns.TEXTS, 2), np.int64)
    spans[0, 0] = 0, len(raw)
    out, offsets = np.zeros(len(raw), np.uint8), np.zeros(2, np.int32)
    run = cpu.compiled(winner_columns.gather)
    end = run(raw, spans, 0, np.zeros(1, np.int64), offsets, out)
    assert out[:end].tobytes() == b'a"\\\x1f\\ud800z'


def test_a_line_that_only_begins_like_a_winner_is_told_of() -> None:
    broken = PLAIN.replace(b'"size"', b'"sizes"')
    assert found(STREAMED + broken)[0] == (1, len(STREAMED), len(STREAMED))


@given(st.data())
def test_altered_and_cut_lines_are_read_within_their_bounds(data: st.DataObject) -> None:
    raw = bytearray(PLAIN + STREAMED)
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    assert found(cut) == found(cut, plain=True)
