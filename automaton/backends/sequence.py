"""A tick's reactions one after another, on one core of this machine whatever the device.

Every slot depends on the slots before it, so nothing is shared out. Must not know
what becomes of the products' lines.
"""

from __future__ import annotations

import numpy as np

from automaton.backends.batch import BatchJob, CandidateBatch
from automaton.backends.species_tables import keep_tables, take_tables
from automaton.format.options import EVALUATIONS, AmplifierLaw, Options, parse_amplifiers
from automaton.population import Population
from automaton.terms.arrays import Places
from kernels import cpu
from kernels.chemistry import sequence
from kernels.text.winner_lines import SPARE


class SequentialReactor:
    """Reacts batches in the order of their slots, each product before the next draw."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._law = parse_amplifiers(options.amplifiers) or AmplifierLaw()
        self._tables = take_tables(options)
        self._population: Population | None = None  # whose places the tables know
        self._changes = 0  # of it, when they were looked at
        self._tick: int | None = None  # that was reacted last

    def react(self, job: BatchJob, batch: CandidateBatch) -> None:
        """Fill a batch's columns; `out` is then the population's own code."""
        population = job.population
        products = population.make_room_for_products(batch.slots, batch.max_size)
        living, free, overwritable = population.places()
        row_of = np.arange(population.max_objects, dtype=np.int32)
        room = np.concatenate([living, free])
        state = np.array([0, population.end, len(living), 0], dtype=np.int64)
        if self._tick is None or job.tick <= self._tick:
            self._tables.forget_slots()
        self._tick = job.tick
        self._look(job, living)
        batch.vetoed[:] = 0
        letters = np.frombuffer(
            f"{population.prefix}m{job.tick}.".encode() + bytes(2 * SPARE), np.uint8
        )
        mark = np.array([0, len(letters) - 2 * SPARE], dtype=np.int64)
        done = -1
        while state[sequence.SLOT] < batch.slots:
            self._go_on(
                job, batch, state, letters, mark, room, free, overwritable, row_of, products
            )
            if state[sequence.SLOT] < batch.slots:
                if done == state[sequence.SLOT]:
                    self._tables.grow()
                done = int(state[sequence.SLOT])
                self._take_in(job, np.unique(row_of[room[: state[sequence.ALIVE]]]), full=True)
        population.end = int(state[sequence.END])
        alive = room[: state[sequence.ALIVE]]
        numbers = self._tables.number_of[row_of[alive]]
        batch.amplifiers = int(np.count_nonzero(numbers < len(self._tables.target_sizes)))
        batch.shared, batch.in_order, batch.out = True, True, population.code

    def close(self) -> None:
        """Leave the tables to the next soup under the same law."""
        keep_tables(self._options, self._tables)

    def _look(self, job: BatchJob, living: Places) -> None:
        """Have the tables know the terms that live, of which few changed since the last tick."""
        population, tables = job.population, self._tables
        first = [*job.amplifiers.terms, population.words(job.choice.operator)]
        if not tables.is_of(first, job.vetoes):
            tables.begin([words.copy() for words in first], job.amplifiers.targets, job.vetoes)
            self._population = None
        changed = None
        if population is self._population:
            changed = population.changed_since(self._changes)
        rows = living if changed is None else np.unique(np.concatenate([living[:0], *changed]))
        self._population, self._changes = population, population.changes
        live = population.column["live"]
        self._take_in(job, rows[live[rows]], full=False)

    def _take_in(self, job: BatchJob, rows: Places, *, full: bool) -> None:
        """Number the terms of rows; where there is no room, of all rows in tables made anew."""
        tables, column, code = self._tables, job.population.column, job.population.code
        if full:
            tables.empty()
        while True:
            try:
                tables.take_in(rows, column, code)
            except OverflowError:
                tables.grow()
                rows = np.union1d(rows, job.population.choices()).astype(np.int32)
            else:
                return

    def _go_on(
        self, job: BatchJob, batch: CandidateBatch, state: np.ndarray, letters: np.ndarray,
        mark: np.ndarray, room: Places, free: Places, overwritable: Places, row_of: Places,
        products: int,
    ) -> None:  # fmt: skip
        """React until all is done, or a table is full."""
        o, law, tables, population = self._options, self._law, self._tables, job.population
        column = population.column
        amplifiers = len(tables.target_sizes)
        cpu.compiled(sequence.react_in_order)(
            np.uint64(o.seed), np.uint64(job.tick), job.purpose, batch.slots, state,
            population.code, column["start"], column["size"], column["born_tick"],
            column["born_slot"], population.labels, letters, mark,
            room, free, overwritable, row_of, tables.number_of, job.choice.operator,
            tables.operator, products, amplifiers, tables.targets, tables.target_starts,
            tables.target_sizes, law.copies, law.steps, law.size,
            EVALUATIONS.index(o.evaluation), o.copies, o.max_steps, o.max_size, o.max_depth,
            o.input_limit,
            batch.outcomes, batch.vetoed, batch.steps, batch.sizes, batch.salience,
            batch.places_a, batch.places_b, batch.operators, batch.results, batch.first,
            batch.copies, *tables.arrays(),
        )  # fmt: skip
