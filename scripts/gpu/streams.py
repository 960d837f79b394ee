"""Ticks of streams on the card, step by step against the CPU's, then whole logs, then speed.

The shipped log with all streams. Each step of a tick (what is proposed, reacted, weighed,
chosen, brought) has a row of its own, with and without looking for equal reactions; then
the same bytes from runs on one device and on the other, and candidates a second, the
host's share of a tick, and what the formula of docs/kernels.md asks for: bytes a second
over the bus, seconds of a launch and of a wait. A part of scripts/gpu/check.py.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from automaton.backends import CpuBackend, attach, cuda, request
from automaton.chemistry.tick import compute_tick
from automaton.compute import capability
from automaton.format.options import Options
from automaton.log import Log
from automaton.replay import MalformedLines
from automaton.replay.restore import genesis_world
from automaton.run import Run
from automaton.run.sidecar_writer import SidecarOptions
from scripts.benchmarks.common import Clock
from scripts.gpu.benchmark import Figures, Part

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "automaton.jsonl"
#: As in scripts/bench streams: 65,535 candidates a tick.
ROUNDS, STREAMS = 13_107, 5
WARM, TICKS = 3, 20
#: What a step of a tick leaves in a batch, by slot or by round.
STEPS = {
    "proposals": ("places_a", "places_b", "operators"),
    "reactions": ("outcomes", "steps", "sizes"),
    "choice": ("won", "seconds", "salience"),
}
#: What is kept beside the log: nothing, so that winners alone come down, or the archive.
KEPT = {"winners alone": SidecarOptions(archive=0), "archive kept": SidecarOptions()}
PIECE, SMALL, TIMES = 1 << 26, 1 << 10, 200


def streams(wanted: argparse.Namespace, _left: float) -> tuple[list[Part], Figures]:
    """All of it; --reactions bounds the candidates of a tick."""
    rounds = max(1, min(ROUNDS, wanted.reactions // STREAMS))
    parts = [part for grouped in (False, True) for part in steps(rounds, grouped=grouped)]
    figures: Figures = {"candidates_a_tick": rounds * STREAMS, "ticks": TICKS}
    for name, kept in KEPT.items():
        with tempfile.TemporaryDirectory() as folder:
            cpu, card = (ran(Path(folder), device, rounds, kept) for device in ("cpu", "cuda"))
        equal = cpu["digest"] == card["digest"]
        text = (
            f"logs {'equal' if equal else 'DIFFERENT'}; {card['device']} {_told(card)}, "
            f"all cores {_told(cpu)}"
        )
        parts.append(Part(f"streams, {name}", text, ok=equal and card["device"] == "cuda"))
        rates = ("candidates_per_s", "host_share")
        figures[name] = {"equal": equal, **{f"{what}_card": card[what] for what in rates},
                         "candidates_per_s_cpu_all_cores": cpu["candidates_per_s"]}  # fmt: skip
    costs = constants()
    parts.append(Part("bus, launch, wait", ", ".join(f"{k} {v:.3g}" for k, v in costs.items())))
    return parts, {"streams": {**figures, **costs}}


def steps(rounds: int, *, grouped: bool) -> list[Part]:
    """A tick on both devices, each step's columns held against the CPU's."""
    options = Options(streams="all", parallel=rounds)
    with Log.open(LOG, write=False) as log:
        world = genesis_world(log, options, MalformedLines())
    found = []
    devices = CpuBackend(options), cuda.CudaBackend(options, request.DeviceRequest("cuda"))
    for device in devices:
        device.grouping.forced = grouped
        space = attach(device, world)
        lines = b"".join(compute_tick(world, space, 1).winner_lines)
        device.complete(space.batch)
        found.append((space.batch, lines))
    where = devices[1].name
    for device in devices:
        device.close()
    (one, expected), (other, lines) = found
    manner = "kinds" if grouped else "slots"
    parts = []
    for name, columns in STEPS.items():
        differ = [c for c in columns if not np.array_equal(getattr(one, c), getattr(other, c))]
        text = f"differ in {', '.join(differ)}" if differ else "equal"
        ok = not differ and where == "cuda"
        parts.append(Part(f"streams by {manner}: {name}", f"{text}, on {where}", ok=ok))
    won = np.flatnonzero(one.won) // STREAMS
    weighed = [batch.features.reshape(rounds, -1)[won] for batch in (one, other)]
    alike = {"features": np.array_equal(weighed[0], weighed[1]), "lines": lines == expected}
    for name, same in alike.items():
        text = "equal" if same else "DIFFERENT"
        parts.append(Part(f"streams by {manner}: {name}", text, ok=bool(same)))
    return parts


def _told(one: dict[str, Any]) -> str:
    share = f", {one['host_share']:.0%} of a tick the host's" if one["device"] == "cuda" else ""
    return f"{one['candidates_per_s'] / 1e6:.2f} M candidates/s{share}"


def ran(folder: Path, device: capability.Name, rounds: int, kept: SidecarOptions) -> dict[str, Any]:
    """A run of some ticks: the digest of its log, candidates a second, the host's share."""
    path, clock = folder / f"{device}.jsonl", Clock()
    path.write_bytes(LOG.read_bytes())
    given = {"streams": "all", "parallel": rounds}
    wanted = request.DeviceRequest(device)
    with Run(path, given, durability="off", wanted=wanted, keeping=kept) as run:
        run.go(ticks=WARM, interval_ms=0)
        there: Any = getattr(run.device, "_candidates", None)
        for name in ("propose", "judge", "bring", "complete"):
            if there is not None:
                clock.wrap(there, name, "card")
        began = time.perf_counter()
        run.go(ticks=TICKS, interval_ms=0)
        seconds = time.perf_counter() - began
        where = run.device.name
    return {
        "digest": hashlib.sha256(path.read_bytes()).digest(), "device": where,
        "candidates_per_s": TICKS * rounds * STREAMS / seconds,
        "host_share": 1 - clock.seconds.get("card", 0.0) / seconds,
    }  # fmt: skip


def constants() -> dict[str, float]:
    """Bytes a second over the bus each way, seconds of a launch and of a wait with a copy."""
    from kernels.cuda import loops, memory, stream_loops  # noqa: F401 - need the extra
    from kernels.cuda.compiler import cuda as card

    host = np.zeros(SMALL if loops.SIMULATED else PIECE, np.uint8)
    image, words = card.device_array(len(host), np.uint8), card.device_array(SMALL, np.int32)
    pinned, stream = card.pinned_array(SMALL, np.int32), card.stream()
    times = 2 if loops.SIMULATED else TIMES

    def launched() -> None:
        for _ in range(times):
            loops.launch("fill_words", loops.WARP, stream, 1, words)
        stream.synchronize()

    def waited() -> None:
        for _ in range(times):
            words.copy_to_host(pinned, stream)
            stream.synchronize()

    def seconds(work: Callable[[], object]) -> float:
        work()
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return {
        "bytes_per_s_up": len(host) / seconds(lambda: memory.bus().put(host, image)),
        "bytes_per_s_down": len(host) / seconds(lambda: memory.bus().get(image, host)),
        "seconds_of_a_launch": seconds(launched) / times,
        "seconds_of_a_wait": seconds(waited) / times,
    }
