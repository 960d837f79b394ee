"""The contract of a vector engine, and the values that it takes and gives.

Must not know: which engines there are.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.terms import embed

Ids: TypeAlias = npt.NDArray[np.uint64]

UnitVectors: TypeAlias = npt.NDArray[np.float32]

Vectors: TypeAlias = npt.NDArray[np.int16] | UnitVectors

Payload: TypeAlias = dict[str, Any]

DIMENSIONS = embed.DIMENSIONS

MOST_K = 1000  # items that one question may ask for

#: Members of a payload: id (str, of the line or candidate), term (str, de Bruijn), dimension,
#: tick (int), stream (str), won (bool); strength, since, until (int) as `consolidation` has them.
EQUALLED = ("dimension",)  # indexed by the engines as integers that equal one,

COMPARED = ("tick", "until")  # as integers that lie between two,

NAMED = ("stream",)  # and as words

INSTALL = "pip install 'automaton-scalable[memory]'"


def install_advice() -> str:
    """How the engines are installed, or why they cannot be on this interpreter."""
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        return INSTALL
    return (
        "its packages have no wheels for free-threaded Python: use an interpreter with "
        f"the global lock and {INSTALL}"
    )


@dataclass(frozen=True)
class Filter:
    """Which items are meant: all that every given member allows; ticks inclusive."""

    dimension: int | None = None
    stream: str | None = None
    first: int | None = None
    last: int | None = None
    gone: int | None = None  # items whose `until` is this period or an earlier one


ALL = Filter()


@dataclass(frozen=True)
class Hit:
    """An item that an engine found: its dot product with the question, by rounded vectors."""

    id: int
    score: float
    payload: Payload


class Engine(Protocol):
    """What every engine does; vectors are float32 of length 1, ids unsigned 64-bit integers."""

    name: str

    def upsert(self, ids: Ids, units: UnitVectors, payloads: Sequence[Payload]) -> None:
        """Put items in; those with an id that is there take its place."""

    def nearest(self, unit: UnitVectors, k: int, where: Filter, *, exact: bool) -> list[Hit]:
        """The k items with the greatest dot product, the greatest first."""

    def payloads(self, ids: Ids) -> dict[int, Payload]:
        """What is known of those of these items that are there."""

    def change(self, ids: Ids, members: Payload) -> None:
        """Set these members of items that are there."""

    def delete(self, ids: Ids) -> None:
        """Take items out; those that are not there are no error."""

    def prune(self, where: Filter) -> None:
        """Take out all items that are meant."""

    def count(self, where: Filter) -> int:
        """How many items are meant, exactly."""

    def flush(self) -> None:
        """Return when all that was put in survives the end of this process."""

    def optimize(self) -> None:
        """Build the index of what has none yet; may take long."""

    def facts(self) -> dict[str, int | str]:
        """What there is to say: `in_graph`, items not looked at one by one, and more."""

    def close(self) -> None:
        """Flush, and let go of everything."""
