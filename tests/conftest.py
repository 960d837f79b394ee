"""Fixtures that every test may use, and one line for the tests that were left out."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from typing import Any

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


# What is left out, and why: counted where tests are collected, said once at the end.

LEFT_OUT = pytest.StashKey[Counter[str]]()
NO_LOGS = "the real logs, shared/data beside the checkout, are absent"
EXHAUSTIVE = "repeats for minutes what others do a few times; scripts/test --all has them"
SLOW = "slow; scripts/test --all has them"


def reads_real_logs(item: pytest.Item) -> bool:
    """Whether a test is marked `shared_data`, or has the fixture."""
    return bool(item.get_closest_marker("shared_data")) or "shared_data" in getattr(
        item, "fixturenames", ()
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin counting."""
    config.stash[LEFT_OUT] = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Collect tests of real logs only where the logs are."""
    if SHARED_DATA.is_dir():
        return
    away = [item for item in items if reads_real_logs(item)]
    if away:
        items[:] = [item for item in items if not reads_real_logs(item)]
        config.hook.pytest_deselected(items=away)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what is not collected; what -k leaves out is the person's own choice."""
    for item in items:
        counts = item.config.stash[LEFT_OUT]
        if reads_real_logs(item) and not SHARED_DATA.is_dir():
            counts[NO_LOGS] += 1
        elif item.get_closest_marker("slow") and "slow" in item.config.option.markexpr:
            counts[SLOW] += 1
        elif item.get_closest_marker("exhaustive") and "exhaustive" in item.config.option.markexpr:
            counts[EXHAUSTIVE] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts of a process of pytest-xdist to the one that prints."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    counts = session.config.stash[LEFT_OUT]
    if output is not None:
        output["left_out"] = dict(counts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the counts of a process; each collected all tests, so the same."""
    counts = node.config.stash[LEFT_OUT]
    counts |= Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say in one line what was left out."""
    collected = config.stash[LEFT_OUT]
    counts = collected.copy()
    for report in terminalreporter.stats.get("skipped", []):
        counts[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
    if counts:
        reasons = "; ".join(f"{count} ({reason})" for reason, count in counts.most_common())
        terminalreporter.write_line(f"left out: {reasons}")


# A shell that starts tests in the background has them ignore Ctrl-C, and whom they start
# inherits it; the tests that send one need what people have.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
