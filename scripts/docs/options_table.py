#!/usr/bin/env python3
"""Writes README's table of tuning options from the options themselves.

What `automaton-scalable config` explains of what makes a run fast or small, between
two marks; the rest of the page is left alone. A test holds the page against it.

    .venv/bin/python scripts/docs/options_table.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]

from automaton.cli.commands.config import config  # noqa: E402
from automaton.cli.resource_options import ALIASES  # noqa: E402
from automaton.workers.autoscale_policy import NAMES  # noqa: E402

README = ROOT / "README.md"
BEGIN = "<!-- written by scripts/docs/options_table.py -->\n"
END = "<!-- end of what it writes -->\n"
#: What makes a run fast or small.
TUNING = NAMES | {
    "interval", "parallel", "gpu", "device", "gpu_batch_size", "max_objects",
    "durability",
}  # fmt: skip


def table() -> str:
    """The table, an option a row, in the order of `config`."""
    context = click.Context(config)
    options = [p for p in config.params if isinstance(p, click.Option) and p.name in TUNING]
    cells: list[tuple[str, ...]] = [("option", "default", "what it is"), ("---",) * 3]
    cells += [tuple(map(_cell, _row(option, context))) for option in options]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _row(option: click.Option, context: click.Context) -> Iterator[str]:
    """Flag with its value, default, meaning with other names."""
    value = "" if option.is_flag else f" {option.make_metavar(context).strip('[]')}"
    yield f"`{'`, `'.join([option.opts[0], *option.secondary_opts])}{value}`"
    yield option.show_default if isinstance(option.show_default, str) else str(option.default)
    others = [f"`{other}`" for other, name in ALIASES.items() if name == option.name]
    yield f"{option.help} In files also {', '.join(others)}." if others else str(option.help)


def _cell(text: str) -> str:
    """A cell, whose bars are text."""
    return text.replace("|", "\\|")


def filled(page: str) -> str:
    """The page with the table between the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{README.name} has no {BEGIN.strip()} with {END.strip()} behind it")
    return f"{before}{begin}\n{table()}\n{end}{after}"


def main() -> None:
    """Write the table into the page."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
