#!/usr/bin/env bash
# phylotrackpy 0.2.4 does not read quoted fields with a space in the CSV of the ALife phylogeny
# standard: a taxon label "S K" becomes "S (with the quotation mark), and "S I" the same, so
# that different taxa get one label, without a word. A quoted label without a space is read
# well, and Python's csv module reads all of them as they are meant. Valid input: quotes of
# RFC 4180 in the standard's own optional column.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd -- "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check phylotrackpy==0.2.4

cat >ask.py <<'PY'
import csv
from importlib.metadata import version

from phylotrackpy.systematics import Systematics

print("phylotrackpy", version("phylotrackpy"))
rows = [
    ["id", "ancestor_list", "origin_time", "destruction_time", "taxon_label"],
    ["0", "[none]", "0", "inf", "S K"],
    ["1", "[0]", "1", "inf", "S I"],
    ["2", "[0]", "1", "inf", "plain"],
]
with open("phylogeny.csv", "w") as out:
    out.write(",".join(rows[0]) + "\n")
    out.writelines(",".join(row[:4]) + f',"{row[4]}"\n' for row in rows[1:])
with open("phylogeny.csv", newline="") as file:
    meant = {row["id"]: row["taxon_label"] for row in csv.DictReader(file)}
tracked = Systematics(lambda taxon: taxon, True, True, False, False)
tracked.load_from_file("phylogeny.csv", "taxon_label", False, False)
taxa = [*tracked.get_active_taxa(), *tracked.get_ancestor_taxa()]
read = {str(taxon.get_id()): taxon.get_info() for taxon in taxa}
print("csv module:  ", meant)
print("phylotrackpy:", read)
assert meant == {"0": "S K", "1": "S I", "2": "plain"}
assert read["0"] == read["1"] == '"S', "quoted labels are read whole now"
PY
venv/bin/python ask.py
