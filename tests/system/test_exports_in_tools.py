"""The lines of docs/export.md, run by the tools that they are for; needs those tools.

`AUTOMATON_TOOLS` names a Python that has them, where it is not the one of the tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from exports import program, streamed, winners_in

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
PYTHON = os.environ.get("AUTOMATON_TOOLS", sys.executable)
PLACE = {**os.environ, "PATH": f"{Path(PYTHON).parent}:{os.environ['PATH']}"}
#: What is made before the block below a heading of the page is run.
EXPORTS = {
    "DuckDB": "parquet -o tables",
    "polars": "parquet -o tables",
    "pandas": "parquet -o tables",
    "CSV in pandas": "csv -o winners.csv",
    "CSV in DuckDB": "csv -o winners.csv",
    "phyloframe": "phylogeny -o phylogeny.csv",
    "phylotrackpy": "phylogeny --parent a -o tree.csv",
    "openjsoncanvas": "canvas -o my.canvas",
    "networkx": "graphml -o lineage.graphml",
    "Graphviz": "dot --until 3 -o lineage.dot",
    "prov": "prov -o my.prov.json",
}
#: The module that has to be there, where it is not called like the heading.
MODULES = {"DuckDB": "duckdb", "CSV in pandas": "pandas", "CSV in DuckDB": "duckdb"}
NO_NETWORK = "Name or service not known|Temporary failure|URLError|Connection|timed out"


def block(heading: str) -> str:
    """The code below a heading of the page."""
    found = re.search(rf"^### {heading}\n.*?^```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return found[1]


def command(heading: str) -> list[str]:
    """What runs the block of a heading; a test is skipped where the tool is not there."""
    if heading == "Graphviz":
        if shutil.which("dot") is None:
            pytest.skip("dot is not installed")
        return ["sh", "-ec", block(heading)]
    module = MODULES.get(heading, heading)
    there = [PYTHON, "-c", f"import {module}"]
    if subprocess.run(there, capture_output=True, check=False).returncode:
        pytest.skip(f"{module} is not installed")
    text = block(heading)
    if module == "duckdb":
        text = f"import duckdb; print(duckdb.sql({text!r}).fetchall())"
    return [PYTHON, "-c", text]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with ids that other tools could take for something else."""
    return streamed(tmp_path_factory.mktemp("log") / "my.jsonl", 15)


def said(heading: str, log: Path) -> list[int]:
    """The numbers that a tool answers with."""
    line = command(heading)
    form = EXPORTS[heading]
    words = form.split()
    words[-1] = str(log.parent / words[-1])
    program("export", log, "--to", *words, "--force")
    done = subprocess.run(
        line, cwd=log.parent, capture_output=True, text=True, check=False, env=PLACE
    )
    assert done.returncode == 0, done.stderr
    return [int(number) for number in re.findall(r"\d+", done.stdout)]


def table(log: Path) -> list[int]:
    """Rows of the winners, and the sum of their sizes."""
    return [len(winners_in(log)), sum(winner["size"] for winner in winners_in(log))]


def phylogeny(log: Path) -> list[int]:
    """Rows, and how many of them live."""
    lines = program("export", log, "--to", "phylogeny", "-o", "-").stdout
    return [lines.count(b',"['), lines.count(b",inf,")]


def forest(log: Path) -> list[int]:
    """The same along one parent."""
    lines = program("export", log, "--to", "phylogeny", "--parent", "a", "-o", "-").stdout
    return [lines.count(b',"['), lines.count(b",inf,")]


def canvas(log: Path) -> list[int]:
    """Nodes and edges of the canvas."""
    found = json.loads(program("export", log, "--to", "canvas", "-o", "-").stdout)
    return [len(found["nodes"]), len(found["edges"])]


def graph(log: Path, last: int = 15) -> list[int]:
    """Nodes and edges of a graph of winners."""
    meant = [winner for winner in winners_in(log) if winner["tick"] <= last]
    names = {name for winner in meant for name in (winner["id"], *winner["parents"])}
    return [len(names), 3 * len(meant)]


def provenance(log: Path) -> list[int]:
    """Entities, the plan among them, and derivations."""
    nodes, edges = graph(log)
    return [nodes + 1, edges]


EXPECTED: dict[str, Callable[[Path], list[int]]] = {
    **dict.fromkeys(("DuckDB", "polars", "pandas", "CSV in pandas", "CSV in DuckDB"), table),
    "phyloframe": phylogeny,
    "phylotrackpy": forest,
    "openjsoncanvas": canvas,
    "networkx": graph,
    "Graphviz": lambda log: graph(log, 3),
    "prov": provenance,
}


@pytest.mark.slow
@pytest.mark.parametrize("heading", EXPORTS)
def test_a_tool_reads_all_of_an_export_by_the_line_of_the_page(heading: str, log: Path) -> None:
    command(heading)  # skipped before a log is exported
    assert said(heading, log) == EXPECTED[heading](log)


ASK = {
    "polars": "import polars as pl; r = pl.read_parquet('tables/{t}/*.parquet'); "
    "print([r.schema[n] == pl.String for n in {n}], r['{n[0]}'].to_list())",
    "pandas": "import pandas as pd; r = pd.read_parquet('tables/{t}'); "
    "print([bool(pd.api.types.is_string_dtype(r[n])) for n in {n}], r['{n[0]}'].tolist())",
    "DuckDB": "import duckdb; r = duckdb.sql(\"FROM 'tables/{t}/*.parquet'\"); "
    "print([str(dict(zip(r.columns, r.types))[n]) == 'VARCHAR' for n in {n}], "
    "[row[0] for row in r.project('\"{n[0]}\"').fetchall()])",
}


@pytest.mark.slow
@pytest.mark.parametrize("heading", ASK)
@pytest.mark.parametrize(
    ("of", "names"),
    [("winners", ["b", "id", "operator", "a", "term"]), ("commits", ["chain", "population"])],
)
def test_texts_and_digests_stay_texts(heading: str, of: str, names: list[str], log: Path) -> None:
    command(heading)
    program("export", log, "--to", "parquet", "-o", log.parent / "tables", "--force")
    ask = ASK[heading].format(t=of, n=names)
    done = subprocess.run(
        [PYTHON, "-c", ask], cwd=log.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    if of == "winners":
        values = [winner["parents"][2] for winner in winners_in(log)]
    else:
        lines = map(json.loads, log.read_bytes().splitlines())
        values = [line["chain"] for line in lines if line.get("type") == "commit"]
    assert done.stdout == f"{[True] * len(names)} {values}\n"


@pytest.mark.slow
def test_a_crate_is_one_by_the_public_validator(log: Path) -> None:
    if shutil.which("rocrate-validator", path=PLACE["PATH"]) is None:
        pytest.skip("rocrate-validator is not installed")
    program("export", log, "--to", "crate", "-o", log.parent / "crate", "--force")
    line = ["sh", "-ec", block("rocrate-validator")]
    done = subprocess.run(
        line, cwd=log.parent, capture_output=True, text=True, check=False, env=PLACE, timeout=300
    )
    if re.search(NO_NETWORK, done.stdout + done.stderr):
        pytest.skip("the context of the specification cannot be fetched")
    assert done.returncode == 0, done.stdout


def test_the_page_and_the_checks_name_the_same_versions() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8").partition("readers=(")[2]
    pinned = dict(re.findall(r"\b([a-z-]+)==([0-9.]+)", text.partition(")")[0]))
    assert len(pinned) > 5
    for name in pinned.keys() - {"nbclient"}:
        assert pinned[name] in PAGE, name
