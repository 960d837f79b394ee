"""The command line: the only package that prints and exits. One file a command.

Says what was asked for in terms of the other packages and shows what they answer;
it must not know how anything is computed or stored. `exit_codes` turns every error
into one line and an exit code (docs/cli.md), `group` tells a log from a
command.
"""

from __future__ import annotations

import atexit
import os
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

#: Bytes of address space (RLIMIT_AS) with which Python and numpy can be loaded.
LEAST_MEMORY = 128 << 20


@contextmanager
def _while_loading() -> Iterator[None]:
    """Says how loading ended, before there is a command that could say so."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)
    except (MemoryError, ImportError, OSError) as error:
        if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
            raise  # a library is missing, not memory
        sys.stderr.write(f"error: not enough memory (ulimit -v) to load what is needed: {error}\n")
        sys.exit(11)


_bound = resource.getrlimit(resource.RLIMIT_AS)[0]
if _bound != resource.RLIM_INFINITY:
    # Each thread of OpenBLAS takes 32 MB while numpy is loaded, and a process that cannot
    # have them is ended by it with exit code 1 or by a signal.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if _bound < LEAST_MEMORY:
        sys.stderr.write(f"error: not enough memory: {_bound >> 20} MB (ulimit -v)\n")
        sys.exit(11)

with _while_loading():
    from automaton.cli import descriptors, exit_codes
    from automaton.cli.group import CommandGroup, CommandTable
    from automaton.errors import ShortOfMemoryError

__all__ = ["command_line", "main"]

#: The program as people call it, whether installed or run with `python -m automaton`.
command_line = CommandGroup(
    "automaton-scalable",
    help="""Run a self-modifying automaton that lives in LOG, a JSONL file.

    The program is the file: what wins is appended to it, nothing in it is ever
    changed, and running it again goes on where it ended. LOG is ./automaton.jsonl
    where none is named. The word of a command is that command; a log called like
    one is written with a folder (./check).""",
    commands=CommandTable(
        f"{__name__}.commands",
        "run init fork give check verify replay compact cat diff stats population series show "
        "doctor config tune reduce church match recall memory observe scale models why cycles "
        "cycle repeat soup sweep ablate organisation pairs measure busy-beaver synthesize export "
        "plot report "
        "observatory islands head keygen sign prove check-proof witness seal",
    ),
)
with _while_loading():
    command_line.load(sys.argv[1:2])


def _show_unraisable(said: sys.UnraisableHookArgs) -> None:
    """Say what could not be raised, but not that memory ended: the command says that."""
    if not issubclass(said.exc_type, MemoryError):
        sys.__unraisablehook__(said)


def main() -> NoReturn:
    """Run the command that the process was started with, and exit."""
    descriptors.make_safe()
    sys.unraisablehook = _show_unraisable
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if hears:  # registered first, it comes last: Python then takes its handlers away
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    try:
        command_line.main()
    except KeyboardInterrupt:  # once all was said
        sys.exit(exit_codes.INTERRUPTED)
    except MemoryError:  # what would say so found none either, and what ends Python may not
        os.write(2, b"error: not enough memory\n")
        os._exit(ShortOfMemoryError.exit_code)
    except Exception:  # noqa: BLE001  # a defect: said whole, under a code of its own
        traceback.print_exc()
        sys.exit(exit_codes.DEFECT)
    finally:
        if hears:  # ending the threads and the processes may take a while
            signal.signal(signal.SIGINT, lambda *_: os._exit(exit_codes.INTERRUPTED))
