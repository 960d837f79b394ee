"""What is wrong between logs is found and named, though each is true by itself."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from island_cases import QUICK, run_in_turn, small_archipelago, written_folder
from small import ran

from automaton.errors import FileError
from automaton.islands.cross_verification import CrossFault, cross_verify, head_of_heads
from automaton.islands.folder import Folder
from automaton.islands.island import Island, Task
from automaton.islands.verification_process import verify_logs
from automaton.log import AuditedLog
from automaton.verify import VerifyRequest, verify


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Three islands in a ring after four epochs."""
    folder = written_folder(tmp_path_factory.mktemp("sound") / "a", small_archipelago())
    run_in_turn(folder, 4)
    return folder


@pytest.fixture
def folder(sound: Folder, tmp_path: Path) -> Folder:
    """A copy of it, to be altered."""
    shutil.copytree(sound.path, tmp_path / "copy")
    return sound._replace(path=tmp_path / "copy")


def faults(folder: Folder) -> list[CrossFault]:
    """What does not fit."""
    return cross_verify(folder, (), lambda *_: None)[0]


def remove(log: Path) -> None:
    """A log and all that stands beside it."""
    for path in log.parent.glob(f"{log.name}*"):
        path.unlink()


def advanced(folder: Folder, island: int, arrivals: list[list[bytes]]) -> None:
    """Write an island's log anew, with these lines at the beginning of each epoch."""
    genesis = folder.log(island).read_bytes()[: folder.archipelago.genesis.bytes]
    remove(folder.log(island))
    folder.log(island).write_bytes(genesis)
    one = Island(folder, island, QUICK)
    for epoch, lines in enumerate(arrivals):
        one.perform(Task(island, epoch, tuple(lines)))
    one.close()
    with AuditedLog.open(folder.log(island)) as log:
        assert verify(log, VerifyRequest(workers=1)).ok  # by itself nothing is wrong with it


def received(folder: Folder, island: int) -> list[list[bytes]]:
    """The migrants' lines of a log, by epoch."""
    found: list[list[bytes]] = [[] for _ in range(4)]
    with AuditedLog.open(folder.log(island)) as log:
        for number, _, name in log.named_lines():
            if name is not None and name.startswith("island:"):
                epoch = folder.archipelago.epoch_of(log.commits.tick_of_line(number))
                found[epoch].append(log.line(number) + b"\n")
    return found


def test_logs_that_fit_have_no_faults_and_every_migrant_is_looked_up(sound: Folder) -> None:
    found, migrants = cross_verify(sound, (), lambda *_: None)
    assert found == []
    assert migrants == 3 * 3 * 2  # islands, epochs with arrivals, migrants


def test_logs_that_leave_winners_out_are_held_against_each_other_all_the_same(
    tmp_path: Path,
) -> None:
    folder = written_folder(tmp_path / "a", small_archipelago())
    for until in (1, 3):  # the second time emigrants are computed again, to be sent
        run_in_turn(folder, until, QUICK._replace(record="commits"))
    assert b'"type":"modification"' not in folder.log(0).read_bytes()
    assert cross_verify(folder, (), lambda *_: None) == ([], 3 * 2 * 2)


def test_the_head_of_heads_is_the_hash_of_the_heads_in_their_order(sound: Folder) -> None:
    heads = []
    for path in sound.logs:
        with AuditedLog.open(path) as log:
            heads.append(log.head)
    assert head_of_heads(heads) == hashlib.sha256(b"".join(heads)).digest()
    assert head_of_heads(heads) != head_of_heads(heads[::-1])


def test_a_forged_migrant_is_found_though_the_log_that_took_it_is_true(folder: Folder) -> None:
    arrivals = received(folder, 1)
    members = json.loads(arrivals[2][1])
    members["term"] = "λ0"
    forged = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    advanced(folder, 1, [arrivals[0], arrivals[1], [arrivals[2][0], forged]])
    first = faults(folder)[0]
    assert (first.island, first.epoch, first.source) == (1, 2, 0)
    assert first.found.endswith('"term":"λ0"}')
    assert not first.expected.endswith('"term":"λ0"}')


