#!/usr/bin/env bash
# polars 2.1.0: one integer above 2^63 - 1 in a JSONL file (a 64-bit seed or hash, valid JSON)
# makes the whole column Int128, and the Parquet that polars writes of it is understood by
# polars alone: DuckDB 2.0.1 reads every number as a BLOB of 16 bytes, pyarrow 26.0.1 refuses
# the file. Neither reading nor writing says a word. A cast to UInt64, where no number is
# negative, makes a column that all of them read.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd -- "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
    polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1

cat >ask.py <<'PY'
import duckdb
import polars
import pyarrow
import pyarrow.parquet

print("polars", polars.__version__, "duckdb", duckdb.__version__, "pyarrow", pyarrow.__version__)
with open("seeds.jsonl", "w") as out:
    out.write('{"seed":7}\n{"seed":18446744073709551615}\n')
rows = polars.read_ndjson("seeds.jsonl")
rows.write_parquet("seeds.parquet")
read = duckdb.sql("SELECT seed, typeof(seed) FROM 'seeds.parquet'").fetchall()
print("polars reads", rows["seed"].dtype, rows["seed"].to_list())
print("DuckDB reads its Parquet as", read)
try:
    pyarrow.parquet.read_table("seeds.parquet")
    refused = ""
except pyarrow.ArrowNotImplementedError as error:
    refused = str(error)
print("pyarrow says:", refused or "nothing")
rows.with_columns(polars.col("seed").cast(polars.UInt64)).write_parquet("cast.parquet")
cast = duckdb.sql("SELECT seed FROM 'cast.parquet'").fetchall()
print("after a cast to UInt64:", cast, pyarrow.parquet.read_table("cast.parquet").to_pylist())
assert rows["seed"].dtype == polars.Int128, "the column is not Int128 any more"
assert read[0] == (bytes([7]) + bytes(15), "BLOB"), "DuckDB does not read it as a BLOB any more"
assert refused, "pyarrow reads it now"
assert cast == [(7,), (2**64 - 1,)]
PY
venv/bin/python ask.py
