"""Making a log of other files: documents, lists of terms, compressed and included files.

Opens the files that it is told to read. Must not know: logs that run, the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .decompression import opened as opened
    from .included_files import Inclusion as Inclusion
    from .stream_conversion import KINDS as KINDS
    from .stream_conversion import Conversion as Conversion
else:
    __getattr__ = lazy(
        __name__,
        {
            "decompression": "opened",
            "included_files": "Inclusion",
            "stream_conversion": "Conversion KINDS",
        },
    )

__all__ = ["KINDS", "Conversion", "Inclusion", "opened"]
