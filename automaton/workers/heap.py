"""The C library's heap: what was freed and is kept for later goes back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Have the C library return what it holds and does not use, where it can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
