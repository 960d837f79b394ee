"""A page that is served by a process of its own, as a person starts it, and what it answers."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

SECONDS = 60  # that anything may take before a test gives up


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Served(NamedTuple):
    """A server that runs: where it is, and its process."""

    host: str
    port: int
    token: str
    process: subprocess.Popen[str]

    def get(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> Answer:  # fmt: skip
        """One request of a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def ask(self, name: str, **question: object) -> dict[str, Any]:
        """A panel of something."""
        return self.get(f"/panel/{name}?{urlencode(question)}").json()

    def events(self, headers: dict[str, str] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """The panels of the stream as they come: name and value."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        try:
            connection.request("GET", "/events", headers=headers or {})
            answer = connection.getresponse()
            while line := answer.readline():
                if line.startswith(b'data: {"name"'):
                    found = json.loads(line.removeprefix(b"data: "))
                    yield found["name"], found["value"]
        finally:
            connection.close()

    def until(self, name: str, holds: Any) -> dict[str, Any]:
        """The first value of a panel for which something holds."""
        for found, value in self.events():
            if found == name and holds(value):
                return value
        raise AssertionError(f"the stream ended without {name}")


@contextmanager
def served(log: Path, *options: str) -> Iterator[Served]:
    """Serve a log on a port that is free."""
    kept = () if "--cache" in options else ("--cache", "none")
    command = [
        sys.executable,
        "-m",
        "automaton",
        "observatory",
        str(log),
        "--port",
        "0",
        *kept,
        *options,
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\[?([^/\]]+?)\]?:(\d+)/(?:\?token=(\S+))?", line)
            assert found, line + (process.stderr.read() if process.stderr else "")
            yield Served(found[1], int(found[2]), found[3] or "", process)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS) == 0, process.stderr and process.stderr.read()
