"""Emigrants over Redis Streams: a stream an island, an entry an epoch, one or more servers.

An entry's id is `<epoch>-1`, so a server refuses the second copy; what a server lost is
published again. Must not know: which epoch is due, logs, processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from automaton.errors import DamagedError
from automaton.islands.copies.log_copy import Gain
from automaton.islands.emigrant_selection import parse_migrant
from automaton.islands.redis_store.redis_entries import DIGITS, add_entry, entry_at, identity_of
from automaton.islands.redis_store.redis_logs import RedisLogs
from automaton.islands.redis_store.redis_server import RedisServer, connected
from automaton.islands.transport import Departure

_LINES = b"lines"


class RedisStreams:
    """The streams of one archipelago; island k is on server k modulo their number."""

    def __init__(self, digest: str, urls: Sequence[str]) -> None:
        self._servers = connected(urls)
        self.logs = RedisLogs(digest, self._servers)
        self._name = f"automaton:{digest[:DIGITS]}"
        self._notices: list[str] = []
        self._said: set[str] = set()

    def _server(self, island: int) -> RedisServer:
        return self._servers[island % len(self._servers)]

    def _stream(self, island: int) -> str:
        return f"{self._name}:island:{island}"

    def _wants(self, island: int) -> str:
        return f"{self._name}:wants:{island}"

    def publish(self, island: int, epoch: int, lines: tuple[bytes, ...]) -> None:
        """Add an entry; where later ones stand, all are put anew in their order."""
        server = self._server(island)
        refused = add_entry(server, self._stream(island), epoch, {_LINES: b"".join(lines)})
        if refused:
            self._say(f"{server.name} refuses what leaves island {island}: {refused}")

    def fetch(self, wanted: Iterable[Departure]) -> dict[Departure, tuple[bytes, ...]]:
        """The entries of these epochs that are there and hold what they must."""
        found = {}
        for source, epoch in wanted:
            answers = self._server(source).ask(entry_at(self._stream(source), epoch))
            entries = answers[0] if answers else []
            if isinstance(entries, list) and entries:
                lines = self._lines(source, entries[0][1].get(_LINES))
                if lines is not None:
                    found[source, epoch] = lines
        return found

    def publish_gain(self, gain: Gain) -> None:
        """Add an entry to the stream of a log."""
        if refused := self.logs.publish(gain):
            self._say(refused)

    def _lines(self, source: int, body: bytes | None) -> tuple[bytes, ...] | None:
        """The lines of an entry, each a migrant of that island; None: somebody else's entry."""
        if body is not None:
            lines = tuple(body.splitlines(keepends=True))
            with suppress(DamagedError):
                if all(parse_migrant(line).island == source for line in lines):
                    return lines
        self._say(f"{self._stream(source)} holds what never left island {source}: passed over")
        return None

    def _say(self, text: str) -> None:
        """Note something once."""
        if text not in self._said:
            self._said.add(text)
            self._notices.append(text)

    def announce(self, wants: Mapping[tuple[int, int], int]) -> None:
        """Note at each source's server which epoch an island needs next."""
        for (island, source), epoch in wants.items():
            self._server(source).ask(("HSET", self._wants(source), str(island), str(epoch)))

    def needed(self, island: int, targets: Iterable[int]) -> int | None:
        """The least epoch that was noted; None where one of the targets noted nothing."""
        answers = self._server(island).ask(("HGETALL", self._wants(island)))
        if answers is None or not isinstance(answers[0], dict):
            return None
        noted = {int(k): int(v) for k, v in answers[0].items() if k.isdigit() and v.isdigit()}
        wanted = [noted.get(target) for target in targets]
        return None if None in wanted else min((e for e in wanted if e is not None), default=None)

    def missing(self, island: int, epochs: range) -> list[int]:
        """The epochs that have no entry, of a server that answers."""
        if not epochs:
            return []
        first, last = identity_of(epochs[0]), identity_of(epochs[-1])
        answers = self._server(island).ask(("XRANGE", self._stream(island), first, last))
        if answers is None or not isinstance(answers[0], list):
            return []
        there = {
            int(name.partition(b"-")[0])
            for name, fields in answers[0]
            if self._lines(island, fields.get(_LINES)) is not None
        }
        return [epoch for epoch in epochs if epoch not in there]

    def forget(self, island: int, epoch: int) -> None:
        """Trim a stream."""
        self._server(island).ask(
            ("XTRIM", self._stream(island), "MINID", "=", identity_of(epoch))
        )  # fmt: skip

    def needed_gains(self, island: int) -> int | None:
        """The first epoch that some group of readers needs; None: there is none."""
        return self.logs.needed(island)

    def missing_gains(self, island: int, epochs: range) -> list[int]:
        """The epochs that a log's stream does not have."""
        return self.logs.missing(island, epochs)

    def forget_gains(self, island: int, epoch: int) -> None:
        """Trim a log's stream."""
        self.logs.forget(island, epoch)

    def notices(self) -> list[str]:
        """What became of the servers, and entries that are nobody's."""
        found, self._notices = self._notices, []
        for server in self._servers:
            found += server.notices
            server.notices = []
        return found

    def close(self) -> None:
        """Hang up."""
        for server in self._servers:
            server.close()
