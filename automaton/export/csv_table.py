"""`csv`: one table as comma-separated values, texts in quotes, numbers without."""

from __future__ import annotations

from typing import BinaryIO

from automaton.export import arrow
from automaton.export.job import ExportJob
from automaton.export.tables import COLUMNS, rows_of


def write(job: ExportJob, out: BinaryIO) -> None:
    """Write the table that is asked for, else the winners."""
    table = job.table or "winners"
    schema = arrow.schema_of(COLUMNS[table], {})
    arrow.write_csv((arrow.batch_of(rows, schema) for rows in rows_of(job, table)), schema, out)
