"""What a run says of itself: figures with their windows, as values.

Every figure was counted or read off; nothing here prints. docs/cli.md has the
names as a contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    modifications_per_s_total: float  # since the start of this run
    tick_ms_p50: float | None  # of the last ticks (--max-execution-history); None: none yet
    tick_ms_p99: float | None
    rss_bytes: int  # resident memory of this process
    tree_bytes: int  # of it and its workers
    memory_used_bytes: int  # of the limit that leaves least
    memory_limit_bytes: int
    memory_limit_source: str
    freed_bytes: int  # given back by collecting and trimming
    memory_available_bytes: int
    memory_percent: float  # of the machine's memory in use
    cores: int
    load: float  # processes that run or wait, over the last minute
    engine: str
    workers_active: int  # computed a shard of the last batch
    workers_total: int
    workers_replaced: int  # died, hung or failed
    scaling: tuple[dict[str, Any], ...]  # the last decisions: action, workers, reason
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
    queue: int  # batches that wait for the disk: 0 or 1
    durable_bytes: int  # the log is safe on the disk up to here
    log_bytes: int
    head: str  # the chain after the last commit, hex
    refused: dict[str, int]  # lines of the inbox that this run did not take, by reason
    inbox_begun_anew: int  # times that the inbox was replaced, and read from its start
    verify: dict[str, Any]  # how far the log is verified while it is written (`pace.Verified`)
    gil: bool  # whether one thread at a time runs Python: the interpreter's global lock is on
    ends: dict[str, Any] | None = None  # where streams compete: what became of the last tick
    remembered: dict[str, Any] | None = None  # what the memory took and did not
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
    where = stats.automaton or "no machine"
    memory = (
        f"{stats.tree_bytes / 1e6:,.0f} MB used by this run; "
        f"{stats.memory_used_bytes / 1e6:,.0f} of {stats.memory_limit_bytes / 1e6:,.0f} MB "
        f"({stats.memory_limit_source})"
    )
    durable = f"{stats.durable_bytes:,} of {stats.log_bytes:,} bytes"
    under_way = "1 batch" if stats.queue == 1 else f"{stats.queue} batches"
    rate, total = stats.modifications_per_s, stats.modifications_per_s_total
    return [
        ("Population", f"{stats.live:,} live, {stats.distinct:,} distinct terms"),
        ("Modifications/s", f"{rate:,.0f} ({total:,.0f} since start)"),
        ("Candidates/s", f"{stats.candidates_per_s:,.0f}"),
        ("Durable", f"{durable}, {under_way} under way"),
        ("Verified", verified_line(stats.verify, stats.tick)),
        ("Ticks", f"{stats.ticks:,} in {stats.seconds:,.1f} s (tick {stats.tick:,} of the log)"),
        ("Tick", _tick(stats)),
        ("Parallel modifications", f"{stats.parallel:,} rounds a tick"),
        ("Objects (modifications)", f"{stats.objects:,} ({stats.modifications:,})"),
        ("Outcomes", summary_line(stats.outcomes)),
        *_streams(stats),
        ("Dimension", f"{stats.dimension} ({where})"),
        ("CPU cores", f"{stats.cores} (load {stats.load:.1f})"),
        ("Workers active/total", _workers(stats)),
        ("GPU", _gpu(stats)),
        ("Memory", memory),
    ]


def _streams(stats: Stats) -> Iterator[tuple[str, str]]:
    """Who won, and where the other candidates went; nothing without streams."""
    if stats.ends is not None:
        won = ", ".join(f"{name} {count:,}" for name, count in stats.ends["won"].items())
        yield "Streams", f"won in the last tick: {won}"
        gone = ("archived", "budget", "empty")
        rest = ", ".join(f"{stats.ends[name]:,} {name}" for name in gone)
        yield "", f"of the others: {rest}, {sum(stats.ends['vetoed'].values()):,} vetoed"
    if stats.remembered is not None:
        of, taken = stats.remembered, stats.remembered["indexed"] + stats.remembered["known"]
        text = (
            f"{taken:,} of {of['offered']:,} terms; {of['not_indexed']:,} not indexed "
            "(memory reindex)"
        )
        yield "Memory of terms", text + (f"; {of['failure']}" if of["failure"] else "")


def verified_line(verify: Mapping[str, Any], tick: int) -> str:
    """How far a log of so many ticks is verified, as people read it."""
    if verify["mode"] == "off":
        return "nothing (--verify off)"
    share = f"{verify['commits']:,} commits computed again, coverage {verify['coverage']:.1%}"
    left = f"not verified: {verify['not_verified']}"
    text = f"to tick {verify['tick']:,} of {tick:,}, {share}; {left}"
    if verify["seed"] is not None:
        text += f"; drawn by seed {verify['seed']}"
    waited = verify["waited_s"]
    text += f"; waited {waited:.1f} s for it" if waited >= 0.05 else ""
    return text + (f"; waiting: {verify['waiting']}" if verify["waiting"] else "")


def _workers(stats: Stats) -> str:
    """How many compute, where, and what was decided last."""
    text = f"{stats.workers_active}/{stats.workers_total} ({stats.engine})"
    if stats.workers_replaced:
        text += f", {stats.workers_replaced} replaced"
    if stats.scaling:
        last = stats.scaling[-1]
        text += f"; last decision: {last['action']} ({last['reason']})"
    return text


def _gpu(stats: Stats) -> str:
    """Whether a GPU computes, and how much."""
    if stats.device == "cpu":
        return "not used"
    return f"{stats.device}, {stats.candidates_per_s:,.0f} reactions/s"


def _tick(stats: Stats) -> str:
    """How long ticks take."""
    if stats.tick_ms_p50 is None or stats.tick_ms_p99 is None:
        return "none yet"
    return f"median {stats.tick_ms_p50:,.2f} ms, 99th percentile {stats.tick_ms_p99:,.2f} ms"
