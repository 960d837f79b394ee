"""Islands as actors of a Ray cluster: one actor an island, spread over the nodes.

Ray restarts actors and repeats their calls; a call can be done again, so nothing of that
decides a byte. An actor ends with its raylet, which Ray
itself does not see to. Must not know: epochs, who waits for whom.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from threading import Event, Lock
from typing import Any

from automaton.cluster import ray_cluster
from automaton.errors import AutomatonError, WorkerError, error_named
from automaton.islands.carrier import IslandPlace
from automaton.islands.copies.shared_place import new_folder
from automaton.islands.folder import Folder
from automaton.islands.island import Control, EpochReport, HostOptions, Island, Task
from automaton.islands.island_process import (
    folder_as_known,
    report_from_json,
    report_to_json,
    task_from_json,
    task_to_json,
)
from automaton.workers import spawn

#: Seconds in which an actor may finish its tick when it is told to end.
ENDING_S = 60.0


class IslandActor:
    """An island on a node. The constructor opens nothing: what fails there is never tried again."""

    def __init__(self, path: str, digest: str, number: int, options: list[Any]) -> None:
        self._known, self._number, self._options = (path, digest), number, options
        self._lock, self._stopping = Lock(), Event()
        self._island: Island | None = None

    def perform(self, value: list[Any]) -> list[Any]:
        """Do a task; what became of it, where, and what is worth saying."""
        with self._lock:
            try:
                report = self._opened().perform(task_from_json(value))
                said = None if report is None else report_to_json(report)
                answer: list[Any] = ["report", said]
            except AutomatonError as error:
                answer = ["error", [type(error).__name__, str(error)]]
            notices, island = list[str](), self._island
            if island is not None:
                notices, island.notices = island.notices, []
            return [*answer, f"{platform.node()} pid {os.getpid()}", notices]

    def _opened(self) -> Island:
        if self._island is None:
            if not spawn.die_with(os.getppid()):
                raise WorkerError("the raylet that started this actor is gone")
            kept, path = HostOptions(*self._options), self._known[0]
            if kept.shared is not None:
                new_folder(Path(path), Path(kept.shared))
            folder = folder_as_known(*self._known)
            control = Control(self._stopping.is_set)
            self._island = Island(folder, self._number, kept, control)
        return self._island

    def close(self) -> None:
        """Finish the tick under way and give the log back; called beside `perform`."""
        self._stopping.set()
        with self._lock:
            if self._island is not None:
                self._island.close()


class RayCarrier:
    """Carries islands on the nodes of a cluster; see `automaton.islands.carrier.Carrier`."""

    def __init__(self, folder: Folder, options: HostOptions, address: str | None) -> None:
        self._ray = ray_cluster.open_cluster(address)
        self._folder = folder.path.absolute()
        self._hello = [str(self._folder), folder.archipelago.digest]
        self._options = list(options)
        self._actors: dict[int, Any] = {}
        self._calls: dict[Any, Task] = {}  # by the reference of the answer
        self._where: dict[int, list[str]] = {}  # by island, the places that it had
        self._ticks: dict[int, int] = {}
        self._notices: list[str] = []

    def _actor(self, island: int) -> Any:
        if island not in self._actors:
            made = self._ray.remote(
                num_cpus=0, max_restarts=-1, max_task_retries=-1, max_concurrency=2,
                scheduling_strategy="SPREAD",
            )(IslandActor)  # fmt: skip
            self._actors[island] = made.remote(*self._hello, island, self._options)
        return self._actors[island]

    def submit(self, task: Task) -> None:
        """Call an island's actor."""
        self._calls[self._actor(task.island).perform.remote(task_to_json(task))] = task

    def wait(self, seconds: float) -> list[EpochReport]:
        """The answers that came; an actor that is lost for good is made anew."""
        if not self._calls:
            time.sleep(seconds)
            return []
        done, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=seconds)
        more, _ = self._ray.wait(list(self._calls), num_returns=len(self._calls), timeout=0)
        found = (self._answer(call) for call in dict.fromkeys([*done, *more]))
        return [report for report in found if report is not None]

    def _answer(self, call: Any) -> EpochReport | None:
        task = self._calls.pop(call)
        try:
            kind, value, where, notices = self._ray.get(call)
        except self._ray.exceptions.RayActorError:
            self._actors.pop(task.island, None)
            self.submit(task)
            return None
        except self._ray.exceptions.RayError as error:
            why = str(error).splitlines()[-1]
            raise WorkerError(f"island {task.island} failed on Ray: {why}") from None
        places = self._where.setdefault(task.island, [])
        if where not in places[-1:]:
            places.append(where)
        self._notices += [f"island {task.island}: {text}" for text in notices]
        if kind == "error":
            raise error_named(*value)
        if value is None:
            return None
        report = report_from_json(value)
        self._ticks[report.island] = report.tick
        return report

    def ticks(self) -> dict[int, int]:
        """The last tick that was heard of each island."""
        return self._ticks

    def place(self, island: int) -> IslandPlace:
        """The node and process of an island."""
        places = self._where.get(island, ["-"])
        return IslandPlace(places[-1], len(places) - 1)

    def notices(self) -> list[str]:
        """What opening logs found worth saying."""
        said, self._notices = self._notices, []
        return said

    def close(self) -> None:
        """Tell all actors to finish their tick, wait for them, leave the cluster."""
        try:
            closing = [actor.close.remote() for actor in self._actors.values()]
            self._ray.wait(closing, num_returns=max(1, len(closing)), timeout=ENDING_S)
        except (self._ray.exceptions.RayError, ValueError):
            pass  # whoever does not answer is ended below
        finally:
            self._ray.shutdown()
