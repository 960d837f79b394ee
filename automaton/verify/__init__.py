"""Whether a log is what it says.

Touches an opened log and processes. Must not know: how a run appends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .commit_verifier import ProgressReport as ProgressReport
    from .commit_verifier import VerifyRequest as VerifyRequest
    from .verification import Verdict as Verdict
    from .verification import verify as verify
else:
    __getattr__ = lazy(
        __name__,
        {"commit_verifier": "ProgressReport VerifyRequest", "verification": "Verdict verify"},
    )

__all__ = ["ProgressReport", "Verdict", "VerifyRequest", "live", "verify"]
