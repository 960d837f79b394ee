"""`csv`: one table as comma-separated values, texts in quotes, numbers without."""

from __future__ import annotations

from typing import BinaryIO

from automaton.export import arrow
from automaton.export.job import ExportJob, JointJob
from automaton.export.tables import COLUMNS, joint_columns, joint_rows, rows_of


def write(job: ExportJob, out: BinaryIO) -> None:
    """Write the table that is asked for, else the winners."""
    table = job.table or "winners"
    schema = arrow.schema_of(COLUMNS[table], {})
    arrow.write_csv((arrow.batch_of(rows, schema) for rows in rows_of(job, table)), schema, out)


def write_joint(job: JointJob, out: BinaryIO) -> None:
    """Write the rows of all logs, the number of the log first."""
    table = job.table or "winners"
    schema = arrow.schema_of(joint_columns(job, table), {})
    arrow.write_csv((arrow.batch_of(rows, schema) for rows in joint_rows(job, table)), schema, out)
