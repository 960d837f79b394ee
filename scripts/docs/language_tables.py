#!/usr/bin/env python3
"""Writes the tables of docs/language.md from the program's own tables.

What conditions may ask and compare, what selectors may, what actions do, and which
operators `currentState` names; each between two marks, the rest of the page is left
alone. A test holds the page against it.

    .venv/bin/python scripts/docs/language_tables.py
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

from automaton.chemistry.actions import ACTIONS  # noqa: E402
from automaton.program.conditions import COUNTERS, QUESTIONS  # noqa: E402
from automaton.program.selectors import MEASURES  # noqa: E402
from automaton.terms.encodings import OPERATORS  # noqa: E402
from automaton.terms.notation import format_term  # noqa: E402

PAGE = ROOT / "docs" / "language.md"
BEGIN = "<!-- {}: written by scripts/docs/language_tables.py -->\n"
END = "<!-- end of what it writes -->\n"


def rows_of(head: tuple[str, str], rows: Mapping[str, str]) -> str:
    """A table of words and their meanings."""
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    lines += [f"| `{word}` | {_cell(meaning)} |" for word, meaning in rows.items()]
    return "".join(f"{line}\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _first_line(action: Callable[..., object]) -> str:
    return str(action.__doc__).splitlines()[0].rstrip(".")


TABLES: dict[str, Callable[[], str]] = {
    "questions": lambda: rows_of(("question", "true when"), QUESTIONS),
    "counters": lambda: rows_of(("counter", "what it counts"), COUNTERS),
    "measures": lambda: rows_of(("measure", "what it is"), MEASURES),
    "actions": lambda: rows_of(
        ("action", "what it does"), {name: _first_line(action) for name, action in ACTIONS.items()}
    ),
    "operators": lambda: rows_of(
        ("`currentState`", "operator"),
        {name: f"`{format_term(words, 'lambda')}`" for name, words in OPERATORS.items()},
    ),
}


def filled(page: str) -> str:
    """The page with every table between its marks."""
    for name, table in TABLES.items():
        begin = BEGIN.format(name)
        before, _, rest = page.partition(begin)
        _, end, after = rest.partition(END)
        if not end:
            raise SystemExit(f"{PAGE.name} has no {begin.strip()} with {END.strip()} behind it")
        page = f"{before}{begin}\n{table()}\n{end}{after}"
    return page


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
