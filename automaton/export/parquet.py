"""`parquet`: winners, commits and decisions, each in files by ticks; or one table in one file."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, BinaryIO

from automaton.export import arrow
from automaton.export.export_selection import Selection
from automaton.export.job import ExportJob, JointJob, TargetFolder
from automaton.export.tables import (
    COLUMNS,
    facts,
    joint_columns,
    joint_rows,
    partitions,
    rows_of,
)

#: Files that are written at the same time: each keeps a block of lines and its columns.
TOGETHER = 2


def write(job: ExportJob, out: Any) -> None:
    """Write to a folder, or the table that is asked for to a file."""
    if job.table is None:
        _write_folder(job, out)
    else:
        _write_file(job, job.table, job.selection, out)


def write_joint(job: JointJob, out: Any) -> None:
    """Write a partition for each log (`island=3`), or one table of all to a file."""
    if job.table is None:
        for number, one in enumerate(job.jobs):
            _write_folder(one, out, f"{job.part}={number}/")
        return
    schema = arrow.schema_of(joint_columns(job, job.table), {})
    rows = (arrow.batch_of(found, schema) for found in joint_rows(job, job.table))
    arrow.write_parquet(rows, schema, out)


def _write_folder(job: ExportJob, folder: TargetFolder, partition: str = "") -> None:
    for table in COLUMNS:
        whole = job.selection
        if table == "commits":  # of whole ticks, whatever of them is meant
            whole = replace(whole, streams=frozenset(), dimensions=frozenset())
        parts = [
            (f"{table}/{partition}{name}.parquet", part) for name, part in _parts(job, table, whole)
        ]
        if len(parts) > 1 and not job.log.commits.omitting:
            _write_together(job, table, parts, folder)
            continue
        for path, part in parts:
            with folder.file(path) as out:
                _write_file(job, table, part, out)


def _write_together(
    job: ExportJob, table: str, parts: list[tuple[str, Selection]], folder: TargetFolder
) -> None:
    """Write the files of a table, two at a time: each thread reads and writes one.

    Both spend their time in machine code that holds no lock of the interpreter. After an
    error, or Ctrl-C, those that were begun are finished and no other is begun.
    """

    def write_one(named: tuple[str, Selection]) -> None:
        path, part = named
        with folder.file(path) as out:
            _write_file(job, table, part, out, alone=False)

    with ThreadPoolExecutor(TOGETHER, "export") as writers:
        waiting = [writers.submit(write_one, part) for part in parts]
        try:
            for each in waiting:
                each.result()
        finally:
            writers.shutdown(wait=False, cancel_futures=True)


def _parts(job: ExportJob, table: str, whole: Selection) -> Iterator[tuple[str, Selection]]:
    """Names and selections of the files of a table; there is one at least."""
    if table == "winners" and whole.first <= whole.stop:
        for first, last in partitions(job):
            yield _named(first, last), replace(whole, first=first, last=last)
    else:
        yield _named(whole.first, whole.stop), whole


def _named(first: int, last: int) -> str:
    return f"ticks-{first:09}-{last:09}"


def _write_file(
    job: ExportJob, table: str, part: Selection, out: BinaryIO, *, alone: bool = True
) -> None:
    """Write a file; `alone`: no other is written at the same time."""
    schema = arrow.schema_of(COLUMNS[table], facts(job))
    found_rows = rows_of(job, table, part, ahead=alone)
    rows = (arrow.batch_of(found, schema) for found in found_rows)
    arrow.write_parquet(rows, schema, out)
