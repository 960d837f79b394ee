"""How much memory this process tree uses and may use: host, control group, limits.

Sources: the machine's total and available memory; control groups v2 and v1
(limit, and use without what the kernel would give back); RLIMIT_AS; what the
person said. The one that leaves the smallest share free counts. Reads gauges,
decides nothing.
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import NamedTuple

import psutil

_NO_LIMIT = 1 << 60  # control groups of version 1 say "none" by a number above this
_GROUPS = Path("/sys/fs/cgroup")


class Limit(NamedTuple):
    """A limit of memory, and what of it is used, in bytes."""

    used: int
    limit: int
    source: str


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
    limits = [Limit(memory.total - memory.available, memory.total, "the machine"), *_group()]
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if space != resource.RLIM_INFINITY:
        limits.append(Limit(process.memory_info().vms, space, "RLIMIT_AS"))
    if asked is not None:
        limits.append(Limit(tree_bytes(process), asked, "--memory-limit"))
    return max(limits, key=lambda limit: limit.used / max(1, limit.limit))


def _group() -> list[Limit]:
    """The control group's limit, where it has one."""
    for limit, used, stat, given_back in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes",
         "memory/memory.stat", "total_inactive_file"),
    ):  # fmt: skip
        bound, now = _number(_GROUPS / limit), _number(_GROUPS / used)
        if bound is not None and now is not None and bound < _NO_LIMIT:
            return [Limit(max(0, now - _stat(_GROUPS / stat, given_back)), bound, "control group")]
    return []


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _stat(path: Path, name: str) -> int:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
