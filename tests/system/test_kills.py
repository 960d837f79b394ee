"""A real run that is killed at random moments loses nothing that it said was safe."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def torture(kills: int, seed: int, record: str, segment_bytes: int) -> dict[str, object]:
    """What scripts/torture prints."""
    script = [sys.executable, "-m", "scripts.reliability.torture", "--out", "-"]
    asked = ["--kills", str(kills), "--seed", str(seed), "--jobs", "2", "--record", record]
    asked += ["--segment-bytes", str(segment_bytes)]
    result = subprocess.run(
        [*script, *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("kills", "seed", "record", "segment_bytes"),
    [
        (4, 7, "full", 0),
        pytest.param(12, 8, "full", 0, marks=pytest.mark.slow),
        pytest.param(8, 9, "commits", 0, marks=pytest.mark.slow),
        pytest.param(60, 8, "full", 0, marks=[pytest.mark.slow, pytest.mark.exhaustive]),
        pytest.param(24, 9, "commits", 0, marks=[pytest.mark.slow, pytest.mark.exhaustive]),
        pytest.param(8, 10, "full", 300_000, marks=pytest.mark.slow),
        pytest.param(200, 11, "full", 300_000, marks=[pytest.mark.slow, pytest.mark.exhaustive]),
    ],
)
def test_killed_runs_keep_what_was_acknowledged_and_go_on_as_if_never_killed(
    kills: int, seed: int, record: str, segment_bytes: int
) -> None:
    found = torture(kills, seed, record, segment_bytes)
    assert found["kills"] == kills
    assert found["lost"] == 0
    assert found["wrong"] == []
    assert found["bytes_equal_a_run_never_killed"]
