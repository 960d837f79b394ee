"""Tables as pyarrow has them, and their types: the one module that imports pyarrow.

Numbers that may exceed 2**53 and hexadecimal digests are texts. Columns are handed over
without a copy. Must not know: logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from automaton.export.columns import AnyColumn, Table, TextColumn
from automaton.export.job import missing
from automaton.terms.arrays import Truth

#: Rows of a group: what a reader looks at or leaves out as a whole.
GROUP = 1 << 17
#: Columns whose texts come again and again: written as places in a dictionary.
REPEATED = ("operator", "stream", "term", "automaton", "runner_up_stream")


def package(module: str = "") -> Any:
    """Pyarrow, or a module of it."""
    try:
        return import_module(f"pyarrow{module}")
    except ImportError as error:
        raise missing("pyarrow", "export", error) from None


def schema_of(columns: dict[str, str], metadata: dict[str, str]) -> Any:
    """A schema of names and of `text`, `int32` and the like."""
    arrow = package()
    kinds = {name: "string" if kind == "text" else kind for name, kind in columns.items()}
    return arrow.schema(
        [(name, arrow.type_for_alias(kind)) for name, kind in kinds.items()], metadata=metadata
    )


def batch_of(table: Table, schema: Any) -> Any:
    """A record batch of some rows."""
    arrays = [_array(column, schema.field(name).type) for name, column in table.items()]
    return package().record_batch(arrays, schema=schema)


def _array(column: AnyColumn, kind: Any) -> Any:
    arrow = package()
    if isinstance(column, TextColumn):
        valid, nulls = _validity(column.valid)
        buffers = [valid, arrow.py_buffer(column.offsets), arrow.py_buffer(column.data)]
        return arrow.Array.from_buffers(kind, len(column), buffers, nulls)
    if column.names is not None:
        names = arrow.array(column.names or [""], arrow.string())
        missing_rows = None if column.valid is None else ~column.valid
        places = arrow.array(np.maximum(column.values, 0), mask=missing_rows)
        return arrow.DictionaryArray.from_arrays(places, names).cast(kind)
    mask = None if column.valid is None else ~column.valid
    return arrow.array(column.values, kind, mask=mask)


def _validity(valid: Truth | None) -> tuple[Any, int]:
    """The bits of rows that have a value, and how many have none."""
    if valid is None:
        return None, 0
    bits = np.packbits(valid, bitorder="little")
    return package().py_buffer(bits), int(len(valid) - np.count_nonzero(valid))


def write_csv(batches: Iterator[Any], schema: Any, out: BinaryIO) -> None:
    """Comma-separated values, the names of the columns first."""
    csv = package(".csv")
    with csv.CSVWriter(out, schema) as file:
        for batch in batches:
            file.write_batch(batch)


def write_parquet(batches: Iterator[Any], schema: Any, out: BinaryIO) -> None:
    """A Parquet file; texts stay texts in every reader."""
    parquet = package(".parquet")
    names = [name for name in schema.names if name in REPEATED]
    with parquet.ParquetWriter(
        out, schema, compression="zstd", use_dictionary=names, write_statistics=True,
    ) as file:  # fmt: skip
        for batch in batches:
            file.write_batch(batch, row_group_size=GROUP)
