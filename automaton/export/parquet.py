"""`parquet`: winners, commits and decisions, each in files by ticks; or one table in one file."""

from __future__ import annotations

from collections.abc import Iterator
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
        for name, part in _parts(job, table, whole):
            with folder.file(f"{table}/{partition}{name}.parquet") as out:
                _write_file(job, table, part, out)


def _parts(job: ExportJob, table: str, whole: Selection) -> Iterator[tuple[str, Selection]]:
    """Names and selections of the files of a table; there is one at least."""
    if table == "winners" and whole.first <= whole.stop:
        for first, last in partitions(job):
            yield _named(first, last), replace(whole, first=first, last=last)
    else:
        yield _named(whole.first, whole.stop), whole


def _named(first: int, last: int) -> str:
    return f"ticks-{first:09}-{last:09}"


def _write_file(job: ExportJob, table: str, part: Selection, out: BinaryIO) -> None:
    schema = arrow.schema_of(COLUMNS[table], facts(job))
    rows = (arrow.batch_of(found, schema) for found in rows_of(job, table, part))
    arrow.write_parquet(rows, schema, out)
