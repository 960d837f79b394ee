"""The rate of real runs on copies of a log: what `tune` and `scale` both print.

One figure with one meaning: the candidates a second of the closing statistics of a
durable run, as the command `run` prints them. Touches temporary files; the log itself
is read and copied, never run.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from automaton.errors import FileError
from automaton.format.options import NAMES
from automaton.log import Log
from automaton.run import Run, SidecarOptions
from automaton.tuning.workload import Workload
from automaton.workers.autoscale_policy import ScalingOptions

#: Files beside a log that make opening its copy quick and sure.
_BESIDE = (".genesis", ".durable", ".checkpoint")
#: Seconds between two looks whether to stop.
_LOOK = 0.5


class LogCopies:
    """Makes runs of copies of a log in a temporary folder, each with its own settings."""

    def __init__(self, source: Path, folder: Path, setting: Workload, reserve: int) -> None:
        self.setting = setting
        self.folder = folder
        self._source, self._reserve = source, reserve
        self._made = 0

    @contextmanager
    def run(self, given: Mapping[str, Any], scaling: ScalingOptions) -> Iterator[Run]:
        """A durable run of a new copy, which is gone afterwards."""
        self._made += 1
        copy = self.folder / f"{self._made}.jsonl"
        for suffix in ("", *_BESIDE):
            beside = self._source.with_name(self._source.name + suffix)
            if beside.exists():
                shutil.copyfile(beside, copy.with_name(copy.name + suffix))
        kept = SidecarOptions(self.setting.archive)
        with Run(copy, given, scaling=scaling, keeping=kept) as run:
            yield run
        for left in self.folder.glob(f"{copy.name}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def rate(
        self, run: Run, seconds: float, interval_ms: int = 0,
        stop: Callable[[], bool] = lambda: False,
    ) -> float:  # fmt: skip
        """Candidates a second over so many seconds of a run, its last byte durable.

        `stop` is asked now and then; once it says so the run can make no more ticks.
        """
        final = run.go(
            seconds=seconds, interval_ms=interval_ms, stats_every=_LOOK, min_free=self._reserve,
            show=lambda _stats: run.stop() if stop() else None,
        )  # fmt: skip
        if run.short_of_room:
            raise FileError(
                f"the copies beside {run.log.path} have grown until half of the free room was "
                "used; measure for fewer --seconds, or name another folder with TMPDIR"
            )
        return final.candidates_per_s


@contextmanager
def copies_of(path: Path, given: Mapping[str, Any], at_once: int) -> Iterator[LogCopies]:
    """Copies of a log, so many of them at a time; an error where they would fill the disk."""
    with Log.open(path, write=False) as log:  # says what is wrong before anything is copied
        source, size, setting = Path(log.path), log.size, Workload.of(log, given)
    assert given.keys() <= NAMES
    with tempfile.TemporaryDirectory(prefix="automaton-copies-") as folder:
        free = shutil.disk_usage(folder).free
        if size * at_once > free // 2:
            raise FileError(
                f"the copies of the log need {size * at_once} bytes and {folder} has {free}, of "
                "which half may be used; free some, name another folder with TMPDIR, or lower "
                "--max-workers"
            )
        yield LogCopies(source, Path(folder), setting, free // 2)
