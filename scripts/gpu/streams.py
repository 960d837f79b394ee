"""Streams that compete with their reactions on the card: logs equal to the CPU's, then speed.

The shipped log with all streams, on one device and on the other; the same bytes, then
candidates a second of whole ticks and of what the card takes over, proposing and
reacting. A part of scripts/gpu/check.py.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

from automaton.backends import request
from automaton.compute import capability
from automaton.run import Run
from scripts.benchmarks.common import Clock
from scripts.gpu.benchmark import Figures, Part

ROOT = Path(__file__).resolve().parents[2]
#: As in scripts/bench streams: 65,535 candidates a tick.
ROUNDS, STREAMS = 13_107, 5
WARM, TICKS = 3, 20


def streams(wanted: argparse.Namespace, _left: float) -> tuple[list[Part], Figures]:
    """The same run on the CPU and on the card; --reactions bounds the candidates of a tick."""
    rounds = max(1, min(ROUNDS, wanted.reactions // STREAMS))
    with tempfile.TemporaryDirectory() as folder:
        cpu, card = (ran(Path(folder), device, rounds) for device in ("cpu", "cuda"))
    equal = cpu["digest"] == card["digest"]
    rates = {
        f"{what}_{name}": one[what]
        for what in ("candidates_per_s", "reactions_per_s")
        for name, one in (("card", card), ("cpu_all_cores", cpu))
    }
    text = (
        f"logs {'equal' if equal else 'DIFFERENT'}; {card['device']} {_millions(card)}, "
        f"all cores {_millions(cpu)}"
    )
    part = Part("streams", text, ok=equal and card["device"] == "cuda")
    return [part], {"streams": {"candidates_a_tick": rounds * STREAMS, "ticks": TICKS,
                                "equal": equal, **rates}}  # fmt: skip


def _millions(one: dict[str, Any]) -> str:
    whole, own = (one[name] / 1e6 for name in ("candidates_per_s", "reactions_per_s"))
    return f"{whole:.2f} M candidates/s (proposing and reacting alone {own:.2f} M)"


def ran(folder: Path, device: capability.Name, rounds: int) -> dict[str, Any]:
    """A run of some ticks: the digest of its log, and candidates a second behind the first."""
    path, clock = folder / f"{device}.jsonl", Clock()
    path.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    given = {"streams": "all", "parallel": rounds}
    with Run(path, given, durability="off", wanted=request.DeviceRequest(device)) as run:
        run.go(ticks=WARM, interval_ms=0)
        clock.wrap(run.device, "propose", "propose")
        began = time.perf_counter()
        run.go(ticks=TICKS, interval_ms=0)
        seconds = time.perf_counter() - began
        where = run.device.name
    candidates = TICKS * rounds * STREAMS
    return {
        "digest": hashlib.sha256(path.read_bytes()).digest(), "device": where,
        "candidates_per_s": candidates / seconds,
        "reactions_per_s": candidates / clock.seconds["propose"],
    }  # fmt: skip
