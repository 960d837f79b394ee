#!/usr/bin/env python3
"""Writes README's first run: runs its commands in a new folder and shows what they print.

The same commands print the same on every machine, so a test holds the page against them.
What a run prints while it runs has times in it, and is left out.

    .venv/bin/python scripts/docs/first_run.py
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN = "<!-- written by scripts/docs/first_run.py -->\n"
END = "<!-- end of the first run -->\n"
PROGRAM = "automaton-scalable"
#: What is run, and whether its output is shown.
COMMANDS = (
    ("init soup.jsonl --random 1000 --size 3-20 --seed 7", False),
    (r"soup.jsonl --operator '\x.\y.x y' --max-objects 1000 --ticks 100 --interval 0", False),
    ("population soup.jsonl --top 5", True),
    ("series soup.jsonl --every 10 --chart distinct", True),
)


def shown() -> Iterator[str]:
    """The commands with their output, line by line."""
    with tempfile.TemporaryDirectory() as folder:
        for command, told in COMMANDS:
            yield f"$ {PROGRAM} {command}"
            done = subprocess.run(
                [sys.executable, "-m", "automaton", *shlex.split(command)],
                cwd=folder, capture_output=True, text=True, encoding="utf-8", check=True,
            )  # fmt: skip
            if told:
                yield from done.stdout.splitlines()
                yield ""


def filled(page: str) -> str:
    """The page with the first run between the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{README.name} has no {BEGIN.strip()} with {END.strip()} behind it")
    text = "\n".join(shown()).rstrip()
    return f"{before}{begin}\n```text\n{text}\n```\n\n{end}{after}"


def main() -> None:
    """Write the first run into the page."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
