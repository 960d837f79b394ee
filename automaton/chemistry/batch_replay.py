"""A log's batches read back into the snapshot that follows them.

A batch is run record, accepted input, winners, lines made by actions; each is
folded as the run folded it, and the population's hash must come out as its
commit says. Gets bytes and parsed commits; opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from automaton.chemistry import stream_replay
from automaton.chemistry.fold import BatchContent, fold_batch
from automaton.chemistry.tick_plan import plan_tick
from automaton.chemistry.world import ActionLine, World
from automaton.errors import DamagedError
from automaton.format import objects
from automaton.format.ids import is_our_id
from automaton.format.machine_state import MachineState
from automaton.format.objects import NamedObject
from automaton.format.options import Options, from_record
from automaton.format.records import Commit, parse_run
from automaton.format.versions import NEWEST, Format
from automaton.format.winner_lines import winner_parts
from automaton.population import Entrants, place_draws, with_copies
from automaton.terms.arrays import Words
from kernels import cpu, philox
from kernels.text import winner_lines

_INT32 = 1 << 31
#: Texts of terms that are remembered while the lines of a batch are read, a power of two.
_KNOWN = 1 << 12


@dataclass(frozen=True)
class Winners:
    """Winner lines read back: columns by line, and where the three ids stand in the bytes."""

    entering: Entrants
    levels: npt.NDArray[np.int32]
    ids: npt.NDArray[np.int64]
    end: int  # position behind the last of them


def parts(
    prefix: str, tick: int, streams: Sequence[str] = (), form: Format = NEWEST
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The constant parts of a tick's winner lines, as `lines.read_winners` takes them."""
    encoded = winner_parts(prefix, tick, streams, form)
    mark = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), mark


class WinnerSyntax(Protocol):
    """What the lines of winners depend on, of a snapshot or of a log."""

    prefix: str
    options: Options
    format: Format

    @property
    def stream_names(self) -> list[str]:
        """The streams that compete."""


def read_winners(
    batch: npt.NDArray[np.uint8], at: int, count: int, world: WinnerSyntax, tick: int
) -> Winners:
    """At most `count` winner lines of a tick, from position `at` on."""
    prefix, max_size = world.prefix, world.options.max_size
    text, mark = parts(prefix, tick, world.stream_names, world.format)
    slots, starts = np.empty((2, count), dtype=np.int64)
    steps, sizes, salience, levels, copied = np.empty((5, count), dtype=np.int32)
    ids = np.empty((count, 3, 2), dtype=np.int64)
    room = max(max_size, len(batch))  # a node takes at least one byte of its line
    words: Words = np.empty(room, dtype=np.int32)
    stack = np.empty(4 * max_size + 8, dtype=np.int32)
    known = np.full((min(_KNOWN, 1 << (2 * count).bit_length()), 2), -1, dtype=np.int64)
    found, end, used = cpu.compiled(winner_lines.read_winners)(
        batch, at, len(batch), text, mark, max_size,
        slots, steps, sizes, salience, starts, levels, copied, ids, words, stack, known,
    )  # fmt: skip
    entering = Entrants(
        slots[:found], np.arange(found), words[:used], starts[:found], sizes[:found],
        steps[:found], place_draws(world.options.seed, tick, philox.PLACE, slots[:found]),
        salience[:found], copied=copied[:found],
    )  # fmt: skip
    return Winners(entering, levels[:found], ids[:found], int(end))


def replay_batch(world: World, raw: bytes | memoryview, commit: Commit) -> None:
    """Fold one batch into the snapshot; raises `DamagedError` where it does not fit."""
    batch = np.frombuffer(raw, dtype=np.uint8)
    begin = _skip_separator(batch)
    accepted: list[NamedObject] = []
    for line in _lines_from(batch, begin):
        run = parse_run(line.rstrip(b"\n"))
        found = None if run is not None else _found(line)
        if found is not None and is_our_id(found.id, world.prefix):
            break
        begin += len(line)
        if run is not None:
            world.begin_run(from_record(run.options), run.number, commit.tick)
        elif found is not None:
            accepted.append(found)
    winners = read_winners(batch, begin, commit.lines, world, commit.tick)
    made = [_made(line, world) for line in _lines_from(batch, winners.end)]
    level = int(winners.levels[0]) if len(winners.levels) else 0
    entering, lost = winners.entering, []
    if world.streams is not None:
        choice = plan_tick(world, commit.tick)
        entering = stream_replay.credited(world, choice, commit.tick, entering)
        lost = stream_replay.remembered(world, world.streams, choice, commit.tick, entering.slots)
    entering = with_copies(entering, world.options.seed, commit.tick)
    fold_batch(world, commit.tick, BatchContent(accepted, entering, level, made, lost))
    if world.population.total != commit.population:
        message = (
            f"tick {commit.tick}: its lines do not lead to the population that its commit "
            "states; the log was altered, or written by another version"
        )
        raise DamagedError(message)
    world.resume(MachineState.of(commit.state, commit.tick))


def _skip_separator(batch: npt.NDArray[np.uint8]) -> int:
    """The first batch begins with a newline where the genesis does not end in one."""
    return 1 if len(batch) and batch[0] == ord("\n") else 0


def _lines_from(batch: npt.NDArray[np.uint8], at: int) -> Iterator[bytes]:
    """The lines from a position on, with their newlines, one by one."""
    view = batch.data
    while at < len(batch):
        window = 1 << 12
        while (end := bytes(view[at : at + window]).find(b"\n")) < 0 and at + window < len(batch):
            window *= 4
        line = bytes(view[at : at + end + 1] if end >= 0 else view[at:])
        yield line
        at += len(line)


def _found(line: bytes) -> NamedObject | None:
    """The object of a line, under its id."""
    parsed = objects.parse_line(line)
    if not isinstance(parsed, objects.Object):
        return None
    object_id = objects.object_id(parsed.members)
    return None if object_id is None else NamedObject(object_id, parsed.members)


def _made(line: bytes, world: World) -> ActionLine:
    """A line that an action made, as the fold takes it."""
    found = _found(line)
    if found is None:
        return ActionLine(line)
    if not is_our_id(found.id, world.prefix):
        return ActionLine(line, found)
    kind = found.members.get("type")
    if kind == "inflow":
        found.members[world.format.beta] = 0
    elif kind != "composition":
        return ActionLine(line)
    slot, members = int(found.id.rpartition(".")[2]), found.members
    term, size, steps = (members.get(name) for name in ("term", "size", world.format.beta))
    if not (isinstance(term, str) and type(size) is int and type(steps) is int) or not (
        0 < size <= len(line) and 0 <= steps < _INT32 and slot < _INT32
    ):
        raise DamagedError(f"the {kind} {found.id} has not the members it must have")
    level = objects.level(members)
    words = _canonical(term, size)
    return ActionLine(line, slot=slot, words=words, steps=steps, level=level, kind=kind)


def _canonical(text: str, size: int) -> Words:
    """The words of a canonical term of known size."""
    raw = np.frombuffer(text.encode(), dtype=np.uint8)
    words = np.empty(size, dtype=np.int32)
    stack = np.empty(4 * size + 8, dtype=np.int32)
    nodes, _ = cpu.compiled(winner_lines.get_term)(raw, 0, len(raw), words, 0, size, stack)
    if nodes != size:
        message = f"the term `{text[:40]}` of a composition is not what its size says"
        raise DamagedError(message)
    return words
