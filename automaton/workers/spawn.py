"""A child process that is a fresh interpreter: how it is started, and how it talks.

Nothing is forked; parent and child share one socket that keeps the bounds of
messages. What a child is for is not known here.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from automaton.errors import WorkerError

#: One thread each for libraries that would start their own: cores are shared out by us.
_ALONE = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
_PROGRAM = (
    "import importlib, sys; sys.path[:] = sys.argv[4:]\n"
    "importlib.import_module(sys.argv[1]).main(int(sys.argv[2]), int(sys.argv[3]))"
)


def spawn(module: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A process that calls `module.main(socket's descriptor, our number)`, and our end.

    Ctrl-C and SIGTERM are this process's business alone. Raises `WorkerError`.
    """
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as error:
        raise WorkerError(f"no worker process can be started: {error.strerror}") from error
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        with theirs:
            command = [
                sys.executable, "-P", "-c", _PROGRAM, module, str(theirs.fileno()),
                str(os.getpid()), *sys.path,
            ]  # fmt: skip
            process = subprocess.Popen(  # noqa: S603  # this interpreter, and nothing of a log
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
                env={**os.environ, **_ALONE},
            )  # fmt: skip
    except OSError as error:
        ours.close()
        raise WorkerError(f"no worker process can be started: {error.strerror}") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return process, ours


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
