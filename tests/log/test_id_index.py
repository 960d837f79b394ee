from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from automaton.errors import FileError
from automaton.format.objects import MAX_LINE_BYTES
from automaton.log import id_index as module
from automaton.log.id_index import BLANK, DIRECTIVE, MALFORMED, NAMELESS, IdIndex
from kernels import cpu
from kernels.text import id_scan

#: What the obvious loop reads with; it has no wheel for free-threaded Python.
orjson = pytest.importorskip("orjson")
ALL_BITS = 0xFFFF_FFFF_FFFF_FFFF
KINDS = (BLANK, DIRECTIVE, MALFORMED, NAMELESS)
REAL_LOGS = (
    "add-r5rs-integration-edges.jsonl",
    "automaton-eight-actions.jsonl",
    "automaton-kernel.jsonl",
    "automaton-kernel.seed.jsonl",
    "automaton.fast.canvasl",
    "automaton.jsonl",
    "generate.metaverse.jsonl",
    "r5rs-functions-trie.jsonl",
)


@contextmanager
def lent(data: bytes) -> Iterator[int]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.fileno()


def raw_lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def kind_or_id(raw: bytes) -> int | str:
    """What the obvious loop says of a line: its id, else its kind."""
    body = raw.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    if not body:
        return BLANK
    if body.startswith(b"@"):
        return DIRECTIVE
    try:
        value = orjson.loads(body)
    except ValueError:
        return MALFORMED
    if not isinstance(value, dict):
        return MALFORMED
    identity = value.get("id")
    return identity if isinstance(identity, str) else NAMELESS


def loop(data: bytes) -> dict[str, Any]:
    """The index by the obvious loop."""
    lines: dict[str, list[int]] = {}
    kinds: dict[int, list[int]] = {kind: [] for kind in KINDS}
    for number, raw in enumerate(raw_lines(data), 1):
        said = kind_or_id(raw)
        (kinds[said] if isinstance(said, int) else lines.setdefault(said, [])).append(number)
    first = sorted([found[0] for found in lines.values()] + kinds[NAMELESS])
    return {"lines": lines, "kinds": kinds, "first": first}


def answers(index: IdIndex, identities: list[str]) -> dict[str, Any]:
    assert index.ids == len(identities)
    for identity in identities:
        assert index.last_line(identity) == index.lines_of(identity)[-1]
    return {
        "lines": {identity: index.lines_of(identity) for identity in identities},
        "kinds": {kind: index.lines_without_id(kind).tolist() for kind in KINDS},
        "first": index.first_lines().tolist(),
    }


def agree(data: bytes, **options: int) -> None:
    expected = loop(data)
    with lent(data) as fd:
        index = IdIndex.build(fd, **options)
        assert answers(index, list(expected["lines"])) == expected
        starts = [0]
        for raw in raw_lines(data):
            starts.append(starts[-1] + len(raw) + 1)
        assert index.line_count == len(starts) - 1
        assert [index.offset(n) for n in range(1, len(starts))] == starts[:-1]


def escaped(text: str) -> str:
    return '"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"'


IDS = st.sampled_from(
    ["", "a", "b", "id", "λ", 'a"b', "a\\", "a\tb", "{", "sevens7", "eights88", "m12.3"]
    + ["n" * size for size in (15, 16, 17, 63, 64, 65, 200)]
)
SPELLED_ID = IDS.flatmap(
    lambda text: st.sampled_from(
        [json.dumps(text), json.dumps(text, ensure_ascii=False), escaped(text)]
    )
)
ID_KEY = st.sampled_from(['"id"', '"id"', '"\\u0069d"', '"i\\u0064"', '"\\u0069\\u0064"'])
ID_VALUE = st.one_of(SPELLED_ID, SPELLED_ID, st.sampled_from(["1", "null", '["id"]', "{}"]))
OTHER = st.sampled_from(
    [
        '"type":"text"', '"text":"say \\"id\\": \\"x\\""', '"k":"id"', '"di":"edge"',
        '"o":{"id":"inner"}', '"o":[{"\\u0069d":"inner"}]', '"identity":"a"', '"grid":1',
        '"text":"λf.λx.x \\u03bb\\\\u0069"', '"t":"\\u0063\\u00676"', '"s":"' + "pad " * 40 + '"',
        '"x":9007199254740993', '"é":[1,{"a":[]}]', '"q":"}"',
    ]
)  # fmt: skip