def test_a_migrant_that_was_left_out_and_one_too_many_are_found(folder: Folder) -> None:
    arrivals = received(folder, 1)
    advanced(folder, 1, [arrivals[0], arrivals[1][:1], [*arrivals[2], arrivals[1][1]]])
    found = [fault for fault in faults(folder) if fault.island == 1]
    assert [(fault.epoch, fault.found == "nothing") for fault in found] == [(1, True), (2, False)]
    assert found[1].expected == "nothing"


def test_migrants_in_another_order_are_found(folder: Folder) -> None:
    arrivals = received(folder, 1)
    advanced(folder, 1, [arrivals[0], arrivals[1][::-1]])
    assert [(f.island, f.epoch) for f in faults(folder) if f.island == 1] == [(1, 1)]


def test_migrants_at_a_tick_at_which_none_arrive_are_found(folder: Folder) -> None:
    arrivals = received(folder, 1)
    advanced(folder, 1, [arrivals[1]])
    first = faults(folder)[0]
    assert (first.island, first.epoch, first.expected) == (1, 0, "no migrant at tick 1")


def test_a_log_exchanged_for_another_true_one_is_named_by_its_neighbours(folder: Folder) -> None:
    arrivals = received(folder, 0)
    other = b'{"id":"extra","type":"text","term":"\xce\xbb0"}\n'
    advanced(folder, 0, [[other], *arrivals[1:]])  # a history of its own, from the first tick on
    found = faults(folder)
    assert (found[0].island, found[0].epoch, found[0].source) == (1, 1, 0)
    assert {fault.source for fault in found} == {0}


def test_the_log_of_another_island_is_named_as_such(folder: Folder) -> None:
    remove(folder.log(2))
    for path in folder.path.glob("island-1.jsonl*"):
        shutil.copy(path, folder.path / path.name.replace("island-1", "island-2"))
    found = faults(folder)
    assert (found[0].island, found[0].found) == (2, "the log of island 1")
    assert {fault.island for fault in found} == {2}


def test_logs_of_other_archipelagos_and_of_none_are_named_as_such(
    folder: Folder, tmp_path: Path
) -> None:
    other = written_folder(tmp_path / "other", small_archipelago(seed=8))
    run_in_turn(other, 1)
    remove(folder.log(0))
    shutil.copy(other.log(0), folder.log(0))
    genesis = folder.log(1).read_bytes()[: folder.archipelago.genesis.bytes]
    remove(folder.log(1))
    folder.log(1).write_bytes(genesis)
    ran(folder.log(1), 2)
    remove(folder.log(2))
    folder.log(2).write_bytes(b'{"id":"a"}\n')
    found = faults(folder)
    assert [fault.island for fault in found] == [0, 1, 2]
    assert other.archipelago.digest in found[0].found
    assert found[1].found == "a log that ran alone"
    assert "genesis" in found[2].expected


def test_an_older_copy_of_a_sources_log_is_named(folder: Folder, sound: Folder) -> None:
    arrivals = received(folder, 0)
    advanced(folder, 0, arrivals[:2])
    found = faults(folder)
    assert found[0].source == 0
    assert "older copy" in found[0].found


def test_logs_are_verified_by_themselves_in_processes(folder: Folder) -> None:
    raw = bytearray(folder.log(1).read_bytes())
    raw[len(raw) // 2] ^= 1
    folder.log(1).write_bytes(raw)
    verdicts = verify_logs(folder.logs, VerifyRequest(), 2)
    assert [verdicts[k]["exit_code"] for k in range(3)] == [0, 1, 0]
    assert verdicts[1]["first_bad"]["tick"] > 0
    divided = verify_logs(folder.logs[1:2], VerifyRequest(), 2)[0]  # two ranges of one log
    for name in ("exit_code", "first_bad", "head", "replayed"):
        assert divided[name] == verdicts[1][name]
    folder.log(1).unlink()
    with pytest.raises(FileError, match=r"island-1\.jsonl"):
        verify_logs(folder.logs, VerifyRequest(), 1)
