"""Runs self-modifying programs that live in a JSONL file.

The names below are loaded when they are asked for, since they bring numba, which takes a
second; so are the names of every package.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any


def lazy(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`: loads a module when one of its names is asked for.

    homes: the modules, and the names in each, separated by spaces.
    """
    module_of = {name: module for module, names in homes.items() for name in names.split()}

    def look_up(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    return look_up


if TYPE_CHECKING:
    from .cycles import ParallelEngine as ParallelEngine
    from .run import MemoryOptimizedAutomaton as MemoryOptimizedAutomaton
    from .run import Run as Run
    from .run import ScalableAutomaton as ScalableAutomaton
else:
    __getattr__ = lazy(
        __name__,
        {
            "cycles": "ParallelEngine",
            "run": "MemoryOptimizedAutomaton Run ScalableAutomaton",
        },
    )

__all__ = ["MemoryOptimizedAutomaton", "ParallelEngine", "Run", "ScalableAutomaton"]
