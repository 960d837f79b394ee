"""How many workers there should be, and what to do when memory runs short: decisions only.

A pure function of figures, of what was decided before and of the settings, so that
every decision can be made again from its inputs. Whoever asks acts on it; nothing
here reads a gauge or a clock, and no decision changes an appended byte.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from automaton.errors import UsageError

Engine = Literal["serial", "thread", "process"]
Action = Literal["hold", "grow", "shrink", "smaller", "restore", "trim", "collect", "pause"]

#: Looks (one a second) from one change of the number of workers to the next.
COOL_DOWN = 5
#: Looks for which a number of workers that did not pay is not tried again.
PATIENCE = 300
#: Growing pays when a tick takes at most this share of what it took before.
PAYS = 0.95
#: Pressure is over when use has fallen this far below the threshold.
RELIEF = 0.05
#: Times that batches are halved before workers are let go.
HALVINGS = 3
#: A run goes on after a pause in vain where at least this share is free: it is within its limit.
LEAST_FREE = 0.02

#: Steps against pressure after smaller batches and fewer workers, before pausing.
_LAST_STEPS: tuple[tuple[Action, str], ...] = (
    ("trim", "trimming caches"),
    ("collect", "collecting garbage"),
)


@dataclass(frozen=True)
class ScalingOptions:
    """Where a run computes and what it may use; none of it changes an appended byte."""

    engine: Engine = "process"
    workers: int | None = None  # at the start; None: see `start`
    auto_scale: bool = True
    scale_up_threshold: float = 0.3  # grow while less than this share of memory is used
    scale_down_threshold: float = 0.1  # shrink when less than this share is free
    min_workers: int = 1
    max_workers_limit: int | None = None  # None: twice the cores
    execution_batch_size: int | None = None  # slots handed to a worker at a time; None: measured
    memory_limit: int | None = None  # bytes for the whole process tree; None: the machine's
    memory_pressure_threshold: float = 0.8  # share used from which batches are made smaller
    gc_interval: int = 60_000  # milliseconds; 0: never
    trim_interval: int = 60_000  # milliseconds; 0: never
    max_execution_history: int = 1000  # ticks' times and decisions that are kept

    def __post_init__(self) -> None:
        for name in ("scale_up_threshold", "scale_down_threshold", "memory_pressure_threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{flag(name)} is {getattr(self, name)}; it must be from 0 to 1")
        if self.scale_up_threshold + self.scale_down_threshold > 1:
            message = (
                f"--scale-up-threshold {self.scale_up_threshold} and --scale-down-threshold "
                f"{self.scale_down_threshold} overlap: workers would come and go at once; "
                "together they must not exceed 1"
            )
            raise UsageError(message)
        if self.max_workers_limit is not None and self.max_workers_limit < self.min_workers:
            message = (
                f"--max-workers-limit {self.max_workers_limit} is below "
                f"--min-workers {self.min_workers}; raise the one or lower the other"
            )
            raise UsageError(message)

    def start(self, cores: int) -> int:
        """Workers at the start: as asked; else threads for every core, processes for all but one.

        The program computes beside its processes, on the core that is left.
        """
        if self.workers is not None:
            return self.workers
        usual = cores if self.engine == "thread" else cores - 1
        return max(1, self.min_workers, min(usual, self.most(cores)))

    def most(self, cores: int) -> int:
        """The most workers that growing may lead to."""
        limit = 2 * cores if self.max_workers_limit is None else self.max_workers_limit
        return max(limit, self.workers or 0)


NAMES = frozenset(field.name for field in fields(ScalingOptions))


def flag(name: str) -> str:
    """A setting's name on the command line."""
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class Readings:
    """What a decision is made from."""

    used: int  # bytes, of the limit that leaves least
    limit: int  # bytes
    source: str  # which limit that is
    workers: int
    shards: int  # that one worker more would get of a tick
    tick_seconds: float  # median of the ticks since the last look
    cores: int

    @property
    def free_share(self) -> float:
        """The share of the limit that is free."""
        return max(0.0, 1 - self.used / self.limit) if self.limit > 0 else 0.0

    @property
    def used_up(self) -> bool:
        """Whether next to nothing is free."""
        return self.free_share < LEAST_FREE


@dataclass(frozen=True)
class PolicyState:
    """What is remembered from one decision to the next."""

    calm: int = 0  # looks since the number of workers changed
    before: float | None = None  # seconds of a tick before growing that is still on trial
    ceiling: int | None = None  # workers beyond which growing did not pay
    ceiling_age: int = 0  # looks since that was found
    relieved: int = 0  # steps against pressure taken so far
    resigned: bool = False  # a pause was in vain: no other until next to nothing is left


