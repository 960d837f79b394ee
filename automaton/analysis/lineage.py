"""Where an object comes from: the versions that it was made of, back to the genesis.

Lives here: which version of a parent counted for a child, and the walks over them.
Reads an opened log and believes what its lines say (whether they are true is for
`verify`). Must not know: the terminal, how a log is opened.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from automaton.format import graphs
from automaton.format.ids import is_our_id
from automaton.format.objects import Object, parse_line
from automaton.log import LogReader

#: What the parents of a line are to it, by its type, in the order in which they stand.
ROLES = {"modification": ("op", "a", "b"), "composition": ("outer", "inner")}
MODIFIED_BY = "modifiedBy"  # the member, and the role, of what renewed an automaton


class Version(NamedTuple):
    """An object as it stood on one line; None: no such version is in the log."""

    id: str
    line: int | None


class Parent(NamedTuple):
    """A version that another was made from, and what it was to it."""

    role: str
    version: Version


class Ancestor(NamedTuple):
    """A version, how many steps it is away, and what it was made from."""

    version: Version
    depth: int
    parents: list[Parent]


class Branch(NamedTuple):
    """A line of a drawn lineage."""

    depth: int
    role: str  # what it is to the one that it stands under; "" at the root
    version: Version
    above: bool  # drawn before, with all that it stems from
    more: bool  # has parents that are not drawn, for they are too deep
    last: bool  # of its siblings


class Origins(Protocol):
    """What the walks below ask: of one log, or of several that exchange terms."""

    def parents(self, version: Version) -> list[Parent]:
        """What a version was made from."""
        ...


class Lineage:
    """The versions of a log's objects and their parents; asked twice, it reads once."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._lines: dict[str, list[int]] = {}
        self._parents: dict[Version, list[Parent]] = {}

    def now(self, name: str) -> Version:
        """An object as it stands."""
        return self._version(name, self._log.lines + 1)

    def parents(self, version: Version) -> list[Parent]:
        """What a version was made from, each as it stood for it."""
        if version not in self._parents:
            self._parents[version] = list(self._read_parents(version))
        return self._parents[version]

    def _read_parents(self, version: Version) -> Iterator[Parent]:
        if version.line is None:
            return
        members = self._members(version.line) or {}
        for role, name in (*_claims(members), *self._referred(members)):
            found = self._version(name, self._before(name, version.line))
            if found.line is None and version.line <= self._log.genesis_line_count:
                found = self._below(name, version.line)
            yield Parent(role, found)

    def _referred(self, members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What `parent` refers to, where the log is read as a graph."""
        name = graphs.parent(members) if self._log.reading.graph else None
        if name is not None:
            yield "parent", graphs.meant(name, self._log.find)

    def _below(self, name: str, line: int) -> Version:
        """The first version below a line of the genesis, which is there as a whole."""
        lines = self._lines_of(name)
        below = lines[bisect_left(lines, line + 1) :]
        in_genesis = (k for k in below if k <= self._log.genesis_line_count)
        return Version(name, next((k for k in in_genesis if self._members(k) is not None), None))

    def _before(self, name: str, line: int) -> int:
        """The line above which a parent's version stood.

        A tick computes with what was there when it began, so that lines of the
        child's own batch do not count; the run record and the winners that a line
        names by our ids do.
        """
        log = self._log
        if line <= log.genesis_line_count or is_our_id(name, log.prefix):
            return line
        return log.commits.row(log.commits.tick_of_line(line)).first_line

    def _version(self, name: str, before: int) -> Version:
        """The last version above a line that can be read."""
        lines = self._lines_of(name)
        if is_our_id(name, self._log.prefix):  # one line, found by how it begins
            return Version(name, lines[0] if lines and lines[0] < before else None)
        for k in range(bisect_left(lines, before) - 1, -1, -1):
            if self._members(lines[k]) is not None:
                return Version(name, lines[k])
        return Version(name, None)

    def _members(self, line: int) -> Mapping[str, Any] | None:
        parsed = parse_line(self._log.line(line))
        return parsed.members if isinstance(parsed, Object) else None

    def _lines_of(self, name: str) -> list[int]:
        """The lines of an object by the name it has in a population: id, id#span, line:n."""
        if name not in self._lines:
            self._lines[name] = self._found(name)
        return self._lines[name]

    def _found(self, name: str) -> list[int]:
        if lines := self._log.find(name):
            return lines
        kind, _, number = name.partition(":")
        if kind == "line" and number.isascii() and number.isdigit() and len(number) < 20:
            return [int(number)] if 1 <= int(number) <= self._log.lines else []
        stem, hash_, _span = name.rpartition("#")
        return self._log.find(stem) if hash_ else []


def _claims(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Role and name of every parent that a line names."""
    roles, parents = ROLES.get(str(members.get("type"))), members.get("parents")
    if roles and isinstance(parents, list):
        for role, name in zip(roles, parents, strict=False):
            if isinstance(name, str):
                yield role, name
    elif isinstance(name := members.get(MODIFIED_BY), str):
        yield MODIFIED_BY, name


def ancestry(lineage: Origins, root: Version, depth: int | None = None) -> Iterator[Ancestor]:
    """A version and its ancestors, nearest first, each once; `depth` steps, or all."""
    level, seen, steps = [root], {root}, 0
    while level and (depth is None or steps <= depth):
        for version in sorted(level, key=lambda version: version.line or 0):
            lineage.parents(version)  # in the order in which they stand: a batch is read once
        after: list[Version] = []
        for version in level:
            parents = lineage.parents(version)
            yield Ancestor(version, steps, parents)
            fresh = dict.fromkeys(p.version for p in parents if p.version not in seen)
            seen.update(fresh)
            after += fresh
        level, steps = after, steps + 1


def tree(lineage: Origins, root: Version, depth: int | None = None) -> Iterator[Branch]:
    """The lineage in the order in which it is drawn; each version is followed once."""
    waiting = [(0, Parent("", root), True)]
    seen: set[Version] = set()
    while waiting:
        steps, (role, version), last = waiting.pop()
        parents = lineage.parents(version)
        above = bool(parents) and version in seen
        more = bool(parents) and not above and depth is not None and steps >= depth
        yield Branch(steps, role, version, above, more, last)
        if parents and not above and not more:
            seen.add(version)
            kin = [(steps + 1, parent, False) for parent in parents]
            kin[-1] = (steps + 1, parents[-1], True)
            waiting += reversed(kin)
