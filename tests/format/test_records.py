"""The bytes of run and commit records, the chain and the choice of a prefix."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import fields

from automaton.errors import DamagedError
from automaton.format.ids import choose_prefix, claims_our_id, is_our_id
from automaton.format.options import from_record
from automaton.format.records import (
    OUTCOMES,
    CommitFields,
    Genesis,
    RunRecord,
    chained,
    commit_line,
    dump,
    parse_commit,
    parse_frame,
    parse_run,
    run_line,
)
from automaton.format.versions import FIRST, NEWEST
from automaton.run import Run

GENESIS = Genesis(5, hashlib.sha256(b"hello").digest())
BATCH = hashlib.sha256(b"lines\n").digest()

RUN = (
    b'{"type":"run","id":"run:2","format":2,"prefix":"","genesis":{"bytes":5,'
    b'"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},'
    b'"options":{"parallel":64,"seed":"18446744073709551615"}}\n'
)
COMMIT = (
    b'{"type":"commit","id":"commit:7","tick":7,"lines":1,"bytes":6,'
    b'"outcomes":{"normal":3,"copy":2,"steps":1,"size":0,"depth":0,"input":0,"empty":58},'
    b'"dimensionalLevel":4,"state":{"automaton":"a\\"\\u000a\xce\xbb","weights":[1,2],"none":null},'
    b'"population":"00000000000000ff",'
    b'"batch":"%s","chain":"%s"}\n'
)
FIELDS = CommitFields(
    7,
    {"empty": 58, "normal": 3, "copy": 2, "steps": 1, "size": 0, "depth": 0, "input": 0},
    4,
    {"automaton": 'a"\nλ', "weights": [1, 2], "none": None},
    0xFF,
)


def sealed(values: CommitFields = FIELDS, prefix: str = "") -> bytes:
    return commit_line(prefix, values, 1, 6, BATCH, GENESIS.sha256)[0]


def test_a_run_record_has_these_bytes() -> None:
    options = {"seed": str(2**64 - 1), "parallel": 64}
    assert run_line(RunRecord(2, "", GENESIS, options)) == RUN


def test_a_run_record_of_format_1_has_its_seed_as_a_number() -> None:
    options = {"seed": 2**64 - 1, "parallel": 64}
    line = run_line(RunRecord(2, "", GENESIS, options, FIRST))
    assert line == RUN.replace(b'"format":2', b'"format":1').replace(b'"1844', b"1844").replace(
        b'1615"', b"1615"
    )
    run = parse_run(line)
    assert run is not None
    assert run.format is FIRST


@pytest.mark.parametrize("seed", [b"7", b'"7"', b"18446744073709551615"])
def test_a_seed_is_read_as_a_number_and_as_a_text(seed: bytes) -> None:
    run = parse_run(RUN.replace(b'"18446744073709551615"', seed))
    assert run is not None
    assert from_record(run.options).seed == int(seed.strip(b'"'))


@pytest.mark.parametrize("seed", ["-1", "1.0", " 7", "٣", "18446744073709551616", "9" * 5000])
def test_another_text_is_no_seed(seed: str) -> None:
    with pytest.raises(DamagedError, match="seed"):
        from_record({"seed": seed})


def test_a_commit_has_these_bytes_and_its_chain_is_the_digest_of_what_came_before() -> None:
    line, chain = commit_line("", FIELDS, 1, 6, BATCH, GENESIS.sha256)
    first, _ = commit_line("", FIELDS, 1, 6, BATCH, GENESIS.sha256, FIRST)
    unchained = len(b',"chain":"') + 64
    assert first[:-unchained] == line.replace(b"dimensionalLevel", b"dimension")[:-unchained]
    body = line[: line.index(b',"chain"')]
    assert chain == hashlib.sha256(GENESIS.sha256 + body).digest()
    assert line == COMMIT % (BATCH.hex().encode(), chain.hex().encode())


def test_a_prefix_stands_before_every_id_of_ours() -> None:
    run = run_line(RunRecord(1, "ab", GENESIS, {}))
    assert run.startswith(b'{"type":"run","id":"abrun:1","format":2,"prefix":"ab",')
    assert sealed(prefix="ab").startswith(b'{"type":"commit","id":"abcommit:7","tick":7,')


def test_a_run_record_reads_back() -> None:
    run = parse_run(RUN)
    assert run is not None
    assert (run.number, run.prefix, run.genesis) == (2, "", GENESIS)
    assert run.options == {"parallel": 64, "seed": str(2**64 - 1)}
    assert parse_run(RUN[:-1]) == run


def test_a_commit_reads_back() -> None:
    commit = parse_commit(sealed())
    assert commit is not None
    assert (commit.tick, commit.lines, commit.bytes, commit.batch) == (7, 1, 6, BATCH)
    assert (commit.outcomes, commit.state) == (FIELDS.outcomes, FIELDS.state)
    assert list(commit.outcomes) == list(OUTCOMES)
    assert (commit.dimension, commit.population) == (4, 0xFF)


@given(st.integers(0, 10**6), st.integers(0, 2**64 - 1), st.sampled_from(["", "a", "zz"]))
def test_every_commit_reads_back_with_its_frame_and_follows_its_chain(
    tick: int, population: int, prefix: str
) -> None:
    values = replace(fields(tick), population=population)
    line, chain = commit_line(prefix, values, 3, 99, BATCH, GENESIS.sha256)
    commit, frame = parse_commit(line), parse_frame(line)
    assert commit is not None
    assert frame is not None
    assert commit.state == values.state
    assert commit.population == population
    assert (frame.prefix, frame.tick, frame.lines, frame.bytes) == (prefix, tick, 3, 99)
    assert frame.chain == chain
    assert chained(line, frame, GENESIS.sha256)
    assert not chained(line, frame, BATCH)


@given(st.integers(0, len(COMMIT) * 2), st.binary(min_size=1, max_size=1))
def test_a_commit_with_one_other_byte_is_no_commit_or_breaks_the_chain(
    at: int, other: bytes
) -> None:
    line = sealed()
    at %= len(line) - 1
    changed = line[:at] + other + line[at + 1 :]
    frame = parse_frame(changed)
    intact = frame is not None and chained(changed, frame, GENESIS.sha256)
    assert intact == (changed == line)
    if frame is None:
        assert parse_commit(changed) is None


@given(st.integers(0, len(RUN) - 2), st.binary(min_size=1, max_size=1))
def test_a_run_record_that_is_read_is_always_what_we_would_write(at: int, other: bytes) -> None:
    changed = RUN[:at] + other + RUN[at + 1 :]
    run = parse_run(changed)
    if run is not None:
        assert run_line(run) == changed


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"type":"run","id":"',
        RUN.replace(b'"format":2', b'"format":3'),
        RUN.replace(b'"format":2', b'"format": 2'),
        RUN.replace(b'"format":2', b'"format":2.0'),
        RUN.replace(b'"format":2', b'"format":"2"'),
        RUN.replace(b'"format":2', b'"format":[2]'),
        RUN.replace(b"run:2", b"run:02"),
        RUN.replace(b"run:2", b"run:0"),
        RUN.replace(b"run:2", b"arun:2"),
        RUN.replace(b'"bytes":5', b'"bytes":-5'),
        RUN.replace(b'"bytes":5', b'"bytes":5.0'),
        RUN.replace(b'"bytes":5', b'"bytes":"5"'),
        RUN.replace(b"2cf2", b"2CF2"),
        RUN.replace(b"2cf2", b""),
        RUN.replace(b'"parallel":64,', b'"parallel":1,"parallel":64,'),
        RUN.replace(b'"parallel":64,"seed":"18446744073709551615"', b'"seed":1,"parallel":64'),
        RUN.replace(b"64", b"6.4"),
        RUN.replace(b"64", b"NaN"),
        RUN.replace(b"64", b"\xff"),
        RUN.replace(b"64", b"[" * 100_000 + b"]" * 100_000),
        RUN.replace(b"64", b"9" * 5000),
        RUN.replace(b'{"bytes":5', b'["bytes",5').replace(b'24"}', b'24"]'),
    ],
)
def test_what_only_resembles_a_run_record_is_none(line: bytes) -> None:
    assert parse_run(line) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"tick":7', b'"tick":8'),
        (b'"lines":1', b'"lines":01'),
        (b'"normal":3', b'"normal":3.0'),
        (b'"normal":3', b'"normal":true'),
        (b'"normal":3,', b""),
        (b'"normal":3', b'"abnormal":3'),
        (b'"dimensionalLevel":4', b'"dimensionalLevel":"4"'),
        (b'"state":{', b'"state":{"x":[' + b"[" * 40 + b"]" * 40 + b"],"),
        (b"\\u000a", b"\\n"),
        (b"\xce\xbb", b"\\u03bb"),
        (b"\xce\xbb", b"\xce"),
        (b"00ff", b"00FF"),
        (b"}\n", b"} \n"),
        (b"}\n", b"}\n\n"),
        (b"}\n", b"}\r\n"),
        (b'{"type":"commit"', b' {"type":"commit"'),
    ],
)
def test_what_only_resembles_a_commit_is_none(old: bytes, new: bytes) -> None:
    line = sealed()
    assert old in line
    assert parse_commit(line.replace(old, new, 1)) is None


def test_outcomes_are_the_seven_and_no_others() -> None:
    with pytest.raises(ValueError, match="outcomes"):
        sealed(replace(FIELDS, outcomes={"normal": 1}))


@pytest.mark.parametrize("value", [1.5, {"a": 0.5}, [float("nan")], object(), {1, 2}])
def test_what_is_hashed_holds_no_floats_and_no_other_values(value: Any) -> None:
    with pytest.raises(TypeError):
        dump(value)


def test_nesting_is_limited() -> None:
    value: list[Any] = []
    for _ in range(1000):
        value = [value]
    with pytest.raises(ValueError, match="nested"):
        dump(value)


def test_strings_escape_quote_backslash_controls_and_lone_surrogates_only() -> None:
    text = 'a"\\\n\x1f\x7fλ\ud800😀/'
    assert dump({text: text}) == b'{"%s":"%s"}' % ((ESCAPED,) * 2)


ESCAPED = 'a\\"\\\\\\u000a\\u001f\x7fλ\\ud800😀/'.encode()


@pytest.mark.parametrize(
    ("ids", "prefix"),
    [
        ([], ""),
        (["m1", "m1.", "m.1", "commit:", "run:x", "1.2", "xm1.2y", "m1.2.3", "m١.٢"], ""),
        (["m1.2"], "a"),
        (["commit:12"], "a"),
        (["run:1", "am0.0"], "b"),
        (["Mm1.2", "am1.2"], ""),
        (["run:1", *(f"{letter}run:1" for letter in "abcdefghijklmnopqrstuvwxyz")], "aa"),
        (["mm1.2"], ""),
    ],
)
def test_the_prefix_is_the_first_under_which_no_id_is_ours(ids: list[str], prefix: str) -> None:
    assert choose_prefix(ids) == prefix
    assert not any(is_our_id(text, prefix) for text in ids)


@given(st.lists(st.from_regex(r"[abm]{0,2}(m[01]\.[01]|run:1|commit:1|x)", fullmatch=True)))
def test_no_id_is_ever_ours_under_the_chosen_prefix(ids: list[str]) -> None:
    prefix = choose_prefix(ids)
    assert not any(is_our_id(text, prefix) for text in ids)


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        (b'{"id":"m1.2","id":"x"}', True),
        (b'{"id":"run:3"}', True),
        (b'{"type":"commit","id":"commit:3","type":"x"}', True),
        (b'{"id":"m1.2x"}', False),
        (b'{"id":"am1.2"}', False),
        (b' {"id":"m1.2"}', False),
        (b'{"id":"m1', False),
        (b"", False),
    ],
)
def test_a_line_claims_our_id_by_its_bytes_whatever_it_parses_to(line: bytes, ours: bool) -> None:
    assert claims_our_id(line, "") is ours


def test_the_constants_of_the_format_are_what_the_format_says() -> None:
    assert (FIRST.number, NEWEST.number) == (1, 2)
    assert OUTCOMES == ("normal", "copy", "steps", "size", "depth", "input", "empty")


def test_the_examples_on_the_page_about_the_format_are_what_a_run_appends(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "format.md").read_bytes()
    run, winner, commit = (
        text.replace(b"\n ", b"") + b"\n"
        for text in re.findall(rb"```json\n(.*?)\n```", page, re.DOTALL)
    )
    genesis = re.findall(rb"```jsonl\n(.*?\n)```", page, re.DOTALL)[0]
    log = tmp_path / "log.jsonl"
    log.write_bytes(genesis)
    with Run(log, {"parallel": 1}) as under_way:
        under_way.go(ticks=1, interval_ms=0)
    assert log.read_bytes() == genesis + run + winner + commit
    sealed_ = parse_commit(commit.rstrip(b"\n"))
    assert sealed_ is not None
    assert sealed_.batch == hashlib.sha256(b"\0" + run + winner).digest()  # of one page
    body = commit[: commit.index(b',"chain"')]
    assert sealed_.chain == hashlib.sha256(hashlib.sha256(genesis).digest() + body).digest()
    for name in OUTCOMES:
        assert name.encode() in page
