"""Two revisions of the project, compared by whole commands, in turn.

The other revision is unpacked from git into a temporary folder and shares the installed
packages. Functions are not compared: a revision may have other modules, not other commands.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmarks.common import ROOT, Command, Figures, ratio

#: What is measured of a command.
MEASURED = ("seconds", "cpu_seconds", "peak_mb")


@contextlib.contextmanager
def unpacked(revision: str) -> Iterator[Path]:
    """The tree of a revision, in a temporary folder."""
    git = ["git", "-C", str(ROOT)]
    found = subprocess.run(
        [*git, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode:
        raise SystemExit(f"git knows no revision {revision} here; see git log")
    archive = subprocess.run(
        [*git, "archive", found.stdout.strip()], capture_output=True, check=True
    ).stdout
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
            tree.extractall(name, filter="data")
        _need_packages(Path(name), revision)
        yield Path(name)


def _need_packages(tree: Path, revision: str) -> None:
    """Stop where a package that the revision needs is not installed."""
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        name = re.split(r"[\s\[<>=!~;]", requirement)[0]
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise SystemExit(
                f"{revision} needs {name}: {sys.executable} -m pip install '{requirement}'"
            ) from None


def measured(tree: Path, words: list[str], made: Path) -> tuple[Figures, str]:
    """One command in a copy of the folder `made`: its figures, and the hash of the log after it."""
    path = os.pathsep.join(p for p in (str(tree), os.environ.get("PYTHONPATH", "")) if p)
    environment = {**os.environ, "PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "work"
        shutil.copytree(made, folder)
        begin = time.perf_counter()
        with (Path(name) / "said").open("w+b") as said:
            child = subprocess.Popen(
                [sys.executable, "-m", "automaton", *words],
                cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=said,
            )  # fmt: skip
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - begin
            if child.returncode:
                said.seek(0)
                raise SystemExit(f"{tree}: {shlex.join(words)}: {said.read().decode()[-1000:]}")
        log = folder / "log.jsonl"
        digest = hashlib.sha256(log.read_bytes() if log.exists() else b"").hexdigest()
    peak = used.ru_maxrss * 1024 / 1e6  # of the largest process
    return dict(zip(MEASURED, (seconds, used.ru_utime + used.ru_stime, peak), strict=True)), digest


def compared(
    commands: dict[str, Command], revision: str, *, turns: int, quick: bool
) -> dict[str, Figures]:
    """By command: medians here and there, the ratios there to here, whether the logs are equal."""
    found: dict[str, Figures] = {}
    with unpacked(revision) as other, tempfile.TemporaryDirectory() as name:
        for number, (title, command) in enumerate(commands.items()):
            folder = Path(name) / str(number)
            folder.mkdir()
            command.log(folder / "log.jsonl")
            words = shlex.split(command.words.format(n=command.quick if quick else command.n))
            rows: dict[str, list[Figures]] = {"here": [], "there": []}
            digests: dict[str, str] = {}
            for turn in range(turns + 1):
                for side, tree in (("here", ROOT), ("there", other)):
                    row, digests[side] = measured(tree, words, folder)
                    if turn:  # in the first, kernels may be compiled
                        rows[side].append(row)
            found[title] = {
                "command": shlex.join(words), "logs_equal": digests["here"] == digests["there"],
                **{side: {k: statistics.median(r[k] for r in of) for k in MEASURED}
                   for side, of in rows.items()},
                "there_to_here": {k: ratio([r[k] for r in rows["there"]],
                                           [r[k] for r in rows["here"]]) for k in MEASURED},
            }  # fmt: skip
            print(line(title, found[title]), flush=True)
    return found


def line(title: str, row: Figures) -> str:
    """A row of the table: seconds of both, ratios, and a word where logs differ."""
    ratios = row["there_to_here"]
    return (
        f"{title:36} {row['here']['seconds']:9.3f} {row['there']['seconds']:9.3f} "
        f"{ratios['seconds']:6.2f} {ratios['cpu_seconds']:6.2f} {ratios['peak_mb']:6.2f}"
        f"{'' if row['logs_equal'] else '  the logs differ'}"
    )


def head(revision: str) -> str:
    """The head of that table."""
    return (
        f"{revision} beside this tree; last: times that it takes of seconds, processor, memory\n"
        f"{'command':36} {'here s':>9} {'there s':>9} {'times':>6} {'cpu':>6} {'mem':>6}"
    )
