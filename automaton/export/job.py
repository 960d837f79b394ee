"""What a format is asked for: a log, a part of it, and how far it is.

Values and contracts. Must not know: any format, who opens files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from automaton.errors import DeviceError
from automaton.export.export_selection import Selection
from automaton.log import Log

INSTALL = "pip install 'automaton-scalable[{extra}]'"


class TargetFolder(Protocol):
    """Where a format of many files puts them."""

    def file(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new file of it, by a path with slashes."""
        ...


@dataclass(frozen=True)
class Origin:
    """Who exports, and where: for documents that say how they were made."""

    version: str = ""  # of this program
    date: str = ""  # ISO 8601
    environment: Mapping[str, str] = field(default_factory=dict)  # names and versions


@dataclass(frozen=True)
class ExportJob:
    """One export: `progress` is told the last tick that is done."""

    log: Log
    selection: Selection  # held against the log
    table: str | None = None  # of the formats that have tables
    progress: Callable[[int], object] = lambda _tick: None
    origin: Origin = Origin()
    note: Callable[[str], object] = lambda _text: None  # something worth knowing
    signed: bytes = b""  # a note of the log's head, of the format that has one

    @property
    def name(self) -> str:
        """The log's name without its folder."""
        return self.log.path.rpartition("/")[2]


def missing(package: str, extra: str, error: ImportError) -> DeviceError:
    """The error where a library is not there."""
    install = INSTALL.format(extra=extra)
    return DeviceError(f"{package} is not installed ({error}); {install} brings it")
