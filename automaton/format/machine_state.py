"""What decides the next tick and is not in the objects: the `state` of a commit.

Plain values and their JSON; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automaton.errors import DamagedError
from automaton.format import schema
from automaton.format.schema import Integer, ListOf, Text
from automaton.format.stream_options import FIXED_ONE

ACTIONS = (
    "evolve",
    "self-reference",
    "self-modify",
    "self-io",
    "validate-self",
    "self-train",
    "self-observe",
    "compose",
)
#: What is counted since the first tick, beside the actions performed.
COUNTERS = ("lines", "objects", "modifications", "accepted", "refused", "rejected", "unknown",
            "stayed")  # fmt: skip


_COUNT = Integer()
_MEAN = Integer(low=-(1 << 63))  # in units of 1 / ONE
_ENDS = {
    "won": ListOf(_COUNT, named=True),
    "archived": _COUNT,
    "vetoed": ListOf(_COUNT, named=True),
    "budget": _COUNT,
    "empty": _COUNT,
}
_SCHEMA = {
    "automaton": Text(optional=True),
    "entered": _COUNT,
    "weights": ListOf(Integer(high=(1 << 32) - 1)),
    "salience": _MEAN,
    "baseline": Integer(low=-(1 << 63), optional=True),
    "inbox": _COUNT,
    "counters": {
        **dict.fromkeys(COUNTERS, _COUNT),
        "actions": dict.fromkeys(ACTIONS, _COUNT),
    },
    "ends": schema.Optional(_ENDS),
    "vetoed": schema.Optional(ListOf(_COUNT, named=True)),
}


@dataclass
class MachineState:
    """The machine's memory between ticks."""

    automaton: str | None = None  # current automaton's id; None without a machine
    entered: int = 1  # first tick in this automaton
    weights: list[int] = field(default_factory=lambda: [FIXED_ONE])  # of the streams, sum about ONE
    salience: int = 0  # mean salience of the last tick's winners, nodes * ONE
    baseline: int | None = None  # mean salience when `self-train` last acted
    inbox: int = 0  # bytes of the inbox taken in
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    actions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ACTIONS, 0))
    ends: dict[str, Any] | None = None  # what became of the tick's slots; None without streams
    vetoed: dict[str, int] | None = None  # of a soup in order: by rule; None without vetoes

    def record(self) -> dict[str, Any]:
        """The state as it stands in the commit."""
        record: dict[str, Any] = {
            "automaton": self.automaton,
            "entered": self.entered,
            "weights": list(self.weights),
            "salience": self.salience,
            "baseline": self.baseline,
            "inbox": self.inbox,
            "counters": {**self.counters, "actions": dict(self.actions)},
        }
        own = {"ends": self.ends, "vetoed": self.vetoed}
        return {**record, **{name: value for name, value in own.items() if value is not None}}

    def copy(self) -> MachineState:
        """The same state, to come back to: what becomes of one leaves the other as it is."""
        return replace(
            self, weights=list(self.weights), counters=dict(self.counters),
            actions=dict(self.actions),
        )  # fmt: skip  # `ends` and `vetoed` are made anew every tick

    @classmethod
    def of(cls, record: Mapping[str, Any], tick: int = 0) -> MachineState:
        """The state that a commit holds; one that does not fit its schema is a `DamagedError`."""
        wrong = schema.misfit(record, _SCHEMA, "state")
        if wrong:
            of = f"the commit of tick {tick}" if tick else "a commit"
            raise DamagedError(f"the state of {of} cannot be: {wrong}")
        counters = dict(record["counters"])
        actions = dict(counters.pop("actions"))
        return cls(
            automaton=record["automaton"],
            entered=record["entered"],
            weights=list(record["weights"]),
            salience=record["salience"],
            baseline=record["baseline"],
            inbox=record["inbox"],
            counters=counters,
            actions=actions,
            ends=record.get("ends"),
            vetoed=record.get("vetoed"),
        )
