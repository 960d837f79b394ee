"""A process that verifies logs by themselves for its parent; the parent's side of it too.

Each log by the usual verification; several logs at the same time, and of each log several
ranges where there are fewer logs than cores. Must not know: archipelagos, what logs have
to do with each other.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from automaton.errors import AutomatonError, WorkerError, error_named
from automaton.log import AuditedLog
from automaton.verify import VerifyRequest, verify
from automaton.workers import spawn
from automaton.workers.spawn import LONGEST_TEXT, Channel

Verdicts = dict[int, dict[str, Any]]  # by number of the log: `Verdict.as_json` and `exit_code`


def verify_logs(
    logs: Sequence[Path], request: VerifyRequest, processes: int,
    tell: Callable[[int, int], object] = lambda *_: None,
) -> Verdicts:  # fmt: skip
    """The verdict on each log; `tell` hears how many logs of how many are done."""
    request = replace(request, workers=max(1, processes // max(1, len(logs))))
    queue = list(enumerate(logs))[::-1]
    verdicts: Verdicts = {}
    with contextlib.ExitStack() as stack:
        children = []
        for _ in range(min(processes, len(logs))):
            child = spawn.ChildProcess.start("automaton.islands.verification_process")
            stack.callback(child.end)
            children.append(child.channel)
        under_way = {channel: _ask(channel, *queue.pop(), request) for channel in children}
        while under_way:
            for channel in spawn.readable(under_way):
                number = under_way.pop(channel)
                verdicts[number] = _answer(channel, logs[number])
                tell(len(verdicts), len(logs))
                if queue:
                    under_way[channel] = _ask(channel, *queue.pop(), request)
    return verdicts


def _ask(channel: Channel, number: int, path: Path, request: VerifyRequest) -> int:
    """Have a log verified; its number."""
    with contextlib.suppress(OSError):  # it has died: seen when it is listened to
        asked = [str(path), request.replay, request.sample, request.seed, request.workers]
        channel.send(json.dumps(asked).encode())
    return number


def _answer(channel: Channel, path: Path) -> dict[str, Any]:
    try:
        message = channel.receive()
    except OSError:
        message = b""
    if not message:
        raise WorkerError(f"the process that verified {path} ended; look with `verify {path}`")
    kind, value = json.loads(message)
    if kind == "verdict":
        verdict: dict[str, Any] = value
        return verdict
    name, text = value
    raise error_named(name, text if str(path) in text else f"{path}: {text}")


def handle(channel: Channel) -> None:
    """Verify the logs that are named, one after the other."""
    while message := channel.receive():
        path, replay, sample, seed, workers = json.loads(message)
        request = VerifyRequest(replay, sample, seed, workers=workers)
        try:
            with AuditedLog.open(path) as log:
                verdict = verify(log, request)
                notices = list(dict.fromkeys(log.notices))
            facts = {**verdict.as_json(), "exit_code": verdict.exit_code, "notices": notices}
            channel.send(json.dumps(["verdict", facts]).encode())
        except AutomatonError as error:
            said = [type(error).__name__, str(error)[:LONGEST_TEXT]]
            channel.send(json.dumps(["error", said]).encode())
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  # the parent says it
            said = ["WorkerError", f"{type(error).__name__}: {error}"[:LONGEST_TEXT]]
            channel.send(json.dumps(["error", said]).encode())
