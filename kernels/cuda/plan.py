"""Sizes of a batch's buffers on the card: budgets, tiers, threads, rows.

Functions of the free memory and of the budgets; nothing here asks the card.
"""

from __future__ import annotations

from dataclasses import dataclass

from .loops import BLOCK, BLOCKS, FIELDS, WARP
from .memory import NoRoomError

#: What is computed, and what is waited for.
LANES = 2
#: The first budget of beta steps, and by how much each tier's is larger: repeating
#: the steps of the tiers before costs at most a seventh.
FIRST_TIER, TIER_FACTOR = 64, 8
#: Share of the free memory that is taken; halved when the card says it has less.
SHARE = 0.8
_MOST_WORDS = 1 << 31  # of a chunk's rows: positions stay within 32 bits


@dataclass(frozen=True)
class Limits:
    """The budgets of a batch; free: variables that may be free."""

    max_steps: int
    max_size: int
    max_depth: int
    free: int = 0

    def cells(self, steps: int) -> int:
        """Arena cells that a term needs under a budget of beta steps."""
        return 1 + self.free + steps + self.max_size

    @property
    def entries(self) -> int:
        """Stack entries that a term needs."""
        return max(2, self.max_depth)

    def tiers(self) -> list[int]:
        """The budgets of beta steps, ascending, the last one that of the batch."""
        found, steps = [], FIRST_TIER
        while 2 * steps <= self.max_steps:
            found.append(steps)
            steps *= TIER_FACTOR
        return [*found, self.max_steps]


@dataclass(frozen=True)
class Plan:
    """Sizes of one lane's buffers: threads at the last tier, rows, words gathered at a time."""

    threads: int
    rows: int
    packed: int

    @classmethod
    def of(
        cls, free_bytes: float, multiprocessors: int, slots: int, limits: Limits,
        limit: int | None = None, share: float = SHARE,
    ) -> Plan:  # fmt: skip
        """What fits into a share of the free memory; half goes to scratch, half to rows."""
        half = free_bytes * share / 2 / LANES
        wanted = max(1, min(slots, limit or slots, _MOST_WORDS // limits.max_size))
        rows = int(min(wanted, half / (4 * limits.max_size * 1.25 + 32)))
        scratch = 4 * FIELDS * (limits.cells(limits.max_steps) + limits.entries)
        full = multiprocessors * BLOCK * BLOCKS
        threads = int(min(full, rows + -rows % WARP, half / scratch)) // WARP * WARP
        if rows < min(wanted, WARP) or threads < WARP:
            raise NoRoomError(
                f"{WARP} threads of {scratch / 1e6:.1f} MB do not fit into "
                f"{free_bytes / 1e6:.0f} MB of the GPU's memory"
            )
        return cls(threads, rows, max(limits.max_size, rows * limits.max_size // 4))
