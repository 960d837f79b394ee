"""What one shard of a batch computes on the CPU: reactions, or winners' lines.

Functions over arrays, called by the workers of a pool, in this process or in
others; numbers come plain and get their types here, so that every worker uses
the same compiled forms. Nothing here chooses a device or deals shards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.compute.budgets import Budgets, MachineScratch
from automaton.terms.arrays import Bytes, Slots, Words
from kernels import cpu, philox
from kernels.chemistry import equal_reactions, fold, react, streams
from kernels.terms import embed, reduce
from kernels.text import archive_codec, winner_lines

_PROPOSED = 16  # arguments of `streams.propose` behind the policies that are not results


class WorkerScratch(NamedTuple):
    """What one worker owns."""

    machine: MachineScratch
    printing: Words  # the printer's stack
    sketching: tuple[npt.NDArray[Any], ...]
    printed: tuple[Slots, Slots, Slots]  # by slot: when its normal form was printed, and where
    calls: Slots  # one number: how often lines were written


def scratch(max_steps: int, max_size: int, max_depth: int, slots: int = 0) -> WorkerScratch:
    """A worker's scratch for batches of so many slots; untouched pages cost nothing."""
    sketching = (
        np.empty(embed.SHAPES * max_size, dtype=np.uint64),
        np.empty(streams.SKETCH, dtype=np.int32),
        np.empty(streams.SKETCH, dtype=np.int16),
    )
    return WorkerScratch(
        MachineScratch.of(Budgets(max_steps, max_size, max_depth)),
        np.empty(2 * max_size, dtype=np.int32),
        sketching,
        (np.zeros(slots, np.int64), np.empty(slots, np.int64), np.empty(slots, np.int64)),
        np.zeros(1, np.int64),
    )


def _copying(own: WorkerScratch, first: Words) -> tuple[Any, ...]:
    """What `write_winners` takes to copy equal texts: a new stamp, and where they stand."""
    own.calls[0] += 1
    known = len(first) <= len(own.printed[0])
    return first if known else first[:0], own.calls[0], *own.printed


def react_shard(
    low: int, high: int, own: WorkerScratch, seed: int, tick: int, purpose: int, max_size: int,
    *arguments: Any,
) -> int:  # fmt: skip
    """React the slots low..high-1; see `kernels.chemistry.react`."""
    cpu.compiled(react.react)(
        np.uint64(seed), np.uint64(tick), np.uint64(purpose), low, high, *arguments,
        low * max_size, *own.machine,
    )  # fmt: skip
    return 0


def draw_shard(
    low: int, high: int, _own: WorkerScratch, seed: int, tick: int, purpose: int, *arguments: Any
) -> int:  # fmt: skip
    """Draw the reactants of the slots low..high-1, and react nothing."""
    cpu.compiled(equal_reactions.draw_reactants)(
        np.uint64(seed), np.uint64(tick), np.uint64(purpose), low, high, *arguments
    )
    return 0


def distinct_shard(low: int, high: int, own: WorkerScratch, max_size: int, *arguments: Any) -> int:
    """React the first slots of the kinds low..high-1; see `kernels.chemistry.equal_reactions`."""
    cpu.compiled(equal_reactions.react_distinct)(
        low, high, *arguments, low * max_size, *own.machine
    )
    return 0


def share_shard(low: int, high: int, _own: WorkerScratch, *arguments: Any) -> int:
    """Give the slots low..high-1 what the first of their kind came to."""
    cpu.compiled(equal_reactions.share_results)(low, high, *arguments)
    return 0


def propose_shard(
    low: int, high: int, own: WorkerScratch, seed: int, tick: int, max_size: int,
    policies: Bytes, *arguments: Any,
) -> int:  # fmt: skip
    """Propose and react for the rounds low..high-1: kernels `chemistry.streams` and `react`."""
    first, last = low * len(policies), high * len(policies)
    proposing, reacting = arguments[:_PROPOSED], arguments[_PROPOSED:]
    *_, a, b, operators, _results, _out = reacting
    cpu.compiled(streams.propose)(
        np.uint64(seed), np.uint64(tick), first, last, policies, *proposing, a, b, operators
    )
    cpu.compiled(react.react_proposed)(first, last, *reacting, first * max_size, *own.machine)
    return 0


