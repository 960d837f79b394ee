"""An archive of what terms do: of all that give the same outputs, the smallest lives.

Rows are only ever added, so that a row's number stands for a term and for how it was
made; lineages are read from them. Columns, no object a candidate. Knows nothing of
how candidates are made or judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.synthesis.components import Component
from automaton.synthesis.evaluation import CandidateScores
from automaton.terms.arrays import Ints, Words
from automaton.terms.notation import format_term
from kernels.experiments import vary

#: Rows, past which it is closed, and steps of a lineage that are told.
ROWS, LONGEST = 1 << 16, 40
#: How, in the record of a row that was taken over from another archive.
TAKEN_OVER = 9
_COLUMNS = {
    "start": np.int64, "size": np.int32, "score": np.int32, "behaviour": np.uint64,
    "live": np.bool_,
}  # fmt: skip


class ArchiveRow(NamedTuple):
    """A term of an archive that another takes over: whose, and its row there."""

    archive: BehaviourArchive
    row: int
    words: Words


class BehaviourArchive:
    """The archive of one synthesis; its first rows are operators, then building blocks."""

    def __init__(
        self, number: int, operators: Sequence[Component], blocks: Sequence[Component]
    ) -> None:
        self.number = number
        self.names = [block.name for block in (*operators, *blocks)]
        self.operators = np.arange(len(operators), dtype=np.int32)
        self.begun = [block.words for block in (*operators, *blocks)]
        self.code: Words = np.zeros(1 << 16, dtype=np.int32)
        self.column: dict[str, npt.NDArray[Any]] = {
            name: np.zeros(ROWS, dtype=kind) for name, kind in _COLUMNS.items()
        }
        self.rows = 0
        self._end = 0
        self._records = np.zeros((ROWS, vary.RECORD), dtype=np.int32)
        self._others: dict[int, BehaviourArchive] = {}  # from whom something was taken over

    def begin(self, scores: Ints, behaviours: npt.NDArray[np.uint64]) -> None:
        """Enter the operators, which are no parents, and the blocks."""
        nothing = np.zeros((len(self.begun), vary.RECORD), dtype=np.int32)
        self._append(self.begun, scores, behaviours, nothing)
        self.column["live"][self.operators] = False

    def live(self) -> Ints:
        """The rows of the smallest terms of each behaviour, ascending."""
        return np.flatnonzero(self.column["live"][: self.rows]).astype(np.int32)

    def words(self, row: int) -> Words:
        """The term of a row."""
        start, size = int(self.column["start"][row]), int(self.column["size"][row])
        return self.code[start : start + size].copy()

    def enter(
        self,
        source: Words,
        starts: npt.NDArray[np.int64],
        made: Ints,
        judged: CandidateScores,
        records: Ints,
    ) -> None:
        """Of each behaviour that is new, or was larger, the smallest candidate enters.

        Candidate i stands at source[starts[i]:], made[i] nodes; behaviour 0 is none.
        """
        behaviours = judged.behaviours
        able = np.flatnonzero(behaviours)
        able = able[np.argsort(made[able], kind="stable")]
        _, first = np.unique(behaviours[able], return_index=True)
        some = np.sort(able[first])
        live = self.live()
        live = live[np.argsort(self.column["behaviour"][live], kind="stable")]
        known = self.column["behaviour"][live]
        at = np.minimum(np.searchsorted(known, behaviours[some]), max(0, len(known) - 1))
        same = known[at] == behaviours[some] if len(known) else np.zeros(len(some), np.bool_)
        smaller = same.copy()
        smaller[same] = made[some[same]] < self.column["size"][live[at[same]]]
        old = live[at[smaller]]
        some = some[~same | smaller]
        if self.rows + len(some) > ROWS:
            return
        self.column["live"][old] = False
        words = [source[starts[i] : starts[i] + made[i]] for i in some.tolist()]
        self._append(words, judged.scores[some], behaviours[some], records[some])

    def _append(
        self, words: Sequence[Words], scores: Ints, behaviours: npt.NDArray[np.uint64],
        records: Ints,
    ) -> None:  # fmt: skip
        """Rows for some terms, behind the others."""
        if not words:
            return
        sizes = np.array([len(term) for term in words], dtype=np.int32)
        rows = slice(self.rows, self.rows + len(words))
        total = int(sizes.sum())
        if self._end + total > len(self.code):
            self.code = np.concatenate((self.code, np.zeros(len(self.code) + total, np.int32)))
        self.code[self._end : self._end + total] = np.concatenate(words)
        self.column["start"][rows] = self._end + np.cumsum(sizes) - sizes
        self.column["size"][rows] = sizes
        self.column["score"][rows] = scores
        self.column["behaviour"][rows] = behaviours
        self.column["live"][rows] = True
        self._records[rows] = records
        self._end, self.rows = self._end + total, self.rows + len(words)

    # -- others ------------------------------------------------------------

    def best(self, count: int) -> list[ArchiveRow]:
        """What others may take over: the highest scores, small ones first."""
        rows = self.live()
        order = np.lexsort((self.column["size"][rows], -self.column["score"][rows]))
        return [ArchiveRow(self, row, self.words(row)) for row in rows[order[:count]].tolist()]

    def take(
        self, others: Sequence[ArchiveRow], scores: Ints, behaviours: npt.NDArray[np.uint64]
    ) -> None:
        """Take over what behaves like nothing here."""
        self._others |= {other.archive.number: other.archive for other in others}
        known = self.column["behaviour"][self.live()]
        new = np.flatnonzero(~np.isin(behaviours, known) & (behaviours != 0))
        _, first = np.unique(behaviours[new], return_index=True)
        new = new[np.sort(first)][: ROWS - self.rows]
        records = np.zeros((len(others), vary.RECORD), dtype=np.int32)
        records[:, 0] = TAKEN_OVER
        records[:, 1] = [other.archive.number for other in others]
        records[:, 2] = [other.row for other in others]
        words = [others[k].words for k in new.tolist()]
        self._append(words, scores[new], behaviours[new], records[new])

    # -- lineage -----------------------------------------------------------

    def told(self, record: Ints) -> tuple[str, ...]:
        """How a candidate was made: its own record, then those of its parents, nearest first.

        Rows never change, so those of another archive can be read while it grows.
        """
        told = [self.sentence("it", record)]
        waiting, seen = self.parents(record), set[tuple[int, int]]()
        while waiting and len(told) < LONGEST:
            archive, row = waiting.pop(0)
            if row < len(archive.names) or (archive.number, row) in seen:
                continue
            seen.add((archive.number, row))
            made = archive.record(row)
            told.append(archive.sentence(archive.name(row), made))
            waiting += archive.parents(made)
        return tuple(told)

    def record(self, row: int) -> Ints:
        """How the term of a row was made; see `kernels.experiments.vary`."""
        record: Ints = self._records[row]
        return record

    def parents(self, record: Ints) -> list[tuple[BehaviourArchive, int]]:
        """The rows that a record names, each with its archive."""
        how, other, a, b, *_ = record.tolist()
        if how == TAKEN_OVER:
            return [(self._others[other], a)]
        rows = {vary.REACTION: [a, b], vary.GRAFT: [a, b], vary.DRAWN: [a]}.get(how, [])
        return [(self, row) for row in rows]

    def sentence(self, name: str, record: Ints) -> str:
        """What a record says, for people."""
        how, op, a, b, node, bits, rank = record.tolist()
        if how == TAKEN_OVER:
            return f"{name} = {self._others[op].name(a)}"
        one, other = self.name(a), self.name(b)
        if how == vary.REACTION:
            return f"{name} = ({self.names[op]} {one}) {other}"
        put = other if how == vary.GRAFT else f"form {rank} of {bits} bits"
        return f"{name} = {one} with {put} at node {node}"

    def name(self, row: int) -> str:
        """A block's name, or the number of the synthesis, that of the row, and the term."""
        if row < len(self.names):
            return self.names[row]
        return f"#{self.number}.{row} [{format_term(self.words(row))}]"
