"""An error as one process tells it to another: the name of its kind, and its message."""

from __future__ import annotations

from automaton import errors
from automaton.errors import AutomatonError


def raised(name: str, text: str) -> AutomatonError:
    """The error of a kind that another process met; of a kind that is not known, the base."""
    kind = getattr(errors, name, AutomatonError)
    known = isinstance(kind, type) and issubclass(kind, AutomatonError)
    return kind(text) if known else AutomatonError(text)
