"""A worker process: computes the shards that its parent asks for, until the parent is gone.

Started by `automaton.workers.processes` as a program of its own. Messages come over a
channel; arrays are in memory that both sides map. The worker ends when the channel
does, and the system ends it when the parent dies.
"""

from __future__ import annotations

import importlib
import json
import struct
from time import thread_time
from typing import Any

from automaton.workers.channel import Channel
from automaton.workers.shared_memory import MappedArena
from automaton.workers.spawn import LONGEST_TEXT

#: Messages begin with a letter: a block to map (with its descriptor) or to drop, the
#: recipe of the scratch, a call, a shard of it.
BLOCK, DROP, RECIPE, CALL, SHARD = b"B", b"D", b"R", b"C", b"S"
#: Answers: ready, a shard done, a shard failed (a text follows).
READY, DONE, FAILED = 0, 1, 2
NUMBERS = struct.Struct("<qqq")
ANSWER = struct.Struct("<Bqqd")  # which, shard, result, seconds


def function_by_name(name: str) -> Any:
    """The function `module:name`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def function_name(function: Any) -> str:
    """A function's name, as `found` reads it."""
    return f"{function.__module__}:{function.__name__}"


class Worker:
    """What a worker has: its channel, the blocks it maps, its scratch, the call under way."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._mapped = MappedArena()
        self._scratch: Any = None
        self._function: Any = None
        self._arguments: list[Any] = []

    def serve(self) -> None:
        """Answer messages until there are no more."""
        while message := self._channel.receive():
            self._heed(message[:1], message[1:])

    def _heed(self, kind: bytes, body: bytes) -> None:
        if kind == BLOCK:
            number, length, _ = NUMBERS.unpack(body)
            self._mapped.take(number, length, self._channel.descriptors[0])
        elif kind == DROP:
            self._mapped.drop(NUMBERS.unpack(body)[0])
        elif kind == RECIPE:
            name, arguments = json.loads(body)
            self._scratch = function_by_name(name)(*arguments)
            self._channel.send(ANSWER.pack(READY, 0, 0, 0.0))
        elif kind == CALL:
            name, arguments = json.loads(body)
            self._function, self._arguments = (
                function_by_name(name),
                list(map(self._argument, arguments)),
            )
        else:
            self._compute(*NUMBERS.unpack(body))

    def _argument(self, value: Any) -> Any:
        """A number, or the array that a reference means."""
        return self._mapped.array(tuple(value)) if isinstance(value, list) else value

    def _compute(self, shard: int, low: int, high: int) -> None:
        start = thread_time()
        try:
            result = self._function(low, high, self._scratch, *self._arguments)
        except Exception as error:  # noqa: BLE001  # the parent says it and starts another worker
            text = f"{type(error).__name__}: {error}"[:LONGEST_TEXT].encode()
            self._channel.send(ANSWER.pack(FAILED, shard, 0, 0.0) + text)
            return
        answer = ANSWER.pack(DONE, shard, result, thread_time() - start)
        self._channel.send(answer)


def handle(channel: Channel) -> None:
    """Serve the pool that started this process."""
    Worker(channel).serve()
