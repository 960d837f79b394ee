"""Keys: files that hold a secret, signatures made and checked, by Ed25519.

Lives here: the file of a key (as Go's sumdb/note has it), its permissions, and the only
use of the library `cryptography`. A secret is never printed, logged or part of an error.
Must not know: what is signed, logs, the clock.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automaton.errors import DeviceError, FileError, MismatchError, UsageError
from automaton.proofs.notes import (
    COSIGNATURE,
    ED25519,
    Note,
    PublicKey,
    Signature,
    decoded,
    encoded,
    is_key_name,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519

_HEAD = "PRIVATE+KEY+"
_SECRET = 32  # bytes
_LONGEST = 4096  # bytes of a key file that are read
_TIME = 8  # bytes of the time in a cosignature
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_FOREIGN = {
    b"ENCRYPTED": "it is protected by a passphrase",
    b"OPENSSH PRIVATE KEY": "it is a key of OpenSSH",
    b"PRIVATE KEY-----": "it is a key in PEM",
    b"AGE-SECRET-KEY": "it is a key of age",
    b"untrusted comment": "it is a key of signify or minisign",
}
_OWN_KIND = "only keys that keygen wrote are read; they have no passphrase"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key that signs: its name, kind and 32 secret bytes, which nothing shows."""

    name: str
    kind: int
    secret: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The key that its signatures are checked with."""
        raw = _private(self.secret).public_key().public_bytes_raw()
        return PublicKey(self.name, self.kind, raw)

    def sign(self, text: str) -> Signature:
        """The signature of a text."""
        public = self.public
        return Signature(self.name, public.id, _private(self.secret).sign(text.encode()))

    def cosign(self, text: str, time: int) -> Signature:
        """A witness's signature of a head, at a time in seconds since 1970."""
        public, raw = self.public, _private(self.secret).sign(_cosigned(text, time))
        return Signature(self.name, public.id, time.to_bytes(_TIME, "big") + raw)


def _cosigned(text: str, time: int) -> bytes:
    """What a witness signs: its statement, and the head."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def signed_by(note: Note, key: PublicKey) -> int | None:
    """The time of a witness's signature of a note, or 0 for another's; None: it has none.

    A signature that says it is this key's and is not is a MismatchError.
    """
    found = None
    for line in note.signatures:
        if line.names(key):
            found = _checked(note, key, line)
    return found


def _checked(note: Note, key: PublicKey, line: Signature) -> int:
    exceptions, _, public = _library()
    raw, time = line.raw, 0
    text = note.text.encode()
    if key.kind == COSIGNATURE:
        time, raw = int.from_bytes(raw[:_TIME], "big"), raw[_TIME:]
        text = _cosigned(note.text, time)
    try:
        public.from_public_bytes(key.raw).verify(raw, text)
    except exceptions.InvalidSignature:
        raise MismatchError(
            f"the signature of {key.name} is false: note or signature was altered, or it was "
            "signed by another key of that name"
        ) from None
    return time


def new_key(name: str, kind: int = ED25519) -> SecretKey:
    """A key that nobody had before."""
    if not is_key_name(name):
        raise UsageError(
            f"a key cannot be called {name!r}: one word without spaces and +, such as "
            "example.org/soup"
        )
    _library()
    return SecretKey(name, kind, os.urandom(_SECRET))


def write_key(path: Path, key: SecretKey) -> None:
    """Write a key to a file that did not exist, for its owner alone, and make it durable."""
    text = f"{_HEAD}{key.name}+{key.public.id.hex()}+{encoded(bytes([key.kind]) + key.secret)}\n"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise FileError(
            f"{path} exists, and no key is ever overwritten; name another, or have its "
            "public key printed (--public)"
        ) from None
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, 0o600)  # whatever the umask says
        file.write(text.encode())
        file.flush()
        os.fsync(fd)


def read_key(path: Path, kind: int | None = None) -> SecretKey:
    """The key of a file, which nobody else may read; FileError says what is wrong with it.

    `kind`: what it has to be; None: either will do.
    """
    text = _text_of(path)
    for mark, what in _FOREIGN.items():
        if mark in text:
            raise FileError(f"{path} is no key of ours: {what}; {_OWN_KIND}")
    try:
        key, identity = _parsed(text.decode().rstrip("\n"))
    except (UnicodeDecodeError, ValueError):
        raise FileError(
            f"{path} is no key, or was cut short or altered; {_OWN_KIND}, and cannot be mended: "
            "take a copy, or make a new one"
        ) from None
    if kind is not None and key.kind != kind:
        wanted, other = ("a log's", "a witness's")[:: 1 if kind == ED25519 else -1]
        how = "keygen" if kind == ED25519 else "keygen --witness"
        raise FileError(f"{path} is {other} key, and {wanted} is wanted: one made by {how}")
    if key.public.id.hex() != identity:
        raise FileError(f"{path} was altered: it is not the key that its hash is of")
    return key


def _parsed(text: str) -> tuple[SecretKey, str]:
    """The key of a file's text, and the hash beside it; ValueError."""
    if not text.startswith(_HEAD):
        raise ValueError
    name, identity, data = text.removeprefix(_HEAD).split("+", 2)
    raw = decoded(data)
    if not is_key_name(name) or len(raw) != 1 + _SECRET or raw[0] not in {ED25519, COSIGNATURE}:
        raise ValueError
    return SecretKey(name, raw[0], raw[1:]), identity


def _text_of(path: Path) -> bytes:
    """What a key file holds, if it is one that others cannot read."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise FileError(f"{path} is not a regular file, and a key is one")
        if info.st_mode & _OTHERS:
            mode = stat.S_IMODE(info.st_mode)
            raise FileError(
                f"{path} may be read or written by others (mode {mode:04o}): a key that others "
                f"saw proves nothing; make a new one, or `chmod 600 {path}` if nobody did"
            )
        return os.read(fd, _LONGEST)
    finally:
        os.close(fd)


def _private(secret: bytes) -> ed25519.Ed25519PrivateKey:
    _, private, _ = _library()
    return private.from_private_bytes(secret)


def _library() -> tuple[Any, type[ed25519.Ed25519PrivateKey], type[ed25519.Ed25519PublicKey]]:
    """What signs, from the package of the extra."""
    try:
        from cryptography import exceptions  # noqa: PLC0415 - an extra, loaded where it is needed
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError:
        raise DeviceError(
            "signatures need the package cryptography: pip install 'automaton-scalable[sign]', "
            "or pip install '.[sign]' in a checkout"
        ) from None
    return exceptions, ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey
