"""What logs gain, over Redis Streams: a stream an island, an entry an epoch, groups of readers.

Each group has all entries delivered, and says by a hash which epoch it needs next of an
island: what it has durably. So a stream can be trimmed, wiped or put anew, and a consumer
lost with entries that it was given: what is needed is there again, by its epoch. Must not
know: what is due, how copies are kept, processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from automaton.islands.copies.log_copy import Gain, LogPiece
from automaton.islands.redis_store.redis_entries import (
    DIGITS,
    add_entry,
    epoch_of,
    identity_of,
)
from automaton.islands.redis_store.redis_server import RedisServer

_AT, _DATA = b"at", b"bytes"
#: Entries that are asked for at a time.
_AT_A_TIME = 16


class RedisLogs:
    """The streams of one archipelago's logs; island k is on server k modulo their number.

    Offers what `automaton.islands.copies.log_archive.GainSource` asks for.
    """

    def __init__(self, digest: str, servers: Sequence[RedisServer]) -> None:
        self.servers, self._name = servers, f"automaton:{digest[:DIGITS]}"

    def _server(self, island: int) -> RedisServer:
        return self.servers[island % len(self.servers)]

    def _stream(self, island: int) -> str:
        return f"{self._name}:log:{island}"

    def _readers(self, island: int) -> str:
        return f"{self._name}:readers:{island}"

    # Of who writes.

    def publish(self, gain: Gain) -> str:
        """Add an entry; nothing, or why it is refused."""
        fields = {_AT: b"%d" % gain.piece.at, _DATA: gain.piece.data}
        server = self._server(gain.island)
        refused = add_entry(server, self._stream(gain.island), gain.epoch, fields)
        return (
            f"{server.name} refuses the log of island {gain.island}: {refused}" if refused else ""
        )

    def needed(self, island: int) -> int | None:
        """The first epoch that some group needs; None: there is no group, or no answer."""
        answers = self._server(island).ask(("HVALS", self._readers(island)))
        noted = answers[0] if answers and isinstance(answers[0], list) else []
        return min((int(epoch) for epoch in noted if epoch.isdigit()), default=None)

    def missing(self, island: int, epochs: range) -> list[int]:
        """The epochs that have no entry, of a server that answers."""
        if not epochs:
            return []
        span = identity_of(epochs[0]), identity_of(epochs[-1])
        answers = self._server(island).ask(("XRANGE", self._stream(island), *span))
        if answers is None or not isinstance(answers[0], list):
            return []
        there = {epoch_of(name) for name, fields in answers[0] if _piece(fields) is not None}
        return [epoch for epoch in epochs if epoch not in there]

    def forget(self, island: int, epoch: int) -> None:
        """Drop the entries before an epoch, which nobody needs any more."""
        self._server(island).ask(("XTRIM", self._stream(island), "MINID", "=", identity_of(epoch)))

    # Of who reads.

    def gains(self, island: int, epoch: int) -> Iterator[Gain]:
        """The entries from an epoch on, in order, as far as the server has them."""
        while True:
            command = "XRANGE", self._stream(island), identity_of(epoch), "+"
            answers = self._server(island).ask((*command, "COUNT", _AT_A_TIME))
            found = _gains(island, answers[0]) if answers else []
            yield from found
            if len(found) < _AT_A_TIME:
                return
            epoch = found[-1].epoch + 1

    def join(self, group: str, islands: Iterable[int]) -> None:
        """Have a group of readers, where it is not there."""
        for island in islands:
            self._server(island).ask(
                ("XGROUP", "CREATE", self._stream(island), group, "0", "MKSTREAM")
            )

    def read(self, who: tuple[str, str], islands: Sequence[int], milliseconds: int) -> list[Gain]:
        """What is delivered to a group (its name, and that of this reader), waited for so long."""
        found: list[Gain] = []
        for number, server in enumerate(self.servers):
            own = [k for k in islands if k % len(self.servers) == number]
            keys = [self._stream(k) for k in own]
            if not own:
                continue
            answers = server.ask(
                ("XREADGROUP", "GROUP", *who, "COUNT", _AT_A_TIME, "BLOCK", milliseconds,
                 "STREAMS", *keys, *[">"] * len(keys))
            )  # fmt: skip
            if answers is None:
                continue
            if isinstance(answers[0], Exception):  # a stream was wiped, and its groups with it
                self.join(who[0], own)
                continue
            streams = dict(zip(keys, own, strict=True))
            for name, entries in _streams(answers[0]):
                found += _gains(streams[name.decode()], entries)
        return found

    def reclaim(self, who: tuple[str, str], island: int, idle: int) -> list[Gain]:
        """Take over what was delivered to readers that were silent for so many milliseconds."""
        command = "XAUTOCLAIM", self._stream(island), *who, idle, "0-0", "COUNT", _AT_A_TIME
        answers = self._server(island).ask(command)
        if answers is None or isinstance(answers[0], Exception):
            return []
        return _gains(island, answers[0][1])

    def acknowledge(self, group: str, gains: Iterable[Gain]) -> None:
        """Say that entries are durable where the group keeps them."""
        for gain in gains:
            stream = self._stream(gain.island)
            self._server(gain.island).ask(("XACK", stream, group, identity_of(gain.epoch)))

    def announce(self, group: str, island: int, epoch: int) -> None:
        """Note which epoch of an island a group needs next."""
        self._server(island).ask(("HSET", self._readers(island), group, str(epoch)))

    def leave(self, group: str, islands: Iterable[int]) -> None:
        """Have a group no more: nothing is kept for it."""
        for island in islands:
            self._server(island).ask(
                ("HDEL", self._readers(island), group),
                ("XGROUP", "DESTROY", self._stream(island), group),
            )


def _streams(answer: Any) -> Iterable[Any]:
    """Names and entries of an answer to XREADGROUP, in the protocols that there are."""
    return answer.items() if isinstance(answer, dict) else answer or []


def _gains(island: int, entries: Any) -> list[Gain]:
    """The entries that hold what a log gained; those that were trimmed have no fields."""
    if not isinstance(entries, list):
        return []
    found = [(epoch_of(name), _piece(fields)) for name, fields in entries]
    return [Gain(island, epoch, piece) for epoch, piece in found if piece is not None]


def _piece(fields: Any) -> LogPiece | None:
    at, data = (fields or {}).get(_AT, b""), (fields or {}).get(_DATA)
    return LogPiece(int(at), data) if at.isdigit() and data is not None else None
