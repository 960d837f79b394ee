"""docs/notebook.ipynb runs from its first cell to its last; needs nbclient and ipykernel.

`AUTOMATON_TOOLS` names a Python that has them, where it is not the one of the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebook.ipynb"
PYTHON = os.environ.get("AUTOMATON_TOOLS", sys.executable)
SECONDS = 300  # that one cell may take; the first one compiles
RUN = f"""
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
nbformat.validate(notebook)
NotebookClient(
    notebook, timeout={SECONDS}, kernel_name="python3", resources={{"metadata": {{"path": "."}}}}
).execute()
nbformat.write(notebook, "done.ipynb")
"""


def test_the_notebook_has_ten_cells_without_what_they_gave() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert len(cells) == 10
    assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.slow
def test_every_cell_runs_and_the_last_one_verifies_the_log(tmp_path: Path) -> None:
    there = [PYTHON, "-c", "import nbclient, ipykernel, pandas, pyarrow"]
    if subprocess.run(there, capture_output=True, check=False).returncode:
        pytest.skip("nbclient, ipykernel or pandas is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    pytest.importorskip("qdrant_edge", reason="qdrant-edge-py is not installed")
    program = tmp_path / "automaton-scalable"  # as installed, whichever environment is active
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m automaton "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    line = [PYTHON, "-c", RUN, str(NOTEBOOK)]
    done = subprocess.run(
        line, cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, timeout=2 * SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "done.ipynb").read_text("utf-8"))["cells"]
    texts = ["".join(map(str, cell.get("outputs", []))) for cell in cells]
    assert not any("error:" in text for text in texts), texts
    assert all(texts[1:])
    assert "150 commits" in texts[-1]
    assert "computed again" in texts[-1]
