#!/usr/bin/env python3
"""Draws the pictures of the pages, docs/images/*.svg, from a run with a fixed seed.

The run is made anew in a temporary folder, so that a picture shows what the program does
now; the same program and the same matplotlib give the same bytes. Needs the extra `plot`.

    .venv/bin/python scripts/docs/pictures.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
PROGRAM = (sys.executable, "-m", "automaton")
RUN = (
    "--ticks 600 --interval 0 --parallel 64 --max-objects 1000 --streams all --seed 7 "
    "--durability off --stats-interval 3600"
)  # fmt: skip
#: What is drawn; a file may be this large, so that the pages stay quick.
PICTURES = ("diversity", "shares", "dimensions", "population", "phylogeny")
LARGEST = 150_000


def main() -> None:
    """Run, and draw."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "my.jsonl"
        _program("init", log)
        _program(log, *RUN.split())
        for what in PICTURES:
            image = IMAGES / f"{what}.svg"
            _program("plot", log, "--what", what, "-o", image, "--force")
            size = image.stat().st_size
            if size > LARGEST:
                sys.exit(f"{image} has {size} bytes, more than {LARGEST}")


def _program(*words: object) -> None:
    subprocess.run([*PROGRAM, *map(str, words)], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
