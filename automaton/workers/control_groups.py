"""In which control groups this process is: their folders, its own group's first.

Reads the kernel's files (cgroups(7), proc(5)). Must not know what a limit means.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

#: Where the kernel says in which groups this process is, and where groups are mounted.
PROC = Path("/proc/self")


def folders(controller: str, proc: Path = PROC) -> Iterator[tuple[str, Path]]:
    """Version (`cgroup2`, `cgroup`) and folder of every group that counts for a controller.

    A limit holds for all groups below it, so every one along the path counts.
    """
    own = dict(_own_groups(text(proc / "cgroup"), controller))
    for version, root, mounted in _mounts(text(proc / "mountinfo"), controller):
        for folder in _upwards(own.get(version, ""), root, mounted):
            yield version, folder


def _own_groups(lines: str, controller: str) -> Iterator[tuple[str, str]]:
    """Version and path of this process's groups: lines `number:controllers:path`."""
    for line in lines.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield "cgroup2", path
        elif controller in controllers.split(","):
            yield "cgroup", path


def _mounts(lines: str, controller: str) -> Iterator[tuple[str, str, Path]]:
    """Version, root inside the hierarchy and place of what may hold a controller's groups.

    Lines are `id parent device root place options ... - type source options` (proc(5)).
    """
    for line in lines.splitlines():
        before, _, after = line.partition(" - ")
        mount, kind = before.split(" "), after.split(" ")
        if len(mount) < 6 or kind[0] not in {"cgroup", "cgroup2"}:
            continue
        if kind[0] == "cgroup2" or controller in kind[-1].split(","):
            yield kind[0], _plain(mount[3]), Path(_plain(mount[4]))


def _plain(name: str) -> str:
    """A name without the kernel's octal escapes of blanks and backslashes."""
    for character in " \t\n\\":
        name = name.replace(f"\\{ord(character):03o}", character)
    return name


def _upwards(group: str, root: str, mounted: Path) -> Iterator[Path]:
    """The group's folder and those above it, up to the mount's.

    A container may be shown a part of the hierarchy only; what its groups' path
    does not lead to, the mount itself stands for.
    """
    path = PurePosixPath(group or "/")
    inside = path.relative_to(root) if path.is_relative_to(root) else PurePosixPath()
    parts = () if ".." in inside.parts else inside.parts
    for depth in range(len(parts), -1, -1):
        yield mounted.joinpath(*parts[:depth])


def text(path: Path) -> str:
    """What a file of the kernel says; empty where there is none."""
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""
