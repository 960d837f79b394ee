"""Where an object comes from when its ancestors migrated: lineages of several logs, joined.

A version is named `<island>/<id>`. Reads opened logs and believes what their lines say.
Must not know: how logs are opened, how a lineage is drawn.
"""

from __future__ import annotations

from collections.abc import Callable

from automaton.analysis.lineage import Lineage, Parent, Version
from automaton.errors import DamagedError, UsageError
from automaton.islands.archipelago import Archipelago
from automaton.islands.emigrant_selection import parse_migrant
from automaton.log import LogReader

#: What the winner is to the migrant that it became.
MIGRATED = "migrated"


class SharedLineage:
    """The versions of all islands' objects; `open_log` is asked once an island."""

    def __init__(self, archipelago: Archipelago, open_log: Callable[[int], LogReader]) -> None:
        self._archipelago, self._open = archipelago, open_log
        self._logs: dict[int, tuple[LogReader, Lineage]] = {}

    def log(self, island: int) -> LogReader:
        """The log of an island."""
        return self._of(island)[0]

    def _of(self, island: int) -> tuple[LogReader, Lineage]:
        if island not in self._logs:
            log = self._open(island)
            self._logs[island] = log, Lineage(log)
        return self._logs[island]

    def now(self, name: str) -> Version:
        """An object as it stands; `<island>/<id>`, a `UsageError` where that cannot be meant."""
        island, identity = self.parse(name)
        return _named(island, self._of(island)[1].now(identity))

    def parse(self, name: str) -> tuple[int, str]:
        """Island and id of a name."""
        number, slash, identity = name.partition("/")
        known = slash and number.isascii() and number.isdecimal() and len(number) < 10
        if not known or int(number) >= self._archipelago.count:
            raise UsageError(
                f"{name!r} names no object of an island: give ISLAND/ID, as in 3/m187.17 "
                f"(islands are 0 to {self._archipelago.count - 1})"
            )
        return int(number), identity

    def parents(self, version: Version) -> list[Parent]:
        """What a version was made from: of a migrant, the winner on the island that it left."""
        island, identity = self.parse(version.id)
        log, lineage = self._of(island)
        if version.line is not None and self._is_migrant(identity):
            return self._origin(log.line(version.line))
        found = lineage.parents(Version(identity, version.line))
        return [Parent(parent.role, _named(island, parent.version)) for parent in found]

    def _is_migrant(self, identity: str) -> bool:
        return identity.startswith(f"{self._archipelago.prefix}island:")

    def _origin(self, line: bytes) -> list[Parent]:
        try:
            migrant = parse_migrant(line)
        except DamagedError:
            return []
        if not 0 <= migrant.island < self._archipelago.count:
            return []
        source = self._of(migrant.island)[1]
        return [Parent(MIGRATED, _named(migrant.island, source.now(migrant.winner)))]


def _named(island: int, version: Version) -> Version:
    return Version(f"{island}/{version.id}", version.line)
