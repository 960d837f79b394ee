"""Real runs killed with SIGKILL at random moments; what is left is held against the truth.

A series is one log. Its run is started, killed at a moment that is drawn, and
looked at, again and again: the file that the dead process left must open with
every commit that was acknowledged (printed after it was made durable), with
commits that verify, and with the bytes of a run that was never killed. Half the
series write large batches, so that kills fall inside a write. Run it by
scripts/torture.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

KILLS_A_SERIES = 10
#: Rounds a tick of the series: batches of 8 KB, and of 0.5 and 2.5 MB.
PARALLEL = (64, 4096, 20_000)
#: Bytes of a tick whose winners are left out, about.
COMMIT = 1000
READY_S = 60.0  # the longest start that is waited for
#: Bytes or seconds after which a process is killed, by way.
MOMENTS = ("in the write", "between ticks", "while it starts")


@dataclass
class Series:
    """One log, and what happened to it."""

    number: int
    kills: int
    folder: Path
    record: str = "full"
    segment_bytes: int = 0  # 0: the log stands in one file
    where: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    ticks: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def parallel(self) -> int:
        """Rounds a tick."""
        return PARALLEL[self.number % len(PARALLEL)]


def command(log: Path, parallel: int, *more: str) -> list[str]:
    """The run as people start it."""
    first = [sys.executable, "-m", "automaton", "run", str(log), "--parallel", str(parallel)]
    return [*first, "--interval", "0", "--json", "--stats-interval", "0.001", *more]


def killed(log: Path, series: Series, moment: str, draw: random.Random) -> int:
    """Start the run and kill it at a moment; returns the last tick that it acknowledged."""
    parallel, record = series.parallel, series.record
    grown = 6 * (150 * parallel if record == "full" else COMMIT)
    segments = ["--segment-bytes", str(series.segment_bytes)] if series.segment_bytes else []
    with subprocess.Popen(
        command(log, parallel, "--record", record, *segments),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        out = process.stdout.fileno()
        os.set_blocking(out, False)
        if moment == "while it starts":
            told = _read_until(out, time.monotonic() + draw.uniform(0.0, 0.9))
        else:
            told = _read_line(out)
            until = log.stat().st_size + draw.randrange(1, grown)
            if moment == "in the write" and segments:
                told += _read_switch(out, log, process)
                told += _read_until(out, time.monotonic() + draw.expovariate(200.0))
            elif moment == "in the write":
                while log.stat().st_size < until and process.poll() is None:
                    told += _read(out)
            else:
                told += _read_until(out, time.monotonic() + draw.expovariate(20.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        told += _read(out)
    return acknowledged(told)


def _read(out: int) -> bytes:
    """What stands in the pipe now."""
    found = b""
    while True:
        try:
            data = os.read(out, 1 << 16)
        except BlockingIOError:
            return found
        if not data:
            return found
        found += data


def _wait(out: int, seconds: float) -> bool:
    """Whether something can be read, or the other side is gone, within so long."""
    poll = select.poll()
    poll.register(out, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _read_line(out: int) -> bytes:
    """Wait for the first whole line: the run is under way."""
    found = b""
    end = time.monotonic() + READY_S
    while b"\n" not in found and time.monotonic() < end:
        _wait(out, 1.0)
        data = _read(out)
        found += data
        if not data and not _wait(out, 0.0):
            continue
    return found


def _read_until(out: int, end: float) -> bytes:
    """Read on until a moment, so that the writer never waits for a full pipe."""
    found = b""
    while (left := end - time.monotonic()) > 0:
        _wait(out, left)
        data = _read(out)
        found += data
        if not data and _wait(out, 0.0):
            time.sleep(max(0.0, end - time.monotonic()))  # the process ended by itself
    return found


def _read_switch(out: int, log: Path, process: subprocess.Popen[bytes]) -> bytes:
    """Wait until the log is about to go on in another file, or does."""
    found, draft, before = b"", log.with_name(f"{log.name}.next"), log.stat().st_ino
    end = time.monotonic() + READY_S
    while not draft.exists() and log.stat().st_ino == before and time.monotonic() < end:
        found += _read(out)
        if process.poll() is not None:
            break
    return found


def acknowledged(told: bytes) -> int:
    """The last offset up to which the run said that all is durable."""
    lines = told[: told.rfind(b"\n") + 1].splitlines()
    return max((int(json.loads(line)["durable_bytes"]) for line in lines), default=0)


def look(series: Series, log: Path, durable: int, before: bytes) -> bytes:
    """Hold what is left against what was acknowledged; returns the committed bytes."""
    from automaton.log import AuditedLog
    from automaton.verify import VerifyRequest, verify

    with AuditedLog.open(log) as opened:
        data = b"".join(opened.blocks(0, opened.size))
        verdict = verify(opened, VerifyRequest(replay="none", workers=1))
        ticks, end, tail = len(opened.commits), opened.size, opened.tail_bytes
    if verdict.first_bad is not None:
        series.wrong.append(f"series {series.number}: {verdict.first_bad}")
    if end < durable:
        series.lost += 1
        series.wrong.append(f"series {series.number}: durable to {durable}, ends at {end}")
    if not data.startswith(before):
        series.wrong.append(f"series {series.number}: committed bytes changed")
    kind = "a torn tail" if tail else "whole commits" if ticks > series.ticks else "as before"
    series.left[kind] += 1
    series.ticks = ticks
    return data


def whole_bytes(log: Path) -> bytes:
    """The bytes of a log, whether it stands in one file or in segments."""
    from automaton.log import AuditedLog

    with AuditedLog.open(log) as opened:
        return b"".join(opened.blocks(0, opened.size + opened.tail_bytes))


def torture(series: Series, seed: int) -> Series:
    """Kill one log's runs, then compare it with a run that was never killed."""
    draw = random.Random(f"{seed}/{series.number}")  # noqa: S311 - moments, not secrets
    log, whole = series.folder / "killed.jsonl", series.folder / "whole.jsonl"
    for path in (log, whole):
        shutil.copyfile(ROOT / "automaton.jsonl", path)
    committed = log.read_bytes()
    for _ in range(series.kills):
        moment = draw.choices(MOMENTS, (5, 3, 2))[0]
        switch = series.segment_bytes and moment == "in the write"
        series.where["in a switch" if switch else moment] += 1
        committed = look(series, log, killed(log, series, moment, draw), committed)
    more = series.ticks + 2
    for path, ticks in ((log, 2), (whole, more)):
        subprocess.run(
            command(path, series.parallel, "--ticks", str(ticks), "--durability", "off",
                    "--record", series.record), check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip
    series.ticks = more
    if whole_bytes(log) != whole.read_bytes():
        series.wrong.append(f"series {series.number}: not the bytes of a run never killed")
    shutil.rmtree(series.folder)
    return series


def table(found: list[Series], seconds: float, seed: int) -> dict[str, object]:
    """All series together."""
    where, left = Counter[str](), Counter[str]()
    for series in found:
        where += series.where
        left += series.left
    return {
        "what": "runs killed with SIGKILL at random moments; durability commit",
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "seed": seed,
        "seconds": round(seconds, 1),
        "logs": len(found),
        "rounds_a_tick": sorted({series.parallel for series in found}),
        "record": sorted({series.record for series in found}),
        "segment_bytes": max(series.segment_bytes for series in found),
        "kills": sum(where.values()),
        "killed": dict(sorted(where.items())),
        "left": dict(sorted(left.items())),
        "ticks": sum(series.ticks for series in found),
        "lost": sum(series.lost for series in found),
        "wrong": [text for series in found for text in series.wrong],
        "bytes_equal_a_run_never_killed": not any(series.wrong for series in found),
    }


def main() -> int:
    """Kill, look, compare, say."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=500, help="how often (a count)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (a number)")
    parser.add_argument("--jobs", type=int, default=2, help="logs at a time (a count)")
    parser.add_argument("--record", choices=("full", "commits"), default="full")
    parser.add_argument(
        "--segment-bytes", type=int, default=0, help="of segments (a count); 0: one file"
    )
    parser.add_argument("--out", default=str(ROOT / "docs" / "benchmarks" / "torture.json"))
    asked = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        plan = []
        for number in range(-(-asked.kills // KILLS_A_SERIES)):
            kills = min(KILLS_A_SERIES, asked.kills - number * KILLS_A_SERIES)
            place = Path(folder) / str(number)
            place.mkdir()
            plan.append(Series(number, kills, place, asked.record, asked.segment_bytes))
        with ThreadPoolExecutor(asked.jobs) as pool:
            found = list(pool.map(torture, plan, [asked.seed] * len(plan)))
    result = table(found, time.monotonic() - begun, asked.seed)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    print(text, end="")
    if asked.out != "-":
        Path(asked.out).write_text(text, encoding="utf-8")
    return 1 if result["lost"] or result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
