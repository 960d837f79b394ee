"""The objects of some lines as columns, and which of them a selector or a pattern means.

A row is a term of an object, so that what is said of a term and of its object is
said of one row; an object without a term is a row too. As `selection` is for the
population. Knows no files and no log: lines come as bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.compute.matching import bind, numerals
from automaton.format import graphs, json_edit, objects, versions
from automaton.format.graphs import AS_EVER, Reading
from automaton.format.objects import NamedObject
from automaton.program import TermExtractor, grammar, selectors
from automaton.terms import notation
from automaton.terms.arrays import Numbers, Truth, Words
from automaton.terms.packed import META
from automaton.terms.parser import Syntax, TermParser

_INT64 = 1 << 63
_TYPES = {
    "row": np.int64, "steps": np.int64, "kind": np.int32, "level": np.int32, "size": np.int32
}  # fmt: skip
_FEW = 16  # values that are compared one by one; more are looked up
_NO_TERM: Words = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class ObjectColumns:
    """The terms of some objects, packed in `code`.

    column: row (as the line was numbered), start (in code), steps (of the object, 0 where
    it has none), all int64; kind (a place in `kinds`), level, size (nodes, 0 for an object
    without a term), all int32.
    """

    names: list[bytes]  # of the terms: id, id#span or line:n, escaped as in a log
    kinds: list[str]
    code: Words
    column: dict[str, npt.NDArray[Any]]

    @classmethod
    def of(
        cls, lines: Iterable[tuple[int, int, bytes]], reading: Reading = AS_EVER
    ) -> ObjectColumns:
        """The objects of lines (row, line number, bytes); lines that hold none are left out."""
        reader = TermExtractor(notation.MAX_NODES, graph=reading.graph)
        facts: list[tuple[int, int, int, int, int]] = []
        kinds: dict[str, int] = {}
        names, terms = [], []
        for row, number, raw in lines:
            line = objects.parse_line(raw)
            if not isinstance(line, objects.Object):
                continue
            members = graphs.plain(line.members) if reading.graph else line.members
            identity = reading.identity(members)
            name = f"line:{number}" if identity is None else identity  # "" is an id too
            kind = kinds.setdefault(objects.object_type(members) or "", len(kinds))
            found = [
                (named.name, named.words) for named in reader.terms_of(NamedObject(name, members))
            ]
            for own, words in found or [(json_edit.quote(name)[1:-1], _NO_TERM)]:
                facts.append((row, _steps(members), kind, objects.level(members), len(words)))
                names.append(own)
                terms.append(words)
        table = np.array(facts, dtype=np.int64).reshape(-1, len(_TYPES)).T
        column = {name: table[k].astype(dtype) for k, (name, dtype) in enumerate(_TYPES.items())}
        column["start"] = np.cumsum(column["size"], dtype=np.int64) - column["size"]
        return cls(names, list(kinds), np.concatenate([_NO_TERM, *terms]), column)

    @property
    def row(self) -> Numbers:
        """The line of each row, as it was numbered."""
        row: Numbers = self.column["row"]
        return row


def _steps(members: objects.Members) -> int:
    value = versions.beta_of(members)
    return value if type(value) is int and -_INT64 <= value < _INT64 else 0


def chosen(
    columns: ObjectColumns, selector: selectors.Selector | None, patterns: tuple[str, ...]
) -> Truth:
    """The rows that a selector means and whose term is of the form of one of the patterns."""
    found = [_matching(columns, text) for text in patterns]
    whole = [reduce(np.logical_or, found)] if found else []
    if selector is not None:
        whole.append(selectors.evaluate(selector, partial(_leaf, columns)))
    return reduce(np.logical_and, whole) if whole else np.ones(len(columns.row), dtype=np.bool_)


def _leaf(columns: ObjectColumns, leaf: selectors.Leaf) -> Truth:  # noqa: PLR0911 - one a leaf
    """One truth value a row for an atom of a selector; see `selection`."""
    match leaf:
        case grammar.Const(value):
            return np.full(len(columns.row), value)
        case selectors.Numeral():
            return _numerals(columns)
        case selectors.Duplicate():
            return _duplicates(columns)
        case selectors.Matches(pattern):
            return _matching(columns, pattern)
        case grammar.Compare(field, op, bound):
            values: Any = columns.column[field]
            return np.asarray(grammar.COMPARISONS[op](values, bound), dtype=np.bool_)
        case selectors.Member("type", kinds):
            codes = [code for code, kind in enumerate(columns.kinds) if kind in kinds]
            return _among(columns.column["kind"], codes)
        case selectors.Member(field, members):
            return _among(columns.column[field], members)


def _among(values: npt.NDArray[Any], members: Sequence[Any]) -> Truth:
    """Which values are one of the members."""
    if len(members) > _FEW:
        return np.isin(values, members)
    found = [np.asarray(values == member, dtype=np.bool_) for member in members]
    return reduce(np.logical_or, found) if found else np.zeros(len(values), dtype=np.bool_)


def _matching(columns: ObjectColumns, text: str) -> Truth:
    return bind(text, columns.code, columns.column["start"], columns.column["size"])[0]


def _duplicates(columns: ObjectColumns) -> Truth:
    """The rows whose term stands in an earlier row too; an object without a term is none."""
    seen: set[bytes] = set()
    found = np.zeros(len(columns.row), dtype=np.bool_)
    begins, sizes = columns.column["start"].tolist(), columns.column["size"].tolist()
    for row, (begin, size) in enumerate(zip(begins, sizes, strict=True)):
        words = columns.code[begin : begin + size].tobytes()
        found[row] = bool(size) and words in seen
        seen.add(words)
    return found


def _numerals(columns: ObjectColumns) -> Truth:
    """The rows whose term is a Church numeral; an object without a term is none."""
    column = columns.column
    return numerals(columns.code, column["start"], column["size"])


def metavariables(text: str) -> dict[str, int]:
    """The metavariables of a pattern as they are written, and their numbers."""
    reader = TermParser(text, notation.MAX_NODES, Syntax(pattern=True))
    words = reader.read()
    named = {f"?{name}": number for name, number in reader.metas.items()}
    return named or {f"?{word >> 2}": word >> 2 for word in words if word & 3 == META}
