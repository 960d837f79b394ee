"""How many files this process may have open, and whether that is enough for workers.

Every array that workers share is a file of its own, and every worker a socket. Must not
know: what workers compute.
"""

from __future__ import annotations

import resource
from pathlib import Path

from automaton.errors import WorkerError

#: Files of a run beside those of its workers: shared arrays (about 100), the log and what
#: stands beside it.
OF_A_RUN = 128
#: Files of a worker, while it is started.
OF_A_WORKER = 4
_OPEN = Path("/dev/fd")  # Linux and macOS


def ensure(workers: int) -> None:
    """Have room for so many workers; raises where the system does not allow it.

    The limit is raised as far as it must be, if it may be.
    """
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _open_now() + OF_A_RUN + OF_A_WORKER * workers
    if allowed == resource.RLIM_INFINITY or needed <= allowed:
        return
    if most == resource.RLIM_INFINITY or needed <= most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
        return
    raise WorkerError(
        f"{workers} worker processes need {needed} open files, and {most} are allowed "
        "(ulimit -n); allow more, ask for fewer --workers, or use --engine thread"
    )


def _open_now() -> int:
    return sum(1 for _ in _OPEN.iterdir()) if _OPEN.is_dir() else 8
