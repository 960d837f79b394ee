"""Archipelagos run in turn: what their logs hold, and that pieces add up to the whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from island_cases import digests, run_in_turn, small_archipelago, written_folder
from small import objects_in, ran, term, written

from automaton.errors import UsageError
from automaton.islands.folder import Folder
from automaton.islands.island import ASK, Island, Task
from automaton.log import AuditedLog
from automaton.run import Run
from automaton.verify import VerifyRequest, verify


@pytest.mark.parametrize(
    ("topology", "delay", "streams"), [("ring", 0, "none"), ("complete", 1, "all")]
)
def test_epochs_in_one_run_and_in_several_give_the_same_logs(
    tmp_path: Path, topology: str, delay: int, streams: str
) -> None:
    one = small_archipelago(3, topology, delay=delay, options={"streams": streams})
    whole = written_folder(tmp_path / "a", one)
    run_in_turn(whole, 4)
    pieces = written_folder(tmp_path / "b", one)
    for until in (1, 3, 4):
        run_in_turn(pieces, until)
    assert digests(whole) == digests(pieces)


@pytest.mark.parametrize(
    ("streams", "golden"),
    [
        ("none", "342c56f8de3afa871031baf4030de5e5a3a7cde5f77f8be6f4988404cb67ead3"),
        ("all", "f2f3b1d3bca6f3548a14c20b5d36efaf08f61a534610ee40aac5f3396aab1e69"),
    ],
)
def test_the_bytes_of_an_archipelago_are_those_of_earlier_versions(
    tmp_path: Path, streams: str, golden: str
) -> None:
    one = small_archipelago(3, "complete", options={"streams": streams}, migrants=4)
    folder = written_folder(tmp_path / "a", one)
    run_in_turn(folder, 6)
    assert hashlib.sha256("".join(digests(folder)).encode()).hexdigest() == golden


def test_migrants_arrive_at_their_tick_by_source_and_rank_and_live_there(tmp_path: Path) -> None:
    one = small_archipelago(3, "complete", delay=1)
    folder = written_folder(tmp_path / "a", one)
    run_in_turn(folder, 4)
    with AuditedLog.open(folder.log(1)) as log:
        ticks = [log.commits.tick_of_line(line) for line, _, name in log.named_lines()
                 if name is not None and name.startswith("island:")]  # fmt: skip
    assert ticks == [11] * 4 + [16] * 4  # epochs 0 and 1 of two islands, two migrants each
    found = objects_in(folder.log(1), "migrant")
    assert [(m["island"], m["rank"]) for m in found] == [(0, 0), (0, 1), (2, 0), (2, 1)] * 2
    parents = {parent for m in objects_in(folder.log(1), "modification") for parent in m["parents"]}
    assert parents & {m["id"] for m in found}


def test_every_islands_log_is_true_by_itself(tmp_path: Path) -> None:
    folder = written_folder(tmp_path / "a", small_archipelago())
    run_in_turn(folder, 3)
    for path in folder.logs:
        with AuditedLog.open(path) as log:
            assert verify(log, VerifyRequest(workers=1)).ok


def test_a_log_that_runs_alone_says_nothing_of_islands(tmp_path: Path) -> None:
    path = written(tmp_path / "alone.jsonl", [term("I", "λx.x"), term("K", "λx.λy.x")])
    ran(path, 2, operator="λλ1 0")
    assert b"archipelago" not in path.read_bytes()
    assert b"island" not in path.read_bytes()


def test_an_island_is_appended_to_by_its_own_archipelago_alone(tmp_path: Path) -> None:
    one, other = small_archipelago(), small_archipelago(seed=8)
    folder = written_folder(tmp_path / "a", one)
    run_in_turn(folder, 1)
    before = digests(folder)
    with pytest.raises(UsageError, match=r"island 0 of an archipelago.*islands run"):
        Run(folder.log(0))
    with pytest.raises(UsageError, match="never mixed"):
        Island(Folder(folder.path, other), 0).perform(Task(0, ASK))
    folder.log(0).rename(tmp_path / "kept")
    folder.log(1).rename(folder.log(0))
    with pytest.raises(UsageError, match="is island 1 of"):
        Island(folder, 0).perform(Task(0, ASK))
    folder.log(0).rename(folder.log(1))
    (tmp_path / "kept").rename(folder.log(0))
    assert digests(folder) == before


def test_a_log_that_ran_alone_is_no_island(tmp_path: Path) -> None:
    one = small_archipelago()
    folder = written_folder(tmp_path / "a", one)
    ran(folder.log(0), 1)
    with pytest.raises(UsageError, match="was run alone"):
        Island(folder, 0).perform(Task(0, ASK))


def test_an_island_whose_arrivals_were_not_collected_says_how_far_it_is(tmp_path: Path) -> None:
    one = small_archipelago(1)
    folder = written_folder(tmp_path / "a", one)
    island = Island(folder, 0)
    reports = [island.perform(Task(0, epoch, inbound)) for epoch, inbound in
               [(0, None), (1, ()), (0, ()), (1, None)]]  # fmt: skip
    island.close()
    assert [(r.epoch, r.tick) for r in reports if r] == [(ASK, 0), (ASK, 0), (0, 5), (ASK, 5)]
