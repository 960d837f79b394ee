"""Limits of memory as control groups state them, on invented trees of files; and once here."""

from __future__ import annotations

from pathlib import Path

import pytest
from group_tree import GroupTree

from automaton.workers.memory_limits import Limit, in_groups

MB = 1_000_000


class Tree(GroupTree):
    """What is read of a tree here."""

    def limits(self) -> list[tuple[int, int]]:
        """Used and allowed, in megabytes."""
        return [(limit.used // MB, limit.limit // MB) for limit in in_groups(self.proc)]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A machine without groups."""
    return Tree(tmp_path)


def of_version_1(limit: int, used: int) -> dict[str, object]:
    """A group of version 1, in megabytes; a tenth of what it uses can be given back."""
    return {
        "limit_in_bytes": limit * MB,
        "usage_in_bytes": used * MB,
        "stat": f"cache 1\ntotal_inactive_file {used * MB // 10}",
    }


def of_version_2(limit: int, used: int, **more: object) -> dict[str, object]:
    """A group of version 2, in megabytes; a tenth of what it uses can be given back."""
    stat = f"anon 1\ninactive_file {used * MB // 10}"
    return {"max": limit * MB, "current": used * MB, "stat": stat, **more}


def test_every_group_of_version_2_along_the_path_counts_the_own_one_first(tree: Tree) -> None:
    tree.process("0::/user.slice/run.scope")
    tree.mount("unified", "cgroup2")
    tree.group("unified/user.slice/run.scope", "memory", **of_version_2(800, 100))
    tree.group("unified/user.slice", "memory", **of_version_2(400, 200))
    tree.group("unified/other.slice", "memory", **of_version_2(1, 1))
    assert tree.limits() == [(90, 800), (180, 400)]


def test_every_group_of_version_1_along_the_path_up_to_the_root_counts(tree: Tree) -> None:
    tree.process("9:name=systemd:/", "4:cpu,memory:/jobs/one", "0::/")
    tree.mount("cpu,memory", "cgroup", options="rw,cpu,memory")
    tree.mount("cpuset", "cgroup", options="rw,cpuset")
    tree.group("cpu,memory/jobs/one", "memory", **of_version_1(300, 100))
    tree.group("cpu,memory/jobs", "memory", **of_version_1(9_223_372_036_854, 100))  # says "none"
    tree.group("cpu,memory", "memory", **of_version_1(200, 150))
    tree.group("cpuset/jobs/one", "memory", **of_version_1(1, 1))
    assert tree.limits() == [(90, 300), (135, 200)]


def test_both_versions_at_once_count(tree: Tree) -> None:
    tree.process("4:memory:/", "0::/app")
    tree.mount("memory", "cgroup", options="rw,memory")
    tree.mount("unified", "cgroup2")
    tree.group("memory", "memory", **of_version_1(500, 10))
    tree.group("unified/app", "memory", **of_version_2(600, 20))
    assert sorted(tree.limits()) == [(9, 500), (18, 600)]


def test_a_group_that_is_slowed_down_above_a_lower_bound_has_that_for_its_limit(
    tree: Tree,
) -> None:
    tree.process("0::/app")
    tree.mount("unified", "cgroup2")
    tree.group("unified/app", "memory", **of_version_2(600, 20, high=400 * MB))
    assert tree.limits() == [(18, 400)]
    tree.group("unified/app", "memory", max="max")
    assert tree.limits() == [(18, 400)]
    tree.group("unified/app", "memory", high="max")
    assert tree.limits() == []


@pytest.mark.parametrize("seen", ["/docker/3f", "/docker/3f/inner", "/", "/../../host", ""])
def test_in_a_container_the_mount_stands_for_what_lies_above_it(tree: Tree, seen: str) -> None:
    tree.process(f"4:memory:{seen}")
    tree.mount("memory", "cgroup", root="/docker/3f", options="rw,memory")
    tree.group("memory", "memory", **of_version_1(500, 10))
    tree.group("memory/docker/3f", "memory", **of_version_1(1, 1))  # the root is not repeated
    assert tree.limits() == [(9, 500)]


def test_a_group_of_a_container_below_its_mount_is_found(tree: Tree) -> None:
    tree.process("0::/docker/3f/worker")
    tree.mount("unified", "cgroup2", root="/docker/3f")
    tree.group("unified/worker", "memory", **of_version_2(70, 10))
    assert tree.limits() == [(9, 70)]


@pytest.mark.parametrize(
    ("groups", "mounts"),
    [("", ""), ("nonsense\n0::\n", "31 23\n - cgroup2\n1 2 3 4 5 6 - cgroup2 a b\n")],
)
def test_files_that_say_nothing_are_no_limit(tree: Tree, groups: str, mounts: str) -> None:
    (tree.proc / "cgroup").write_text(groups)
    (tree.proc / "mountinfo").write_text(mounts)
    assert in_groups(tree.proc) == []
    assert in_groups(tree.proc / "absent") == []


def test_what_this_machine_says_is_used_of_a_limit() -> None:
    for limit in in_groups():
        assert isinstance(limit, Limit)
        assert limit.limit > 0
        assert limit.used >= 0
