"""An embedded engine in a process of its own: the one that writes its shard, and asks it.

Several of them compute at the same time, which several engines of one process do not: the
package holds Python's global lock in every call. Both sides live here: the engine as its
parent sees it, and the process. Must not know: other shards, terms, logs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from automaton import errors
from automaton.errors import AutomatonError, DeviceError, StorageError
from automaton.vector_store.engine import DIMENSIONS, Engine, Filter, Hit, Ids, Payload, UnitVectors
from automaton.workers import spawn
from automaton.workers.spawn import LONGEST_TEXT, Channel

#: Seconds in which an engine that is told to close may write what it has.
ENDING_S = 60.0
_BYTES_OF_A_ROW = 8 + 4 * DIMENSIONS  # an id, and its vector


class ShardProcess:
    """An engine (see `automaton.vector_store.engine`) that another process is."""

    name = "embedded"

    def __init__(self, folder: Path, *, reading: bool = False) -> None:
        """Open a folder there; raises what the process met."""
        self._folder, self._child = folder, spawn.ChildProcess.start(__name__)
        try:
            self.read_only = bool(self._asked("open", str(folder), reading))
        except BaseException:
            self._child.end()
            raise

    def _asked(self, name: str, *arguments: Any, raw: bytes = b"") -> Any:
        """What the process answers to one question."""
        channel = self._child.channel
        try:
            channel.send(json.dumps([name, *arguments]).encode())
            channel.send(raw)
            message = channel.receive()
        except OSError:
            message = b""
        if not message:
            code = self._child.end()
            if spawn.is_of_full_disk(code):
                raise StorageError(f"{self._folder}: its disk is full; make room and start again")
            raise DeviceError(f"{self._folder}: the process of it {spawn.describe_exit(code)}")
        answer = json.loads(message)
        if "error" in answer:
            kind = getattr(errors, answer["error"], DeviceError)
            raise kind(answer["text"])
        return answer["value"]

    def upsert(self, ids: Ids, units: UnitVectors, payloads: Sequence[Payload]) -> None:
        """Put items in."""
        self._asked("upsert", list(payloads), raw=ids.tobytes() + units.tobytes())

    def nearest(self, unit: UnitVectors, k: int, where: Filter, *, exact: bool) -> list[Hit]:
        """The k nearest of this shard."""
        rows = self._asked("nearest", k, asdict(where), exact, raw=unit.tobytes())
        return [Hit(*row) for row in rows]

    def payloads(self, ids: Ids) -> dict[int, Payload]:
        """By id, those that are there."""
        return {int(number): row for number, row in self._asked("payloads", raw=ids.tobytes())}

    def change(self, ids: Ids, members: Payload) -> None:
        """Set members of many items to the same."""
        self._asked("change", members, raw=ids.tobytes())

    def delete(self, ids: Ids) -> None:
        """By id."""
        self._asked("delete", raw=ids.tobytes())

    def prune(self, where: Filter) -> None:
        """By what they are."""
        self._asked("prune", asdict(where))

    def count(self, where: Filter) -> int:
        """Exactly."""
        return int(self._asked("count", asdict(where)))

    def flush(self) -> None:
        """To files."""
        self._asked("flush")

    def optimize(self) -> None:
        """Build the index of what has none yet."""
        self._asked("optimize")

    def facts(self) -> dict[str, int | str]:
        """As the engine says them."""
        found: dict[str, int | str] = self._asked("facts")
        return found

    def close(self) -> None:
        """Flush, close, and end the process."""
        try:
            self._asked("close")
        finally:
            self._child.end(ENDING_S)


# The process.


def handle(channel: Channel) -> None:
    """Open the engine that is asked for, and answer questions until it is closed."""
    engine: Engine | None = None
    try:
        while message := channel.receive():
            name, *arguments = json.loads(message)
            raw = channel.receive()
            try:
                if name == "open":
                    engine, value = _opened(*arguments)
                else:
                    assert engine is not None
                    value = _answered(engine, name, arguments, raw)
                answer: dict[str, Any] = {"value": value}
            except AutomatonError as error:
                answer = {"error": type(error).__name__, "text": str(error)[:LONGEST_TEXT]}
            except Exception as error:  # noqa: BLE001  # the engine's are of no common kind
                answer = {"error": "DeviceError", "text": f"its engine failed: {error}"}
                answer["text"] = answer["text"][:LONGEST_TEXT]
            channel.send(json.dumps(answer).encode())
            if name == "close":
                engine = None
    finally:
        if engine is not None:
            engine.close()


def _opened(folder: str, reading: bool) -> tuple[Engine, bool]:  # noqa: FBT001  # a JSON value
    from automaton.vector_store.qdrant_edge import QdrantEdge  # noqa: PLC0415  # an extra

    opened = QdrantEdge(Path(folder), reading=reading)
    return opened, opened.read_only


def _answered(engine: Engine, name: str, arguments: list[Any], raw: bytes) -> Any:
    """What an engine answers, as a JSON value."""
    if name == "upsert":
        rows = len(raw) // _BYTES_OF_A_ROW
        ids, units = np.frombuffer(raw, np.uint64, rows), np.frombuffer(raw, np.float32)[2 * rows :]
        engine.upsert(ids, units.reshape(rows, DIMENSIONS), *arguments)
        return None
    if name == "nearest":
        k, where, exact = arguments
        unit = np.frombuffer(raw, np.float32)
        hits = engine.nearest(unit, k, Filter(**where), exact=exact)
        return [[hit.id, hit.score, hit.payload] for hit in hits]
    if name in {"payloads", "change", "delete"}:
        value = getattr(engine, name)(np.frombuffer(raw, np.uint64), *arguments)
        return None if value is None else list(value.items())
    if name in {"count", "prune"}:
        return getattr(engine, name)(Filter(**arguments[0]))
    return getattr(engine, name)()
