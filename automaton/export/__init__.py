"""What a log holds, for other tools: tables, phylogenies, canvases, graphs, provenance, pictures.

Touches an opened log, read only; what it makes goes to files that the caller opens. Values
(`winner_columns`, `phylogeny`, `figure_data`) stand apart from who writes or draws them.
Must not know: paths of output, the terminal. One format, one module, one row of `formats`.

More than 22 modules: a module a format, and one for each kind of values that they share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .export_selection import Selection as Selection
    from .job import ExportJob as ExportJob
    from .job import JointJob as JointJob
    from .job import Origin as Origin
else:
    __getattr__ = lazy(
        __name__, {"job": "ExportJob JointJob Origin", "export_selection": "Selection"}
    )

__all__ = [
    "ExportJob",
    "JointJob",
    "Origin",
    "Selection",
    "charts",
    "columns",
    "drawing",
    "formats",
    "html_report",
    "phylogeny",
    "pictures",
    "winner_columns",
]
