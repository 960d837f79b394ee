"""How this program was started, for commands that people are told to type next.

Reads the process's arguments and `PATH`. Must not know: any command.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def as_typed(*words: str) -> str:
    """The program, as it was called, and words behind it: a line for a shell."""
    return shlex.join([*_program(), *words])


def _program() -> list[str]:
    own = Path(sys.argv[0])
    if own.name == "__main__.py":
        return [Path(sys.executable).name, "-m", "automaton"]
    found = shutil.which(own.name)
    if found is not None and own.exists() and Path(found).samefile(own):
        return [own.name]
    return [min(str(own), os.path.relpath(own), key=len)]
