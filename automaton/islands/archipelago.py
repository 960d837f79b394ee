"""What an archipelago is: islands, seeds, topology, epochs; its file as lines.

Pure. All that decides the bytes of all logs stands in `Archipelago`; its digest stands
in the run records of every island. Must not know: files, processes, hosts, carriers,
transports.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import count, product
from string import ascii_lowercase
from typing import Any

from automaton.compute import draws
from automaton.errors import DamagedError, UsageError
from automaton.format.options import OF_ISLANDS, Options
from automaton.format.records import Genesis, dump
from automaton.islands.topology import Sources

FILE = "islands.jsonl"
VERSION = 1
#: Lowest and highest value of each number, and its unit.
BOUNDS = {
    "count": (1, 1 << 16, "islands"),
    "epoch": (1, 1 << 32, "ticks"),
    "migrants": (0, 1 << 12, "emigrants an epoch"),
    "delay": (0, 1 << 16, "epochs"),
}
_ISLAND_ID = re.compile(rb"([a-z]*)island:[0-9]+:")
_PREFIX = re.compile(r"[a-z]{0,32}")


@dataclass(frozen=True)
class Archipelago:
    """K islands: logs with one genesis, seeds of their own, and migrants between them."""

    sources: Sources  # by island: those that it receives from
    topology: str  # the name of these edges, for people
    epoch: int  # ticks
    migrants: int  # emigrants of an epoch, at most
    seed: int
    genesis: Genesis  # of every island
    delay: int = 0  # epochs that migrants are on their way, beyond the one that they take
    options: Mapping[str, Any] = field(default_factory=dict)  # deciding ones that are not defaults
    prefix: str = ""  # what ids of migrants begin with

    def __post_init__(self) -> None:
        for name, (low, high, unit) in BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise UsageError(f"--{name} is {value!r}; it must be from {low} to {high} ({unit})")
        for island in range(self.count):
            self.options_of(island)  # refuses what cannot be

    @property
    def count(self) -> int:
        """How many islands there are."""
        return len(self.sources)

    # Ticks and epochs; both are counted as they are written: ticks from 1, epochs from 0.

    def epoch_of(self, tick: int) -> int:
        """The epoch that a tick is of."""
        return (tick - 1) // self.epoch

    def first_tick(self, epoch: int) -> int:
        """The tick that begins an epoch, and takes in its migrants."""
        return epoch * self.epoch + 1

    def last_tick(self, epoch: int) -> int:
        """The tick that ends an epoch."""
        return (epoch + 1) * self.epoch

    def epochs_done(self, tick: int) -> int:
        """How many epochs a log has behind it whose last tick this is."""
        return tick // self.epoch

    def departure(self, epoch: int) -> int:
        """The epoch whose emigrants arrive with this one's first tick; negative: none do."""
        return epoch - 1 - self.delay

    # What each island is.

    def seed_of(self, island: int) -> int:
        """The seed of an island: Philox of the archipelago's, purpose `ISLAND`."""
        low, high = draws.words(self.seed, island, 0, draws.ISLAND)[:2]
        return int(low) | int(high) << 32

    def options_of(self, island: int) -> dict[str, Any]:
        """The deciding options of an island's log, as a run is given them."""
        own = {"seed": self.seed_of(island), "archipelago": self.digest, "island": island}
        given = {**self.options, **own}
        Options(**{name: value for name, value in given.items() if value is not None})
        return given

    def log_name(self, island: int) -> str:
        """The name of an island's log in the archipelago's folder."""
        return f"island-{island}.jsonl"

    def migrant_id(self, island: int, winner: str) -> str:
        """The id of a migrant: where it comes from, and which winner it was there."""
        return f"{self.prefix}island:{island}:{winner}"

    # Its file.

    @cached_property
    def lines(self) -> bytes:
        """The lines of its file: what all islands share, then each island."""
        head = {
            "id": f"{self.prefix}archipelago",
            "type": "archipelago",
            "version": VERSION,
            "count": self.count,
            "seed": str(self.seed),
            "topology": self.topology,
            "epoch": self.epoch,
            "migrants": self.migrants,
            "delay": self.delay,
            "prefix": self.prefix,
            "genesis": {"bytes": self.genesis.bytes, "sha256": self.genesis.sha256.hex()},
            "options": {name: self.options[name] for name in sorted(self.options)},
        }
        return dump(head) + b"\n" + b"".join(map(self._island_line, range(self.count)))

    def _island_line(self, island: int) -> bytes:
        members = {
            "id": f"{self.prefix}island:{island}",
            "type": "island",
            "island": island,
            "seed": str(self.seed_of(island)),
            "log": self.log_name(island),
            "sources": self.sources[island],
        }
        return dump(members) + b"\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its file, in hexadecimal digits; every island's run records name it."""
        return hashlib.sha256(self.lines).hexdigest()


def parse_archipelago(raw: bytes, origin: str = FILE) -> Archipelago:
    """The archipelago of a file's bytes, which must be those that it would write."""
    try:
        head, *rows = (json.loads(line) for line in raw.splitlines())
        if head["version"] != VERSION:
            raise UsageError(
                f"{origin} is of version {head['version']!r}, which this program does not know"
            )
        found = Archipelago(
            sources=tuple(tuple(row["sources"]) for row in rows),
            topology=str(head["topology"]),
            epoch=head["epoch"],
            migrants=head["migrants"],
            seed=int(head["seed"]),
            genesis=Genesis(head["genesis"]["bytes"], bytes.fromhex(head["genesis"]["sha256"])),
            delay=head["delay"],
            options=dict(head["options"]),
            prefix=_prefix(head["prefix"]),
        )
        if found.lines == raw:
            return found
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        pass
    raise DamagedError(
        f"{origin} is not as `islands init` wrote it; it decides all logs beside it, so nothing "
        "goes on with another: restore a copy (every island's run record names its SHA-256)"
    )


def _prefix(text: object) -> str:
    if not isinstance(text, str) or not _PREFIX.fullmatch(text):
        raise ValueError
    return text


def choose_island_prefix(genesis: bytes | memoryview) -> str:
    """The first of "", a, ..., z, aa, ... under which no id of a migrant is in a genesis."""
    taken = {match[1].decode() for match in _ISLAND_ID.finditer(genesis)}
    names = ("".join(letters) for n in count() for letters in product(ascii_lowercase, repeat=n))
    return next(name for name in names if name not in taken)


def shared_options(options: Options) -> dict[str, Any]:
    """The deciding options that islands share, where they are not the defaults."""
    own, default = asdict(options), asdict(Options())
    leave = {"seed", "graph", *OF_ISLANDS}
    return {name: own[name] for name in own if name not in leave and own[name] != default[name]}
