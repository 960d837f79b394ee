"""A process that carries islands for its parent, until the parent hangs up or is gone.

Started by `automaton.islands.local_carrier` as a program of its own. Is told the folder
once, then tasks, one at a time; says ticks on the way and a report at the end. Must not
know: other processes, what is due next.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from automaton.errors import AutomatonError
from automaton.islands.copies.log_copy import LogPiece
from automaton.islands.folder import Folder, open_folder
from automaton.islands.island import (
    Control,
    EpochReport,
    HostOptions,
    Island,
    IslandHost,
    Task,
)
from automaton.workers.spawn import LONGEST_TEXT, Channel, readable

#: Seconds between two words about how far an island is.
TOLD_S = 0.2


def task_to_json(task: Task) -> list[Any]:
    """A task as JSON values."""
    inbound = None if task.inbound is None else [line.decode() for line in task.inbound]
    return [task.island, task.epoch, inbound]


def task_from_json(value: list[Any]) -> Task:
    """What `task_to_json` gave."""
    island, epoch, lines = value
    return Task(island, epoch, None if lines is None else tuple(line.encode() for line in lines))


def report_to_json(report: EpochReport) -> list[Any]:
    """A report as JSON values."""
    lines = [line.decode() for line in report.lines]
    numbers = report.tick, report.head.hex(), report.seconds, report.candidates
    piece = report.piece
    gained = None if piece is None else [piece.at, b64encode(piece.data).decode()]
    return [report.island, report.epoch, lines, *numbers, gained, report.shared]


def report_from_json(value: list[Any]) -> EpochReport:
    """What `report_to_json` gave."""
    island, epoch, lines, tick, head, seconds, candidates, gained, shared = value
    own = tuple(line.encode() for line in lines)
    piece = None if gained is None else LogPiece(gained[0], b64decode(gained[1]))
    return EpochReport(
        island, epoch, own, tick, bytes.fromhex(head), seconds, candidates, piece, shared
    )


class _Talk:
    """What the process says, and whether it is to stop."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._told = channel, 0.0

    def say(self, kind: str, value: object) -> None:
        """One message."""
        self._channel.send(json.dumps([kind, value]).encode())

    def tick(self, island: int, tick: int) -> None:
        """How far an island is, now and then."""
        if (now := time.monotonic()) - self._told >= TOLD_S:
            self._told = now
            self.say("tick", [island, tick])

    def stopping(self) -> bool:
        """Whether the parent has hung up: while a task is under way it has nothing else to say."""
        return bool(readable([self._channel], 0))


def handle(channel: Channel) -> None:
    """Serve the carrier that started this process."""
    hello = channel.receive()
    if not hello:
        return
    talk = _Talk(channel)
    try:
        _serve(channel, talk, *json.loads(hello))
    except AutomatonError as error:
        talk.say("error", [type(error).__name__, str(error)])
    except OSError:
        raise  # the parent has hung up
    except Exception as error:  # noqa: BLE001  # the parent says it
        talk.say("failed", f"{type(error).__name__}: {error}"[:LONGEST_TEXT])


def _serve(channel: Channel, talk: _Talk, path: str, digest: str, options: list[Any]) -> None:
    folder = folder_as_known(path, digest)
    control, kept = Control(talk.stopping, talk.tick), HostOptions(*options)
    host = IslandHost(lambda number: Island(folder, number, kept, control))
    try:
        while message := channel.receive():
            report = host.perform(task_from_json(json.loads(message)))
            for text in host.notices():
                talk.say("note", text)
            if report is None:
                return
            talk.say("report", report_to_json(report))
    finally:
        host.close()


def folder_as_known(path: str, digest: str) -> Folder:
    """The archipelago of a folder, if it is the one that whoever asks has."""
    folder = open_folder(Path(path))
    if folder.archipelago.digest != digest:
        raise AutomatonError(f"{path} holds another archipelago here than where this was started")
    return folder
