"""Every error a user can meet, and the exit code it ends a command with.

Nothing here touches files, terminals or processes: a message is one line that
says what happened, likely why, and what to do next. The exit codes are a
contract (docs/cli.md); 0 is success and 130 a second Ctrl-C.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AutomatonError(Exception):
    """Anything that ends a command with one line on standard error."""

    exit_code = 1


class MismatchError(AutomatonError):
    """What a log claims and what was recomputed differ."""

    exit_code = 1


class UsageError(AutomatonError):
    """An option, a value, a configuration or a term that cannot be meant."""

    exit_code = 2


class TermError(UsageError):
    """A lambda term that cannot be read; `position` counts characters from 1."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class ConditionError(UsageError):
    """A condition or selector that cannot be read; `position` counts from 1."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class FileError(AutomatonError):
    """A file that is missing, unreadable, not writable or not a regular file."""

    exit_code = 4


class DocumentError(FileError):
    """A file that is one JSON document, or compressed: to such nothing is ever appended."""

    def __init__(self, message: str, what: str, remedy: str) -> None:
        super().__init__(message)
        self.what = what
        self.remedy = remedy


class LockedError(AutomatonError):
    """Another process writes this log; `pid` is that process, where known."""

    exit_code = 5

    def __init__(self, message: str, pid: int | None = None) -> None:
        super().__init__(message)
        self.pid = pid


class DamagedError(AutomatonError):
    """A log whose committed part is not what was written; `offset` in bytes."""

    exit_code = 6

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class OmittedError(AutomatonError):
    """Winner lines that the file leaves out, where they are not computed again."""

    exit_code = 2


class NothingToRunError(AutomatonError):
    """A log that holds no automaton to step, or no terms to react."""

    exit_code = 7


class StorageError(AutomatonError):
    """The disk refused an append; the log ends at its last commit."""

    exit_code = 8

    def __init__(self, message: str, needed: int | None = None) -> None:
        super().__init__(message)
        self.needed = needed


class DeviceError(AutomatonError):
    """A device that was named and cannot be had, or that failed while it computed."""

    exit_code = 9


class WorkerError(AutomatonError):
    """Workers that cannot be started, or that one part of a tick ends again and again."""

    exit_code = 10


class ShortOfMemoryError(AutomatonError):
    """Memory was used up, and stayed so while a run paused for it."""

    exit_code = 11


class BudgetError(AutomatonError):
    """A question that can be meant and has no answer within its budgets."""

    exit_code = 12


class IdleError(AutomatonError):
    """`check --strict`: something in a log does nothing."""

    exit_code = 13


class StoppedError(AutomatonError):
    """A tick was left unfinished, for its run is to end; nothing of it was written."""

    exit_code = 130


def whole_number(text: str) -> int | None:
    """The number that a text of ASCII digits says; None for others, and above 20 digits.

    So many hold every number that a command takes; Python refuses to read some thousands.
    """
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else None


def closest(name: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` where a name is nearly one that is known."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def error_named(kind: str, text: str) -> AutomatonError:
    """The error that another process met, of a kind here; of one that is not known, the base."""
    found = globals().get(kind)
    if isinstance(found, type) and issubclass(found, AutomatonError):
        return found(text)
    return AutomatonError(text)