@st.composite
def objects(draw: st.DrawFn) -> str:
    members = draw(st.lists(OTHER, max_size=3))
    for place in draw(st.lists(st.integers(0, 3), max_size=2)):
        colon = draw(st.sampled_from([":", ": ", " : "]))
        members.insert(place, draw(ID_KEY) + colon + draw(ID_VALUE))
    before, after = draw(st.sampled_from([("", ""), ("", ""), (" ", ""), ("", "  "), ("\t", "\t")]))
    comma = draw(st.sampled_from([",", ", "]))
    return before + "{" + comma.join(members) + "}" + after


MALFORMED_LINES = st.sampled_from(
    ['{"id":"a"', '{"id":"a', '{"id":"', '{"id":', "{", "}", "[1]", '"id"', "nan", "3",
     '{"id":"a"x}', '{"id":"a","b":1', '{"id" "a"}', '{"type":"x","id":"a",}', '{"o":{"id":"a"}']
)  # fmt: skip
OTHER_LINES = st.sampled_from(["", " ", "\t", "@version: 1", '@title: "a: b"', "@x", "@ :"])
LINES = st.one_of(objects(), objects(), objects(), MALFORMED_LINES, OTHER_LINES).filter(
    lambda line: line not in {"@x", "@ :"}
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(LINES, max_size=12))
    ending = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = draw(st.sampled_from(["", "\ufeff"])) + ending.join(lines)
    return (text + draw(st.sampled_from(["", ending]))).encode()


PLAIN_FILES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "n" * 9]), st.integers(0, 140)), max_size=9
).map(lambda rows: "".join(f'{{"id":"{i}","t":"{"." * n}"}}\n' for i, n in rows).encode())


@given(
    files(), st.sampled_from([ALL_BITS, 0x8000_0000_0000_0001, 0]), st.sampled_from([1, 64, 4096])
)
@example(b'\xef\xbb\xbf{"id":"a"}\n{"id":"a"}', 0, 1)
@example(b'{"id":"a\n"}\n', 0, 1)
@example(b'{"id":"a","x":"' + b"\\" * 130 + b'"}\n', 0, 64)
def test_the_index_is_what_a_loop_of_a_parser_over_the_lines_says(
    data: bytes, hash_mask: int, buffer_bytes: int
) -> None:
    agree(data, hash_mask=hash_mask, buffer_bytes=buffer_bytes)


@given(PLAIN_FILES, st.integers(1, 300))
def test_lines_across_the_buffers_edge_are_read_whole(data: bytes, buffer_bytes: int) -> None:
    agree(data, buffer_bytes=buffer_bytes)


@given(st.binary(max_size=300).map(lambda noise: noise.replace(b"\0", b'{"id":"a"}\n')))
def test_any_bytes_are_indexed_and_every_line_is_counted(data: bytes) -> None:
    with lent(data) as fd:
        index = IdIndex.build(fd, buffer_bytes=16)
    assert index.line_count == len(raw_lines(data))


@pytest.mark.parametrize("at", range(58, 70))
def test_a_second_id_is_seen_wherever_it_stands_in_a_block(at: int) -> None:
    first = '{"id":"a","t":"'
    for second in ('"id":"b"', '"\\u0069d":"b"', '"i\\u0064":"b"'):
        agree(f'{first}{"." * (at - len(first))}",{second}}}\n{{"id":"c"}}\n'.encode())


def test_versions_stay_reachable_while_the_tables_grow() -> None:
    data = b"".join(b'{"id":"n%d","x":%d}\n' % (n * 7 % 3000, n) for n in range(9000))
    agree(data, buffer_bytes=5000)


@pytest.mark.parametrize("hash_mask", [0, 3, 0xC000_0000_0000_0000, 0xFFFF_FFFF_0000_0000])
def test_ids_of_equal_hash_do_not_merge(hash_mask: int) -> None:
    plain = b"".join(b'{"id":"n%d"}\n' % (n % 150) for n in range(400))
    odd = b"".join(b'{"t":1,"id":"n%d"}\n' % (n % 200) for n in range(250))
    agree(plain + odd + plain, hash_mask=hash_mask)


