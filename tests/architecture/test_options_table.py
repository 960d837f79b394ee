"""README's table of tuning options is what the options say of themselves."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from automaton.workers.autoscale_policy import NAMES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that writes the table."""
    path = ROOT / "scripts" / "docs" / "options_table.py"
    spec = importlib.util.spec_from_file_location("options_table", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_in_the_readme_is_the_one_that_the_script_writes(script: ModuleType) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert script.filled(page) == page, "write it with scripts/docs/options_table.py"


def test_every_setting_of_workers_and_memory_has_a_row_of_three_cells(script: ModuleType) -> None:
    rows = script.table().splitlines()
    for name in NAMES - {"auto_scale"}:
        flag = f"| `--{name.replace('_', '-')} "
        assert sum(row.startswith(flag) for row in rows) == 1, name
    assert {row.replace("\\|", "").count("|") for row in rows} == {4}


def test_a_page_without_the_marks_is_left_alone(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="has no <!-- written by"):
        script.filled("a page of somebody's own")


def test_only_what_stands_between_the_marks_changes(script: ModuleType) -> None:
    page = f"before\n{script.BEGIN}old\n{script.END}after\n"
    filled = script.filled(page)
    assert filled.startswith(f"before\n{script.BEGIN}")
    assert filled.endswith(f"{script.END}after\n")
    assert script.filled(filled) == filled
