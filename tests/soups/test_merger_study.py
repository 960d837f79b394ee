"""The page of the study of merged soups says what its manifests say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from automaton.soups.many_soups import soup_seed
from automaton.soups.merger import outcome

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "docs" / "studies" / "organisations"


@pytest.mark.parametrize("name", ["pairs", "between", "longer", "small"])
def test_the_table_on_the_page_is_that_of_the_manifest(name: str, tmp_path: Path) -> None:
    picture = tmp_path / "mergers.svg"
    result = subprocess.run(
        [sys.executable, ROOT / "scripts/studies/mergers.py", STUDY / f"{name}.jsonl",
         "-o", picture],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert result.stdout in (STUDY / "README.md").read_text("utf-8")
    assert len(result.stdout.splitlines()) == 10
    ET.parse(picture)
    if name == "pairs":
        assert picture.read_bytes() == (STUDY / "mergers.svg").read_bytes()


@pytest.mark.parametrize("name", ["pairs", "between", "longer", "small"])
def test_every_line_of_a_manifest_has_the_outcome_of_its_similarities(name: str) -> None:
    first, *lines = (STUDY / f"{name}.jsonl").read_text("utf-8").splitlines()
    said = json.loads(first)
    rows = sorted(map(json.loads, lines), key=lambda row: row["run"])
    assert [row["run"] for row in rows] == list(range(said["runs"]))
    logs = {json.loads(line).get("head") for line in
            (STUDY / "organisations.jsonl").read_text("utf-8").splitlines()}  # fmt: skip
    assert {part["head"] for part in said["logs"].values()} <= logs
    for row in rows:
        assert row["merger"]["outcome"] == outcome(*row["merger"]["similarity"])
        assert row["seed"] == str(soup_seed(0, row["run"]))
        assert {row["settings"]["left"], row["settings"]["right"]} <= said["logs"].keys()
