#!/usr/bin/env python3
"""Draws the picture of the packages in docs/architecture.md from the table of imports.

The table is PACKAGES of tests/architecture/test_dependencies.py, which is held against
every import. An arrow that follows from others is left out: who may import `replay`, and
`replay` may import `log`, is not drawn to `log`. A test holds the page against it.

    .venv/bin/python scripts/docs/architecture.py
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- written by scripts/docs/architecture.py -->\n"
END = "<!-- end of what it writes -->\n"


def table() -> Any:
    """The test that holds the table, as a module."""
    path = ROOT / "tests" / "architecture" / "test_dependencies.py"
    spec = importlib.util.spec_from_file_location("table_of_imports", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its data classes look themselves up
    spec.loader.exec_module(module)
    return module


def reduced(below: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that no way over others replaces."""

    def reached(name: str) -> set[str]:
        return below[name].union(*(reached(other) for other in below[name]))

    return {
        name: {o for o in others if not any(o in reached(p) for p in others - {o})}
        for name, others in below.items()
    }


def picture(packages: dict[str, Any], storeys: tuple[str, ...]) -> str:
    """The packages by storey, the highest first, and who imports whom, as Mermaid."""
    arrows = reduced({name: set(row.packages.split()) for name, row in packages.items()})
    lines = ["```mermaid", "flowchart TD"]
    for number, storey in reversed(list(enumerate(storeys))):
        names = [name for name, row in packages.items() if row.storey == storey]
        lines += [f'  subgraph s{number}["{storey}"]', f"    {'; '.join(names)}", "  end"]
    for name, others in sorted(arrows.items(), key=lambda row: -list(packages).index(row[0])):
        if others:
            lines.append(f"  {name} --> {' & '.join(sorted(others))}")
    return "\n".join([*lines, "```"]) + "\n"


def filled(page: str) -> str:
    """The page with the picture between the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{PAGE.name} has no {BEGIN.strip()} with {END.strip()} behind it")
    module = table()
    return f"{before}{begin}\n{picture(module.PACKAGES, module.STOREYS)}\n{end}{after}"


def main() -> None:
    """Write the picture into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
