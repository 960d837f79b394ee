"""How many cores this process may use: its affinity, and the time its control groups allow.

The least counts. A group may be given processor time (`cpu.max` of version 2,
`cpu.cfs_quota_us` of version 1) instead of cores: two cores' worth is two cores, and
a part of a core is rounded up. Reads the kernel's files, decides nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from automaton.workers import control_groups


class CoreLimit(NamedTuple):
    """A number of cores, at least 1, and what sets it."""

    cores: int
    source: str


def core_limit(proc: Path = control_groups.PROC) -> CoreLimit:
    """The least of the limits; of equal ones the first: the machine, affinity, groups."""
    limits = [CoreLimit(os.cpu_count() or 1, "the machine")]
    if hasattr(os, "sched_getaffinity"):  # Linux has it
        limits.append(CoreLimit(len(os.sched_getaffinity(0)) or 1, "affinity"))
    for version, folder in control_groups.folders("cpu", proc):
        allowed = _allowed(version, folder)
        if allowed:
            limits.append(allowed)
    return min(limits, key=lambda limit: limit.cores)


def available_cores() -> int:
    """Cores that this process may use, at least 1."""
    return core_limit().cores


def _allowed(version: str, folder: Path) -> CoreLimit | None:
    """What a group allows, where it limits processor time."""
    if version == "cgroup2":
        words = control_groups.text(folder / "cpu.max").split()  # quota or `max`, period
    else:
        files = ("cpu.cfs_quota_us", "cpu.cfs_period_us")  # quota or -1, period
        words = [control_groups.text(folder / name).strip() for name in files]
    if len(words) != 2 or not all(word.isdecimal() and int(word) for word in words):
        return None
    quota, period = map(int, words)
    name = "cpu.max" if version == "cgroup2" else "cpu.cfs_quota_us"
    cores = -(-quota // period)
    return CoreLimit(cores, f"{name} of a control group: {quota / period:.3g} cores' time")
