"""Runs self-modifying programs that live in a JSONL file.

`ScalableAutomaton` and `MemoryOptimizedAutomaton` are the program as classes; they
are loaded when they are asked for, since they bring numba, which takes a second.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automaton.run.facade import MemoryOptimizedAutomaton, ScalableAutomaton

__all__ = ["MemoryOptimizedAutomaton", "ScalableAutomaton"]


def __getattr__(name: str) -> Any:
    """The classes of `automaton.run.facade`."""
    if name in __all__:
        from automaton.run import facade  # noqa: PLC0415  # loads numba

        return getattr(facade, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
