"""Real Redis servers of a test: their own ports, their own folders."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from island_cases import QUICK

from automaton.islands.carrier import SerialCarrier
from automaton.islands.driver import Driver
from automaton.islands.exchange import Exchange
from automaton.islands.folder import Folder
from automaton.islands.island import HostOptions, Island
from automaton.islands.redis_store.redis_streams import RedisStreams
from automaton.islands.schedule import Schedule

redis: Any = pytest.importorskip("redis", reason="redis-py is not installed (extra scale)")
PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")
NEEDS_SERVER = pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server (apt-get)")


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A Redis server of a test: its own port, its own folder."""

    def __init__(self, folder: Path, *more: str) -> None:
        folder.mkdir()
        self.port = free_port()
        self._folder, self._more = folder, more
        self.url = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it, with what its folder holds, and wait until it answers."""
        command = [str(PROGRAM), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--appendonly", "yes", "--dir", str(self._folder), *self._more],
            stdout=subprocess.DEVNULL,
        )
        self.client = redis.Redis(port=self.port)
        while True:
            assert self._process.poll() is None
            try:
                self.client.ping()
            except redis.exceptions.AuthenticationError:
                return
            except redis.exceptions.ConnectionError:
                continue
            return

    def kill(self) -> None:
        """End it at once."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.client.close()

    def lose_data(self) -> None:
        """Remove all that it kept, once it is dead."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()


@contextmanager
def running_servers(folder: Path, count: int) -> Iterator[list[Server]]:
    """So many servers, dead at the end."""
    found: list[Server] = []
    try:
        found.extend(Server(folder / f"redis{k}") for k in range(count))
        yield found
    finally:
        for server in found:
            server.kill()


def _run_over(
    url: str, folder: Folder, own: list[int], until: int, said: list[str],
    options: HostOptions, stopping: Event,
) -> bool:  # fmt: skip
    carrier = SerialCarrier(lambda number: Island(folder, number, options))
    streams = RedisStreams(folder.archipelago.digest, [url])
    schedule = Schedule(folder.archipelago, None, until, own)
    exchange = Exchange(schedule, streams, sends_logs=options.send)
    driver = Driver(schedule, carrier, exchange, say=said.append)
    driver.show = lambda _rows: driver.stop() if stopping.is_set() else None
    try:
        return driver.go()
    finally:
        carrier.close()
        streams.close()


@contextmanager
def running_over(
    url: str, folder: Folder, own: list[int], until: int, said: list[str],
    options: HostOptions = QUICK,
) -> Iterator[Future[bool]]:  # fmt: skip
    """Some islands, under way to so many epochs in a thread, until the end of the block.

    The others run elsewhere. What people are told goes to a list.
    """
    stopping = Event()
    with ThreadPoolExecutor() as pool:
        try:
            yield pool.submit(_run_over, url, folder, own, until, said, options, stopping)
        finally:
            stopping.set()
