"""Islands in processes of this machine; one that dies is started again.

Each process carries its islands for good, so that their logs stay open. A task whose
process died is given to the next one: it can be done again. Must not know: epochs.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque

from automaton.errors import WorkerError, error_named
from automaton.islands.carrier import IslandPlace
from automaton.islands.folder import Folder
from automaton.islands.island import EpochReport, HostOptions, Task
from automaton.islands.island_process import report_from_json, task_to_json
from automaton.workers import spawn

#: How often a process may die without having said anything before that is an error.
ATTEMPTS = 20
#: Seconds in which a process may finish its tick when it is told to end.
ENDING_S = 60.0


class _Host:
    """A process, its tasks and what is known of it."""

    def __init__(self, number: int, hello: bytes) -> None:
        self.number, self._hello = number, hello
        self.queue: deque[Task] = deque()  # the first one is under way
        self.restarts = self.silent = 0  # in all; in a row, without a word
        self.child = self._started()

    def _started(self) -> spawn.ChildProcess:
        child = spawn.ChildProcess.start("automaton.islands.island_process")
        with contextlib.suppress(OSError):  # it died already: seen when it is listened to
            child.channel.send(self._hello)
            if self.queue:
                self._send(child)
        return child

    def _send(self, child: spawn.ChildProcess) -> None:
        child.channel.send(json.dumps(task_to_json(self.queue[0])).encode())

    def give(self, task: Task) -> None:
        """Another task, for now or later."""
        self.queue.append(task)
        if len(self.queue) == 1:
            with contextlib.suppress(OSError):  # as above
                self._send(self.child)

    def over(self) -> None:
        """The task under way is done; begin the next."""
        self.queue.popleft()
        if self.queue:
            with contextlib.suppress(OSError):  # as above
                self._send(self.child)

    def restart(self) -> None:
        """Start the process again, with the same tasks."""
        how = spawn.describe_exit(self.child.end())
        self.restarts += 1
        self.silent += 1
        if self.silent >= ATTEMPTS:
            what = f"island {self.queue[0].island}" if self.queue else "islands"
            raise WorkerError(
                f"a process that carries {what} {how}, {ATTEMPTS} times in a row without a tick; "
                "its logs end whole: see check, and what the system says of memory (dmesg)"
            )
        self.child = self._started()


class LocalCarrier:
    """Carries islands in so many processes; see `automaton.islands.carrier.Carrier`."""

    def __init__(self, folder: Folder, processes: int, options: HostOptions) -> None:
        hello = json.dumps([str(folder.path), folder.archipelago.digest, list(options)]).encode()
        count = min(processes, folder.archipelago.count)
        self._ticks: dict[int, int] = {}
        self._notices: list[str] = []
        self._hosts: list[_Host] = []
        try:
            self._hosts.extend(_Host(number, hello) for number in range(count))
        except BaseException:
            self.close()
            raise

    def _host(self, island: int) -> _Host:
        return self._hosts[island % len(self._hosts)]

    def submit(self, task: Task) -> None:
        """Give a task to its island's process."""
        self._host(task.island).give(task)

    def wait(self, seconds: float) -> list[EpochReport]:
        """What came from the processes; those that died are started again."""
        by_channel = {host.child.channel: host for host in self._hosts}
        ready = spawn.readable(by_channel, seconds)
        found = (self._heard(by_channel[channel]) for channel in ready)
        return [report for report in found if report is not None]

    def _heard(self, host: _Host) -> EpochReport | None:
        """One message of a process, or its end."""
        try:
            message = host.child.channel.receive()
        except OSError:
            message = b""
        if not message:
            host.restart()
            return None
        kind, value = json.loads(message)
        if kind == "error":
            raise error_named(*value)
        if kind == "failed":
            raise WorkerError(f"a process of islands failed: {value}")
        if kind == "note":
            self._notices.append(value)
            return None
        host.silent = 0
        if kind == "tick":
            self._ticks[value[0]] = value[1]
            return None
        host.over()
        report = report_from_json(value)
        self._ticks[report.island] = report.tick
        return report

    def ticks(self) -> dict[int, int]:
        """The last tick that was heard of each island."""
        return self._ticks

    def place(self, island: int) -> IslandPlace:
        """The process of an island."""
        host = self._host(island)
        return IslandPlace(f"pid {host.child.pid}", host.restarts)

    def notices(self) -> list[str]:
        """What opening logs found worth saying."""
        said, self._notices = self._notices, []
        return said

    def close(self) -> None:
        """Tell all processes to finish their tick, and wait for them."""
        for host in self._hosts:
            host.child.channel.hang_up()
        for host in self._hosts:
            host.child.end(ENDING_S)
