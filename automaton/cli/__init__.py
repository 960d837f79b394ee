"""The command line: the only room that prints and exits. One file a command.

Says what was asked for in terms of the other rooms and shows what they answer;
it must not know how anything is computed or stored. `endings` turns every error
into one line and an exit code (docs/cli.md), `commands` tells a log from a
command.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import NoReturn

try:
    from . import endings
    from .check import check
    from .church import church
    from .commands import Commands
    from .cycle import cycle
    from .cycles import cycles
    from .doctor import doctor
    from .effective import config, tune
    from .init import init
    from .match import match
    from .memory import memory
    from .models import models
    from .observe import observe
    from .recall import recall
    from .reduce import reduce
    from .replay import replay
    from .run import run
    from .scale import scale
    from .show import show
    from .stats import stats
    from .synthesize import synthesize
    from .verify import verify
    from .why import why
except KeyboardInterrupt:  # before there is a command that could say so
    sys.stderr.write("error: interrupted\n")
    sys.exit(130)

__all__ = ["commands", "main"]

#: The program as people call it, whether installed or run with `python -m automaton`.
commands = Commands(
    "automaton-scalable",
    help="""Run a self-modifying automaton that lives in LOG, a JSONL file.

    The program is the file: what wins is appended to it, nothing in it is ever
    changed, and running it again goes on where it ended. LOG is ./automaton.jsonl
    where none is named. The word of a command is that command; a log called like
    one is written with a folder (./check).""",
    commands=[
        run, init, check, verify, replay, stats, show, doctor, config, tune, reduce, church, match,
        recall, memory, observe, scale, models, why, cycles, cycle,
        synthesize,
    ],
)  # fmt: skip


def main() -> NoReturn:
    """Run the command that the process was started with, and exit."""
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if hears:  # registered first, it comes last: Python then takes its handlers away
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    try:
        commands.main()
    except KeyboardInterrupt:  # once all was said
        sys.exit(endings.INTERRUPTED)
    finally:
        if hears:  # ending the threads and the processes may take a while
            signal.signal(signal.SIGINT, lambda *_: os._exit(endings.INTERRUPTED))
