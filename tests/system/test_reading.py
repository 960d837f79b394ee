"""The lines of docs/reading.md, run by the tools that they are for; needs those tools.

`AUTOMATON_TOOLS` names a Python that has them, where it is not the one of the tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small import ran

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
PYTHON = os.environ.get("AUTOMATON_TOOLS", sys.executable)
SEED = 2**64 - 1
#: How a block of the page is run, by its heading; `{}` in Python is the block as a text.
WAYS = {
    "DuckDB": "import duckdb; print(duckdb.sql({!r}).fetchall())",
    "polars": "{}",
    "pandas": "{}",
    "pyarrow": "{}",
    "ClickHouse": "import chdb; print(chdb.query({!r}))",
    "sqlite-utils": "",
    "jq": "",
    "Node": "",
}
#: What has to be there: a module of Python, or a command.
MODULES = {"DuckDB": "duckdb", "ClickHouse": "chdb", "sqlite-utils": "sqlite_utils"}
COMMANDS = {"jq": "jq", "Node": "node"}


def block(heading: str) -> str:
    """The code below a heading of the page."""
    found = re.search(rf"^## {heading}\n.*?^```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return found[1]


def command(heading: str) -> list[str]:
    """What runs the block of a heading; a test is skipped where the tool is not there."""
    if heading in COMMANDS:
        tool = shutil.which(COMMANDS[heading])
        if tool is None:
            pytest.skip(f"{COMMANDS[heading]} is not installed")
        return [tool, "-e", block(heading)] if heading == "Node" else ["sh", "-ec", block(heading)]
    module = MODULES.get(heading, heading)
    there = [PYTHON, "-c", f"import {module}"]
    if subprocess.run(there, capture_output=True, check=False).returncode:
        pytest.skip(f"{module} is not installed")
    if heading == "sqlite-utils":
        return ["sh", "-ec", block(heading)]
    return [PYTHON, "-c", WAYS[heading].format(block(heading))]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log longer than what any reader samples; its first `fact` and `validation` come late."""
    path = tmp_path_factory.mktemp("new") / "my.jsonl"
    shutil.copyfile(ROOT / "automaton.jsonl", path)
    ran(path, 28, parallel=1024, seed=SEED)
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    first = next(n for n, row in enumerate(rows) if row.get("type") == "validation")
    assert first > 20_480
    return path


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of format 1."""
    path = tmp_path_factory.mktemp("old") / "my.jsonl"
    shutil.copyfile(ROOT / "tests" / "corpus" / "format-1.jsonl", path)
    return path


def said(heading: str, path: Path) -> list[int]:
    """The numbers that a tool answers with."""
    place = {"PATH": f"{Path(PYTHON).parent}:{os.environ['PATH']}", "HOME": str(path.parent)}
    done = subprocess.run(
        command(heading), cwd=path.parent, capture_output=True, text=True, check=False, env=place
    )
    assert done.returncode == 0, done.stderr
    return [int(number) for number in re.findall(r"\d+", done.stdout)]


def answer(line: list[str], folder: Path) -> str:
    """What a command prints."""
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("heading", WAYS)
def test_a_tool_reads_all_of_a_log_by_the_line_of_the_page(
    heading: str, request: pytest.FixtureRequest
) -> None:
    command(heading)  # skipped before a log is made
    for name in ("new", "old"):
        path = request.getfixturevalue(name)
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        normal = [row["outcomes"]["normal"] for row in rows if row.get("type") == "commit"]
        assert said(heading, path) == [len(normal), sum(normal)]


@pytest.mark.slow
def test_duckdb_reads_a_new_log_without_any_option(request: pytest.FixtureRequest) -> None:
    command("DuckDB")
    path = request.getfixturevalue("new")
    ask = "SELECT count(*), count(tick) FROM 'my.jsonl'"
    line = [PYTHON, "-c", WAYS["DuckDB"].format(ask)]
    assert answer(line, path.parent) == f"[({len(path.read_bytes().splitlines())}, 28)]\n"


NODE = """
const lines = require("fs").readFileSync("my.jsonl", "utf8").trim().split("\\n");
console.log(lines.map((line) => JSON.parse(line)).find((row) => row.type === "run").options.seed);
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heading", "line"),
    [
        ("jq", ["jq", "-r", 'select(.type == "run").options.seed', "my.jsonl"]),
        ("Node", ["node", "-e", NODE]),
    ],
)
def test_a_seed_of_64_bits_survives_readers_that_keep_floats(
    heading: str, line: list[str], request: pytest.FixtureRequest
) -> None:
    command(heading)
    assert answer(line, request.getfixturevalue("new").parent).split() == [str(SEED)]


@pytest.mark.slow
def test_pandas_keeps_digits_as_texts_by_the_option_of_the_page(tmp_path: Path) -> None:
    command("pandas")
    (tmp_path / "my.jsonl").write_text('{"term":"0010","chain":"12e5"}\n', encoding="utf-8")
    ask = (
        "import pandas as pd; rows = pd.read_json('my.jsonl', lines=True, dtype=False); "
        "print(rows.loc[0, 'term'], rows.loc[0, 'chain'])"
    )
    assert answer([PYTHON, "-c", ask], tmp_path) == "0010 12e5\n"


def test_the_page_and_the_checks_name_the_same_versions() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8").partition("tools=(")[2].partition(")")[0]
    pinned = dict(re.findall(r"\b([a-z-]+)==([0-9.]+)", text))
    for name, version in pinned.items():
        assert version in PAGE, name
    assert pinned.keys() == {"duckdb", "polars", "pandas", "pyarrow", "chdb", "sqlite-utils"}
