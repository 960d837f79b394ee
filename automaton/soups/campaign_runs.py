"""A campaign at work: its runs in processes, and the manifest that says what each came to.

`runs/` holds what the runs write, `manifest.jsonl` a line about the campaign and one for
each run that is done, with its head; both are read again, so that a campaign goes on after
any end. Touches the disk and processes. Must not know: what a run is, the terminal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from automaton.errors import FileError, UsageError, WorkerError, error_named
from automaton.workers import spawn

#: How often a process may die at the same run before that is an error.
ATTEMPTS = 3
MANIFEST = "manifest.jsonl"
_MEMBERS = ("run", "log", "settings", "seed", "head")


class PlannedRun(Protocol):
    """A run of a campaign."""

    @property
    def number(self) -> int:
        """From 0, in the order of the plan."""

    @property
    def point(self) -> dict[str, Any]:
        """The settings in which it differs from others."""

    @property
    def seed(self) -> int:
        """Its seed."""

    @property
    def name(self) -> str:
        """What it is called below `runs`."""


class CampaignPlan(Protocol):
    """What a campaign runs."""

    @property
    def runs(self) -> Sequence[PlannedRun]:
        """All of them."""

    def digest(self, genesis: bytes) -> str:
        """SHA-256, in hex, of all that decides the runs' bytes."""

    def said(self) -> dict[str, Any]:
        """What the manifest's first line says of it."""


class Campaign:
    """A folder with runs and a manifest; which process makes a run, and of what, is a child's."""

    program = ""  # the module of the process
    kind = "campaign"
    members: tuple[str, ...] = ("figures",)  # of a row, beside those of every one

    def __init__(self, folder: Path, plan: CampaignPlan, genesis: bytes) -> None:
        self.folder, self.planned, self.genesis = folder, plan, genesis
        self.digest = plan.digest(genesis)
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        self.done = self._read()

    def path(self, run: PlannedRun) -> Path:
        """Where a run stands."""
        return self.folder / "runs" / run.name

    def begin(self, run: PlannedRun) -> None:
        """Write what a run begins with; one that is there goes on."""
        raise NotImplementedError

    def write_genesis(self, run: PlannedRun, lines: Iterable[bytes]) -> None:
        """Have a run that is one log begin with these lines, all or none.

        One that is there stays; if it begins otherwise: `FileError`.
        """
        path = self.path(run)
        if path.exists():
            genesis = b"".join(lines)
            with path.open("rb") as file:
                if file.read(len(genesis)) != genesis:
                    raise FileError(f"{path} does not begin as this {self.kind} would have it; "
                                    "remove it and what is beside it")  # fmt: skip
            return
        draft = path.with_suffix(".part")
        draft.write_bytes(b"".join(lines))
        draft.rename(path)

    def task(self, run: PlannedRun) -> list[Any]:
        """What the process is told, as JSON values."""
        raise NotImplementedError

    def finish(self, run: PlannedRun) -> None:
        """Do with a run that is in the manifest what is to be done; as it is, nothing."""

    def remove(self, run: PlannedRun) -> None:
        """Remove a run's log and what is beside it."""
        path = self.path(run)
        for found in path.parent.glob(f"{path.name}*"):
            found.unlink()

    def rows(self) -> Iterator[dict[str, Any]]:
        """What is known of the runs, in their order."""
        for run in self.planned.runs:
            if run.number in self.done:
                yield self.done[run.number]

    def make(
        self, workers: int, progress: Callable[[int], object], only: Container[int] | None = None
    ) -> None:
        """Make the runs that are not done, or some of them; `progress` is told how many are.

        Raises `WorkerError` where a process dies again and again, or a run fails.
        """
        left = [run for run in self.planned.runs if run.number not in self.done]
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
                if only is None:
                    self.finish(run)

    def _read(self) -> dict[int, dict[str, Any]]:
        """The manifest's rows by run; a line that was cut off is written again."""
        place = self.folder / MANIFEST
        head = _line({self.kind: self.digest, **self.planned.said()})
        data = place.read_bytes() if place.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if not whole:
            if any((self.folder / "runs").iterdir()):
                raise FileError(
                    f"{self.folder} holds runs, and no manifest that says of what; give another "
                    "--out, or remove it"
                )
            place.write_bytes(head)
            return {}
        first, *lines = whole.splitlines()
        try:
            if json.loads(first).get(self.kind) != self.digest:
                raise UsageError(
                    f"{self.folder} holds another {self.kind}, or this one with other settings or "
                    "another genesis; give another --out"
                )
            found: dict[int, dict[str, Any]] = {}
            for line in lines:
                row = json.loads(line)
                _ = [row[name] for name in (*_MEMBERS, *self.members)]
                if row["run"] in found:
                    raise KeyError(f"run {row['run']} has two rows")  # noqa: TRY301
                found[row["run"]] = row
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileError(f"{place} is no manifest of a {self.kind}: {error}") from None
        if whole != data:
            place.write_bytes(whole)
        return found


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _computed(
    campaign: Campaign, left: list[PlannedRun], workers: int
) -> Iterator[tuple[PlannedRun, dict[str, Any]]]:
    """What runs came to, as they end; `left` is taken from its end."""
    busy: dict[spawn.ChildProcess, PlannedRun] = {}
    died: dict[int, int] = {}
    try:
        while left or busy:
            while left and len(busy) < workers:
                child = spawn.ChildProcess.start(campaign.program)
                _give(campaign, child, busy, left.pop())
            for child in _readable(busy):
                run = busy.pop(child)
                answer = _answer(child)
                if answer is None:
                    how = spawn.describe_exit(child.end())
                    died[run.number] = died.get(run.number, 0) + 1
                    if died[run.number] >= ATTEMPTS:
                        raise WorkerError(f"the process of {campaign.path(run)} {how}, {ATTEMPTS} "
                                          "times in a row")  # fmt: skip
                    left.append(run)
                    continue
                if left:
                    _give(campaign, child, busy, left.pop())
                else:
                    child.end()
                if "failed" in answer:
                    name, text = answer["failed"]
                    raise error_named(name, f"{campaign.path(run)}: {text}")
                yield run, answer["made"]
    finally:
        for child in busy:
            child.end()


def _give(
    campaign: Campaign,
    child: spawn.ChildProcess,
    busy: dict[spawn.ChildProcess, PlannedRun],
    run: PlannedRun,
) -> None:
    busy[child] = run
    campaign.begin(run)
    task = campaign.task(run)
    try:
        child.channel.send(json.dumps(task).encode())
    except OSError:
        return  # it died already: seen when it is listened to


def _readable(busy: dict[spawn.ChildProcess, PlannedRun]) -> list[spawn.ChildProcess]:
    by_channel = {child.channel: child for child in busy}
    return [by_channel[channel] for channel in spawn.readable(by_channel)]


def _answer(child: spawn.ChildProcess) -> dict[str, Any] | None:
    """What a process says; None where it is gone."""
    try:
        message = child.channel.receive()
    except OSError:
        return None
    return json.loads(message) if message else None
