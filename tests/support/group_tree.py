"""Control groups as the kernel shows them, on invented trees of files."""

from __future__ import annotations

from pathlib import Path


class GroupTree:
    """What /proc/self and the mounts of control groups would say."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.mounted = folder / "proc", folder / "fs cgroup"
        self.proc.mkdir()
        self.lines: list[str] = []

    def process(self, *groups: str) -> None:
        """The groups that the process is in."""
        (self.proc / "cgroup").write_text("".join(f"{group}\n" for group in groups))

    def mount(self, name: str, version: str, root: str = "/", options: str = "rw") -> None:
        """A hierarchy, or the part of one under `root`, mounted in a folder of its name."""
        place = str(self.mounted / name).replace(" ", "\\040")
        row = f"31 23 0:28 {root} {place} rw,relatime shared:9 - {version} {version} {options}"
        self.lines.append(row)
        rows = ["22 27 0:21 / /proc rw - proc proc rw", *self.lines]
        (self.proc / "mountinfo").write_text("".join(f"{row}\n" for row in rows))

    def group(self, path: str, controller: str, **files: object) -> None:
        """A group with a controller's files, by the second part of their names."""
        folder = self.mounted / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / f"{controller}.{name}").write_text(f"{text}\n")
