"""What a run came to, in a few numbers: of all its winners, and of what lives at its end.

A function of the log: its winners are computed again where its file leaves them out. Must
not know: other runs, tests.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field

from automaton.analysis.population_series import row_of
from automaton.chemistry import World
from automaton.format.ids import is_our_id
from automaton.format.objects import Members, Object, object_id, parse_line
from automaton.format.versions import beta_of
from automaton.log import Log
from automaton.replay import restore
from automaton.terms.notation import format_term

#: Measures, and what they are; where nothing won, those of winners are 0.
MEASURES = {
    "modifications": "winners a tick",
    "new": "share of the winners whose term was never there before",
    "reuse": "share of the winners with a reactant that was made in the run",
    "winner_size": "mean nodes of a winner's normal form",
    "winner_steps": "mean beta steps that made a winner",
    "distinct": "different terms alive at the end",
    "effective": "effective number of terms alive at the end, exp of their Shannon entropy",
    "size_mean": "mean nodes of a term alive at the end",
}
#: What a line of a term that was made here begins its type with.
_MADE = {"modification", "composition"}


def measured(log: Log) -> dict[str, float]:
    """All measures of a log that has ticks."""
    ticks = len(log.commits)
    with closing(restore.recomputer(log)) as again:
        winners = _Winners(log.prefix, _living(again.world))
        for tick in range(1, ticks + 1):
            again.run_to(tick)
            for line in bytes(log.batch(tick)).split(b"\n"):
                parsed = parse_line(line)
                if isinstance(parsed, Object) and parsed.members.get("type") in _MADE:
                    winners.add(parsed.members)
        end = row_of(log, again.world, ticks, 0)
    living = {name: float(getattr(end, name)) for name in ("distinct", "effective", "size_mean")}
    return {"modifications": winners.count / ticks, **winners.shares(), **living}


def _living(world: World) -> set[str]:
    """The terms that live, in canonical notation."""
    population = world.population
    return {format_term(population.words(row)) for row in population.choices().tolist()}


@dataclass
class _Winners:
    """What is added up over a run's winners."""

    prefix: str
    known: set[str]  # terms that have been there
    count: int = 0
    sums: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("new", "reuse", "winner_size", "winner_steps"), 0)
    )

    def add(self, members: Members) -> None:
        """Take in a line of a term that was made."""
        term, name = members.get("term"), object_id(members)
        if not isinstance(term, str) or name is None or not is_our_id(name, self.prefix):
            return
        new = term not in self.known
        self.known.add(term)
        if members["type"] != "modification":
            return
        self.count += 1
        made = any(is_our_id(parent, self.prefix) for parent in members["parents"][1:])
        beta = beta_of(members)
        assert isinstance(beta, int)
        for measure, value in zip(self.sums, (new, made, members["size"], beta), strict=True):
            self.sums[measure] += value

    def shares(self) -> dict[str, float]:
        """The means over all winners."""
        return {name: total / max(1, self.count) for name, total in self.sums.items()}
