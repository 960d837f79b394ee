"""The snapshot that cycles explore: a log's terms at a tick, as arrays that nobody changes.

Taken once from the world that a log leads to, then read by any number of threads,
and by processes as one string of bytes. Must not know files, stages, who reads it.
"""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.chemistry import World
from automaton.chemistry.tick_plan import plan_trial
from automaton.format.options import Options, from_record
from automaton.population import Population
from automaton.terms import encodings
from automaton.terms.arrays import Hashes, Numbers, Places, Sketches, Words
from kernels import cpu
from kernels.experiments import gather
from kernels.terms import embed

#: Candidates among which a cycle recalls, of those that lost and of the winners together.
MEMORY = 4096


@dataclass(frozen=True)
class PastCandidate:
    """A candidate of the past: its term, where it arose, its cost, and whether it won its round."""

    words: Words
    tick: int
    slot: int
    steps: int
    won: bool


@dataclass(frozen=True)
class Operator:
    """An operator that a cycle may use: its name, its term, its dimension."""

    name: str
    words: Words
    level: int


@dataclass(frozen=True, eq=False, repr=False)
class FrozenPopulation:
    """Columns by row; the rows 0..n-1 are the live terms in the order of their places.

    code int32; start int64, size int32, normal bool by row; text uint8 with mark int64
    [n+1]: names; op_code with op_start, op_size, op_level: the operators; a and b int32
    with a_mark, b_mark int64 [operators+1]: the rows that each operator's selectors
    allow; known uint64: ascending hashes of all terms that log and archive hold; and of
    what is remembered: memory_code, memory_start, memory_size, memory_steps, memory_won,
    memory_tick, memory_slot. Of the log, and not packed: chain, the one after the tick
    (hexadecimal), and note, what is to be said of how it was read.
    """

    tick: int
    prefix: str
    options: Options
    code: Words
    start: Numbers
    size: Places
    normal: npt.NDArray[np.bool_]
    text: npt.NDArray[np.uint8]
    mark: Numbers
    op_names: tuple[str, ...]
    op_code: Words
    op_start: Numbers
    op_size: Places
    op_level: Places
    a: Places
    a_mark: Numbers
    b: Places
    b_mark: Numbers
    known: Hashes
    memory_code: Words
    memory_start: Numbers
    memory_size: Places
    memory_steps: Places
    memory_won: npt.NDArray[np.bool_]
    memory_tick: Numbers
    memory_slot: Numbers
    chain: str = ""
    note: str = ""

    def __len__(self) -> int:
        return len(self.start)

    def words(self, row: int) -> Words:
        """The term of a row, a view."""
        return self.code[self.start[row] : self.start[row] + self.size[row]]

    def name(self, row: int) -> str:
        """The id under which the term of a row is a reactant, as it stands in the log."""
        return bytes(self.text[self.mark[row] : self.mark[row + 1]]).decode()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All names, by row."""
        return tuple(map(self.name, range(len(self))))

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        """The automata's operators in order of first appearance, each term once by dimension."""
        rows = zip(self.op_names, self.op_start, self.op_size, self.op_level, strict=True)
        return tuple(Operator(n, self.op_code[s : s + k], int(d)) for n, s, k, d in rows)

    def recalled(self, k: int) -> tuple[str, Words]:
        """The id of something remembered, and its term, a view."""
        begin = self.memory_start[k]
        name = f"{self.prefix}m{self.memory_tick[k]}.{self.memory_slot[k]}"
        return name, self.memory_code[begin : begin + self.memory_size[k]]

    def selected(self, operator: int) -> tuple[Places, Places]:
        """The rows that the selectors of an operator allow as a and as b."""
        a, b = self.a_mark[operator : operator + 2], self.b_mark[operator : operator + 2]
        return self.a[a[0] : a[1]], self.b[b[0] : b[1]]

    @cached_property
    def vectors(self) -> tuple[Sketches, Numbers]:
        """The vectors of what is remembered, int16 [n, D], and their squared lengths."""
        return vectors_of(self.memory_code, self.memory_start, self.memory_size)

    @cached_property
    def largest(self) -> int:
        """The nodes of the largest live term."""
        return int(self.size.max(initial=1))

    @cached_property
    def columns(self) -> tuple[Words, Numbers, Places, npt.NDArray[np.bool_]]:
        """The live terms, as kernels take them."""
        return self.code, self.start, self.size, self.normal

    @cached_property
    def spare(self) -> deque[Any]:
        """Benches that no thread has (see `workbench`): all of a branch that changes."""
        return deque()

    def ready(self) -> FrozenPopulation:
        """This, with everything computed that is computed once: before threads share it."""
        _ = self.names, self.operators, self.vectors, self.largest, self.spare
        return self

    # -- as bytes ------------------------------------------------------------

    def packed(self) -> bytes:
        """All of it, for another process: numpy's own format, nothing pickled."""
        head = json.dumps([self.tick, self.prefix, self.options.record(), self.op_names])
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        file = io.BytesIO()
        np.savez(file, head=np.frombuffer(head.encode(), dtype=np.uint8), **arrays)
        return file.getvalue()

    @classmethod
    def unpacked(cls, raw: bytes) -> FrozenPopulation:
        """What `packed` gave."""
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            tick, prefix, record, names = json.loads(arrays["head"].tobytes())
            columns: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        return cls(tick, prefix, from_record(record), op_names=tuple(names), **columns)


_ARRAYS = [
    f.name
    for f in fields(FrozenPopulation)
    if f.name not in {"tick", "prefix", "options", "op_names", "chain", "note"}
]


