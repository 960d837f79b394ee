"""Runs self-modifying programs that live in a JSONL file.

`ScalableAutomaton` and `MemoryOptimizedAutomaton` are the program as classes; they
are loaded when they are asked for, since they bring numba, which takes a second.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automaton.api import MemoryOptimizedAutomaton, ScalableAutomaton

__all__ = ["MemoryOptimizedAutomaton", "ScalableAutomaton"]


def __getattr__(name: str) -> Any:
    """The classes of `automaton.api`."""
    if name in __all__:
        from automaton import api  # noqa: PLC0415  # loads numba

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
