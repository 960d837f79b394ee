"""What shards of the tests compute; worker processes import this module."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np

from automaton.workers.channel import Channel


def scratch(size: int) -> Any:
    """A worker's scratch."""
    return np.zeros(size, dtype=np.int64)


def no_scratch() -> Any:
    """Ends the process."""
    os._exit(3)


def scratch_of(pid: int) -> Any:
    """Scratch for one process; any other waits for it until it is killed."""
    if os.getpid() != pid:
        signal.pause()
    return scratch(4)


def scratch_of_parent(pid: int) -> Any:
    """Scratch for one process; any other ends."""
    return scratch(4) if os.getpid() == pid else no_scratch()


def handle(channel: Channel) -> None:
    """A child that says that it is there and then waits for ever."""
    channel.send(b"ready")
    signal.pause()


def busy(_low: int, _high: int, _own: Any, nanoseconds: int) -> int:
    """Take so much time of a core."""
    until = time.thread_time_ns() + nanoseconds
    while time.thread_time_ns() < until:
        pass
    return 0


def deadly(low: int, high: int, _own: Any, at: int, out: Any) -> int:
    """Number the slots; whoever computes slot `at` is killed."""
    if low <= at < high:
        _kill()
    out[low:high] = range(low, high)
    return 0


def square(low: int, high: int, own: Any, numbers: Any, out: Any, factor: int) -> int:
    """factor * n * n for each number of the shard; the sum of the numbers."""
    assert len(own) == 4
    out[low:high] = factor * numbers[low:high] ** 2
    return int(numbers[low:high].sum())


def describe(_low: int, _high: int, _own: Any, frozen: Any, empty: Any, out: Any) -> int:
    """Whether an array may be written, and the length of another."""
    out[:] = frozen.flags.writeable, len(empty)
    return 0


def firsts(_low: int, _high: int, _own: Any, out: Any, *arrays: Any) -> int:
    """The first element of each array."""
    out[:] = [array[0] for array in arrays]
    return 0


def fail(_low: int, _high: int, _own: Any) -> int:
    """Never succeeds."""
    return 1 // 0


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise() -> None:
    raise ValueError("as asked")


def _hang() -> None:
    signal.pause()


WAYS = {"kill": _kill, "raise": _raise, "hang": _hang}


def die_once(low: int, high: int, _own: Any, mark: Any, at: int, way: int, out: Any) -> int:
    """Number the slots; the first worker at slot `at` leaves a mark (a file) and is lost."""
    if low == at:
        try:
            os.close(os.open(mark.tobytes(), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            list(WAYS.values())[way]()
    out[low:high] = range(low, high)
    return 0
