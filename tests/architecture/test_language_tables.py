"""The page about the language says what the program's own tables say."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from automaton.program.conditions import parse_condition, unknowns
from automaton.program.selectors import parse_checked

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that writes the tables."""
    path = ROOT / "scripts" / "docs" / "language_tables.py"
    spec = importlib.util.spec_from_file_location("language_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_the_page_are_those_that_the_script_writes(script: ModuleType) -> None:
    assert script.filled(PAGE) == PAGE, "write them with scripts/docs/language_tables.py"


def test_a_page_without_the_marks_is_left_alone(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="has no <!-- questions"):
        script.filled("a page of somebody's own")


def test_the_program_on_the_page_runs_and_nothing_in_it_does_nothing(tmp_path: Path) -> None:
    found = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    log = tmp_path / "page.jsonl"
    log.write_text(found[1])
    for words in (["check", log, "--strict"], [log, "--ticks", 4, "--interval", 0]):
        command = [sys.executable, "-m", "automaton", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_every_condition_and_selector_of_the_page_is_understood() -> None:
    conditions = re.search(r"\| example \| meaning \|\n\|---\|---\|\n(.*?)\n\n", PAGE, re.DOTALL)
    assert conditions is not None
    for row in conditions[1].splitlines():
        text = row.split("`")[1]
        assert not unknowns(parse_condition(text)), text
    selectors = re.search(r"\| selector \| matches \|\n\|---\|---\|\n(.*?)\n\n", PAGE, re.DOTALL)
    assert selectors is not None
    for row in selectors[1].splitlines():
        for text in re.findall(r"`([^`]*)`", row.split(" | ")[0]):
            parse_checked(text)
