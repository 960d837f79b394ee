"""How a command ends: an exit code, and one line on standard error for an error.

Knows every kind of error and no command. A traceback is a defect of the program
and of nothing else, so errors that are not in the table are left alone.
"""

from __future__ import annotations

import codecs
import errno
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from automaton.cli.text import LAMBDA_AS_BACKSLASH, SEVEN_BITS, one_line
from automaton.errors import AutomatonError, FileError, ShortOfMemoryError, StorageError

DEFECT = 70  # EX_SOFTWARE of sysexits.h: a traceback; 1 would say that a log is false
DIFFERENT = 15  # two logs, of `diff`
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
PIPE_CLOSED = 141  # 128 + SIGPIPE
LONGEST = 1000  # characters of an error's line; more is somebody's data

OUT_OF_MEMORY = "not enough memory; ask for less (--max-steps, --max-size, --parallel)"

LEAST_FREE = 192 << 20  # bytes; llvmlite asks for 130 MB at once where it is loaded
#: Given back where memory ends, so that there is enough to say so: pages of an address
#: space, which cost nothing until then.
_reserve = bytearray(4 << 20)

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_OUTPUT = _NO_ROOM | {errno.EIO, errno.EBADF}
LONGEST_CHAIN = 100  # errors that one may come of

Ending = tuple[type[BaseException], Callable[[Any], str], Callable[[Any], int]]


def status(command: Callable[[], int]) -> int:
    """The exit code of the command; its error, if any, is printed in one line."""
    try:
        _tolerate_narrow_terminals()
        code = command()
        _flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        _forget_output()
        return PIPE_CLOSED
    except BaseException as error:
        _reserve.clear()
        known = _interrupt_in(error) or _shortage_in(error) or error
        row = next((row for row in EXIT_CODES if isinstance(known, row[0])), None)
        if row is None:
            raise
        return _ended(known, row)
    return code


def _ended(error: BaseException, row: Ending) -> int:
    """Say why it ended; what could not be written before goes nowhere."""
    if isinstance(error, OSError) and _is_output(error):
        _forget_output()
    click.echo(f"error: {one_line(row[1](error), LONGEST)}", err=True)
    return row[2](error)


def _interrupt_in(error: BaseException | None) -> KeyboardInterrupt | None:
    """The Ctrl-C that an error came of: libraries that are being loaded make others of it."""
    for _ in range(LONGEST_CHAIN):
        if error is None or isinstance(error, KeyboardInterrupt):
            return error
        error = error.__cause__ or error.__context__
    return None


def _shortage_in(error: BaseException | None) -> ShortOfMemoryError | None:
    """Memory that was used up, in the words of whoever met it, or of what came of that."""
    for _ in range(LONGEST_CHAIN):
        if error is None or isinstance(error, (AutomatonError, click.ClickException)):
            return None  # it has words of its own
        if said := _shortage_said_by(error):
            return ShortOfMemoryError(said)
        error = error.__cause__ or error.__context__
    return None


def _shortage_said_by(error: BaseException) -> str:
    """What to say of an error by which memory is short; nothing of any other."""
    text = str(error)
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return OUT_OF_MEMORY
    if isinstance(error, RuntimeError) and "start new thread" in text:
        return f"no more threads can be started (ulimit -u, -v); {OUT_OF_MEMORY}"
    if isinstance(error, ImportError) and ("map segment" in text or "allocate memory" in text):
        return OUT_OF_MEMORY
    if _is_internal(error) and _address_space_is_short():  # Python and its libraries say no more
        return f"{OUT_OF_MEMORY} (ulimit -v; it showed as {type(error).__name__}: {text})"
    return ""


def _is_internal(error: BaseException) -> bool:
    """Whether CPython, numba and llvmlite have been seen to end so for want of memory."""
    return isinstance(error, (SystemError, ImportError, RuntimeError)) or (
        isinstance(error, OSError) and error.errno is None
    )


def _address_space_is_short() -> bool:
    """Whether less than `LEAST_FREE` is left of a bounded address space, or a fifth of it."""
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return False
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    except (OSError, MemoryError):  # not Linux, or not even that
        return True
    return most - pages * resource.getpagesize() < max(LEAST_FREE, most // 5)


def _is_output(error: OSError) -> bool:
    """Whether it is standard output that took no more: what has a file says which."""
    return error.filename is None and error.errno in _OUTPUT


#: What click calls numbers, in words of people.
_NOT_A_NUMBER = {
    "is not a valid integer range": "is not a whole number",
    "is not a valid integer": "is not a whole number",
    "is not a valid float range": "is not a number",
    "is not a valid float": "is not a number",
}


def _usage(error: click.UsageError) -> str:
    """What click says, and where the options are explained."""
    message = error.format_message().rstrip(".")
    for kind, words in _NOT_A_NUMBER.items():
        message = message.replace(kind, words)
    return f"{message} (see {error.ctx.command_path} --help)" if error.ctx else message


def _system(error: OSError) -> str:
    """What the system says, the file first."""
    reason = error.strerror or str(error) or type(error).__name__
    if _is_output(error):
        return f"the output cannot be written: {reason}; make room, or send it elsewhere"
    if error.errno == errno.ENOENT and error.filename is None and not _has_folder():
        return (
            f"{reason}: the folder in which this was started has been removed, so that relative "
            "paths lead nowhere; change into another one (cd)"
        )
    if error.errno == errno.EMFILE:
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        reason = f"{reason}: {allowed} are allowed (ulimit -n); allow more, at least 64"
    return reason if error.filename is None else f"{os.fsdecode(error.filename)}: {reason}"


def _has_folder() -> bool:
    """Whether the working folder is there."""
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _system_code(error: OSError) -> int:
    kind = StorageError if error.errno in _NO_ROOM else FileError
    return kind.exit_code


#: Kind of error, what it says, its exit code; the first row that fits counts.
EXIT_CODES: tuple[Ending, ...] = (
    (KeyboardInterrupt, lambda _: "interrupted", lambda _: INTERRUPTED),
    (click.Abort, lambda _: "interrupted", lambda _: INTERRUPTED),
    (click.UsageError, _usage, lambda error: error.exit_code),
    (click.ClickException, lambda error: error.format_message(), lambda error: error.exit_code),
    (AutomatonError, str, lambda error: error.exit_code),
    (OSError, _system, _system_code),
)


def _tolerate_narrow_terminals() -> None:
    """Where the terminal's encoding has no λ, show a backslash; other characters as escapes."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            ascii_alone = codecs.lookup(stream.encoding).name == "ascii"
            encoding = SEVEN_BITS if ascii_alone else stream.encoding
            reconfigure(encoding=encoding, errors=LAMBDA_AS_BACKSLASH)


def _flush() -> None:
    """Write what is buffered while a closed pipe can still be answered."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _forget_output() -> None:
    """Nobody reads the output any more: what is still buffered goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):  # no real file behind it
        pass
    finally:
        os.close(nowhere)
