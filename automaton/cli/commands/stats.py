"""`stats LOG`: what a log says of the run that wrote it; nothing is recomputed."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.option_types import PATH, option
from automaton.cli.text import as_json, printable
from automaton.errors import DamagedError
from automaton.format.machine_state import MachineState
from automaton.format.records import OUTCOMES, Commit, parse_commit
from automaton.log import watermarks

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.log import Log


@click.command()
@click.argument("log", type=PATH)
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object.")
def stats(log: Path, json_: bool) -> None:
    """Show how far LOG has come, read from its commits.

    Ticks, the last commit's time, outcomes, dimension, actions, the chain's head. Also
    while another process runs it. What was noted beside LOG is shown too: which versions
    of the program wrote it, and how far `verify --resume` came, and when.
    """
    from automaton.log import Log  # noqa: PLC0415  # see the top

    with Log.open(log, write=False) as opened:
        for notice in opened.notices:
            click.echo(f"note: {printable(notice)}", err=True)
        figures = figures_of(opened)
    if json_:
        click.echo(as_json(figures))
        return
    if figures["verified"] is None:  # nobody has said so
        del figures["verified"]
    width = max(map(len, figures))
    for name, value in figures.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {_said(value)}")


def figures_of(log: Log) -> dict[str, Any]:
    """The figures by name, in the order they are shown."""
    last = log.last_commit
    state = _state(log, last) if last else None
    return {
        "tick": last.tick if last else 0,
        "last_commit_at": _time_of(log.path) if last else None,
        "dimension": last.dimension if last else None,
        "automaton": state.automaton if state else None,
        "outcomes": outcomes_of(log),
        "counters": state.counters if state else {},
        "actions": state.actions if state else {},
        "lines": log.lines,
        "bytes": log.size,
        "genesis_lines": log.genesis_line_count,
        "genesis_bytes": log.genesis.bytes,
        "durable_bytes": log.durable,
        "verified": _verified(log),
        "record": log.record,
        "written_by": [
            {"tick": entry.tick, "version": entry.version}
            for entry in log.versions()
            if entry.tick <= len(log.commits)
        ],
        "options": dict(log.run.options) if log.run else {},
        "head": log.head.hex(),
    }


def _state(log: Log, last: Commit) -> MachineState:
    """What the last commit says of the machine."""
    try:
        return MachineState.of(last.state, last.tick)
    except DamagedError as error:
        start = log.commits.row(last.tick).commit_start
        raise DamagedError(f"{log.path}: byte {start}: {error}", start) from None


def _verified(log: Log) -> dict[str, Any] | None:
    """The tick up to which a note beside the log says that it was verified, and since when."""
    mark = watermarks.read(log.path)
    known = mark is not None and 0 < mark.tick <= len(log.commits)
    if mark is None or not known or not mark.is_own or log.chain_at(mark.tick) != mark.chain:
        return None
    return {"tick": mark.tick, "when": _time_of(f"{log.path}{watermarks.VERIFIED}")}


def _time_of(path: str) -> str:
    """When a file was last written to, by its own time: UTC in ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(Path(path).stat().st_mtime))


def outcomes_of(log: Log) -> dict[str, int]:
    """All candidates since the first tick, by outcome."""
    total: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    for tick in range(1, len(log.commits) + 1):
        row = log.commits.row(tick)
        commit = parse_commit(log.line(row.first_line + row.lines))
        if commit is None:
            raise DamagedError(
                f"{log.path}: byte {row.commit_start} is not the commit of tick {tick}; "
                "see check --chain",
                row.commit_start,
            )
        total.update(commit.outcomes)
    return dict(total)


def _said(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(_said, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(item)}" for key, item in value.items()) or "-"
    return "-" if value is None else printable(str(value))
