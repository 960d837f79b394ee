"""A file as a stream of its bytes, whether it is compressed or not. Prints nothing."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from automaton.errors import FileError
from automaton.format.documents import UNPACKED, compression


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, str | None]]:
    """The bytes of a file, unpacked, and what it was compressed with.

    Several members of gzip, several frames of zstd are one after another, as their own
    programs have it. What is broken is an error also while it is read.
    """
    try:
        with path.open("rb") as head:
            packed = compression(head.read(8))
    except OSError as error:
        what = "is a folder; name a file in it" if path.is_dir() else f"{error.strerror}"
        raise FileError(f"{path}: cannot be read: {what}") from None
    if packed is not None and packed not in UNPACKED:
        raise FileError(f"{path}: is compressed with {packed}; unpack it first")
    try:
        with _readers()[packed](path) as stream:
            yield stream, packed
    except EOFError:
        raise FileError(f"{path}: ends in the middle; copy or download it again") from None
    except _broken(packed) as error:
        raise FileError(f"{path}: is damaged ({error}); copy or download it again") from None


def _readers() -> dict[str | None, Callable[[Path], BinaryIO]]:
    return {
        None: lambda path: path.open("rb"),
        "gzip": lambda path: cast(BinaryIO, gzip.open(path, "rb")),
        "zstd": _zstd,
    }


def _zstd(path: Path) -> BinaryIO:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - only who has such a file pays for it
    else:
        from backports import zstd  # noqa: PLC0415 - as above
    return cast(BinaryIO, zstd.open(path, "rb"))


def _broken(packed: str | None) -> tuple[type[Exception], ...]:
    """What is raised where a file is damaged."""
    if packed != "zstd":
        return (zlib.error, gzip.BadGzipFile)
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdError  # noqa: PLC0415 - as above
    else:
        from backports.zstd import ZstdError  # noqa: PLC0415 - as above
    return (ZstdError,)
