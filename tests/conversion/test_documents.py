"""Files that are no logs: what they are, and the logs that `init --from` makes of them."""

from __future__ import annotations

import bz2
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.format.documents import compact, document, items
from automaton.format.objects import Object, parse_line
from automaton.terms import term_list
from automaton.terms.notation import NOTATIONS, format_term, parse

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CANVAS = """\ufeff{
\t"nodes":[
\t\t{"id":"a","type":"text","x":-1.0,"y":20,"text":"`λx.x`, and {[ \\" no end","\\u0063olor":"1"},
\t\t{"id":"g", "type":"group",
\t\t\t"label": "two  spaces", "n": 12345678901234567890123, "n": 1E+2}
\t],
\t"edges":[
\t\t{"id":"e","fromNode":"a","fromSide":"right","toNode":"g","toEnd":"none"}
\t],
\t"metadata":{"version":"1.0-1.0", "frontmatter": {}}
}
""".encode()
LINES = """{"metadata":{"version":"1.0-1.0","frontmatter":{}}}
{"id":"a","type":"text","x":-1.0,"y":20,"text":"`λx.x`, and {[ \\" no end","\\u0063olor":"1"}
{"id":"g","type":"group","label":"two  spaces","n":12345678901234567890123,"n":1E+2}
{"id":"e","fromNode":"a","fromSide":"right","toNode":"g","toEnd":"none"}
""".encode()
LOG = """{"id":"op","type":"automaton","dimensionalLevel":0,"term":"λλ1 0"}
{"id":"K","term":"λλ1"}
""".encode()
PLAIN_OBJECT = b'{\n  "id": "a",\n  "term": "x"\n}\n'
CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}  # as the command zstd has it
COMPRESS = {
    "gzip": lambda parts: b"".join(gzip.compress(part) for part in parts),
    "zstd": lambda parts: b"".join(zstd.compress(part, options=CHECKED) for part in parts),
}


