"""A tick's reactions one after another, on one core of this machine whatever the device.

Every slot depends on the slots before it, so nothing is shared out. Must not know
what becomes of the products' lines.
"""

from __future__ import annotations

import numpy as np

from automaton.backends.batch import BatchJob, CandidateBatch
from automaton.compute.budgets import Budgets, MachineScratch
from automaton.format.options import Options
from kernels import cpu
from kernels.chemistry import sequence
from kernels.text.winner_lines import SPARE


class SequentialReactor:
    """Reacts batches in the order of their slots, each product before the next draw."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._scratch = MachineScratch.of(
            Budgets(options.max_steps, options.max_size, options.max_depth)
        )

    def react(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Fill a batch's columns; `out` is then the population's own code."""
        o, population, tick = self._options, job.population, job.tick
        products = population.make_room_for_products(batch.slots, batch.max_size)
        living, free, overwritable = population.places()
        column = population.column
        letters = np.frombuffer(
            f"{population.prefix}m{tick}.".encode() + bytes(2 * SPARE), np.uint8
        )
        mark = np.array([0, len(letters) - 2 * SPARE], dtype=np.int64)
        population.end = cpu.compiled(sequence.react_in_order)(
            np.uint64(o.seed), np.uint64(tick), job.purpose, batch.slots,
            population.code, column["start"], column["size"], column["normal"], column["value"],
            column["form"], column["born_tick"], column["born_slot"], population.labels,
            letters, mark,
            np.concatenate([living, free]), len(living), free, overwritable,
            np.arange(population.max_objects, dtype=np.int32), job.choice.operator, products,
            o.copies, o.max_steps, o.max_size, o.max_depth, o.input_limit,
            batch.outcomes, batch.steps, batch.sizes, batch.salience,
            batch.places_a, batch.places_b, batch.operators, batch.results,
            np.int64(population.end), *self._scratch,
        )  # fmt: skip
        batch.shared, batch.out = False, population.code
