"""How many cores count, as affinity and control groups state them, on invented trees of files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from group_tree import GroupTree

from automaton.workers import available_cores, core_limit
from automaton.workers.cores import CoreLimit


@pytest.fixture
def tree(tmp_path: Path) -> GroupTree:
    """A machine without groups."""
    return GroupTree(tmp_path)


def far_more_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose cores are never the least."""
    monkeypatch.setattr(os, "cpu_count", lambda: 512)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(256)))


@pytest.mark.parametrize(
    ("said", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("1000 100000", 1),
     ("1700000 100000", 17), ("max 100000", 256), ("", 256), ("0 100000", 256), ("2 0", 256)],
)  # fmt: skip
def test_a_quota_of_version_2_counts_rounded_up(
    tree: GroupTree, monkeypatch: pytest.MonkeyPatch, said: str, cores: int
) -> None:
    far_more_cores(monkeypatch)
    tree.process("0::/jobs/one")
    tree.mount("unified", "cgroup2")
    tree.group("unified/jobs/one", "cpu", max=said)
    assert core_limit(tree.proc).cores == cores


@pytest.mark.parametrize(("quota", "cores"), [(250_000, 3), (-1, 256), (0, 256)])
def test_a_quota_of_version_1_counts_rounded_up(
    tree: GroupTree, monkeypatch: pytest.MonkeyPatch, quota: int, cores: int
) -> None:
    far_more_cores(monkeypatch)
    tree.process("4:cpu,cpuacct:/jobs", "9:memory:/elsewhere", "0::/")
    tree.mount("cpu,cpuacct", "cgroup", options="rw,cpu,cpuacct")
    tree.mount("memory", "cgroup", options="rw,memory")
    tree.group("cpu,cpuacct/jobs", "cpu", cfs_quota_us=quota, cfs_period_us=100_000)
    tree.group("memory/elsewhere", "cpu", cfs_quota_us=1, cfs_period_us=1)
    assert core_limit(tree.proc).cores == cores


def test_the_least_of_the_groups_along_the_path_counts_and_is_named(
    tree: GroupTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    far_more_cores(monkeypatch)
    tree.process("0::/a/b")
    tree.mount("unified", "cgroup2")
    tree.group("unified/a/b", "cpu", max="800000 100000")
    tree.group("unified/a", "cpu", max="350000 100000")
    tree.group("unified/other", "cpu", max="1 100000")
    assert core_limit(tree.proc) == CoreLimit(4, "cpu.max of a control group: 3.5 cores' time")


def test_fewer_cores_by_affinity_count_and_are_named(
    tree: GroupTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    far_more_cores(monkeypatch)
    tree.process("0::/a")
    tree.mount("unified", "cgroup2")
    tree.group("unified/a", "cpu", max="99900000 100000")
    assert core_limit(tree.proc) == CoreLimit(256, "affinity")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux has it")
def test_doctor_says_what_sets_the_number_of_cores() -> None:
    code = "import os, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from automaton.cli import main; sys.argv[1:] = ['doctor', '--terms', '0', '--json']; "
    done = subprocess.run(
        [sys.executable, "-c", code + "main()"], capture_output=True, text=True, check=True
    )
    total = os.cpu_count()
    source = "the machine" if total == 1 else "affinity"
    assert json.loads(done.stdout)["cores"] == f"1 usable of {total} ({source})"


def test_this_machine_has_cores() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
