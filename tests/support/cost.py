"""What reading costs, counted: lines of our own Python that run, and bytes held at most."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import automaton
from automaton.errors import AutomatonError

_OURS = str(Path(automaton.__file__).parent)


def steps(read: Callable[[], object]) -> int:
    """Lines of Python that run while something is read; an error of ours ends it too."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(_OURS):
            return None  # libraries, and what a collection of garbage happens to call
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read()
    except AutomatonError:
        pass
    finally:
        sys.settrace(before)
    return count


def peak(read: Callable[[], object]) -> int:
    """Bytes that reading takes at most beside what was there."""
    tracemalloc.start()
    try:
        read()
    except AutomatonError:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most
