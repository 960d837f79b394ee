"""Who descends from whom, with times: the rows of a phylogeny, and its file in the ALife standard.

A row is a winner, a composition, or what these were made from: an object, a candidate that
lost, an operator. Ancestors stand before their descendants, and ids count from 0. The
standard: Lalejini et al. 2019, columns id, ancestor_list, origin_time, destruction_time.
Must not know: who reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from automaton.export.export_selection import ROLES, Selection
from automaton.export.job import ExportJob
from automaton.export.lifetimes import ALIVE, lifetimes
from automaton.export.winner_columns import winner_lines
from automaton.format.json_edit import quote
from automaton.format.objects import Object, parse_line
from automaton.log import LogReader
from automaton.terms.arrays import Numbers

_BASIS, _PRIME, _WHOLE = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
ROWS = 1 << 16  # that are written at a time


@dataclass(frozen=True)
class Phylogeny:
    """Rows by id: `key` says whose it is, `ancestors` has an id for each role, -1 for none."""

    key: Numbers  # of winners as in `Lifetimes`; negative: of `names`
    origin: Numbers  # tick; 0: it stood in the genesis
    end: Numbers  # tick after which it is gone; ALIVE
    ancestors: npt.NDArray[np.int64]  # [row, role]
    roles: tuple[str, ...]
    names: dict[int, str]
    prefix: str

    def __len__(self) -> int:
        return len(self.key)

    def label(self, row: int) -> str:
        """The id of a row as the log has it."""
        key = int(self.key[row])
        if key >= 0:
            return f"{self.prefix}m{key >> 31}.{key & 0x7FFFFFFF}"
        return self.names[key]


def phylogeny(
    log: LogReader, selection: Selection, progress: Callable[[int], object] = lambda _tick: None
) -> Phylogeny:
    """The phylogeny of the ticks of a selection; parents from before them are its roots."""
    lived = lifetimes(log, selection.stop, progress)
    keys, parents, names = _winners(log, selection)
    first = selection.first << 31
    made = [key for key in lived.composed if key >= first]
    their = [_composition(log, key, names) for key in made]
    keys = np.concatenate([keys, np.array(made, np.int64)])
    parents = np.concatenate([parents, np.array(their, np.int64).reshape(-1, 3)])
    order = np.argsort(keys, kind="stable")
    keys, parents = keys[order], parents[order]
    if selection.first == 1:
        for name in lived.named:
            names.setdefault(_hash(name), name)
    above = np.unique(parents)
    outside = np.setdiff1d(above[above >= 0], keys)
    named = np.array(sorted(names), np.int64)
    whole = np.concatenate([named, outside, keys])
    times = [lived.named.get(names[key], (0, ALIVE)) for key in named.tolist()]
    origin = np.concatenate([np.array([t[0] for t in times], np.int64), outside >> 31, keys >> 31])
    end = np.concatenate(
        [np.array([t[1] for t in times], np.int64), lived.ends(whole[len(named) :])]
    )
    none = np.full((len(whole) - len(keys), 3), _NONE, np.int64)
    unordered = _Rows(whole, origin, end, np.concatenate([none, parents]))
    labels = {key: str(json.loads(b'"' + name + b'"')) for key, name in names.items()}
    rows, ancestors = _ordered(unordered, selection.roles)
    return Phylogeny(
        rows.key, rows.origin, rows.end, ancestors, selection.roles, labels, log.prefix
    )


_NONE = np.iinfo(np.int64).min  # in the place of a parent's key


class _Rows(NamedTuple):
    """Rows whose parents are keys: operator, a and b."""

    key: Numbers
    origin: Numbers
    end: Numbers
    parents: npt.NDArray[np.int64]


def _ordered(rows: _Rows, roles: tuple[str, ...]) -> tuple[_Rows, npt.NDArray[np.int64]]:
    """Rows by time, so that ids of ancestors are lower, and the parents of roles as ids."""
    order = np.argsort(rows.origin, kind="stable")
    rows = _Rows(*(column[order] for column in rows))
    chosen = rows.parents[:, [ROLES.index(role) for role in roles]]
    if not len(order):
        return rows, chosen
    by_key = np.argsort(rows.key)
    at = np.minimum(np.searchsorted(rows.key[by_key], chosen), len(by_key) - 1)
    return rows, np.where(chosen == _NONE, -1, by_key[at])


def _winners(
    log: LogReader, selection: Selection
) -> tuple[Numbers, npt.NDArray[np.int64], dict[int, bytes]]:
    """Keys of winners, those of operator, a and b, and the names behind negative ones."""
    keys, parents = [np.zeros(0, np.int64)], [np.zeros((0, 3), np.int64)]
    names: dict[int, bytes] = {}
    for lines in winner_lines(log, selection):
        numbers = lines.numbers
        keys.append(numbers["tick"] << 31 | numbers["slot"].astype(np.int64))
        own = np.column_stack([lines.keys(role) for role in ROLES])
        found, at = np.unique(own, return_index=True)
        for key, flat in zip(found.tolist(), at.tolist(), strict=True):
            if key < 0 and key not in names:
                begin, stop = lines.spans[flat // 3, 1 + flat % 3].tolist()
                names[key] = lines.text[begin:stop].tobytes()
        parents.append(own)
    return np.concatenate(keys), np.concatenate(parents), names


def _composition(log: LogReader, key: int, names: dict[int, bytes]) -> tuple[int, int, int]:
    """The parents of what an action composed: the outer term is the operator, the inner `a`."""
    raw = log.current(f"{log.prefix}m{key >> 31}.{key & 0x7FFFFFFF}")
    parsed = parse_line(raw or b"")
    given: Any = parsed.members.get("parents") if isinstance(parsed, Object) else None
    texts = [text for text in given if isinstance(text, str)] if isinstance(given, list) else []
    found = [_NONE, _NONE, _NONE]
    for k, text in enumerate(texts[:2]):
        name = quote(text)[1:-1]
        found[k] = _hash(name)
        names.setdefault(found[k], name)
    return found[0], found[1], found[2]


def _hash(name: bytes) -> int:
    """The key of a name: as `kernels.text.winner_columns.read_keys` has it."""
    found = _BASIS
    for byte in name:
        found = ((found ^ byte) * _PRIME) & _WHOLE
    return -1 - (found >> 2)


# The file.


def write(job: ExportJob, out: BinaryIO) -> None:
    """Write the rows as CSV: texts in quotes, `inf` where a term lives, `[none]` for a root."""
    write_rows(phylogeny(job.log, job.selection, job.progress), out)


class Descent(Protocol):
    """Rows of a phylogeny, as its file needs them; see `Phylogeny`."""

    @property
    def origin(self) -> Numbers:
        """Ticks of birth."""

    @property
    def end(self) -> Numbers:
        """Ticks of death; ALIVE."""

    @property
    def ancestors(self) -> npt.NDArray[np.int64]:
        """Ids, [row, role]; -1: none."""

    def label(self, row: int) -> str:
        """What a row is called."""

    def __len__(self) -> int: ...


def write_rows(found: Descent, out: BinaryIO) -> None:
    """Write a phylogeny, whatever it is of."""
    out.write(b"id,ancestor_list,origin_time,destruction_time,taxon_label\n")
    out.writelines(
        "".join(_lines(found, first)).encode("utf-8", "backslashreplace")
        for first in range(0, len(found), ROWS)
    )


def _lines(found: Descent, first: int) -> Iterator[str]:
    part = slice(first, first + ROWS)
    columns = (column[part].tolist() for column in (found.ancestors, found.origin, found.end))
    for row, (above, origin, end) in enumerate(zip(*columns, strict=True), first):
        known = ",".join(map(str, dict.fromkeys(k for k in above if k >= 0)))
        label = one_line(found.label(row)).replace('"', '""')
        gone = "inf" if end == ALIVE else end
        yield f'{row},"[{known or "none"}]",{origin},{gone},"{label}"\n'


def one_line(label: str) -> str:
    """An id without line ends and other control characters, which stand as in Python.

    CSV has room for them in quotes, but some readers of phylogenies crash on them.
    """
    return label if label.isprintable() else "".join(map(_visible, label))


def _visible(character: str) -> str:
    return character if ord(character) >= 0x20 else ascii(character)[1:-1]
