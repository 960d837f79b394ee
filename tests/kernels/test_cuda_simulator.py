"""The CUDA target, run by numba's simulator in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1] / "support"
CASES = [
    "cuda_cases.py",
    "cuda_search_cases.py",
    "cuda_dry_cases.py",
    "cuda_account_cases.py",
]


@pytest.mark.slow
def test_every_cuda_kernel_agrees_with_the_cpu_in_numbas_simulator() -> None:
    """The switch is read when numba is imported; see CASES for what is tested."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CASES],
        cwd=TESTS,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(TESTS.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
