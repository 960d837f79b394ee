"""Proofs of lines and of heads: each line of small logs, and no proof with any byte changed."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sealing import LOG_KEY, OTHER_KEY, grow, proving, signed

from automaton.digests.batch_digest import PAGE
from automaton.errors import MismatchError, UsageError
from automaton.log import Log
from automaton.proofs import consistency, inclusion
from automaton.proofs.checking import CheckedHeads, CheckedLine, Trust, check_file
from automaton.proofs.notes import Note
from automaton.proofs.prover import head_of, known_head, prove_heads, prove_line, read_commit
from automaton.proofs.tree_heads import head_in

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
TRUST = Trust((LOG_KEY.public,))


def proof_of(path: Path, name: str, note: Note) -> bytes:
    """The file of a line's proof."""
    with proving(path) as (commits, tree):
        known_head(commits, tree, str(note).encode())
        return inclusion.to_text(*prove_line(commits, tree, name, note)).encode()


def heads_proof(path: Path, old: Note, new: Note) -> bytes:
    """The file of a proof that one head is a beginning of another."""
    with proving(path) as (commits, tree):
        pair = [known_head(commits, tree, str(note).encode()) for note in (old, new)]
        return consistency.to_text(prove_heads(tree, pair[0], pair[1])).encode()


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(shape=st.lists(st.sampled_from([0, 1, 5, 300]), min_size=1, max_size=6))
def test_every_line_of_a_log_is_proved(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    for tick, winners in enumerate(shape, 1):
        grow(path, tick, winners)
    note = signed(path)
    with Log.open(path, write=False) as log, proving(path) as (commits, tree):
        first = log.genesis_line_count + 1
        for number in range(first, log.lines + 1):
            proof, tick = prove_line(commits, tree, f"line:{number}", note)
            raw = inclusion.to_text(proof, tick).encode()
            found = check_file(raw, TRUST, read_commit)
            assert isinstance(found, CheckedLine)
            assert found.proof.line == log.line(number)
            assert found.batch.tick == tick == log.commits.tick_of_line(number)
        for number in range(1, first):
            with pytest.raises(UsageError, match="genesis"):
                prove_line(commits, tree, f"line:{number}", note)


def test_a_log_whose_genesis_lacks_its_last_newline_is_proved_too(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"id":"a"}')
    grow(path, 2, 200)
    note = signed(path)
    for number in (2, 3, 202, 203, 204):
        found = check_file(proof_of(path, f"line:{number}", note), TRUST, read_commit)
        with Log.open(path, write=False) as log:
            assert isinstance(found, CheckedLine)
            assert found.proof.line == log.line(number)


def test_every_pair_of_heads_is_proved(tmp_path: Path) -> None:
    path, notes = tmp_path / "log.jsonl", []
    for tick in range(1, 12):
        grow(path, tick)
        notes.append(signed(path))
    for old in range(11):
        for new in range(old, 11):
            found = check_file(heads_proof(path, notes[old], notes[new]), TRUST, read_commit)
            assert isinstance(found, CheckedHeads)
            assert (found.old.head.size, found.new.head.size) == (old + 1, new + 1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A proof of a line, of a commit, and of two heads."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    grow(path, 3, 2)
    old = signed(path)
    grow(path, 7, 2)
    new = signed(path)
    return [
        proof_of(path, "m5.1", new),
        proof_of(path, "commit:5", new),
        heads_proof(path, old, new),
    ]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_proof_with_any_byte_changed_left_out_or_put_in_proves_nothing(
    files: list[bytes], which: int
) -> None:
    whole = files[which]
    check_file(whole, TRUST, read_commit)
    for at in range(len(whole)):
        for changed in (
            whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :],
            whole[:at] + whole[at + 1 :],
            whole[:at] + b"A" + whole[at:],
            whole[:at],
        ):
            if changed != whole:
                with pytest.raises(MismatchError):
                    check_file(changed, TRUST, read_commit)


def test_a_thousand_random_changes_of_a_proof_are_refused(files: list[bytes]) -> None:
    draw = random.Random(7)
    for _ in range(1000):
        changed = bytearray(files[draw.randrange(3)])
        for _ in range(draw.randrange(1, 4)):
            changed[draw.randrange(len(changed))] ^= draw.randrange(1, 256)
        if bytes(changed) not in files:
            with pytest.raises(MismatchError):
                check_file(bytes(changed), TRUST, read_commit)


def test_a_proof_says_nothing_to_who_trusts_another_key_or_head(
    files: list[bytes], tmp_path: Path
) -> None:
    for raw in files:
        with pytest.raises(MismatchError, match="not signed by"):
            check_file(raw, Trust((OTHER_KEY.public,)), read_commit)
    grow(tmp_path / "log.jsonl", 7, 2, mark="other")
    head = head_in(signed(tmp_path / "log.jsonl"))
    with pytest.raises(MismatchError, match="not the one that was given"):
        check_file(files[0], Trust(head=head), read_commit)


def test_a_line_of_another_log_has_no_proof_under_this_head(tmp_path: Path) -> None:
    grow(tmp_path / "one.jsonl", 5)
    grow(tmp_path / "two.jsonl", 5, mark="other")
    with pytest.raises(MismatchError, match="its first 5 commits are others"):
        proof_of(tmp_path / "two.jsonl", "m2.1", signed(tmp_path / "one.jsonl"))


def test_a_head_that_is_further_than_the_log_shows_that_it_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    grow(path, 5)
    note = signed(path)
    with Log.open(path, write=False) as log:
        end = log.commits.row(4).end
    os.truncate(path, end)
    with pytest.raises(MismatchError, match="was cut"):
        proof_of(path, "m2.1", note)


def test_a_proof_is_below_16_kb_and_one_of_heads_below_2(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    grow(path, 300, 0)
    old = signed(path)
    grow(path, 301, 40_000)
    note = signed(path)
    sizes = [len(proof_of(path, f"m301.{slot}", note)) for slot in (0, 999, 39_000)]
    assert min(sizes) > PAGE
    assert max(sizes) < 16_000
    assert len(heads_proof(path, old, note)) < 2_000


def test_a_commit_in_format_1_is_proved_and_a_line_is_not(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes((CORPUS / "format-1.jsonl").read_bytes())
    note = signed(path)
    found = check_file(proof_of(path, "commit:7", note), TRUST, read_commit)
    assert isinstance(found, CheckedLine)
    assert found.batch.tick == 7
    with pytest.raises(UsageError, match="format 1"):
        proof_of(path, "run:1", note)


@pytest.mark.parametrize(
    "damage",
    [b"", b"{}\n", b"{" + b"\0" * 500, b"somebody's\n", "flip", "cut"],
    ids=["empty", "other", "zeros", "foreign", "flip", "cut"],
)
def test_an_index_that_is_damaged_changes_no_proof(tmp_path: Path, damage: bytes | str) -> None:
    path, index = tmp_path / "log.jsonl", tmp_path / "log.jsonl.tree"
    grow(path, 9)
    note = signed(path)
    due = [proof_of(path, f"m{tick}.1", note) for tick in range(1, 10)]
    kept = index.read_bytes()
    changes = [damage] if isinstance(damage, bytes) else [
        kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :] if damage == "flip" else kept[:at]
        for at in range(0, len(kept), 5)
    ]  # fmt: skip
    for change in changes:
        index.write_bytes(change)
        assert [proof_of(path, f"m{tick}.1", note) for tick in (1, 6, 9)] == [
            due[0],
            due[5],
            due[8],
        ]
        assert signed(path) == note
    if damage == b"somebody's\n":
        assert index.read_bytes() == damage


def test_the_index_of_a_log_that_was_cut_and_goes_on_otherwise_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    grow(path, 9)
    signed(path)
    with Log.open(path, write=False) as log:
        end = log.commits.row(5).end
    os.truncate(path, end)
    grow(path, 12, mark="other")
    note = signed(path)
    (tmp_path / "log.jsonl.tree").unlink()
    assert signed(path) == note


def test_a_head_needs_a_commit(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"id":"a"}\n')
    with proving(path) as (commits, tree), pytest.raises(UsageError, match="run it"):
        head_of(commits, tree)
