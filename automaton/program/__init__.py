"""The state machine that a log's definitions describe.

Touches nothing outside. Must not know: populations, backends, files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .diagnostics import Diagnostic as Diagnostic
    from .diagnostics import diagnose as diagnose
    from .term_extraction import NamedTerm as NamedTerm
    from .term_extraction import TermExtractor as TermExtractor
    from .transitions import moves as moves
else:
    __getattr__ = lazy(
        __name__,
        {
            "diagnostics": "Diagnostic diagnose",
            "transitions": "moves",
            "term_extraction": "NamedTerm TermExtractor",
        },
    )

__all__ = [
    "Diagnostic",
    "NamedTerm",
    "TermExtractor",
    "conditions",
    "definitions",
    "diagnose",
    "grammar",
    "moves",
    "selectors",
    "term_extraction",
]
