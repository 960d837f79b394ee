"""What a format is asked for: a log, a part of it, and how far it is.

Values and contracts. Must not know: any format, who opens files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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


@dataclass(frozen=True)
class JointJob:
    """Several logs as one export, one after the other; each is open only while it is its turn.

    `part` names what a log is one of (`island`); `winner_of` says of a name in any of them
    which winner it stands for: number of the log, tick and slot; None: it is no other's.
    """

    jobs: Iterator[ExportJob]
    part: str
    winner_of: Callable[[str], tuple[int, int, int] | None] = lambda _name: None
    table: str | None = None  # as of each job


def missing(package: str, extra: str, error: ImportError) -> DeviceError:
    """The error where a library is not there."""
    install = INSTALL.format(extra=extra)
    return DeviceError(f"{package} is not installed ({error}); {install} brings it")
