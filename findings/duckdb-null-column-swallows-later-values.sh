#!/usr/bin/env bash
# DuckDB 2.0.1 drops values without a word: a member that is null in the first 20,480 lines
# of a JSONL file gets a column of the type NULL, and every later value of it is read as NULL.
# No error and no warning, where a member that is *missing* in these lines is an error.
# Valid input: one JSON object a line, the same two members in each.
# `sample_size = -1`, or naming the column, reads the values.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd -- "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat >ask.py <<'PY'
import duckdb

with open("null.jsonl", "w") as out:
    for n in range(20_480):
        out.write('{"n":%d,"b":null}\n' % n)
    for n in range(1_000):
        out.write('{"n":%d,"b":"a text"}\n' % n)
with open("missing.jsonl", "w") as out:
    for n in range(20_480):
        out.write('{"n":%d}\n' % n)
    out.write('{"n":1,"b":"a text"}\n')
print("duckdb", duckdb.__version__)
ask = "SELECT count(*), count(b), any_value(typeof(b)) FROM "
seen = duckdb.sql(ask + "'null.jsonl'").fetchall()
whole = duckdb.sql(ask + "read_json('null.jsonl', sample_size = -1)").fetchall()
print("lines, values of b, its type:", seen)
print("with sample_size = -1:       ", whole)
try:
    duckdb.sql("SELECT * FROM 'missing.jsonl'").fetchall()
    late = "is read"
except duckdb.Error as error:
    late = "is an error"
    print("a late member:", str(error).splitlines()[0][:120])
assert seen == [(21_480, 0, '"NULL"')], "the values are not dropped any more"
assert whole == [(21_480, 1_000, "VARCHAR")]
assert late == "is an error"
PY
venv/bin/python ask.py