def program(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The program as people start it."""
    command = [sys.executable, "-m", "automaton", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line of an error."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return line


def kept(tmp_path: Path, name: str, content: bytes) -> Path:
    """A file with this content."""
    path = tmp_path / name
    path.write_bytes(content)
    return path


# What is one.


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (CANVAS, "canvas"),
        (b'{"nodes":[],"edges":[]}', "canvas"),
        (b'{"nodes":[{"id":1}],"links":[{"source":1,"target":1}],"directed":true}', "canvas"),
        (b'[\n{"id":"a"}\n]\n', "array"),
        (b'[{"id":"a"},\n{"id":"b"}]', "array"),
        (b"[]", "array"),
        (PLAIN_OBJECT, "object"),
    ],
)
def test_a_file_that_is_one_json_document_is_told_by_its_kind(content: bytes, kind: str) -> None:
    found = document(memoryview(content))
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    "content",
    [
        LOG,
        LOG.rstrip(),
        b'{"id":"a","term":"x"}',
        b'{"id":"a","nodes":[]}',
        b'{"nodes":[]}\n{"id":"a"}\n',
        b'{"id":"a"\n{"id":"b"}\n',
        b'{\n"nodes":[\n{"id":"a"}\n',
        b"[1,\n",
        b'@version: 1\n\n{"id":"a"}\n',
        b"\\x.x\n",
        b"7",
        b"\n\xef\xbb\xbf\n",
        b"",
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_lines_are_no_document_whatever_is_wrong_with_some(content: bytes) -> None:
    assert document(memoryview(content)) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.lists(JSON), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_the_items_of_an_array_are_lines_with_the_same_values(
    values: list[object], indent: int | str | None, escaped: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=escaped)
    made = list(items(text.encode("utf-8", "surrogatepass")))
    assert [bool(item.line) for item in made] == [isinstance(value, dict) for value in values]
    for value, item in zip(values, made, strict=True):
        if isinstance(value, dict):
            assert b"\n" not in item.line
            assert parse_line(item.line) == Object(value)


def test_what_stands_between_tokens_goes_and_nothing_else() -> None:
    assert compact(b' { "a b" : [ 1.0 , "\\" x" ] }\r\n') == b'{"a b":[1.0,"\\" x"]}'


# Nothing is appended.


@pytest.mark.parametrize("content", [CANVAS, b'[\n{"id":"a","term":"x"}\n]\n', PLAIN_OBJECT])
def test_nothing_is_appended_to_a_document_and_the_command_for_it_is_named(
    tmp_path: Path, content: bytes
) -> None:
    path = kept(tmp_path, "my notes.canvas", content)
    said = refused(program(path, "--ticks", "1", "--interval", "0"), 4)
    assert f"init NEW.jsonl --from '{path}'" in said
    assert "one JSON document" in said
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["my notes.canvas"]


@pytest.mark.parametrize("packed", COMPRESS)
def test_a_compressed_log_is_not_run_and_the_command_for_it_is_named(
    tmp_path: Path, packed: str
) -> None:
    content = COMPRESS[packed]([LOG])
    path = kept(tmp_path, "log.jsonl.z", content)
    said = refused(program(path, "--operator", "λx.x", "--ticks", "1"), 4)
    assert f"compressed with {packed}" in said
    assert f"init NEW.jsonl --from {path}" in said
    assert path.read_bytes() == content


def test_what_we_cannot_unpack_is_named(tmp_path: Path) -> None:
    path = kept(tmp_path, "log.bz2", bz2.compress(LOG))
    assert "unpack it first" in refused(program(path), 4)
    assert "unpack it first" in refused(program("init", tmp_path / "new", "--from", path), 4)


def test_running_a_list_of_terms_names_the_command_for_it(tmp_path: Path) -> None:
    path = kept(tmp_path, "terms.txt", b"\\x.x\n0010\n")
    assert "init PATH --from FILE" in refused(program(path, "--ticks", "1"), 7)
    assert f"init NEW.jsonl --from {path}" in program("check", path).stdout


@pytest.mark.parametrize("command", [("verify",), ("stats",), ("match", "--count"), ("observe",)])
def test_no_command_reads_half_a_document(tmp_path: Path, command: tuple[str, ...]) -> None:
    path = kept(tmp_path, "a.canvas", CANVAS)
    more = ("x",) if "match" in command else ()
    assert "init NEW.jsonl --from" in refused(program(*command, path, *more), 4)


def test_check_says_what_a_document_is_and_fails_only_where_a_chain_is_asked_for(
    tmp_path: Path,
) -> None:
    path = kept(tmp_path, "a.canvas", CANVAS)
    done = program("check", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a canvas with 2 nodes and 1 edge" in done.stdout
    assert f"init NEW.jsonl --from {path}" in done.stdout
    said = json.loads(program("check", path, "--json").stdout)["document"]
    assert set(said) == {"what", "remedy"}
    refused(program("check", path, "--chain"), 4)


# What is made.


def test_a_canvas_becomes_lines_that_keep_every_member_as_it_was_written(tmp_path: Path) -> None:
    path, new = kept(tmp_path, "a.canvas", CANVAS), tmp_path / "new.jsonl"
    done = program("init", new, "--from", path)
    assert new.read_bytes() == LINES
    assert "4 lines" in done.stdout
    assert "1 term and no automaton; run it" in done.stdout
    assert path.read_bytes() == CANVAS
    ran = program(new, "--operator", "λx.λy.x y", "--ticks", "2", "--interval", "0")
    assert ran.returncode == 0, ran.stderr
    assert new.read_bytes().startswith(LINES)


def test_items_that_are_no_objects_are_left_out_by_place(tmp_path: Path) -> None:
    path = kept(tmp_path, "a.json", b'[{"id":"a"}, 7,\n null]')
    done = program("init", tmp_path / "new.jsonl", "--from", path)
    assert (tmp_path / "new.jsonl").read_bytes() == b'{"id":"a"}\n'
    assert "item 2: the top level is a number" in done.stderr
    assert "item 3: the top level is null" in done.stderr


@pytest.mark.parametrize("packed", COMPRESS)
def test_several_members_or_frames_are_one_log_byte_for_byte(tmp_path: Path, packed: str) -> None:
    content = b"@version: 1\r\n\n" + LOG * 3 + b"{broken\n" + LOG.rstrip()
    path = kept(tmp_path, "x.jsonl.z", COMPRESS[packed]([content[:40], b"", content[40:]]))
    done = program("init", tmp_path / "new.jsonl", "--from", path)
    assert (tmp_path / "new.jsonl").read_bytes() == content
    assert f"compressed with {packed}" in done.stdout


@pytest.mark.parametrize("packed", COMPRESS)
@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_compressed_file_that_ends_in_the_middle_makes_nothing(
    tmp_path: Path, packed: str, cut: int
) -> None:
    path = kept(tmp_path, "x.z", COMPRESS[packed]([LOG * 100])[:-cut])
    refused(program("init", tmp_path / "new.jsonl", "--from", path), 4)
    assert not (tmp_path / "new.jsonl").exists()


@pytest.mark.parametrize("packed", COMPRESS)
def test_a_compressed_file_that_is_damaged_makes_nothing(tmp_path: Path, packed: str) -> None:
    content = bytearray(COMPRESS[packed]([LOG * 100]))
    content[len(content) // 2] ^= 0xFF
    path = kept(tmp_path, "x.z", bytes(content))
    assert "copy or download it again" in refused(
        program("init", tmp_path / "new.jsonl", "--from", path), 4
    )
    assert not (tmp_path / "new.jsonl").exists()


def test_a_compressed_canvas_is_read_as_a_canvas(tmp_path: Path) -> None:
    path = kept(tmp_path, "a.canvas.gz", gzip.compress(CANVAS))
    assert program("init", tmp_path / "new.jsonl", "--from", path).returncode == 0
    assert (tmp_path / "new.jsonl").read_bytes() == LINES


def test_objects_on_several_lines_become_one_line_each(tmp_path: Path) -> None:
    path = kept(tmp_path, "x.json", PLAIN_OBJECT + b'{"id":\n"b"} 7 {\n"id":"c"\n}')
    done = program("init", tmp_path / "new.jsonl", "--from", path)
    assert (tmp_path / "new.jsonl").read_bytes() == (
        b'{"id":"a","term":"x"}\n{"id":"b"}\n{"id":"c"}\n'
    )
    assert "value 3: the top level is a number" in done.stderr


# Lists of terms.


def test_a_list_of_terms_in_three_notations_becomes_a_log_that_runs(tmp_path: Path) -> None:
    text = "-- remarks\n# too\nλx.x\n\\f x.f x\r\n\nλλ1\n00 00 110\nx y\n"
    path, new = kept(tmp_path, "terms.txt", text.encode()), tmp_path / "new.jsonl"
    done = program("init", new, "--from", path)
    terms = [json.loads(line) for line in new.read_bytes().splitlines()]
    assert {term["id"]: term["term"] for term in terms} == {
        "t3": "λ0", "t4": "λλ1 0", "t6": "λλ1", "t7": "λλ1"
    }  # fmt: skip
    assert "left out: line 8: " in done.stderr
    command = done.stdout.splitlines()[-1]
    assert command.endswith("--operator 'λx.λy.x y'")
    assert program(new, "--operator", "λx.λy.x y", "--ticks", "1").returncode == 0


def packed(bits: str) -> bytes:
    """Bits in bytes, the highest first, filled with zeros."""
    whole = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return bytes(int(whole[at : at + 8], 2) for at in range(0, len(whole), 8))


TERMS = ["λ0", "λλ1", "λλλ2 0 (1 0)", "λ0 0", "λλλλ3 1 (2 1 0)"]


def test_packed_terms_are_read_each_from_its_first_byte() -> None:
    data = b"".join(packed(format_term(parse(term), "blc")) for term in TERMS)
    words = [entry.words for entry in term_list.of_packed(data)]
    assert [format_term(found) for found in words if found is not None] == TERMS


def test_a_file_called_blc_is_packed_unless_it_is_text_and_others_are_when_told(
    tmp_path: Path,
) -> None:
    for name, content, more in (
        ("p.blc", packed("0000110"), ()),  # bytes of white space, as it happens
        ("t.blc", b"0000110\n", ()),
        ("p.bin", packed("0000110") + b"\0\0", ("--as", "packed")),
    ):
        new = tmp_path / f"{name}.jsonl"
        done = program("init", new, "--from", kept(tmp_path, name, content), *more)
        assert done.returncode == 0, done.stderr
        assert json.loads(new.read_bytes())["term"] == "λλ1"
    assert "--as packed" in refused(
        program("init", tmp_path / "n", "--from", tmp_path / "p.bin"), 4
    )


@pytest.mark.parametrize("notation", NOTATIONS)
def test_real_terms_are_read_in_every_notation(shared_data: Path, notation: str) -> None:
    lines = (shared_data / "lambda" / "onesubst.lam").read_bytes().splitlines()
    found = [e.words for e in term_list.of_text(lines) if e.words is not None]
    assert len(found) > 10
    again = [format_term(words, notation).encode() for words in found]
    texts = [e.words.tolist() for e in term_list.of_text(again) if e.words is not None]
    assert texts == [words.tolist() for words in found]


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"hello world\n", b"[1,2]", b"{\n", b"{}x\n{}y\n"]
)
def test_a_file_with_nothing_to_take_makes_nothing(tmp_path: Path, content: bytes) -> None:
    path = kept(tmp_path, "x", content)
    refused(program("init", tmp_path / "new.jsonl", "--from", path), 4)
    assert not (tmp_path / "new.jsonl").exists()


def test_init_never_writes_over_a_file_whatever_it_is_made_of(tmp_path: Path) -> None:
    path = kept(tmp_path, "a.canvas", CANVAS)
    assert "exists" in refused(program("init", path, "--from", path), 4)
    assert path.read_bytes() == CANVAS
