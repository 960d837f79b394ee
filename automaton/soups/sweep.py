"""A sweep at work: its runs in processes, and the manifest that says what each came to.

`runs/` holds the logs, `manifest.jsonl` a line about the sweep and one for each run that
is done, with its head; both are read again, so that a sweep goes on after any end. Touches
the disk and processes. Must not know: the terminal.
"""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

from automaton.errors import FileError, UsageError, WorkerError
from automaton.soups.sweep_plan import SweepPlan, SweepRun
from automaton.workers import spawn

#: How often a process may die at the same run before that is an error.
ATTEMPTS = 3
MANIFEST = "manifest.jsonl"


class Sweep:
    """A folder with a sweep's logs and its manifest."""

    def __init__(self, folder: Path, plan: SweepPlan, genesis: bytes) -> None:
        self.folder, self.plan, self._genesis = folder, plan, genesis
        self.digest = plan.digest(genesis)
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        self.done = self._read()

    def path(self, run: SweepRun) -> Path:
        """Where a run's log stands."""
        return self.folder / "runs" / run.name

    def rows(self) -> Iterator[dict[str, Any]]:
        """What is known of the runs, in their order."""
        for run in self.plan.runs:
            if run.number in self.done:
                yield self.done[run.number]

    def make(
        self, workers: int, progress: Callable[[int], object], only: Container[int] | None = None
    ) -> None:
        """Make the runs that are not done, or some of them; `progress` is told how many are.

        Raises `WorkerError` where a process dies again and again, or a run fails.
        """
        left = [run for run in self.plan.runs if run.number not in self.done]
        left = [run for run in left if only is None or run.number in only]
        with (self.folder / MANIFEST).open("ab") as manifest:
            for run, made in _computed(self, left[::-1], max(1, min(workers, len(left)))):
                row = {"run": run.number, "log": f"runs/{run.name}", "settings": run.point,
                       "seed": str(run.seed), **made}  # fmt: skip
                manifest.write(_line(row))
                manifest.flush()
                os.fsync(manifest.fileno())
                self.done[run.number] = row
                progress(len(self.done))
                if not self.plan.keep_logs and only is None:
                    self._forget(self.path(run))

    def begin(self, run: SweepRun) -> None:
        """Write a run's genesis, whole or not at all; a log that is there goes on."""
        path = self.path(run)
        if path.exists():
            return
        recipe = self.plan.recipe_of(run)
        draft = path.with_suffix(".part")
        draft.write_bytes(self._genesis if recipe is None else b"".join(recipe.lines(run.seed)))
        draft.rename(path)

    def _forget(self, path: Path) -> None:
        """Remove a log that its recipe, seed and head stand for, and what is beside it."""
        for found in path.parent.glob(f"{path.name}*"):
            found.unlink()

    def _read(self) -> dict[int, dict[str, Any]]:
        """The manifest's rows by run; a line that was cut off is written again."""
        place = self.folder / MANIFEST
        head = _line({"sweep": self.digest, "ticks": self.plan.ticks, **_said(self.plan)})
        if not place.exists():
            place.write_bytes(head)
            return {}
        data = place.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if not whole:
            place.write_bytes(head)
            return {}
        first, *lines = whole.splitlines()
        try:
            if json.loads(first).get("sweep") != self.digest:
                raise UsageError(
                    f"{self.folder} holds another sweep, or this one with other settings or "
                    "another genesis; give another --out"
                )
            rows = [json.loads(line) for line in lines]
            found = {row["run"]: row for row in rows}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileError(f"{place} is no manifest of a sweep: {error}") from None
        if whole != data:
            place.write_bytes(whole)
        return found


def _said(plan: SweepPlan) -> dict[str, Any]:
    return {"log": plan.log, "settings": plan.settings, "runs": len(plan.runs)}


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _computed(
    sweep: Sweep, left: list[SweepRun], workers: int
) -> Iterator[tuple[SweepRun, dict[str, Any]]]:
    """What runs came to, as they end; `left` is taken from its end."""
    busy: dict[spawn.ChildProcess, SweepRun] = {}
    died: dict[int, int] = {}
    try:
        while left or busy:
            while left and len(busy) < workers:
                child = spawn.ChildProcess.start("automaton.soups.sweep_worker")
                _give(sweep, child, busy, left.pop())
            for child in _readable(busy):
                run = busy.pop(child)
                answer = _answer(child)
                if answer is None:
                    how = spawn.describe_exit(child.end())
                    died[run.number] = died.get(run.number, 0) + 1
                    if died[run.number] >= ATTEMPTS:
                        raise WorkerError(f"the process of {sweep.path(run)} {how}, {ATTEMPTS} "
                                          "times in a row")  # fmt: skip
                    left.append(run)
                    continue
                if left:
                    _give(sweep, child, busy, left.pop())
                else:
                    child.end()
                if "failed" in answer:
                    raise WorkerError(f"{sweep.path(run)}: {answer['failed']}")
                yield run, answer["made"]
    finally:
        for child in busy:
            child.end()


def _give(
    sweep: Sweep, child: spawn.ChildProcess, busy: dict[spawn.ChildProcess, SweepRun], run: SweepRun
) -> None:
    busy[child] = run
    sweep.begin(run)
    task = [str(sweep.path(run)), sweep.plan.options(run), sweep.plan.ticks, sweep.plan.counted]
    try:
        child.channel.send(json.dumps(task).encode())
    except OSError:
        return  # it died already: seen when it is listened to


def _readable(busy: dict[spawn.ChildProcess, SweepRun]) -> list[spawn.ChildProcess]:
    by_channel = {child.channel: child for child in busy}
    readable, _, _ = select.select(list(by_channel), [], [])
    return [by_channel[channel] for channel in readable]


def _answer(child: spawn.ChildProcess) -> dict[str, Any] | None:
    """What a process says; None where it is gone."""
    try:
        message = child.channel.receive()
    except OSError:
        return None
    return json.loads(message) if message else None
