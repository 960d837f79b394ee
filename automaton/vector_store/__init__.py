"""Terms remembered by likeness.

Touches the network and processes. Must not know: what a run does with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .decay import DecayRule as DecayRule
    from .engine import Filter as Filter
    from .feed import VectorFeed as VectorFeed
    from .index_rebuild import log_entries as log_entries
    from .index_rebuild import reindex as reindex
    from .indexer import IndexCounts as IndexCounts
    from .location import folder as folder
    from .location import open_store as open_store
    from .store import Likeness as Likeness
    from .store import Store as Store
    from .store import most_like as most_like
else:
    __getattr__ = lazy(
        __name__,
        {
            "decay": "DecayRule",
            "engine": "Filter",
            "feed": "VectorFeed",
            "index_rebuild": "log_entries reindex",
            "indexer": "IndexCounts",
            "location": "folder open_store",
            "store": "Likeness Store most_like",
        },
    )

__all__ = [
    "DecayRule",
    "Filter",
    "IndexCounts",
    "Likeness",
    "Store",
    "VectorFeed",
    "folder",
    "log_entries",
    "most_like",
    "open_store",
    "ownership",
    "reindex",
]
