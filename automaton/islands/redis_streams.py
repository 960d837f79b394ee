"""Emigrants over Redis Streams: a stream an island, an entry an epoch, one or more servers.

The one module that knows redis-py. An entry's id is `<epoch>-1`, so a server refuses the
second copy. A server that does not answer is tried again; what it lost is published again.
Must not know: which epoch is due, logs, processes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from automaton.errors import DamagedError, UsageError, WorkerError
from automaton.islands.migration import parse_migrant
from automaton.islands.transport import Departure

#: Seconds for which a server may be silent.
SILENT_S = 5.0
#: Seconds between two attempts to reach one that does not answer.
AGAIN_S = 0.5
#: Hexadecimal digits of the archipelago's digest in the names of its keys.
_DIGITS = 32
_SCHEMES = {"redis", "rediss", "unix"}
_LINES = b"lines"


class _Server:
    """One server, by its address; unreachable now and then."""

    def __init__(self, url: str) -> None:
        self.name = server_name(url)
        self._redis = _redis()
        retry = self._redis.retry.Retry(self._redis.backoff.NoBackoff(), 0)
        try:
            self._client = self._redis.Redis.from_url(
                url, socket_timeout=SILENT_S, socket_connect_timeout=SILENT_S, retry=retry
            )
        except ValueError as error:
            raise UsageError(f"--transport {self.name}: {error}") from None
        self._again = 0.0  # when to try it again
        self.trouble = ""  # why it does not answer
        self.notices: list[str] = []

    def ask(self, *commands: tuple[Any, ...]) -> list[Any] | None:
        """The answers to commands, an exception where one was refused; None: it does not answer."""
        if self.trouble and time.monotonic() < self._again:
            return None
        failures = self._redis.exceptions
        pipe = self._client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        try:
            answers: list[Any] = pipe.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, _unready(failures)):
                    raise answer
        except failures.AuthenticationError as error:
            raise UsageError(
                f"--transport {self.name} refuses the user or the password: {error}"
            ) from None
        except (failures.RedisError, OSError) as error:
            self._failed(str(error) or type(error).__name__)
            return None
        if self.trouble:
            self.notices.append(f"{self.name} answers again")
            self.trouble = ""
        return answers

    def _failed(self, why: str) -> None:
        self._again = time.monotonic() + AGAIN_S
        if not self.trouble:
            self.notices.append(f"{self.name} does not answer ({why}); it is tried again")
        self.trouble = why

    def close(self) -> None:
        """Hang up."""
        with suppress(self._redis.exceptions.RedisError, OSError):
            self._client.close()


def _unready(failures: Any) -> tuple[type[Exception], ...]:
    """Answers that mean: not now."""
    return failures.BusyLoadingError, failures.ReadOnlyError, failures.ConnectionError


class RedisStreams:
    """The streams of one archipelago; island k is on server k modulo their number."""

    def __init__(self, digest: str, urls: Sequence[str]) -> None:
        self._servers = [_Server(url) for url in urls]
        self._name = f"automaton:{digest[:_DIGITS]}"
        self._notices: list[str] = []
        self._said: set[str] = set()
        for server in self._servers:
            if server.ask(("PING",)) is None:
                self.close()
                raise WorkerError(
                    f"--transport: {server.name} does not answer ({server.trouble}); start it "
                    "(apt-get install redis-server, or redis-server --port 6379), or leave "
                    "--transport away"
                )

    def _server(self, island: int) -> _Server:
        return self._servers[island % len(self._servers)]

    def _stream(self, island: int) -> str:
        return f"{self._name}:island:{island}"

    def _wants(self, island: int) -> str:
        return f"{self._name}:wants:{island}"

    def publish(self, island: int, epoch: int, lines: tuple[bytes, ...]) -> None:
        """Add an entry; where later ones stand, all are put anew in their order."""
        key, identity, body = self._stream(island), _identity(epoch), b"".join(lines)
        server = self._server(island)
        added = ("XADD", key, identity, _LINES, body)
        answers = server.ask(added, _at(key, epoch))
        if answers is None or not isinstance(answers[0], Exception):
            return
        if _bodies(answers[1]) == [body]:
            return  # it was there before
        if not _is_refused_id(answers[0]):
            self._say(f"{server.name} refuses what leaves island {island}: {answers[0]}")
            return
        held = server.ask(("XRANGE", key, "-", "+"))
        if held is None or not isinstance(held[0], list):
            return
        again = {name: fields.get(_LINES, b"") for name, fields in held[0]}
        again[identity.encode()] = body
        entries = sorted(again.items(), key=lambda item: [int(n) for n in item[0].split(b"-")])
        adding = [("XADD", key, name, _LINES, part) for name, part in entries]
        server.ask(("MULTI",), ("DEL", key), *adding, ("EXEC",))

    def fetch(self, wanted: Iterable[Departure]) -> dict[Departure, tuple[bytes, ...]]:
        """The entries of these epochs that are there and hold what they must."""
        found = {}
        for source, epoch in wanted:
            answers = self._server(source).ask(_at(self._stream(source), epoch))
            entries = answers[0] if answers else []
            if isinstance(entries, list) and entries:
                lines = self._lines(source, entries[0][1].get(_LINES))
                if lines is not None:
                    found[source, epoch] = lines
        return found

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
        first, last = _identity(epochs[0]), _identity(epochs[-1])
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
            ("XTRIM", self._stream(island), "MINID", "=", _identity(epoch))
        )  # fmt: skip

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


def parse_servers(text: str) -> list[str]:
    """The addresses of `--transport`, as redis-py takes them."""
    urls = [part.strip() for part in text.split(",")]
    for url in urls:
        if urlsplit(url).scheme not in _SCHEMES:
            raise UsageError(
                f"--transport {server_name(url)}: give direct, or redis://HOST:PORT (rediss:// for "
                "TLS), several with commas between"
            )
    return urls


def server_name(url: str) -> str:
    """An address without user and password, to be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _redis() -> Any:
    """The library, with the parts of it that are used here."""
    try:
        import redis  # noqa: PLC0415  # only who wants it has it
        import redis.backoff  # noqa: PLC0415
        import redis.retry  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "--transport redis://... needs redis-py: pip install '.[scale]' in the checkout"
        ) from None
    return redis


def _bodies(entries: Any) -> list[bytes | None]:
    """The lines of entries; none where a server answered something else."""
    return [fields.get(_LINES) for _, fields in entries] if isinstance(entries, list) else []


def _is_refused_id(answer: Exception) -> bool:
    """Whether an entry was refused since this one or a later one stands already."""
    return "equal or smaller" in str(answer)


def _identity(epoch: int) -> str:
    return f"{epoch}-1"


def _at(key: str, epoch: int) -> tuple[str, ...]:
    """The command that reads one epoch's entry."""
    return "XRANGE", key, _identity(epoch), _identity(epoch)
