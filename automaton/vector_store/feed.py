"""A run's way to its memory: what is offered is taken, or counted as not indexed.

Never blocks the loop: `offer` takes what the rate and the queue have room for and
copies it; one thread hands it to a process of its own (`memory_worker`). Nothing
here, and nothing that becomes of it, decides a byte of the log. Must not know: the
engines, what a tick is made of.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from automaton import errors
from automaton.terms.arrays import Numbers, Words
from automaton.vector_store.decay import DecayRule
from automaton.vector_store.indexer import MOST_ITEMS, MOST_NODES, TermBatch
from automaton.vector_store.location import folder
from automaton.vector_store.worker import BATCH, CLOSE, FLUSH, LONGEST, OPEN
from automaton.workers import spawn
from automaton.workers.spawn import Channel

#: Terms a second that are indexed; more are counted, and `memory reindex` adds them.
RATE = 1000
#: Terms that may wait; about a quarter of a megabyte of small ones.
WAITING = 8192
#: Bytes of a message's columns, its head left out.
ROOM = LONGEST - 64
#: Seconds that `close` waits for what is under way; what then remains is not indexed.
PATIENCE = 10.0
#: Seconds that opening a memory may take: a large one is read from the disk.
OPENING_S = 600.0
_NO_COUNTS = {"indexed": 0, "known": 0, "large": 0, "full": 0, "rows": 0}


class VectorFeed:
    """What a run remembers. All methods are for one thread, the loop's."""

    def __init__(  # what `open` found
        self, child: spawn.ChildProcess, rate: float, counts: dict[str, Any],
        clock: Callable[[], float], log: Path,
    ) -> None:  # fmt: skip
        self._log = log
        self._child, self._channel = child, child.channel
        self._rate, self._clock = rate, clock
        self._tokens, self._refilled = rate, clock()
        self._offered = self._over_rate = self._no_room = self._large = self._lost = 0
        self._queue: deque[tuple[int, bytes]] = deque()  # rows, message
        self._waiting = 0  # rows in the queue, and in the hands of the thread
        self._unanswered = 0  # messages, as well
        self._counts = {**_NO_COUNTS, **counts}
        self._failure = ""
        self._closing = False
        self._changed = Condition()
        self._thread = Thread(target=self._feed, name="memory", daemon=True)
        self._thread.start()

    @classmethod
    def open(  # noqa: PLR0913  # settings by name
        cls, log: Path, *, prefix: str = "", streams: Sequence[str] = (), url: str | None = None,
        rate: float = RATE, rule: DecayRule | None = None, most: int = MOST_ITEMS,
        clock: Callable[[], float] = monotonic,
    ) -> VectorFeed:  # fmt: skip
        """The memory of a log, once its process says that it is there.

        `prefix` is the log's, `streams` the names of its streams in their order; `rate`
        in terms a second. Raises what `memory.open_store` does.
        """
        child = spawn.ChildProcess.start("automaton.vector_store.worker", spawn.NICE)
        names = list(streams) or [""]
        asked = {"log": str(log), "url": url, "prefix": prefix, "names": names, "most": most}
        try:
            rules = asdict(rule or DecayRule())
            child.channel.send(OPEN + json.dumps({**asked, "rule": rules}).encode())
            child.channel.wait_at_most(OPENING_S)
            counts = _answer(child.channel)
            child.channel.wait_at_most(None)
        except TimeoutError:
            child.end()
            raise errors.DeviceError(
                f"the memory could not be opened within {OPENING_S:g} s; start again, or leave "
                "--memory-rate away"
            ) from None
        except BaseException:
            if spawn.is_of_full_disk(child.end()):
                raise errors.StorageError(full(log)) from None
            raise
        return cls(child, rate, counts, clock, log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the loop's side ------------------------------------------------------

    def offer(  # noqa: PLR0913  # columns travel as arguments
        self, tick: int, slots: Numbers, code: Words, starts: Numbers, sizes: npt.NDArray[Any], *,
        levels: npt.NDArray[Any] | int = 0, streams: npt.NDArray[Any] | int = 0,
        won: npt.NDArray[np.bool_] | bool = False,
    ) -> int:  # fmt: skip
        """Offer closed terms of one tick, in CSR form; how many of them were taken.

        slots: the candidate of each; levels: its dimension; streams: the number of its
        stream; won: whether it was appended. Of too many, those are taken that lie evenly
        among them. What is taken is copied: the arrays may be used again.
        """
        self._offered += len(slots)
        fitting = np.flatnonzero(sizes <= MOST_NODES)
        self._large += len(slots) - len(fitting)
        count = self._admitted(len(fitting))
        if not count:
            return 0
        rows = fitting[np.arange(count) * len(fitting) // count]
        columns = [np.broadcast_to(column, len(slots))[rows] for column in (levels, streams, won)]
        messages = _messages(tick, slots[rows], code, starts[rows], sizes[rows], *columns)
        with self._changed:
            self._waiting += count
            self._put(messages)
        return count

    def _put(self, messages: list[tuple[int, bytes]]) -> None:
        self._queue.extend(messages)
        self._unanswered += len(messages)
        self._changed.notify_all()

    def _admitted(self, count: int) -> int:
        """How many of so many terms the rate and the queue allow now."""
        now = self._clock()
        earned = (now - self._refilled) * self._rate
        self._tokens, self._refilled = min(self._rate, self._tokens + earned), now
        allowed = min(count, int(self._tokens))
        self._over_rate += count - allowed
        if self._failure:
            self._lost += allowed
            return 0
        taken = min(allowed, max(0, WAITING - self._waiting))
        self._no_room += allowed - taken
        self._tokens -= taken
        return taken

    def report(self) -> dict[str, Any]:
        """What became of all that was offered.

        offered = indexed + known + waiting + not_indexed; not_indexed = over_rate + no_room +
        large + full + lost. `known`: the memory held the term already; `items`: what it
        holds; `durable`: of `indexed`; `failure`: why it ended, or "".
        """
        with self._changed:
            counts, waiting = dict(self._counts), self._waiting
        parts = {
            "over_rate": self._over_rate, "no_room": self._no_room, "lost": self._lost,
            "large": self._large + counts.pop("large"), "full": counts.pop("full"),
        }  # fmt: skip
        counts.pop("rows")
        head = {"offered": self._offered, "waiting": waiting, "not_indexed": sum(parts.values())}
        return {**head, **parts, **counts, "failure": self._failure}

    def flush(self) -> bool:
        """Wait until all that was taken is durable; False if the memory has ended."""
        with self._changed:
            if not self._failure:
                self._put([(0, FLUSH)])
            self._changed.wait_for(lambda: self._failure or not self._unanswered)
        return not self._failure

    def close(self) -> dict[str, Any]:
        """Hand over what waits, end the process, and say what became of everything."""
        if self._closing:
            return self.report()
        with self._changed:
            self._put([(0, CLOSE)])
            self._closing = True
        self._thread.join(PATIENCE)
        if self._thread.is_alive():  # it builds an index, say; what is acknowledged is safe
            self._child.process.kill()
            self._thread.join()
        self._child.end(PATIENCE)
        return self.report()

    # -- the thread's side ----------------------------------------------------

    def _feed(self) -> None:
        """Hand messages over, one at a time, until the last or until the process is gone."""
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._queue)
                    rows, message = self._queue.popleft()
                self._channel.send(message)
                counts = _answer(self._channel)
                with self._changed:
                    self._counts = counts
                    self._waiting -= rows
                    self._unanswered -= 1
                    self._changed.notify_all()
                if message == CLOSE:
                    return
        except (OSError, errors.AutomatonError) as error:
            by_disk = spawn.is_of_full_disk(self._child.end(PATIENCE))
            self._ended(full(self._log) if by_disk else str(error))

    def _ended(self, why: str) -> None:
        """The process is gone: what it had not answered for is not indexed."""
        with self._changed:
            advice = "the run goes on without; `memory reindex` adds what is missing"
            self._failure = f"the memory ended ({why}); {advice}"
            self._lost += self._waiting
            self._waiting = self._unanswered = 0
            self._queue.clear()
            self._changed.notify_all()


def full(log: Path) -> str:
    """What is said of a memory whose process was ended by SIGBUS, as it is by a full disk."""
    return f"{folder(log)}: its disk is full; make room, then `memory reindex`"


def _answer(channel: Channel) -> dict[str, Any]:
    """The counts that the process answers with; its error is raised as such."""
    message = channel.receive()
    if not message:
        raise errors.DeviceError("its process is gone; start the run again")
    answer: dict[str, Any] = json.loads(message)
    if "error" in answer:
        kind = getattr(errors, answer["error"], errors.DeviceError)
        raise kind(answer["text"])
    return answer


def _messages(  # noqa: PLR0913, PLR0917  # as `offer`
    tick: int, slots: Numbers, code: Words, starts: Numbers, sizes: npt.NDArray[Any],
    levels: npt.NDArray[Any], streams: npt.NDArray[Any], won: npt.NDArray[Any],
) -> list[tuple[int, bytes]]:  # fmt: skip
    """The rows in as many messages as they need, each with how many it holds."""
    spans = zip(starts.tolist(), sizes.tolist(), strict=True)
    terms = [code[start : start + size] for start, size in spans]
    bytes_ = np.cumsum(4 * sizes.astype(np.int64) + 26)  # 26 bytes of columns a row
    messages, low = [], 0
    while low < len(slots):
        before = int(bytes_[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(bytes_, before + ROOM, side="right")))
        part = slice(low, high)
        batch = TermBatch(
            np.full(high - low, tick, dtype=np.int64), slots[part].astype(np.int64),
            sizes[part].astype(np.int32), levels[part].astype(np.int32),
            np.concatenate(terms[part]).astype(np.int32, copy=False),
            streams[part].astype(np.uint8), won[part].astype(np.uint8),
        )  # fmt: skip
        messages.append((high - low, BATCH + batch.packed()))
        low = high
    return messages
