"""A witness: what goes on is cosigned, and a fork is refused with both notes kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sealing import LOG_KEY, OTHER_KEY, WITNESSES, grow, proving, signed

from automaton.errors import FileError, LockedError, MismatchError, UsageError
from automaton.log import Log
from automaton.proofs import consistency, signing, witness
from automaton.proofs.keys import signed_by
from automaton.proofs.notes import Note, parse_note
from automaton.proofs.prover import known_head, prove_heads
from automaton.proofs.tree_heads import parse_head

KEY = WITNESSES[0]


def shown(note: Note) -> witness.WitnessRequest:
    """A note as a witness is shown it."""
    return witness.parse_shown(str(note).encode())


def proved(path: Path, old: Note, new: Note) -> witness.WitnessRequest:
    """A note with a proof that it goes on from another."""
    with proving(path) as (commits, tree):
        pair = [known_head(commits, tree, str(note).encode()) for note in (old, new)]
        text = consistency.to_text(prove_heads(tree, pair[0], pair[1]))
    return witness.parse_shown(text.encode())


def cosigned(
    folder: Path, what: witness.WitnessRequest, log: Path | None = None, time: int = 5
) -> Note:
    """What a witness of this folder answers."""
    with witness.opened(folder, KEY) as own:
        if log is None:
            return own.cosign(what, time, LOG_KEY.public)
        with proving(log) as (commits, tree):
            return own.cosign(what, time, LOG_KEY.public, witness.WitnessedLog(commits, tree))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of five commits."""
    grow(tmp_path / "log.jsonl", 5)
    return tmp_path / "log.jsonl"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A log that begins with the same three commits and goes on otherwise."""
    grow(tmp_path / "other.jsonl", 3)
    grow(tmp_path / "other.jsonl", 5, mark="other")
    return tmp_path / "other.jsonl"


def forks(folder: Path) -> list[list[str]]:
    """The notes of forks that a witness kept."""
    return [
        [(kept / name).read_text() for name in ("cosigned", "shown")]
        for kept in sorted(folder.glob("*/fork-*"))
    ]


def test_the_first_head_is_cosigned_with_its_time(log: Path, tmp_path: Path) -> None:
    note = cosigned(tmp_path / "w", shown(signed(log)), time=1234)
    assert signed_by(note, KEY.public) == 1234
    assert signed_by(note, LOG_KEY.public) == 0


def test_a_head_that_goes_on_is_cosigned_by_a_proof_or_by_the_log(
    log: Path, tmp_path: Path
) -> None:
    first = signed(log)
    cosigned(tmp_path / "w", shown(first))
    grow(log, 9)
    second = signed(log)
    with pytest.raises(UsageError, match="what shows"):
        cosigned(tmp_path / "w", shown(second))
    assert signed_by(cosigned(tmp_path / "w", proved(log, first, second)), KEY.public)
    assert signed_by(cosigned(tmp_path / "w", shown(second), time=7), KEY.public) == 7  # again
    grow(log, 11)
    assert signed_by(cosigned(tmp_path / "w", shown(signed(log)), log), KEY.public)
    assert not forks(tmp_path / "w")


def test_two_histories_of_the_same_length_are_a_fork_and_both_notes_are_kept(
    log: Path, other: Path, tmp_path: Path
) -> None:
    kept = cosigned(tmp_path / "w", shown(signed(log)))
    with pytest.raises(MismatchError, match="a fork"):
        cosigned(tmp_path / "w", shown(signed(other)))
    assert forks(tmp_path / "w") == [[str(kept), str(signed(other))]]
    assert signed_by(cosigned(tmp_path / "w", shown(signed(log))), KEY.public)  # as before


def test_a_longer_history_that_does_not_go_on_is_a_fork(
    log: Path, other: Path, tmp_path: Path
) -> None:
    cosigned(tmp_path / "w", shown(signed(log)))
    before = signed(other)
    grow(other, 8, mark="other")
    with pytest.raises(MismatchError, match="a fork"):
        cosigned(tmp_path / "w", shown(signed(other)), other)
    with pytest.raises(MismatchError, match="a fork"):
        cosigned(tmp_path / "w", proved(other, before, signed(other)))
    first, second = sorted((tmp_path / "w").glob("*/fork-*"))
    for kept in (first, second):
        begins, goes_on = consistency.follows(consistency.parse((kept / "proof").read_bytes()))
        was, shown_head = (
            parse_head((kept / name).read_bytes())[0] for name in ("cosigned", "shown")
        )
        assert goes_on == shown_head
        assert begins.size == was.size
        assert begins.root != was.root


def test_a_proof_that_begins_at_a_head_nobody_signed_shows_a_fork_all_the_same(
    log: Path, other: Path, tmp_path: Path
) -> None:
    cosigned(tmp_path / "w", shown(signed(log)))
    unsigned = Note(signed(other).text)
    grow(other, 8, mark="other")
    with pytest.raises(MismatchError, match="a fork"):
        cosigned(tmp_path / "w", proved(other, unsigned, signed(other)))


def test_a_fork_that_is_shown_again_is_kept_once(log: Path, other: Path, tmp_path: Path) -> None:
    cosigned(tmp_path / "w", shown(signed(log)))
    grow(other, 8, mark="other")
    for _ in range(3):
        with pytest.raises(MismatchError, match="fork-1"):
            cosigned(tmp_path / "w", shown(signed(other)), other)
    assert len(forks(tmp_path / "w")) == 1


def test_a_proof_from_another_head_or_of_nothing_is_refused(log: Path, tmp_path: Path) -> None:
    first = signed(log)
    grow(log, 7)
    second = signed(log)
    grow(log, 9)
    third = signed(log)
    cosigned(tmp_path / "w", shown(first))
    with pytest.raises(UsageError, match="the proof begins at 7 commits, and 5"):
        cosigned(tmp_path / "w", proved(log, second, third))
    good = proved(log, first, third)
    assert good.proof is not None
    wrong = consistency.ConsistencyProof(good.proof.old, good.proof.new, good.proof.path[:-1])
    with pytest.raises(MismatchError, match="does not hold"):
        cosigned(tmp_path / "w", witness.WitnessRequest(good.head, good.note, wrong))


def test_a_log_that_goes_back_is_not_cosigned(log: Path, tmp_path: Path) -> None:
    old = signed(log)
    grow(log, 9)
    cosigned(tmp_path / "w", shown(signed(log)))
    for shown_log in (None, log):
        with pytest.raises(UsageError, match="one of 9 was cosigned"):
            cosigned(tmp_path / "w", shown(old), shown_log)
    with Log.open(log, write=False) as opened:
        end = opened.commits.row(5).end
    os.truncate(log, end)
    with pytest.raises(UsageError, match="or the log was cut"):
        cosigned(tmp_path / "w", shown(signed(log)), log)


def test_only_the_logs_own_key_counts(log: Path, tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="not signed by the log's key"):
        cosigned(tmp_path / "w", shown(signed(log, OTHER_KEY)))
    unknown = pytest.raises(UsageError, match="does not know")
    with witness.opened(tmp_path / "w", KEY) as own, unknown:
        own.cosign(shown(signed(log)), 1)
    cosigned(tmp_path / "w", shown(signed(log)))
    by_another = pytest.raises(UsageError, match="known here by another key")
    with witness.opened(tmp_path / "w", KEY) as own, by_another:
        own.cosign(shown(signed(log, OTHER_KEY)), 1, OTHER_KEY.public)


def test_what_a_witness_cosigned_last_is_not_to_be_altered(log: Path, tmp_path: Path) -> None:
    cosigned(tmp_path / "w", shown(signed(log)))
    next((tmp_path / "w").glob("*/latest")).write_text("something\n")
    with pytest.raises(FileError, match="was altered"):
        cosigned(tmp_path / "w", shown(signed(log)))


def test_a_folder_is_one_witness_at_a_time(tmp_path: Path) -> None:
    locked = pytest.raises(LockedError)
    with witness.opened(tmp_path / "w", KEY), locked, witness.opened(tmp_path / "w", KEY):
        pass


def test_what_a_recomputation_refuses_is_not_cosigned(log: Path, tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def refuse(low: int, high: int) -> None:
        asked.append((low, high))
        raise MismatchError("it differs")

    note, refused = signed(log), pytest.raises(MismatchError, match="it differs")
    with witness.opened(tmp_path / "w", KEY) as own, proving(log) as (commits, tree), refused:
        own.cosign(shown(note), 1, LOG_KEY.public, witness.WitnessedLog(commits, tree, refuse))
    assert asked == [(0, 5)]
    assert not list((tmp_path / "w").glob("*/latest"))


# -- the log's own key ---------------------------------------------------------------


def sign(log: Path, last: Path) -> Note:
    """What `sign` prints."""
    with proving(log) as (commits, tree):
        return signing.sign_head(commits, tree, LOG_KEY, last)


def test_a_key_signs_what_goes_on_and_no_second_history(
    log: Path, other: Path, tmp_path: Path
) -> None:
    last = tmp_path / "key.signed"
    sign(log, last)
    grow(log, 7)
    note = sign(log, last)
    assert parse_note(last.read_bytes()) == note
    for wrong in (other, log):
        if wrong is log:
            with Log.open(log, write=False) as opened:
                end = opened.commits.row(6).end
            os.truncate(log, end)
        with pytest.raises(MismatchError, match="this key signed a head of 7 commits"):
            sign(wrong, last)
    assert parse_note(last.read_bytes()) == note


def test_what_a_key_signed_last_is_not_to_be_edited(log: Path, tmp_path: Path) -> None:
    for text in ("nothing\n", str(signed(log, OTHER_KEY)), str(Note(signed(log).text))):
        (tmp_path / "key.signed").write_text(text)
        with pytest.raises(FileError, match="not a note that this key signed"):
            sign(log, tmp_path / "key.signed")
