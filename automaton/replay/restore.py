"""From an opened log to the snapshot after its last commit.

Reads the genesis' objects in order of first appearance, then folds every batch.
Takes an opened log; opens nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from automaton.backends import CpuBackend
from automaton.chemistry import World
from automaton.errors import DamagedError, NothingToRunError
from automaton.format.options import Options, from_record
from automaton.format.records import parse_run
from automaton.log import Log, LogReader, checkpoint
from automaton.replay import demand, world_checkpoint
from automaton.replay.damage import told_apart
from automaton.replay.genesis import MalformedLines, genesis_objects
from automaton.replay.recompute import TickRecomputer


def restore_world(
    log: Log, options: Options, malformed: MalformedLines, progress: Callable[[int], None]
) -> World:
    """The snapshot after the log's last commit; `progress` is told every tick folded."""
    with told_apart(log) as folding:
        kept = checkpoint.read(log.path) if len(log.commits) else None
        world = None if kept is None else world_checkpoint.decode(log, kept)
        done = 0 if kept is None or world is None else kept.tick
        world = world or genesis_world(log, options, malformed)
        again = TickRecomputer(
            log, world, CpuBackend
        )  # computes nothing where all lines stand in the file
        try:
            for folding.tick in range(done + 1, len(log.commits) + 1):
                again.follow(folding.tick)
                progress(folding.tick)
        finally:
            again.close()
        return world


def genesis_world(log: LogReader, options: Options, malformed: MalformedLines) -> World:
    """The snapshot before the first tick; `options` are those of a log without a run."""
    first = options if log.run is None else _first_options(log, options)
    demand.refuse_more_than_there_is(first)
    world = World(first, log.prefix, log.format)
    try:
        world.found(genesis_objects(log, malformed), 1)
    except NothingToRunError as error:
        raise NothingToRunError(f"{error}{_unread(log, malformed)}") from None
    return world


def _unread(log: LogReader, malformed: MalformedLines) -> str:
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
