"""Small files that a command is given: notes, policies, proofs; `-` is standard input.

Opens what it is told to read, and nothing else; what stands there is for others to judge.
"""

from __future__ import annotations

import sys
from pathlib import Path

from automaton.errors import FileError


def read_small(path: Path, longest: int) -> bytes:
    """All bytes of a file that holds at most so many."""
    if str(path) == "-":
        data = sys.stdin.buffer.read(longest + 1)
    else:
        with path.open("rb") as file:
            data = file.read(longest + 1)
    if len(data) > longest:
        raise FileError(f"{path} has more than {longest:,} bytes, so it is not what is wanted here")
    return data
