"""What a run says of itself: figures with their windows, as values.

Every figure was counted or read off; nothing here prints. docs/cli.md has the
names as a contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Stats:
    """One set of statistics; counts run since the start of this run unless said otherwise."""

    tick: int  # of the log: the last tick computed
    ticks: int  # of this run
    seconds: float  # since the start of this run
    modifications: int
    modifications_per_s: float  # over the window: since the set before (the last: since start)
    candidates: int
    candidates_per_s: float  # over the same window
    objects: int  # distinct objects the log holds
    live: int  # terms alive
    distinct: int  # different terms among them
    rss_bytes: int  # resident memory of this process
    memory_available_bytes: int
    memory_percent: float  # of the machine's memory in use
    cores: int
    workers_active: int
    workers_total: int
    threads: int
    device: str
    dimension: int
    automaton: str | None
    outcomes: dict[str, int]
    actions: dict[str, int]  # performed since the log's first tick
    counters: dict[str, int]  # since the log's first tick
    unknown_conditions: tuple[str, ...]
    moved: bool  # whether the machine did something at the last tick
    parallel: int
    durable_bytes: int  # the log is safe on the disk up to here
    log_bytes: int
    head: str  # the chain after the last commit, hex
    final: bool = False

    def as_json(self) -> dict[str, Any]:
        """Every figure by name."""
        return asdict(self)


def summary_line(outcomes: dict[str, int]) -> str:
    """Outcomes as people read them: the share of each that occurred."""
    total = sum(outcomes.values())
    shares = (f"{name} {count / total:.1%}" for name, count in outcomes.items() if count)
    return ", ".join(shares) if total else "none yet"


def block(stats: Stats) -> Sequence[tuple[str, str]]:
    """Label and value of each line of the periodic block."""
    used = f"{stats.rss_bytes / 1e6:.0f} MB used by this process"
    free = f"{stats.memory_available_bytes / 1e6:.0f} MB available"
    where = stats.automaton or "no machine"
    return [
        ("CPU cores", str(stats.cores)),
        ("Workers active/total", f"{stats.workers_active}/{stats.workers_total}"),
        ("GPU", "not used" if stats.device == "cpu" else stats.device),
        ("Memory", f"{used}, {free} ({stats.memory_percent:.0f} % of the machine in use)"),
        ("Objects (modifications)", f"{stats.objects} ({stats.modifications})"),
        ("Parallel modifications", f"{stats.parallel} rounds a tick"),
        ("Ticks", f"{stats.ticks} in {stats.seconds:.1f} s (tick {stats.tick} of the log)"),
        ("Modifications/s", f"{stats.modifications_per_s:.0f}"),
        ("Candidates/s", f"{stats.candidates_per_s:.0f}"),
        ("Outcomes", summary_line(stats.outcomes)),
        ("Dimension", f"{stats.dimension} ({where})"),
        ("Population", f"{stats.live} live, {stats.distinct} distinct terms"),
        ("Durable", f"{stats.durable_bytes} of {stats.log_bytes} bytes"),
    ]
