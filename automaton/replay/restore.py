"""From an opened log to the snapshot after its last commit.

Reads the genesis' objects in order of first appearance, then folds every batch.
Takes an opened log; opens nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automaton.backends.cpu import Cpu
from automaton.chemistry.world import World
from automaton.errors import DamagedError, NothingToRunError, UsageError
from automaton.format import objects
from automaton.format.options import UNSET, Options, from_record
from automaton.format.records import parse_run
from automaton.log import checkpoint
from automaton.log.id_index import MALFORMED
from automaton.log.reader import LogReader
from automaton.log.writer import Log
from automaton.program.term_extraction import Found
from automaton.replay import world_checkpoint
from automaton.replay.recompute import Again

#: Malformed lines of a genesis that are named one by one; more are counted.
NAMED_MALFORMED = 5


@dataclass
class Malformed:
    """Lines of the genesis that are skipped: the first few, and how many there are."""

    first: list[tuple[int, str]] = field(default_factory=list)
    count: int = 0

    def add(self, number: int, reason: str) -> None:
        """Note a line."""
        self.count += 1
        if len(self.first) < NAMED_MALFORMED:
            self.first.append((number, reason))


def genesis_objects(log: LogReader, malformed: Malformed) -> Iterator[Found]:
    """The genesis' objects in their current versions, in order of first appearance."""
    lines = np.union1d(log.index.first_lines(), log.index.lines_without_id(MALFORMED))
    wanted = iter(lines)
    due = next(wanted, None)
    for number, raw in log.genesis_lines():
        if due is None or number > log.genesis_line_count:
            return
        if number < due:
            continue
        due = next(wanted, None)
        found = _current(log, number, raw, malformed)
        if found is not None:
            yield found


def _current(log: LogReader, number: int, raw: bytes, malformed: Malformed) -> Found | None:
    """The object that first appears on this line, as the genesis leaves it."""
    first = _members(number, raw, malformed)
    identity = _filed_under(raw) if first is None else objects.object_id(first)
    if identity is None:
        return None if first is None else Found(f"line:{number}", first)
    versions = [n for n in log.index.lines_of(identity) if n <= log.genesis_line_count]
    if versions[:1] != [number]:
        return None
    for version in reversed(versions[1:]):
        later = _members(version, log.line(version), malformed)
        if later is not None:
            return Found(identity, later)
    return None if first is None else Found(identity, first)


def _members(number: int, raw: bytes, malformed: Malformed) -> dict[str, Any] | None:
    """The object on a line; what is none for a reason is noted."""
    parsed = objects.parse_line(raw)
    if isinstance(parsed, objects.Malformed):
        malformed.add(number, parsed.reason)
    return parsed.members if isinstance(parsed, objects.Object) else None


def _filed_under(raw: bytes) -> str | None:
    """The id under which the index may keep a malformed line: it begins like an object's."""
    parts = raw.split(b'"', 4)
    begins = len(parts) == 5 and parts[1] == b"id"
    return parts[3].decode("utf-8", "replace") if begins else None


def options_for(log: Log, given: Mapping[str, Any]) -> Options:
    """The log's own options (the defaults for a new log) with the given ones in their place."""
    _check_machine(given)
    if log.run is None:
        return Options().updated(given)
    inherited = from_record(log.run.options)
    options = inherited.updated(given)
    if options.max_objects != inherited.max_objects and len(log.commits):
        message = (
            f"--max-objects {options.max_objects}: this log was begun with "
            f"{inherited.max_objects}, and its places depend on it; leave the option away, "
            "or begin a new log"
        )
        raise UsageError(message)
    return options


def record_for(log: LogReader, given: str | None) -> str:
    """What is written of a batch: as given, or as the log was begun; it cannot be changed."""
    begun = log.record
    if given not in {None, "full", "commits"}:
        raise UsageError(f"--record {given}: give full, or commits")
    if begun is None or given in {None, begun}:
        return begun or given or "full"
    whole = f"write it whole with `replay LOG --to {len(log.commits)} --out FILE` and go on there"
    way = whole if begun == "commits" else "begin a new log"
    raise UsageError(
        f"--record {given}: this log was begun with --record {begun} and goes on so; leave the "
        f"option away, or {way}"
    )


def _check_machine(given: Mapping[str, Any]) -> None:
    """An operator runs without a machine, so a dimension cannot be asked for beside it."""
    for name in ("lock_dimension", "focus_dimension"):
        if not {given.get("operator"), given.get(name)} & {None, UNSET}:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} needs the machine, and --operator runs without; leave one")


def restored(
    log: Log, options: Options, malformed: Malformed, progress: Callable[[int], None]
) -> World:
    """The snapshot after the log's last commit; `progress` is told every tick folded."""
    kept = checkpoint.read(log.path) if len(log.commits) else None
    world = None if kept is None else world_checkpoint.restored(log, kept)
    done = 0 if kept is None or world is None else kept.tick
    world = world or beginning(log, options, malformed)
    again = Again(log, world, Cpu)  # computes nothing where all lines stand in the file
    try:
        for tick in range(done + 1, len(log.commits) + 1):
            again.follow(tick)
            progress(tick)
    finally:
        again.close()
    return world


def beginning(log: LogReader, options: Options, malformed: Malformed) -> World:
    """The snapshot before the first tick; `options` are those of a log without a run."""
    first = options if log.run is None else _first_options(log, options)
    world = World(first, log.prefix)
    try:
        world.found(genesis_objects(log, malformed), 1)
    except NothingToRunError as error:
        raise NothingToRunError(f"{error}{_unread(log, malformed)}") from None
    return world


def _unread(log: LogReader, malformed: Malformed) -> str:
    """What of a genesis was not read, for who wonders why there is nothing in it."""
    if not log.genesis_line_count:
        return " (the file is empty)"
    if not malformed.count:
        return ""
    number, reason = malformed.first[0]
    return (
        f" (of {log.genesis_line_count} lines {malformed.count} hold no JSON object, and a log has "
        f"one in each; line {number}: {reason})"
    )


def _first_options(log: LogReader, options: Options) -> Options:
    """The options of the first run record."""
    if not log.run_count:
        return options
    run = parse_run(log.line(log.run_lines[0]))
    if run is None:
        message = "the first run record cannot be read"
        raise DamagedError(message, log.genesis.bytes)
    return from_record(run.options)
