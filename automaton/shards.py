"""What one shard of a batch computes on the CPU: reactions, or winners' lines.

Functions over arrays, called by the workers of a pool, in this process or in
others; numbers come plain and get their types here, so that every worker uses
the same compiled forms. Nothing here chooses a device or deals shards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.population import Words
from kernels import cpu, fold, lines, philox, react, reduce

Bytes = npt.NDArray[np.uint8]
Scratch = tuple[tuple[Words, ...], Words]


def scratch(max_steps: int, max_size: int, max_depth: int) -> Scratch:
    """A worker's arena and stacks, and the printer's stack; untouched pages cost nothing."""
    sizes = [1 + max_steps + max_size] * 3 + [max_depth] * 4
    machine = tuple(np.empty(n, dtype=np.int32) for n in sizes)
    return machine, np.empty(2 * max_size, dtype=np.int32)


def react_shard(
    low: int, high: int, own: Scratch, seed: int, tick: int, purpose: int, max_size: int,
    *arguments: Any,
) -> int:  # fmt: skip
    """React the slots low..high-1; see `kernels.react`."""
    cpu.compiled(react.react)(
        np.uint64(seed), np.uint64(tick), np.uint64(purpose), low, high, *arguments,
        low * max_size, *own[0],
    )  # fmt: skip
    return 0


def write_shard(
    low: int, high: int, own: Scratch, seed: int, tick: int, room: int,
    outcomes: Bytes, won: Bytes, words: npt.NDArray[np.uint32], buffer: Bytes, *arguments: Any,
) -> int:  # fmt: skip
    """Let every candidate win, draw places, write lines; returns their bytes.

    They begin at buffer[low * room].
    """
    np.equal(outcomes[low:high], reduce.NORMAL, out=won[low:high].view(np.bool_))
    cpu.compiled(fold.draw_won)(
        np.uint64(seed), np.uint64(tick), low, high, won, philox.PLACE, words
    )
    part = buffer[low * room : high * room]
    size = cpu.compiled(lines.write_winners)(low, high, won, *arguments, part, own[1])
    return int(size)
