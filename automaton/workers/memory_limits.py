"""How much memory this process tree uses and may use: host, control groups, limits.

Sources: the machine's total and available memory; control groups v2 and v1 (limit,
and use without what the kernel would give back) of the process's own group and of
every group above it; RLIMIT_AS; what the person said. The one that leaves the
smallest share free counts. Reads gauges, decides nothing.
"""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path
from typing import NamedTuple

import psutil

from automaton.workers import control_groups

_NO_LIMIT = 1 << 60  # control groups of version 1 say "none" by a number above this


class Limit(NamedTuple):
    """A limit of memory, and what of it is used, in bytes."""

    used: int
    limit: int
    source: str


class GroupFiles(NamedTuple):
    """The files of a group: its limits, what it uses, and what of that can be given back."""

    limits: tuple[str, ...]
    used: str
    given_back: str  # a line of memory.stat: files read or written, not wanted lately


#: Sources that count this run and nothing else.
OWN = frozenset({"RLIMIT_AS", "--memory-limit"})
#: By the type of the mount. Above memory.high the kernel slows the group down.
VERSIONS = {
    "cgroup2": GroupFiles(("memory.max", "memory.high"), "memory.current", "inactive_file"),
    "cgroup": GroupFiles(
        ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"
    ),
}  # fmt: skip


def tree_bytes(process: psutil.Process) -> int:
    """Resident memory of a process and of its children, what they share counted once."""
    total = int(process.memory_info().rss)
    for child in process.children(recursive=True):
        try:
            info = child.memory_info()
        except psutil.Error:  # it ended meanwhile
            continue
        total += max(0, info.rss - getattr(info, "shared", 0))
    return total


def tightest(process: psutil.Process, asked: int | None) -> Limit:
    """The limit that leaves the smallest share free; `asked` is the person's own."""
    memory = psutil.virtual_memory()
    limits = [Limit(memory.total - memory.available, memory.total, "the machine"), *in_groups()]
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if space != resource.RLIM_INFINITY:
        limits.append(Limit(process.memory_info().vms, space, "RLIMIT_AS"))
    if asked is not None:
        limits.append(Limit(tree_bytes(process), asked, "--memory-limit"))
    return max(limits, key=lambda limit: limit.used / max(1, limit.limit))


def in_groups(proc: Path = control_groups.PROC) -> list[Limit]:
    """The limits of the control groups that this process is in, its own first.

    A limit holds for all groups below it, so every one along the path counts
    (cgroups(7); `memory` in Documentation/admin-guide/cgroup-v2.rst of the kernel).
    """
    found = []
    for version, folder in control_groups.folders("memory", proc):
        found += _limit(folder, VERSIONS[version])
    return found


def _limit(folder: Path, files: GroupFiles) -> list[Limit]:
    """A group's least limit, where it has one."""
    bounds = [bound for name in files.limits if (bound := _number(folder / name)) is not None]
    used = _number(folder / files.used)
    if not bounds or used is None or min(bounds) >= _NO_LIMIT:
        return []
    spare = _stat(folder / "memory.stat", files.given_back)
    return [Limit(max(0, used - spare), min(bounds), "control group")]


def _number(path: Path) -> int | None:
    text = control_groups.text(path).strip()
    return int(text) if text.isdigit() else None


def _stat(path: Path, name: str) -> int:
    for line in control_groups.text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0


def give_back() -> None:
    """Have the C library return what it holds and does not use, where it can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
