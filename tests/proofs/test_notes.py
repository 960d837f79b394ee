"""Signed notes: texts that others publish, and everything that is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import LOG_KEY, WITNESSES

from automaton.errors import MismatchError, UsageError
from automaton.proofs.keys import signed_by
from automaton.proofs.notes import Note, decoded, encoded, parse_key, parse_note
from automaton.proofs.tree_heads import parse_head

#: The note and key in the documentation of Go's sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = (
    TEXT + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAc"
    "ElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
#: The example of C2SP tlog-cosignature: a head signed by its log and a witness.
HEAD = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+"
    "ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeol"
    "MI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def test_a_note_that_go_publishes_is_signed_by_its_key() -> None:
    key = parse_key(VKEY)
    assert str(key) == VKEY
    note = parse_note(SIGNED.encode())
    assert note.text == TEXT
    assert str(note) == SIGNED
    assert signed_by(note, key) == 0


def test_a_head_that_c2sp_publishes_is_read_and_written_alike() -> None:
    head, note = parse_head(HEAD.encode())
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert str(note) == HEAD
    assert str(head) == note.text
    assert [line.name for line in note.signatures] == [head.origin, "witness.example.com/w1"]


def test_a_signature_holds_for_its_key_and_its_text_alone() -> None:
    text = "a\n1\nAAAA\n"
    note = Note(text, (LOG_KEY.sign(text), WITNESSES[0].cosign(text, 1700000000)))
    assert signed_by(note, LOG_KEY.public) == 0
    assert signed_by(note, WITNESSES[0].public) == 1700000000
    assert signed_by(note, WITNESSES[1].public) is None
    for key in (LOG_KEY.public, WITNESSES[0].public):
        with pytest.raises(MismatchError, match="is false"):
            signed_by(Note("b\n1\nAAAA\n", note.signatures), key)


def test_a_key_signs_anew_in_the_place_of_its_old_signature() -> None:
    text = "a\n1\nAAAA\n"
    note = Note(text, (LOG_KEY.sign(text), WITNESSES[0].cosign(text, 1)))
    again = note.signed([WITNESSES[0].cosign(text, 2)])
    assert len(again.signatures) == 2
    assert signed_by(again, WITNESSES[0].public) == 2


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\xff\n", "UTF-8"),
        (b"a\x00\n", "control"),
        (b"a\tb\n", "control"),
        (b"a", "newline"),
        (b"a\n\nno signature\n", "no line of a signature"),
        ("a\n\n— name AAAA".encode(), "whole lines"),
        ("a\n\n— name AAAA\n".encode(), "too short"),
        ("a\n\n— na+me AAAAAAAA\n".encode(), "no line of a signature"),
        ("a\n\n— name AAAAAAB=\n".encode(), "base 64"),
        (b"a" * 70000 + b"\n", "not read"),
        (("a\n\n" + "— name AAAAAAAA\n" * 65).encode(), "at most"),
    ],
)
def test_what_is_no_note_is_said_to_be_none(raw: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_note(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("a\n1\n", "three lines"),
        ("\n1\nAAAA\n", "three lines"),
        ("a\n1\nAAAA\nmore\n", "three lines"),
        ("a\n01\nAAAA\n", "no size"),
        ("a\n-1\nAAAA\n", "no size"),
        ("a\n1\nAAAA\n", "32 bytes"),
        ("a\n1\n****\n", "base 64"),
    ],
)
def test_what_is_no_head_is_said_to_be_none(raw: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_head(raw.encode())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no public key"),
        ("name", "no public key"),
        ("name+c74f20a3+ARpc", "no public key"),
        ("na me+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "no public key"),
        ("Petra+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "altered"),
        ("PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "kind 2"),
    ],
)
def test_what_is_no_public_key_is_said_to_be_none(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_key(text)


@given(st.binary(max_size=99))
def test_bytes_have_one_text_in_base_64(raw: bytes) -> None:
    assert decoded(encoded(raw)) == raw


@pytest.mark.parametrize("text", ["A", "AA", "AB==", "AA==\n", " AA==", "A-==", "AA==AA=="])
def test_other_texts_are_no_base_64(text: str) -> None:
    with pytest.raises(ValueError, match="base 64"):
        decoded(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_note_or_a_value_error(raw: bytes) -> None:
    try:
        note = parse_note(raw)
    except ValueError:
        return
    assert parse_note(str(note).encode()) == note
