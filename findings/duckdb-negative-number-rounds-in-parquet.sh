#!/usr/bin/env bash
# DuckDB 2.0.1 rounds integers on the way from JSON to Parquet: one negative number in a
# member makes its column a HUGEINT, though all values fit a BIGINT, and Parquet gets a
# HUGEINT as DOUBLE. So 9007199254740993 (2^53 + 1) becomes 9007199254740992, without a word.
# The same file without the negative number keeps it. Valid input: JSON integers of 64 bits.
# Naming the column (`columns = {h: 'BIGINT'}`) keeps the values.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd -- "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat >ask.py <<'PY'
import duckdb

NUMBER = 2**53 + 1
print("duckdb", duckdb.__version__)


def through_parquet(name, lines, source):
    """Types in JSON and Parquet, and what becomes of the first number."""
    with open(f"{name}.jsonl", "w") as out:
        out.writelines('{"h":%d}\n' % number for number in lines)
    source = source.format(f"{name}.jsonl")
    read = duckdb.sql(f"SELECT h, typeof(h) FROM {source} LIMIT 1").fetchall()[0]
    duckdb.sql(f"COPY (FROM {source}) TO '{name}.parquet'")
    kept = duckdb.sql(f"SELECT h, typeof(h) FROM '{name}.parquet' LIMIT 1").fetchall()[0]
    print(f"{name:9} {lines}: JSON {read}, Parquet {kept}")
    return read, kept


plain = through_parquet("plain", [NUMBER, 1], "'{}'")
negative = through_parquet("negative", [NUMBER, -1], "'{}'")
named = through_parquet("named", [NUMBER, -1], "read_json('{}', columns = {{h: 'BIGINT'}})")
assert negative[0] == (NUMBER, "HUGEINT"), "the column is not a HUGEINT any more"
assert negative[1] == (float(NUMBER - 1), "DOUBLE"), "the number is not rounded any more"
assert int(plain[1][0]) == int(named[1][0]) == NUMBER
PY
venv/bin/python ask.py
