"""Logs that other people's automata wrote: each runs, or says why it does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import Members, commits_in, objects_in, ran

from automaton.cli import command_line
from automaton.errors import NothingToRunError
from automaton.format.machine_state import ACTIONS
from automaton.log import Log
from automaton.replay.spot_check import validate
from automaton.run import Run

pytestmark = pytest.mark.shared_data

Copy = Callable[..., Path]

RUNNING = {  # terms alive at first
    "automaton-kernel.jsonl": 20,  # 8 automata and 12 spans
    "automaton-kernel.seed.jsonl": 20,
    "automaton.fast.canvasl": 20,
    "automaton-eight-actions.jsonl": 8,
}
WITHOUT_TERMS = [
    "add-r5rs-integration-edges.jsonl",
    "automaton.jsonl",
    "generate.metaverse.jsonl",
    "r5rs-functions-trie.jsonl",
]
KERNEL, EIGHT = "automaton-kernel.jsonl", "automaton-eight-actions.jsonl"


@pytest.fixture
def copy(shared_data: Path, tmp_path: Path) -> Copy:
    """Makes a copy of a real log to run; the original is never touched."""

    def copied(name: str, folder: str = "copy") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(shared_data / name, path)
        return path

    return copied


@pytest.mark.parametrize("name", RUNNING)
def test_a_log_with_a_machine_runs_resumes_and_keeps_its_genesis(name: str, copy: Copy) -> None:
    path, whole = copy(name), copy(name, "whole")
    genesis = path.read_bytes()
    ran(path, 9, parallel=64)
    ran(path, 11)
    final = ran(whole, 20, parallel=64)
    assert path.read_bytes() == whole.read_bytes()
    assert path.read_bytes().startswith(genesis)
    assert final.modifications > 0
    with Log.open(path, write=False) as log:
        assert log.verify_chain().ok
        assert len(log.commits) == 20


@pytest.mark.parametrize(("name", "count"), RUNNING.items())
def test_all_terms_of_a_real_log_live(name: str, count: int, copy: Copy) -> None:
    with Run(copy(name), {}) as run:
        assert len(run.world.population) == count
        assert len(run.world.program.automata) == 8
        assert run.malformed.count == run.world.reader.skipped == 0
        assert not run.world.program.problems


def test_the_kernel_s_twelve_spans_live_beside_its_eight_automata(copy: Copy) -> None:
    with Run(copy(KERNEL), {}) as run:
        population = run.world.population
        names = [population.id_of(int(row)) for row in population.choices()]
    spans = [name for name in names if b"#" in name]
    assert (len(spans), len(names) - len(spans)) == (12, 8)


@pytest.mark.parametrize("name", WITHOUT_TERMS)
@pytest.mark.parametrize("given", [{}, {"operator": "λλ1 0"}])
def test_a_log_without_terms_says_so_and_what_to_do(
    name: str, given: dict[str, str], copy: Copy
) -> None:
    path = copy(name)
    before = path.read_bytes()
    with pytest.raises(NothingToRunError, match=r"no lambda terms and no automaton .*`init PATH`"):
        Run(path, given)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_what_the_original_runner_left_behind_is_told_in_one_line(copy: Copy) -> None:
    result = CliRunner().invoke(command_line, [str(copy("automaton.jsonl"))])
    assert (result.exit_code, result.stdout) == (7, "")
    assert result.stderr.startswith("error: nothing to step: ")
    assert result.stderr.count("\n") == 1


def test_the_broken_line_of_the_canvas_is_named_kept_and_skipped(copy: Copy) -> None:
    path = copy("automaton.canvas.space.jsonl")
    genesis = path.read_bytes()
    with pytest.raises(NothingToRunError, match="--operator TERM"):
        Run(path, {})
    with Run(path, {"operator": "λλ1 0"}) as run:
        assert [number for number, _ in run.malformed.first] == [32]
        assert "unexpected end" in run.malformed.first[0][1]
        final = run.go(ticks=3, interval_ms=0)
    assert final.live > 3
    assert path.read_bytes().startswith(genesis)


# What they do, at 1,024 rounds.


def visited(commits: list[Members]) -> set[str]:
    """The automata in which the machine has been."""
    return {commit["state"]["automaton"] for commit in commits}


def test_the_kernel_gets_past_every_one_of_its_eight_automata(copy: Copy) -> None:
    path = copy(KERNEL)
    ran(path, 40, parallel=1024)
    commits = commits_in(path)
    assert visited(commits) == {f"{level}D-automaton" for level in range(8)}
    assert {commit["dimensionalLevel"] for commit in commits} == set(range(8))
    assert commits[-1]["state"]["counters"]["unknown"] == 0


def test_the_eight_actions_are_all_performed(copy: Copy) -> None:
    path = copy(EIGHT)
    performed: dict[str, int] = {}
    for _ in range(40):
        performed = ran(path, 50, parallel=1024).actions
        if all(performed.values()):
            break
    assert set(performed) == set(ACTIONS)
    assert all(performed.values())
    assert objects_in(path, "composition")
    assert objects_in(path, "observation")
    assert all(v["size"] > 0 for v in objects_in(path, "validation"))
    operators = {m["parents"][0] for m in objects_in(path, "modification")}
    assert operators == {f"{level}D-automaton" for level in range(8)}


@pytest.mark.slow
@pytest.mark.parametrize("name", [KERNEL, EIGHT])
def test_two_thousand_ticks_stay_alive_and_true(name: str, copy: Copy) -> None:
    path = copy(name)
    ran(path, 1000, parallel=1024)
    final = ran(path, 1000)
    assert final.tick == 2000
    assert final.live == 10_000
    assert final.distinct > 100
    assert final.outcomes["normal"] > final.candidates // 2
    with Log.open(path, write=False) as log:
        assert log.verify_chain().ok
        assert validate(log, 0, 2000)[2] > 0
    path.unlink()  # half a gigabyte
