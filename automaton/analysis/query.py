"""Which lines of a log a query names: by literals, by fields, by patterns of terms.

The thin way to the kernels `literals` and `match`: arguments are looked at before
anything runs, lines come as bytes with offsets and leave as columns. Literals come
first because they cost least: only lines that hold one are parsed. Knows no files,
no log; `run` says on which threads the shards run, `offload` whether a card scans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from automaton.analysis.query_columns import ObjectColumns, chosen, metavariables
from automaton.compute.matching import Literals, Run, at_once, bind, find, prepared
from automaton.errors import UsageError
from automaton.format.graphs import AS_EVER, Reading
from automaton.program import selectors
from automaton.terms import notation
from automaton.terms.arrays import Bits, Bytes, Numbers, Truth, Words

# Literals: P byte patterns against N byte strings.


# Queries over lines.


@dataclass(frozen=True)
class Query:
    """What is looked for: a line has one of the literals, and all that is said besides."""

    literals: tuple[bytes, ...]
    selector: selectors.Selector | None
    patterns: tuple[str, ...]
    reading: Reading = AS_EVER  # how the log names and numbers its objects

    @classmethod
    def of(cls, texts: Sequence[str], field: str | None, patterns: Sequence[str]) -> Query:
        """The query of a person's words; raises a `UsageError` that says which is wrong."""
        if not texts and field is None and not patterns:
            raise UsageError("nothing to look for; give a PATTERN, --field or --term")
        for pattern in patterns:
            notation.parse(pattern, pattern=True)
        selector = None if field is None else selectors.parse_checked(field)
        return cls(tuple(map(_literal, texts)), selector, tuple(patterns))

    @property
    def of_terms(self) -> bool:
        """Whether lines must be parsed to answer it."""
        return self.selector is not None or bool(self.patterns)


def _literal(text: str) -> bytes:
    if not text:
        raise UsageError("PATTERN: an empty one is in every line; leave it out")
    if "\n" in text:
        raise UsageError("PATTERN: a line break is in no line; give the parts as two patterns")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"PATTERN: {text!r} is not UTF-8, as lines are; leave it out") from None


class LineBlock(NamedTuple):
    """Lines in one buffer: the number of the first, and where each begins (and the last ends)."""

    first: int
    buffer: Bytes
    offsets: Numbers

    def line(self, row: int) -> bytes:
        """One line without its line break."""
        return self.buffer[self.offsets[row] : self.offsets[row + 1]].tobytes().rstrip(b"\r\n")


class TermMatch(NamedTuple):
    """A term that matched: its name, and what each metavariable of a pattern stands for."""

    row: int
    name: str
    bindings: dict[str, Words]


@dataclass(frozen=True)
class BlockMatches:
    """What a query found in a block: its rows, ascending; bits as in `Hits`, for these rows.

    Good until the next block is asked for: its lines may be overwritten then.
    """

    block: LineBlock
    rows: Numbers
    bits: Bits
    terms: list[TermMatch]

    def literals(self, k: int) -> list[int]:
        """The numbers of the literals in the k-th line found."""
        words = self.bits[k : k + 1].view(np.uint8)
        return np.flatnonzero(np.unpackbits(words, bitorder="little")).tolist()

    def counts(self, patterns: int) -> Numbers:
        """In how many of the lines found each literal stands."""
        words = np.ascontiguousarray(self.bits).view(np.uint8)
        flags = np.unpackbits(words, axis=1, bitorder="little")
        total: Numbers = flags.sum(axis=0, dtype=np.int64)
        return total[:patterns]


def search(query: Query, blocks: Iterable[LineBlock], run: Run = at_once) -> Iterator[BlockMatches]:
    """What the query finds, block by block; literals in the raw bytes, terms in parsed lines."""
    patterns: Literals | None = None
    bits = np.zeros((0, -(-len(query.literals) // 64)), dtype=np.uint64)
    for block in blocks:
        rows = np.arange(len(block.offsets) - 1, dtype=np.int64)
        held = np.zeros((len(rows), 0), dtype=np.uint64)
        if query.literals:
            patterns = patterns or prepared(query.literals, block.buffer)
            if len(bits) < len(rows):
                bits = np.zeros((2 * len(rows), bits.shape[1]), dtype=np.uint64)
            held = find(patterns, block.buffer, block.offsets, run, bits=bits).bits
            rows = np.flatnonzero(held.any(axis=1))
        terms: list[TermMatch] = []
        if query.of_terms:
            lines = ((row, block.first + row, block.line(row)) for row in rows.tolist())
            columns = ObjectColumns.of(lines, query.reading)
            wanted = chosen(columns, query.selector, query.patterns)
            rows = np.unique(columns.row[wanted])
            terms = _bound(query, columns, wanted)
        yield BlockMatches(block, rows, held[rows], terms)


def _bound(query: Query, columns: ObjectColumns, wanted: Truth) -> list[TermMatch]:
    """The terms that were chosen, with the bindings of the first pattern that each matches."""
    bound: dict[int, TermMatch] = {}
    for text in query.patterns:
        found, spans = bind(text, columns.code, columns.column["start"], columns.column["size"])
        names = metavariables(text)
        for k in np.flatnonzero(wanted & found).tolist():
            ends = {name: spans[:, k, number].tolist() for name, number in names.items()}
            bindings = {name: columns.code[a:b] for name, (a, b) in ends.items()}
            bound.setdefault(k, TermMatch(int(columns.row[k]), columns.names[k].decode(), bindings))
    return [bound[k] for k in sorted(bound)]
