"""What is measured of a log, read from its lines: winners, and one value a tick.

Lives here: the last winners, read from the log's end backwards, so that a window
costs what it holds and not what the log holds; the commits' salience; the lineage
of a few. Reads an opened log. Must not know: what any statistic means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from automaton.analysis.lineage import Lineage, Version
from automaton.errors import DamagedError
from automaton.format import versions
from automaton.format.ids import is_our_id
from automaton.format.objects import Members, Object, object_id, parse_line
from automaton.format.options import from_record
from automaton.format.records import parse_run
from automaton.format.stream_options import FIXED_ONE
from automaton.log import LogReader

_BLOCK = 1 << 20  # bytes looked at backwards at a time
#: Winners whose lineage is followed, and lines that are read for all of them together.
TRACED, _TRACED_LINES = 32, 4096


@dataclass(frozen=True)
class Winner:
    """A winner's line."""

    id: str
    tick: int
    term: str
    size: int  # nodes
    steps: int  # beta steps
    stream: str | None  # None: no streams compete in this log
    salience: float | None  # 0 to 1; None as `stream`


@dataclass(frozen=True)
class AncestryDepth:
    """How far some winners are from the genesis along their reactant `a`."""

    depths: list[int]  # generations
    cut: bool  # reading ended before all were traced


@dataclass(frozen=True)
class Series:
    """The window of a log that figures are made from."""

    winners: list[Winner]  # in the order of their lines, the newest last
    first_tick: int  # of `salience`
    salience: npt.NDArray[np.float64]  # the commits' mean salience, a value a tick
    names: tuple[str, ...]  # of the streams that compete; none compete: ()
    ticks: int  # in the whole log
    since: int  # the first tick run with the streams of the last one; the window begins there
    cut: bool  # whether it would reach further back
    seed: int | None
    options: dict[str, object]  # of the last run record, those of streams left out
    genesis: bytes  # SHA-256
    traced: AncestryDepth


def read_series(log: LogReader, window: int) -> Series:
    """At most `window` winners and as many ticks, the last ones; of one setting of streams."""
    since = _since(log)
    newest = list(islice(_backwards(log, since), window))
    ticks = len(log.commits)
    first = max(since, ticks - window + 1)
    cut = since > 1 and (len(newest) < window or ticks - since + 1 < window)
    # Without streams salience is counted in nodes; only its order is looked at.
    salience = [_salience(log, tick) / FIXED_ONE for tick in range(first, ticks + 1)]
    options = dict(log.run.options) if log.run else {}
    seed = from_record(options).seed if log.run else None
    if log.run:
        options["seed"] = seed  # a text in some formats
    return Series(
        newest[::-1], first, np.array(salience, dtype=np.float64),
        _names(log, newest), ticks, since, cut, seed,
        {name: value for name, value in options.items() if name not in {"streams", "salience"}},
        log.genesis.sha256, _traced(log, newest[:TRACED]),
    )  # fmt: skip


def _since(log: LogReader) -> int:
    """The first tick of the last runs that had the same streams, or none, as the last one.

    Salience is a share of 1 with streams and a number of nodes without.
    """
    streams, since = None, 1
    for line in reversed(log.run_lines):
        run = parse_run(log.line(line))
        own = run.options.get("streams", "none") if run else "none"
        if streams not in {None, own}:
            return since
        streams, since = own, log.commits.tick_of_line(line)
    return 1


def _names(log: LogReader, winners: list[Winner]) -> tuple[str, ...]:
    """The streams of the last tick, those that won nothing too, and all that won in the window."""
    ends = log.last_commit.state.get("ends") if log.last_commit else None
    won = ends.get("won") if isinstance(ends, Mapping) else None
    own = list(won) if isinstance(won, Mapping) else []
    return tuple(dict.fromkeys([*own, *(w.stream for w in winners if w.stream is not None)]))


def _salience(log: LogReader, tick: int) -> int:
    """The mean salience that a commit states, in units of 2**-16."""
    value = log.commit(tick).state.get("salience")
    if not isinstance(value, int):
        raise DamagedError(f"the commit of tick {tick} states no salience; see check --chain")
    return value


def _backwards(log: LogReader, since: int) -> Iterator[Winner]:
    """The winners from the log's end back to a tick."""
    for tick in range(len(log.commits), since - 1, -1):
        found = False
        for line in _lines_backwards(log.batch(tick)):
            winner = _winner(line, log.prefix, tick)
            if winner is not None:
                found = True
                yield winner
            elif found:  # winners stand together; what is before them is input
                break


def _lines_backwards(batch: memoryview) -> Iterator[bytes]:
    """The lines of a batch without their newlines, the last one first."""
    rest, at = b"", len(batch)
    while at > 0:
        start = max(0, at - _BLOCK)
        head, *whole = (bytes(batch[start:at]) + rest).split(b"\n")
        yield from (line for line in reversed(whole) if line)
        rest, at = head, start
    if rest:
        yield rest


def _winner(line: bytes, prefix: str, tick: int) -> Winner | None:
    """What a winner's line says; None for a line that is none."""
    parsed = parse_line(line)
    if not isinstance(parsed, Object):
        return None
    members = parsed.members
    name = object_id(members)
    if name is None or members.get("type") != "modification" or not is_our_id(name, prefix):
        return None
    return _of_members(name, members, tick)


def _of_members(name: str, members: Members, tick: int) -> Winner:
    term, size, steps = members.get("term"), members.get("size"), versions.beta_of(members)
    stream, salience = members.get("stream"), members.get("salience")
    if not isinstance(term, str) or not isinstance(size, int) or not isinstance(steps, int):
        raise DamagedError(f"the winner {name} has not the members it must have; see verify")
    return Winner(
        name, tick, term, size, steps,
        stream if isinstance(stream, str) else None,
        salience / FIXED_ONE if isinstance(salience, int) else None,
    )  # fmt: skip


def _traced(log: LogReader, winners: list[Winner]) -> AncestryDepth:
    """Generations of some winners; what two lineages share is read once."""
    lineage, read_lines = Lineage(log), 0
    depth: dict[Version, int] = {}
    found: list[int] = []
    for winner in winners:
        version = lineage.now(winner.id)
        path: list[Version] = []
        while version not in depth:
            path.append(version)
            parents = lineage.parents(version)
            read_lines += 1
            if read_lines > _TRACED_LINES:
                return AncestryDepth(found, cut=True)
            if not parents:
                depth[version] = 0
                path.pop()
                break
            version = next((p for p in parents if p.role == "a"), parents[0]).version
        for k, passed in enumerate(reversed(path), 1):
            depth[passed] = depth[version] + k
        found.append(depth[lineage.now(winner.id)])
    return AncestryDepth(found, cut=False)