def test_hashes_of_different_ids_differ() -> None:
    hash_of = IdIndex(-1)._hash
    assert len({hash_of(b"node-%d" % n) for n in range(3000)}) == 3000
    assert len({hash_of(b"a" * n) for n in range(40)}) == 40


def test_a_malformed_line_that_begins_like_an_object_stays_under_its_id() -> None:
    with lent(b'{"id":"a"}\n{"id":"a","x":nan}\n{"id":"b",}\n') as fd:
        index = IdIndex.build(fd)
        assert index.lines_of("a") == [1, 2]
        assert index.lines_of("b") == [3]
        assert index.lines_without_id(MALFORMED).tolist() == []


def test_an_id_with_a_lone_surrogate_is_found() -> None:
    with lent(b'{"id":"\\ud800"}\n{"id":"a"}\n{"id":"\\uD800"}') as fd:
        assert IdIndex.build(fd).lines_of("\ud800") == [1, 3]


def test_an_id_that_is_not_there_has_no_lines() -> None:
    with lent(b'{"id":"a"}\n') as fd:
        index = IdIndex.build(fd)
        assert (index.lines_of("b"), index.last_line("b"), index.lines_of("")) == ([], None, [])


def test_an_empty_file_has_no_lines() -> None:
    agree(b"")


def test_only_the_bytes_of_the_range_are_indexed() -> None:
    data = b'{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n'
    with lent(data) as fd:
        index = IdIndex.build(fd, 11, 21)
        assert (index.ids, index.line_count, index.lines_of("b")) == (1, 1, [1])
        index.extend(22)
        assert (index.ids, index.lines_of("c"), index.offset(2)) == (2, [2], 22)


def test_a_file_that_is_shorter_than_said_is_an_error() -> None:
    with lent(b'{"id":"a"}\n') as fd, pytest.raises(FileError, match="ends at byte 11, 20 bytes"):
        IdIndex.build(fd, 0, 20)


# Lines that are added one by one.


def test_an_added_line_is_the_last_version_of_its_id() -> None:
    data = b'{"id":"a"}\n{"t":1,"id":"b"}\n{"x":1}\n'
    later = b'{"id":"a","n":1}\n{"id":"b"}\n{"id":"c"}\n{"id":"a","n":2}\n'
    with lent(data + later) as fd:
        index = IdIndex.build(fd, 0, len(data))
        starts = [len(data), len(data) + 17, len(data) + 28, len(data) + 39]
        for identity, line, start in zip("abca", (10, 11, 20, 30), starts, strict=True):
            index.add(identity, line, start)
        assert [index.lines_of(i) for i in "abcd"] == [[1, 10, 30], [2, 11], [20], []]
        assert index.first_lines().tolist() == [1, 2, 3, 20]
        assert [index.offset(n) for n in (1, 2, 3, 10, 30)] == [0, 11, 28, starts[0], starts[3]]
        assert (index.ids, index.line_count) == (3, 3)


def test_many_lines_can_be_added() -> None:
    rows = [b'{"id":"n%d"}\n' % (n % 900) for n in range(1500)]
    with lent(b"".join(rows)) as fd:
        index = IdIndex(fd)
        at = 0
        for number, row in enumerate(rows, 1):
            index.add(f"n{(number - 1) % 900}", number, at)
            at += len(row)
        assert index.ids == 900
        assert index.lines_of("n0") == [1, 901]
        assert index.first_lines().tolist() == list(range(1, 901))


def test_lines_are_added_in_order_and_after_all_ranges() -> None:
    with lent(b'{"id":"a"}\n{"id":"b"}\n') as fd:
        index = IdIndex.build(fd, 0, 11)
        with pytest.raises(ValueError, match="line 1 is not later"):
            index.add("b", 1, 11)
        index.add("b", 2, 11)
        with pytest.raises(ValueError, match="line 2 is not later"):
            index.add("b", 2, 11)
        with pytest.raises(ValueError, match="before single lines"):
            index.extend(11)
        with pytest.raises(IndexError, match="line 3 is not in the index"):
            index.offset(3)


# Limits.


