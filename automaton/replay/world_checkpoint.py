"""The snapshot after a commit, to and from a checkpoint.

Columns go as they are; of definitions their lines are kept, and each is read once
again. Must not know: the file a checkpoint stands in.
"""

from __future__ import annotations

import contextlib
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automaton.chemistry import World
from automaton.chemistry.streams import Streams
from automaton.format import stream_options
from automaton.format.ids import is_our_id
from automaton.format.machine_state import MachineState
from automaton.format.objects import Object, parse_line
from automaton.format.options import RANGES, from_record
from automaton.log import LogReader
from automaton.log.side_files import checkpoint
from automaton.log.side_files.checkpoint import Checkpoint
from automaton.population import IdTable
from automaton.program.definitions import Program
from automaton.replay import memory_demand

#: Bytes that a log must have grown by for a checkpoint: while it runs, and at its end.
GROWN, GROWN_AT_END = 64 << 20, 1 << 20
_TABLES = ("automata", "transitions", "verticals", "rules", "vetoes", "rewritings", "amplifiers")


def encode(
    log: LogReader, world: World, tick: int | None = None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A snapshot's values and columns; `tick` is that of the snapshot (None: the last one)."""
    population, program = world.population, world.program
    row = None if tick is None else log.commits.row(tick)
    last = log.lines if row is None else row.first_line + row.lines
    facts = {
        "options": world.options.record(),
        "total": population.total,
        "products": population.products,
        "kinds": list(population.kinds),
        "definitions": {name: list(getattr(program, name)) for name in _TABLES},
        "definition_lines": _lines(log, program, last),
        "problems": program.problems,
        "rows": world.rows,
        "spans": world.spans,
        "skipped": world.reader.skipped,
    }
    columns = {f"place.{name}": values for name, values in population.column.items()}
    columns["labels"] = population.labels
    columns["code"] = population.code[: population.end]
    columns["names"] = np.frombuffer(population.names.buffer(), dtype=np.uint8)
    columns["starts"] = population.names.starts()
    if world.streams is not None:
        facts["streams"], more = world.streams.kept()
        columns |= {f"streams.{name}": values.reshape(-1) for name, values in more.items()}
    return facts, columns


def decode(log: LogReader, found: Checkpoint) -> World | None:
    """The snapshot that a checkpoint of this log holds; None where it is of another."""
    facts, columns = found.facts, found.columns
    if not _is_of(log, found):
        return None
    commit = log.commit(found.tick)
    if facts["total"] != commit.population:
        return None
    options = from_record(facts["options"])
    memory_demand.refuse_more_than_there_is(options)
    world = World(options, log.prefix, log.format)
    population = world.population
    population.column = {
        name: columns[f"place.{name}"].astype(kind) for name, kind in population.COLUMNS.items()
    }
    population.labels, population.code = columns["labels"], columns["code"]
    population.end, population.total = len(columns["code"]), facts["total"]
    population.products = facts.get("products", -1)
    population.know(facts["kinds"])
    population.names = IdTable.of(columns["names"].tobytes(), columns["starts"])
    world.rows, world.reader.skipped = facts["rows"], facts["skipped"]
    world.spans = facts["spans"]
    if "streams" in facts:
        own = {name.removeprefix("streams."): values for name, values in columns.items()}
        table = stream_options.parse_streams(options.streams)
        mixture = np.array(stream_options.parse_salience(options.salience), dtype=np.int64)
        world.streams = Streams.of(population, table, mixture, facts["streams"], own)
    if not _learn(world, log, facts["definitions"], facts["definition_lines"]):
        return None
    world.program.problems = facts["problems"]
    world.resume(MachineState.of(commit.state, commit.tick))
    return world


def _is_of(log: LogReader, found: Checkpoint) -> bool:
    """Whether a commit of the log has the checkpoint's tick, end and chain."""
    tick, facts = found.tick, found.facts
    if not 1 <= tick <= len(log.commits) or facts["prefix"] != log.prefix:
        return False
    row = log.commits.row(tick)
    return bool(row.end == facts["end"] and log.commit(tick).chain.hex() == facts["chain"])


def _lines(log: LogReader, program: Program, last: int) -> dict[str, int]:
    """The line of each definition: that of its last version that parses, up to a line."""
    found: dict[str, int] = {}
    for identity in (identity for name in _TABLES for identity in getattr(program, name)):
        if identity not in found:
            lines = (line for line in reversed(_versions(log, identity)) if line <= last)
            found[identity] = next((line for line in lines if _members(log, line)), 0)
    return found


def _versions(log: LogReader, identity: str) -> list[int]:
    """The lines of an object's versions; `line:n` has no id."""
    lines = [] if is_our_id(identity, log.prefix) else log.find(identity)
    kind, _, number = identity.partition(":")
    if not lines and kind == "line" and number.isdecimal() and int(number) <= log.lines:
        return [int(number)]
    return lines


def _learn(
    world: World, log: LogReader, definitions: dict[str, list[str]], lines: dict[str, int]
) -> bool:
    """Read the definitions again, each line once; False where one is gone."""
    program = world.program
    program.max_size = RANGES["max_size"][1]  # what was learned may be larger than now allowed
    for identity in dict.fromkeys(chain.from_iterable(definitions.values())):
        members = _members(log, lines[identity])
        if members is None:
            return False
        program.learn(identity, members)
    program.max_size = world.options.max_size
    return all(list(getattr(program, name)) == definitions.get(name, []) for name in _TABLES)


def _members(log: LogReader, line: int) -> dict[str, Any] | None:
    """The object on a line, None where there is none."""
    parsed = parse_line(log.line(line)) if 1 <= line <= log.lines else None
    return parsed.members if isinstance(parsed, Object) else None


class CheckpointWriter:
    """Keeps a checkpoint beside a log that grows; each costs a quarter of what is new or less."""

    def __init__(self, log: LogReader, world: World) -> None:
        self._log, self._world = log, world
        found = checkpoint.read(log.path)
        self._sealed = int(found.facts["sealed"]) if found else 0

    def due(self, *, final: bool = False) -> bool:
        """Whether the log has grown enough since the last one."""
        grown = self._log.sealed_bytes - self._sealed
        return grown >= (GROWN_AT_END if final else max(GROWN, self._sealed // 4))

    def keep(self) -> None:
        """Write one; the last commit must be that of the snapshot, and durable."""
        facts, columns = encode(self._log, self._world)
        more, tables = self._log.checkpoint_tables()
        with contextlib.suppress(OSError):  # a derived file: without it opening takes longer
            checkpoint.write(self._log.path, {**facts, **more}, {**columns, **tables})
        self._sealed = self._log.sealed_bytes