@dataclass(frozen=True)
class Decision:
    """What to do, how many workers there are then, and why."""

    action: Action
    workers: int
    reason: str


def decide(
    now: Readings, memory: PolicyState, scaling: ScalingOptions
) -> tuple[Decision, PolicyState]:
    """The decision, and what to remember for the next."""
    memory = replace(memory, calm=memory.calm + 1, ceiling_age=memory.ceiling_age + 1)
    if memory.ceiling is not None and memory.ceiling_age > PATIENCE:
        memory = replace(memory, ceiling=None)
    used = 1 - now.free_share
    if now.free_share < scaling.scale_down_threshold or used > scaling.memory_pressure_threshold:
        return _relieve(now, memory, scaling)
    if memory.relieved and used < scaling.memory_pressure_threshold - RELIEF:
        restored = replace(memory, relieved=0, resigned=False)
        return Decision("restore", now.workers, f"{shares(now)}: batches as before"), restored
    return _scale(now, memory, scaling)


def _relieve(
    now: Readings, memory: PolicyState, scaling: ScalingOptions
) -> tuple[Decision, PolicyState]:
    """Smaller batches, fewer workers, trimming, collecting, a pause: in this order."""
    scarce = now.free_share < scaling.scale_down_threshold
    taken = memory.relieved
    further = replace(memory, relieved=taken + 1)
    if taken < HALVINGS:
        return _held(now, "smaller", "smaller batches"), further
    if scarce and scaling.auto_scale and now.workers > scaling.min_workers:
        if memory.calm < COOL_DOWN:
            return _held(now, "hold", "cooling down after a change"), memory
        reason = f"{shares(now)}, under {scaling.scale_down_threshold:.0%} free"
        fewer = replace(memory, calm=0, before=None)
        return Decision("shrink", now.workers - 1, reason), fewer
    if taken < HALVINGS + len(_LAST_STEPS):
        return _held(now, *_LAST_STEPS[taken - HALVINGS]), further
    if scarce and (now.used_up or not memory.resigned):
        return _held(now, "pause", "nothing else helps"), memory
    return _held(now, "hold", "every step is taken"), memory


def _scale(
    now: Readings, memory: PolicyState, scaling: ScalingOptions
) -> tuple[Decision, PolicyState]:
    """Grow or hold, and take back what did not pay."""
    if not scaling.auto_scale:
        return _held(now, "hold", "the number of workers is fixed"), memory
    if memory.calm < COOL_DOWN:
        return _held(now, "hold", "cooling down after a change"), memory
    if memory.before is not None:
        tried, before = replace(memory, before=None), memory.before
        if now.tick_seconds > PAYS * before and now.workers > scaling.min_workers:
            reason = (
                f"growing did not pay: a tick took {before * 1e3:.3g} ms before, "
                f"{now.tick_seconds * 1e3:.3g} ms since"
            )
            fewer = replace(tried, calm=0, ceiling=now.workers - 1, ceiling_age=0)
            return Decision("shrink", now.workers - 1, reason), fewer
        memory = tried
    why_not = _why_not(now, memory, scaling)
    if why_not:
        return _held(now, "hold", why_not), memory
    grown = replace(memory, calm=0, before=now.tick_seconds)
    reason = f"{shares(now)}, under {scaling.scale_up_threshold:.0%} used"
    return Decision("grow", now.workers + 1, reason), grown


def _why_not(now: Readings, memory: PolicyState, scaling: ScalingOptions) -> str:
    """Why no worker is added; empty where one is."""
    if 1 - now.free_share >= scaling.scale_up_threshold:
        return f"not under {scaling.scale_up_threshold:.0%} used"
    if now.workers >= scaling.most(now.cores):
        return "as many as allowed"
    if memory.ceiling is not None and now.workers >= memory.ceiling:
        return "more did not pay"
    if now.shards <= now.workers:
        return "a tick has no work for more"
    return ""


def _held(now: Readings, action: Action, why: str) -> Decision:
    return Decision(action, now.workers, f"{shares(now)}: {why}")


def shares(now: Readings) -> str:
    """What is used of which limit, for people."""
    return f"{1 - now.free_share:.0%} of {now.limit / 1e6:,.0f} MB used ({now.source})"


def as_json(decision: Decision) -> dict[str, Any]:
    """A decision for statistics."""
    return {"action": decision.action, "workers": decision.workers, "reason": decision.reason}
