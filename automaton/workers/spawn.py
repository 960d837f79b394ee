"""A child process that is a fresh interpreter: how it is started, served and ended.

Nothing is forked; parent and child talk over one channel. A program of a child is a
module with a function `handle(channel)`, which heeds messages until there are no more.
What a child is for is not known here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from importlib import import_module
from typing import Self

from automaton.errors import WorkerError
from automaton.workers.channel import Channel as Channel  # noqa: PLC0414 - whoever spawns talks
from automaton.workers.channel import readable as readable  # noqa: PLC0414 - and listens

#: Added to the niceness of a child that takes what cores nobody else wants.
NICE = 19
LONGEST_TEXT = 500  # of a failure that a child tells its parent

#: One thread each for libraries that would start their own: cores are shared out by us.
_ALONE = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[5:]\n"
    "from automaton.workers import spawn\n"
    "spawn.serve(sys.argv[1], *map(int, sys.argv[2:5]))"
)
_PR_SET_PDEATHSIG = 1


class ChildProcess:
    """A child as its parent sees it: a process, and the channel to it."""

    def __init__(self, process: subprocess.Popen[bytes], channel: Channel) -> None:
        self.process, self.channel = process, channel

    @classmethod
    def start(cls, module: str, nice: int = 0) -> Self:
        """A process that serves `module.handle`; `nice` is added to its niceness.

        Ctrl-C and SIGTERM are this process's business alone. Raises `WorkerError`.
        """
        channel, theirs = Channel.pair()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            with theirs:
                command = [
                    sys.executable, "-P", "-c", _PROGRAM, module, str(theirs.fileno()),
                    str(os.getpid()), str(nice), *sys.path,
                ]  # fmt: skip
                process = subprocess.Popen(  # noqa: S603  # this interpreter, and nothing of a log
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
                    env={**os.environ, **_ALONE},
                )  # fmt: skip
        except OSError as error:
            channel.close()
            raise WorkerError(f"no worker process can be started: {error.strerror}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return cls(process, channel)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self.process.pid

    def end(self, patience: float = 0.0) -> int:
        """Hang up, give it so many seconds to end, else kill it; how it ended.

        It is gone when this returns. A second call says the same.
        """
        self.channel.hang_up()
        if patience:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        if self.process.poll() is None:
            self.process.kill()
        code = self.process.wait()
        self.channel.close()
        return code


def serve(module: str, descriptor: int, parent: int, nice: int) -> None:
    """Be the child that `ChildProcess.start` wants, until the parent hangs up or is gone."""
    if not die_with(parent):
        return
    os.nice(nice)
    with Channel(socket.socket(fileno=descriptor)) as channel, contextlib.suppress(OSError):
        import_module(module).handle(channel)  # an OSError: the parent has hung up


def die_with(parent: int) -> bool:
    """Ask the system to kill this process when its parent ends; False if that is already so."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    return os.getppid() == parent


def is_of_full_disk(code: int) -> bool:
    """Whether a process ended as one does that writes to a mapped file and finds no room."""
    return code == -signal.SIGBUS


def describe_exit(code: int) -> str:
    """How a process ended, for people."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
