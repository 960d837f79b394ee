"""One Redis server by its address: commands and answers, unreachable now and then.

The one module that knows redis-py. A server that does not answer is tried again. Must not
know: what is kept there, which epoch is due. Touches the clock and the network.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from automaton.errors import UsageError, WorkerError

#: Seconds for which a server may be silent.
SILENT_S = 5.0
#: Seconds between two attempts to reach one that does not answer.
AGAIN_S = 0.5
_SCHEMES = {"redis", "rediss", "unix"}


class RedisServer:
    """One server, by its address; unreachable now and then."""

    def __init__(self, url: str) -> None:
        self.name = server_name(url)
        self._redis = _redis()
        retry = self._redis.retry.Retry(self._redis.backoff.NoBackoff(), 0)
        try:
            self._client = self._redis.Redis.from_url(
                url, socket_timeout=SILENT_S, socket_connect_timeout=SILENT_S, retry=retry
            )
        except (ValueError, TypeError):  # whose text may hold parts of a password
            raise UsageError(
                f"--transport {self.name} is no address that redis-py can read: give "
                "redis://USER:PASSWORD@HOST:PORT, with / ? # @ and : in a password as percent "
                "escapes (%2F %3F %23 %40 %3A)"
            ) from None
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


def connected(urls: Sequence[str]) -> list[RedisServer]:
    """The servers of these addresses; a `WorkerError` where one does not answer."""
    servers = [RedisServer(url) for url in urls]
    for server in servers:
        if server.ask(("PING",)) is None:
            for each in servers:
                each.close()
            raise WorkerError(
                f"--transport: {server.name} does not answer ({server.trouble}); start it "
                "(apt-get install redis-server, or redis-server --port 6379), or leave "
                "--transport away"
            )
    return servers


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
    """An address without user, password and options, to be shown, however it is escaped."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


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
