"""The page that shows a log: panels as values, a server of them, a timeline.

Touches the network (it serves, on the loopback interface unless told otherwise), threads,
the clock and what the system tells of processes. Must not know: appending, the terminal,
how anything is computed. Nothing here can slow or change a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .board import Board as Board
    from .observed_log import NullModel as NullModel
    from .observed_log import ObservedLog as ObservedLog
    from .observed_log import Scope as Scope
    from .observed_log import default_root as default_root
    from .panel_threads import PanelThreads as PanelThreads
    from .server import Observatory as Observatory
else:
    __getattr__ = lazy(
        __name__,
        {
            "board": "Board",
            "panel_threads": "PanelThreads",
            "observed_log": "default_root NullModel ObservedLog Scope",
            "server": "Observatory",
        },
    )

__all__ = [
    "Board",
    "NullModel",
    "Observatory",
    "ObservedLog",
    "PanelThreads",
    "Scope",
    "default_root",
    "page_files",
    "saved_page",
    "views",
]
