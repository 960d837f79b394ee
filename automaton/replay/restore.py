"""From an opened log to the snapshot after its last commit.

Reads the genesis' objects in order of first appearance, then folds every batch.
Takes an opened log; opens nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from automaton.chemistry import World
from automaton.errors import DamagedError, NothingToRunError
from automaton.format.options import Options, from_record
from automaton.format.records import parse_run
from automaton.log import LogReader
from automaton.log.side_files import checkpoint
from automaton.log.side_files.checkpoint import Checkpoint
from automaton.replay import memory_demand, world_checkpoint
from automaton.replay.damage import told_apart
from automaton.replay.genesis import MalformedLines, genesis_objects
from automaton.replay.recompute import Open, TickRecomputer, open_cpu


def restore_world(
    log: LogReader, options: Options, malformed: MalformedLines, progress: Callable[[int], object]
) -> World:
    """The snapshot after the log's last commit; `progress` is told every tick folded."""
    with told_apart(log) as folding:

        def folded(tick: int) -> None:
            folding.tick = tick + 1  # what is folded next
            progress(tick)

        return world_at(log, len(log.commits), options, malformed, folded)


def world_at(
    log: LogReader, tick: int, options: Options | None = None,
    malformed: MalformedLines | None = None, progress: Callable[[int], object] = lambda _: None,
) -> World:  # fmt: skip
    """The snapshot after a tick of the log (0: the genesis)."""
    kept = checkpoint.read(log.path) if tick else None
    again = recomputer(log, kept if kept and kept.tick <= tick else None, options, malformed)
    with closing(again):
        again.run_to(tick, progress)
    return again.world


def recomputer(
    log: LogReader, kept: Checkpoint | None = None, options: Options | None = None,
    malformed: MalformedLines | None = None, open_device: Open = open_cpu,
) -> TickRecomputer:  # fmt: skip
    """A snapshot that goes forward: that of a checkpoint, if it fits, else the genesis'."""
    world = None if kept is None else world_checkpoint.decode(log, kept)
    done = 0 if kept is None or world is None else kept.tick
    world = world or genesis_world(log, options or Options(), malformed or MalformedLines())
    return TickRecomputer(log, world, open_device, done)


def genesis_world(log: LogReader, options: Options, malformed: MalformedLines) -> World:
    """The snapshot before the first tick; `options` are those of a log without a run."""
    first = options if log.run is None else _first_options(log, options)
    memory_demand.refuse_more_than_there_is(first)
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