@pytest.mark.parametrize("buffer_bytes", [1, 64, 4096])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_a_line_of_the_longest_length_is_read_and_a_longer_one_is_named(
    buffer_bytes: int, ending: bytes
) -> None:
    longest = b'{"id":"a","t":"' + b"." * 283 + b'"}'
    options = {"max_line_bytes": len(longest), "buffer_bytes": buffer_bytes}
    with lent(b"\n\n" + longest + ending) as fd:
        assert IdIndex.build(fd, **options).lines_of("a") == [3]
    with (
        lent(b"\n\n" + longest[:-2] + b'."}' + ending) as fd,
        pytest.raises(FileError, match="line 3, at byte 2, is longer than 300 bytes"),
    ):
        IdIndex.build(fd, **options)


def test_the_longest_line_of_the_format_is_read() -> None:
    line = b'{"id":"a","t":"' + b"." * (MAX_LINE_BYTES - 17) + b'"}'
    with lent(b'{"id":"b"}\n' + line + b'\n{"id":"c"}\n') as fd:
        assert IdIndex.build(fd).first_lines().tolist() == [1, 2, 3]
    with lent(line + b" ") as fd, pytest.raises(FileError, match="line 1, at byte 0"):
        IdIndex.build(fd)


def test_more_lines_than_a_link_can_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_scan, "MAX_ROWS", module.FIRST_ROWS)
    with lent(b"\n" * (module.FIRST_ROWS + 1)) as fd, pytest.raises(FileError, match="more than"):
        IdIndex.build(fd)


@pytest.mark.parametrize("count", [2048, 3000, 6145, 12289, 24577])
def test_an_object_costs_at_most_64_bytes_even_while_the_table_grows(count: int) -> None:
    with lent(b"".join(b'{"id":"%d"}\n' % n for n in range(count))) as fd:
        index = IdIndex.build(fd)
    while_growing = index.nbytes + index._slots.nbytes // 2
    assert while_growing <= 64 * count


# The body.


@given(PLAIN_FILES, st.integers(0, 60))
def test_the_compiled_body_is_the_plain_body(data: bytes, cut: int) -> None:
    with np.errstate(over="ignore"):
        plain = run_body(id_scan.index_lines, data, len(data) - min(cut, len(data)))
    compiled = run_body(cpu.compiled(id_scan.index_lines), data, len(data) - min(cut, len(data)))
    assert plain == compiled


def run_body(body: Any, data: bytes, stop: int) -> list[Any]:
    buffer = np.frombuffer(bytearray(data + bytes(id_scan.PADDING)), np.uint8)
    mapped = np.frombuffer(data + b"\0", np.uint8)
    tables = [np.zeros(8, kind) for kind in (np.int64, np.uint32, np.uint32, np.uint64)]
    state = body(buffer, 0, stop, 0, 150, np.uint64(ALL_BITS), mapped, 0, 0, *tables)
    wider = np.zeros(16, np.uint64)
    move = id_scan.move_slots if body is id_scan.index_lines else cpu.compiled(id_scan.move_slots)
    move(tables[3], wider)
    return [[int(n) for n in state], *(table.tolist() for table in (*tables, wider))]


# Real logs.


@pytest.mark.shared_data
@pytest.mark.parametrize("name", REAL_LOGS)
def test_a_real_log_is_indexed_as_a_parser_reads_it(shared_data: Path, name: str) -> None:
    agree((shared_data / name).read_bytes(), buffer_bytes=10_000)


@pytest.mark.shared_data
def test_the_broken_line_of_a_real_log_stays_under_its_id(shared_data: Path) -> None:
    data = (shared_data / "automaton.canvas.space.jsonl").read_bytes()
    expected = loop(data)
    assert expected["kinds"][MALFORMED] == [32]
    with lent(data) as fd:
        index = IdIndex.build(fd)
        assert index.ids == len(expected["lines"]) + 1
        assert index.first_lines().tolist() == sorted([*expected["first"], 32])


@pytest.mark.shared_data
def test_later_versions_in_real_logs_are_counted(shared_data: Path) -> None:
    seen = {}
    for name in ("automaton.jsonl", "automaton.fast.canvasl"):
        fd = os.open(shared_data / name, os.O_RDONLY)
        index = IdIndex.build(fd)
        os.close(fd)
        kinds = [len(index.lines_without_id(kind)) for kind in KINDS]
        seen[name] = (index.ids, index.line_count - sum(kinds), kinds[:2])
    assert seen["automaton.jsonl"] == (878, 2000, [0, 0])
    assert seen["automaton.fast.canvasl"] == (180, 400, [1, 6])