def vectors_of(code: Words, begins: Numbers, sizes: Places) -> tuple[Sketches, Numbers]:
    """The vectors of terms (counts of their shapes: `kernels.terms.embed`), and squared lengths."""
    n = len(begins)
    found = np.empty((n, gather.DIMENSIONS), dtype=np.int16)
    norms = np.empty(n, dtype=np.int64)
    shapes = np.empty(embed.SHAPES * int(sizes.max(initial=1)), dtype=np.uint64)
    sums = np.empty(gather.DIMENSIONS, dtype=np.int32)
    cpu.compiled(embed.embed_terms)(code, begins, sizes, 0, n, shapes, sums, found)
    cpu.compiled(gather.cut)(found, norms)
    return found, norms


def gathered(
    code: Words, start: Numbers, size: Places, rows: Places
) -> tuple[Words, Numbers, Places]:
    """The terms of rows in a code of their own, where each begins, and its nodes."""
    into = np.empty(int(size[rows].sum(dtype=np.int64)), dtype=np.int32)
    begins, sizes = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int32)
    cpu.compiled(gather.gather)(code, start, size, rows, into, begins, sizes)
    return into, begins, sizes


def hashed(code: Words, begins: Numbers, sizes: Places) -> Hashes:
    """The hashes of terms; 0 for those that begin at -1."""
    found = np.empty(len(begins), dtype=np.uint64)
    cpu.compiled(gather.hashes)(code, begins, sizes, found)
    return found


def branch_of(  # noqa: PLR0913  # `chain` and `note` by name
    world: World, tick: int, known: Hashes, remembered: Sequence[PastCandidate], *,
    chain: str = "", note: str = "",
) -> FrozenPopulation:  # fmt: skip
    """The branch of a world after a tick; `known`: hashes beside those of what lives."""
    population = world.population
    rows = population.choices()
    column = population.column
    code, start, size = gathered(population.code, column["start"], column["size"], rows)
    named = [population.id_of(int(row)) for row in rows]
    chosen = _operators(world)
    a, b = ([selected[k] for *_, selected in chosen] for k in (0, 1))
    where = np.zeros(population.max_objects + 1, dtype=np.int32)
    where[rows] = np.arange(len(rows), dtype=np.int32)
    a, b = [where[part] for part in a], [where[part] for part in b]
    op_code, op_start, op_size = together([words for _, words, _, _ in chosen])
    memory_code, memory_start, memory_size = together([one.words for one in remembered])
    return FrozenPopulation(
        tick, world.prefix, world.options, code, start, size, column["normal"][rows].copy(),
        np.frombuffer(b"".join(named), dtype=np.uint8), _marks(named),
        tuple(name for name, *_ in chosen), op_code, op_start, op_size,
        np.array([level for _, _, level, _ in chosen], dtype=np.int32),
        _joined(a), _marks(a), _joined(b), _marks(b),
        np.union1d(known, column["hashes"][rows]), memory_code, memory_start, memory_size,
        np.array([one.steps for one in remembered], dtype=np.int32),
        np.array([one.won for one in remembered], dtype=np.bool_),
        np.array([one.tick for one in remembered], dtype=np.int64),
        np.array([one.slot for one in remembered], dtype=np.int64), chain, note,
    ).ready()  # fmt: skip


Chosen = tuple[str, Words, int, tuple[Places, Places]]


def _operators(world: World) -> list[Chosen]:
    """Name, term, dimension and selected places of each operator that may work."""
    population = world.population
    every = population.choices()
    if world.options.operator is not None:
        row = world.rows[""]
        return [(population.id_of(row).decode(), population.words(row).copy(), 0, (every, every))]
    found: list[Chosen] = []
    for automaton in world.program.automata.values():
        choice = plan_trial(world, automaton, world.rows[automaton.id])
        found.append((automaton.id, automaton.operator, automaton.level, (choice.a, choice.b)))
    return found or [("application", encodings.APPLICATION, 0, (every, every))]


def together(found: Sequence[Words]) -> tuple[Words, Numbers, Places]:
    """Terms one behind the other, where each begins, and its nodes."""
    size = np.array([len(words) for words in found], dtype=np.int32)
    start = np.cumsum(size, dtype=np.int64) - size
    return _joined(found), start, size


def _joined(parts: Sequence[Places]) -> Places:
    return np.concatenate([np.empty(0, dtype=np.int32), *parts])


def _marks(parts: Sequence[Any]) -> Numbers:
    return np.cumsum([0, *map(len, parts)], dtype=np.int64)


def live_winners(population: Population) -> list[PastCandidate]:
    """The newest winners that live, at most MEMORY, oldest first."""
    column, rows = population.column, population.choices()
    rows = rows[column["born_tick"][rows] > 0]
    order = np.lexsort((column["born_slot"][rows], column["born_tick"][rows]))[-MEMORY:]
    tick, slot, steps = (column[name][rows[order]] for name in ("born_tick", "born_slot", "steps"))
    each = zip(rows[order].tolist(), tick.tolist(), slot.tolist(), steps.tolist(), strict=True)
    return [PastCandidate(population.words(k).copy(), t, s, n, won=True) for k, t, s, n in each]


def balanced(lost: Sequence[PastCandidate], won: Sequence[PastCandidate]) -> list[PastCandidate]:
    """The newest of both, at most MEMORY, oldest first: half each, or all where one has less.

    `lost` and `won`: each oldest first. Merged by age, so that ties prefer neither.
    """
    lost = lost[-max(MEMORY // 2, MEMORY - len(won)) :]
    won = won[len(lost) - MEMORY :]
    return sorted([*lost, *won], key=lambda one: (one.tick, one.slot))
