"""The process that keeps a run's memory: it takes batches from a channel into a store.

A process, since the embedded engine holds the global lock of Python in every call.
It takes what cores are free, ends with its parent, and has then lost nothing that
it had acknowledged. Every message is answered by the counts so far.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from automaton.errors import AutomatonError
from automaton.vector_store.decay import DecayRule
from automaton.vector_store.indexer import Indexer, TermBatch
from automaton.vector_store.location import open_store
from automaton.workers.spawn import LONGEST_TEXT, Channel

#: Bytes of a message of rows: so much is lost where it is stopped in the middle.
LONGEST = 1 << 16
OPEN, BATCH, FLUSH, CLOSE = b"O", b"B", b"F", b"C"
#: Seconds without a message after which is done what waits for quiet.
IDLE_S = 0.5


def answered(learner: Indexer, message: bytes) -> dict[str, Any]:
    """Heed one message; the counts."""
    kind = message[:1]
    if kind == BATCH:
        learner.learn(TermBatch.unpacked(message[1:]))
    elif kind == FLUSH:
        learner.flush()
    else:
        learner.close()
    return learner.figures()


def opened(asked: dict[str, Any]) -> Indexer:
    """The store that the parent asks for."""
    store = open_store(Path(asked["log"]), asked["url"])
    rule = DecayRule(**asked["rule"])
    return Indexer(store, asked["prefix"], asked["names"], rule, asked["most"])


def handle(channel: Channel) -> None:
    """Open the store, then heed messages until there are no more."""

    def say(what: dict[str, Any]) -> None:
        channel.send(json.dumps(what).encode())

    learner = None
    try:
        learner = opened(json.loads(channel.receive()[1:]))
        say(learner.figures())
        channel.wait_at_most(IDLE_S)
        while True:
            try:
                message = channel.receive()
            except TimeoutError:
                learner.rest()
                continue
            if not message:
                break
            say(answered(learner, message))
            learner.rest()
    except AutomatonError as error:
        say({"error": type(error).__name__, "text": str(error)[:LONGEST_TEXT]})
    except OSError:
        raise
    except BaseException as error:  # noqa: BLE001  # the parent says it; a run goes on without
        say({"error": "DeviceError", "text": f"{type(error).__name__}: {error}"[:LONGEST_TEXT]})
    finally:
        if learner is not None:
            learner.store.close()
