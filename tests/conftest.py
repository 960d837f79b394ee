"""Fixtures that every test may use."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# An example that compiles a kernel takes seconds; no test here asserts on the clock.
settings.register_profile("automaton", deadline=None)
settings.load_profile("automaton")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real logs and published normal forms, where it is at hand."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of real logs (shared/data beside the checkout) is absent")
    return SHARED_DATA


# A shell that starts tests in the background has them ignore Ctrl-C, and whom they start
# inherits it; the tests that send one need what people have.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
