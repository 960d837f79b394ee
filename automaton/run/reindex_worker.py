"""The process that makes a memory anew for `memory reindex`.

A process of its own, since the embedded engine writes through memory that it maps: on a
disk that gets full the system ends such a process without a word (SIGBUS). It says how
far it is, and ends with its parent. Must not know: the terminal.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from automaton import errors
from automaton.log import Log
from automaton.log.file_io import free_bytes
from automaton.log.side_files.archive import ReadReport
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.vector_store import (
    DecayRule,
    IndexCounts,
    folder,
    log_entries,
    open_store,
    ownership,
    reindex,
)
from automaton.workers.spawn import (
    LONGEST_TEXT,
    Channel,
    ChildProcess,
    describe_exit,
    is_of_full_disk,
)

Say = Callable[[dict[str, Any]], object]
PATIENCE = 10.0  # seconds for a process that has hung up to end


def reindexed(
    log: Path,
    where: tuple[str | None, int | None],
    min_free: int,
    progress: Callable[[int, int], object],
) -> dict[str, Any]:  # fmt: skip
    """Have a process put all of a log into its memory; the facts, and `notes` to be said.

    `where`: the address of servers, or None for the folder; how many shards a new memory has.
    `progress` is told terms so far and how many of them are indexed; `min_free` are bytes
    of the disk that stay free. Raises what the process met.
    """
    new = not folder(log).exists()
    child = ChildProcess.start("automaton.run.reindex_worker")
    try:
        asked = {"log": str(log), "where": where, "min_free": min_free}
        child.channel.send(json.dumps(asked).encode())
        while message := child.channel.receive():
            said: dict[str, Any] = json.loads(message)
            if "facts" in said:
                facts: dict[str, Any] = said["facts"]
                return facts
            if "error" in said:
                raise getattr(errors, said["error"], errors.DeviceError)(said["text"])
            progress(*said["progress"])
        raise _gone(folder(log), child.end(PATIENCE))
    except errors.StorageError:
        if new:  # what was begun of it takes room and holds nothing that was acknowledged
            child.end()
            shutil.rmtree(folder(log), ignore_errors=True)
        raise
    finally:
        child.end()


def _gone(memory: Path, code: int) -> errors.AutomatonError:
    """What it means that the process has ended without an answer."""
    if is_of_full_disk(code):
        return errors.StorageError(
            f"{memory}: its disk is full ({free_bytes(str(memory.parent))} bytes are free), so no "
            "more can be put into the memory; make room and start again"
        )
    return errors.DeviceError(f"{memory}: the process that fills it {describe_exit(code)}")


def handle(channel: Channel) -> None:
    """Heed the one question, and answer it."""

    def say(what: dict[str, Any]) -> None:
        channel.send(json.dumps(what).encode())

    try:
        asked = json.loads(channel.receive())
        say({"facts": _filled(Path(asked["log"]), asked["where"], asked["min_free"], say)})
    except errors.AutomatonError as error:
        say({"error": type(error).__name__, "text": str(error)[:LONGEST_TEXT]})
    except OSError as error:
        said = f"{error.filename or 'the memory'}: {error.strerror}"
        say({"error": "StorageError", "text": said[:LONGEST_TEXT]})
    except Exception as error:  # noqa: BLE001  # the engine's are of no common kind
        text = f"the memory's engine failed: {error}"
        say({"error": "StorageError", "text": text[:LONGEST_TEXT]})


def _filled(log: Path, where: list[Any], min_free: int, say: Say) -> dict[str, Any]:
    """Put everything in; what became of it."""
    url, shards = where
    archive = ReadReport()
    place = None if url else folder(log)
    with Log.open(log, write=False) as opened, with_omitted_batches(opened):

        def told(learned: IndexCounts) -> None:
            _leave_free(place, min_free)
            say({"progress": [learned.rows, learned.indexed]})

        _leave_free(place, min_free)
        note = ownership.claim_ownership(opened, place)
        with open_store(log, url, shards=shards) as store:
            entries = log_entries(opened, archive)
            period = DecayRule().period(len(opened.commits))
            learned = reindex(store, opened.prefix, entries, period, told)
            items = store.count()
        ownership.mark(opened)
        notes = [text for text in (note, archive.note(opened)) if text]
    return {
        "terms": learned.rows, "indexed": learned.indexed, "known": learned.known,
        "large": learned.large, "full": learned.full, "items": items,
        "archive_ticks": archive.ticks, "notes": notes,
    }  # fmt: skip


def _leave_free(place: Path | None, min_free: int) -> None:
    """Raises where less of the memory's disk is free than is to stay free."""
    if place is None or not min_free:
        return
    free = free_bytes(str(place.parent.resolve()))
    if free < min_free:
        raise errors.StorageError(
            f"{place}: {free / 1e6:.0f} MB of its disk are free, and {min_free / 1e6:.0f} MB are "
            "to stay so (--min-free-disk); make room and start again: what the memory holds stays"
        )