def line_up_shard(
    low: int, high: int, _own: WorkerScratch, seed: int, tick: int, policies: Bytes, *arguments: Any
) -> int:  # fmt: skip
    """Propose for the rounds low..high-1, and react nothing; see `kernels.chemistry.streams`."""
    first, last = low * len(policies), high * len(policies)
    cpu.compiled(streams.propose)(
        np.uint64(seed), np.uint64(tick), first, last, policies, *arguments
    )
    return 0


def look_shard(low: int, high: int, own: WorkerScratch, *arguments: Any) -> int:
    """Look at the terms of the kinds low..high-1; see `kernels.chemistry.streams`."""
    cpu.compiled(streams.look_at_terms)(low, high, *arguments, *own.sketching)
    return 0


def judge_shard(
    low: int, high: int, own: WorkerScratch, seed: int, tick: int, room: int, count: int,
    max_steps: int, uses: Words, used: Slots, relevance: Words, novelty: Words, weights: Slots,
    mixture: Slots,
    outcomes: Bytes, vetoed: Bytes, won: Bytes, words: npt.NDArray[np.uint32], features: Words,
    seconds: Words, buffer: Bytes, text: Bytes, mark: Slots, labels: Bytes, born_slot: Words,
    names: Bytes, starts: Slots, size: Words, steps: Words, sizes: Words, salience: Words,
    a: Words, b: Words, operators: Words, results: Slots, out: Words, first: Words,
) -> int:  # fmt: skip
    """Let the candidates of the rounds low..high-1 compete, write the winners' lines.

    Returns the lines' bytes, which begin at buffer[low * room].
    """
    cpu.compiled(streams.judge)(
        np.uint64(seed), np.uint64(tick), low, high, count, max_steps, outcomes, vetoed,
        steps, sizes, a, b, size, uses, used, first, relevance, novelty, weights, mixture,
        salience, won, words, features, seconds,
    )  # fmt: skip
    written = cpu.compiled(winner_lines.write_winners)(
        low * count, high * count, won, text, mark, labels, born_slot, names, starts, steps,
        sizes, salience, a, b, operators, results, out, first[:0], buffer[low * room : high * room],
        own.printing, *_copying(own, first),
    )  # fmt: skip
    return int(written)


def lines_shard(
    low: int, high: int, own: WorkerScratch, room: int, count: int, won: Bytes, buffer: Bytes,
    first: Words, *arguments: Any,
) -> int:  # fmt: skip
    """Write the lines of the rounds low..high-1, whose winners are known; returns their bytes.

    They begin at buffer[low * room].
    """
    size = cpu.compiled(winner_lines.write_winners)(
        low * count, high * count, won, *arguments, first[:0], buffer[low * room : high * room],
        own.printing, *_copying(own, first),
    )  # fmt: skip
    return int(size)


def archive_shard(
    low: int, high: int, _own: WorkerScratch, room: int, outcomes: Bytes, won: Bytes, vetoed: Bytes,
    salience: Words, steps: Words, sizes: Words, results: Slots, out: Words, buffer: Bytes,
) -> int:  # fmt: skip
    """Pack the candidates of the slots low..high-1 that lost; returns their bytes.

    They begin at buffer[low * room].
    """
    packed = cpu.compiled(archive_codec.pack_lost)(
        low, high, outcomes, won, vetoed, salience, steps, sizes, results, out,
        buffer[low * room : high * room],
    )  # fmt: skip
    return int(packed)


def write_shard(
    low: int, high: int, own: WorkerScratch, seed: int, tick: int, room: int,
    outcomes: Bytes, won: Bytes, words: npt.NDArray[np.uint32], buffer: Bytes, first: Words,
    copied: Words, *arguments: Any,
) -> int:  # fmt: skip
    """Let every candidate win that takes a place, draw places, write lines; returns their bytes.

    They begin at buffer[low * room].
    """
    np.equal(outcomes[low:high], reduce.NORMAL, out=won[low:high].view(np.bool_))
    if len(copied):
        won[low:high] &= copied[low:high] > 0
    cpu.compiled(fold.draw_won)(
        np.uint64(seed), np.uint64(tick), low, high, won, philox.PLACE, words
    )
    part = buffer[low * room : high * room]
    size = cpu.compiled(winner_lines.write_winners)(
        low, high, won, *arguments, copied, part, own.printing, *_copying(own, first)
    )
    return int(size)
