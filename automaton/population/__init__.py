"""What is alive, as columns.

Touches nothing outside. Must not know: files, devices, who wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .entrants import Entrants as Entrants
    from .entrants import place_draws as place_draws
    from .entrants import with_copies as with_copies
    from .id_table import IdTable as IdTable
    from .population import COMPOSITION as COMPOSITION
    from .population import MODIFICATION as MODIFICATION
    from .population import Population as Population
    from .reactants import Reactants as Reactants
    from .reactants import StreamPools as StreamPools
else:
    __getattr__ = lazy(
        __name__,
        {
            "entrants": "Entrants place_draws with_copies",
            "id_table": "IdTable",
            "population": "COMPOSITION MODIFICATION Population",
            "reactants": "Reactants StreamPools",
        },
    )

__all__ = [
    "COMPOSITION",
    "MODIFICATION",
    "Entrants",
    "IdTable",
    "Population",
    "Reactants",
    "StreamPools",
    "place_draws",
    "selection",
    "with_copies",
]
