"""Fixtures that every test may use."""

from __future__ import annotations

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
