"""The tables of a log by name: their columns, and their rows as values.

Must not know: pyarrow, files.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from automaton.errors import UsageError
from automaton.export.columns import Column, Table, length
from automaton.export.commit_rows import COMMITS, commit_tables
from automaton.export.decision_columns import DECISIONS, decision_tables
from automaton.export.export_selection import Selection, listed
from automaton.export.job import ExportJob, JointJob
from automaton.export.winner_columns import WINNERS, winner_tables

#: Columns of the tables, and what they are.
COLUMNS = {"winners": WINNERS, "commits": COMMITS, "decisions": DECISIONS}
#: Lines of a log that a partition holds, unless one tick has more.
PARTITION = 1 << 20


def rows_of(
    job: ExportJob, table: str, selection: Selection | None = None, *, ahead: bool = True
) -> Iterator[Table]:
    """The rows of a table, some thousands at a time; `ahead`: read while those before are used."""
    part = selection or job.selection
    if table == "winners":
        rows = winner_tables(job.log, part, job.progress)
        return _ahead(rows) if ahead and job.log.record == "full" else rows
    if table == "decisions":
        return decision_tables(job.log, part)
    if part.filters:
        chosen = listed([*part.streams, *part.dimensions])
        raise UsageError(f"commits are of whole ticks: they cannot be of {chosen} alone")
    return commit_tables(job.log, part)


def joint_columns(job: JointJob, table: str) -> dict[str, str]:
    """The columns of a table of several logs: which log first."""
    return {job.part: "int32", **COLUMNS[table]}


def joint_rows(job: JointJob, table: str) -> Iterator[Table]:
    """The rows of several logs, one log after the other."""
    for number, one in enumerate(job.jobs):
        for rows in rows_of(one, table):
            yield {job.part: Column(np.full(length(rows), number, np.int32)), **rows}


def _ahead(tables: Iterator[Table]) -> Iterator[Table]:
    """The same, each made by another thread while the one before is written.

    Both sides spend their time in machine code that holds no lock of the interpreter. Not
    for what takes long: Ctrl-C waits for the table that is being made.
    """
    with ThreadPoolExecutor(1, "export") as reader:
        waiting = reader.submit(next, tables, None)
        while (table := waiting.result()) is not None:
            waiting = reader.submit(next, tables, None)
            yield table


def facts(job: ExportJob) -> dict[str, str]:
    """What a table is of, as text for its file."""
    log, part = job.log, job.selection
    said = {
        "log": job.name,
        "head": log.head.hex(),
        "genesis": log.genesis.sha256.hex(),
        "ticks": f"{part.first}-{part.stop}",
        "version": job.origin.version,
    }
    if part.streams:
        said["streams"] = listed(part.streams)
    if part.dimensions:
        said["dimensions"] = listed(part.dimensions)
    return {f"automaton.{name}": text for name, text in said.items()}


def partitions(job: ExportJob, most: int = PARTITION) -> Iterator[tuple[int, int]]:
    """First and last tick of each partition of at most so many lines; a tick is never cut."""
    first, stop = job.selection.first, job.selection.stop
    lines = np.cumsum(job.log.commits.lines[first - 1 : stop])
    while first <= stop:
        begun = int(lines[first - job.selection.first - 1]) if first > job.selection.first else 0
        within = int(np.searchsorted(lines, begun + most, side="right"))
        last = max(first, job.selection.first + within - 1)
        yield first, last
        first = last + 1
