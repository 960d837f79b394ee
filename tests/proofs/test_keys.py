"""Key files: made for their owner alone, never shown, and refused in words where wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sealing import LOG_KEY, WITNESSES

from automaton.errors import FileError, UsageError
from automaton.proofs.keys import new_key, read_key, write_key
from automaton.proofs.notes import COSIGNATURE, ED25519, encoded, parse_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A key in a file."""
    write_key(tmp_path / "key", LOG_KEY)
    return tmp_path / "key"


def test_a_key_comes_back_from_its_file_which_only_its_owner_may_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_key(tmp_path / "key", LOG_KEY)
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert read_key(tmp_path / "key", ED25519) == LOG_KEY
    assert parse_key(str(LOG_KEY.public)) == LOG_KEY.public


def test_a_secret_stands_in_no_text_of_a_key(file: Path) -> None:
    secret = encoded(bytes([ED25519]) + LOG_KEY.secret)
    assert secret in file.read_text()
    assert secret[4:] not in repr(LOG_KEY)
    assert repr(LOG_KEY.secret) not in repr(LOG_KEY)
    assert encoded(LOG_KEY.secret) not in str(LOG_KEY.public)


def test_a_new_key_is_another_one(tmp_path: Path) -> None:
    del tmp_path
    assert new_key("a").secret != new_key("a").secret


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "\x1b[1m"])
def test_a_key_has_a_name_of_one_word(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        new_key(name)


def test_a_key_is_never_overwritten(file: Path) -> None:
    with pytest.raises(FileError, match="exists"):
        write_key(file, WITNESSES[0])
    assert read_key(file, ED25519) == LOG_KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666, 0o610])
def test_a_key_that_others_may_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(FileError, match=rf"mode {mode:04o}.*chmod 600"):
        read_key(file, ED25519)


def test_a_key_of_the_other_kind_is_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(FileError, match=r"a log's key, and a witness's is wanted.*--witness"):
        read_key(file, COSIGNATURE)
    write_key(tmp_path / "witness", WITNESSES[0])
    with pytest.raises(FileError, match="a witness's key, and a log's is wanted"):
        read_key(tmp_path / "witness", ED25519)


def test_a_key_that_was_cut_anywhere_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for size in range(len(whole) - 1):  # without its newline it is whole
        file.write_bytes(whole[:size])
        with pytest.raises(FileError, match=r"cut short|altered"):
            read_key(file, ED25519)


def test_a_key_of_which_any_byte_was_altered_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for at in range(len(whole) - 1):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises((FileError, UsageError)):
            read_key(file, ED25519)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "passphrase"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "OpenSSH"),
        ("-----BEGIN PRIVATE KEY-----\n", "PEM"),
        ("untrusted comment: signify secret key\n", "minisign"),
        (str(LOG_KEY.public), "is no key"),
        ("\x00\xff", "is no key"),
        ("", "is no key"),
    ],
)
def test_keys_of_other_programs_are_told_apart(file: Path, text: str, why: str) -> None:
    file.write_text(text)
    with pytest.raises(FileError, match=why):
        read_key(file, ED25519)


def test_a_key_is_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(FileError, match="regular file"):
        read_key(tmp_path / "pipe", ED25519)
