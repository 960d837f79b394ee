"""Signed notes (C2SP signed-note): a text, and lines of signatures under it.

Lives here: the text form of notes, signatures and public keys, and their ids. Must not
know: how a signature is made or checked, what a text means, files.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from automaton.errors import UsageError

#: Kinds of keys: signatures of a log's notes, and cosignatures of witnesses with their time.
ED25519, COSIGNATURE = 1, 4
#: Bytes of a note that are read; more is none.
LONGEST = 1 << 16
#: Signatures that a note may have; the specification asks for 16 at least.
MOST = 64
_DASH = "— "  # em dash and space, before a signature
_PUBLIC = 32  # bytes
_LINE = re.compile("— (\\S+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with: its name, kind and 32 bytes."""

    name: str
    kind: int
    raw: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of a name apart."""
        seed = self.name.encode() + b"\n" + bytes([self.kind]) + self.raw
        return sha256(seed).digest()[:4]

    def __str__(self) -> str:
        """The text in which keys are handed on."""
        return f"{self.name}+{self.id.hex()}+{encoded(bytes([self.kind]) + self.raw)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note: whose it says it is, and the bytes of the signature."""

    name: str
    id: bytes
    raw: bytes

    def __str__(self) -> str:
        """The line, without its newline."""
        return f"{_DASH}{self.name} {encoded(self.id + self.raw)}"

    def names(self, key: PublicKey) -> bool:
        """Whether it says that it is this key's."""
        return (self.name, self.id) == (key.name, key.id)


@dataclass(frozen=True, slots=True)
class Note:
    """A text, its last newline included, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def __str__(self) -> str:
        """The note as it stands in a file."""
        return self.text + "\n" + "".join(f"{line}\n" for line in self.signatures)

    def signed(self, more: Iterable[Signature]) -> Note:
        """The note with more signatures; one of the same key is replaced."""
        new = tuple(more)
        known = {(line.name, line.id) for line in new}
        kept = tuple(line for line in self.signatures if (line.name, line.id) not in known)
        return Note(self.text, kept + new)


def encoded(raw: bytes) -> str:
    """Standard base 64."""
    return base64.b64encode(raw).decode()


def decoded(text: str) -> bytes:
    """Bytes of standard base 64, of which every text has one; ValueError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{text[:20]!r} is not base 64") from error
    if encoded(raw) != text:
        raise ValueError(f"{text[:20]!r} is not the base 64 of any bytes")
    return raw


def is_key_name(name: str) -> bool:
    """Whether keys may be called so: no spaces, no plus, no control characters."""
    return bool(name) and name.isprintable() and "+" not in name and name.split() == [name]


def parse_key(text: str) -> PublicKey:
    """A public key as `keygen` prints it; UsageError."""
    name, _, rest = text.strip().partition("+")
    identity, _, data = rest.partition("+")
    try:
        raw = decoded(data)
    except ValueError:
        raw = b""
    if not is_key_name(name) or len(raw) != 1 + _PUBLIC:
        raise UsageError(
            f"{text.strip()[:60]!r} is no public key; keygen prints one: NAME+HASH+KEY, "
            'all of it on one line (the line itself, not the file: --key "$(cat FILE)")'
        )
    key = PublicKey(name, raw[0], raw[1:])
    if key.kind not in {ED25519, COSIGNATURE}:
        raise UsageError(f"the key {name} is of kind {key.kind}; 1 and 4 are known (Ed25519)")
    if key.id.hex() != identity:
        raise UsageError(f"the key {name} was altered: its hash is {key.id.hex()}, not {identity}")
    return key


def parse_note(raw: bytes) -> Note:
    """A note with its signatures, of which there may be none; ValueError."""
    if len(raw) > LONGEST:
        raise ValueError(f"a note of more than {LONGEST:,} bytes is not read")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ValueError("a note is UTF-8, and this is not") from None
    if _CONTROL.search(text):
        raise ValueError("a note has no control characters, and this has")
    body, gap, under = text.rpartition("\n\n")
    if not gap:
        body, under = text.removesuffix("\n"), ""
        if not text.endswith("\n"):
            raise ValueError("a note ends with a newline, and this does not")
    lines = under.split("\n")
    if lines.pop() or len(lines) > MOST:
        raise ValueError(f"under a note stand whole lines, {MOST} at most")
    return Note(body + "\n", tuple(_signature(line) for line in lines))


def _signature(line: str) -> Signature:
    match = _LINE.fullmatch(line)
    if match is None or not is_key_name(match[1]):
        raise ValueError(f"{line[:40]!r} is no line of a signature")
    raw = decoded(match[2])
    if len(raw) < 5:
        raise ValueError(f"the signature of {match[1]} is too short")
    return Signature(match[1], raw[:4], raw[4:])
