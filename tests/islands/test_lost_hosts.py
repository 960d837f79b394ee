"""Hosts that are lost with their disk: what they did goes on elsewhere, with the same bytes."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from island_cases import KEPT, QUICK, digests, run_in_turn, small_archipelago, written_folder
from redis_servers import NEEDS_SERVER, Server, running_over, running_servers

from automaton.errors import FileError, UsageError
from automaton.islands.archipelago import Archipelago
from automaton.islands.carrier_choice import open_shared, restore
from automaton.islands.copies.log_copy import Gain, LogCopy, piece_of
from automaton.islands.copies.shared_place import SharedPlace
from automaton.islands.folder import Folder
from automaton.islands.island import Island, Task
from automaton.islands.redis_store.redis_streams import RedisStreams
from automaton.log import Log

Place = subprocess.Popen[bytes]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server."""
    with running_servers(tmp_path, 1) as found:
        yield found[0]


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def started(folder: Path, only: str, to: int, server: Server, *more: str) -> Place:
    """A place of its own, whose logs travel."""
    command = [sys.executable, "-m", "automaton", "islands", "run", str(folder), "--only", only]
    return subprocess.Popen(
        [*command, "--to", str(to), "--transport", server.url, "--record", "commits",
         "--send-logs", "--on", "here", "--min-free-disk", "0", *more],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def undisturbed(path: Path, one: Archipelago, until: int) -> list[str]:
    """SHA-256 of the logs of islands that nothing happened to."""
    folder = written_folder(path, one)
    run_in_turn(folder, until, KEPT)
    return digests(folder)


def commits(log: Path) -> int:
    """Commits that stand in a log, or nothing yet."""
    return log.read_bytes().count(b'"type":"commit"') if log.exists() else 0


@NEEDS_SERVER
@pytest.mark.slow
@pytest.mark.parametrize("losses", [1, pytest.param(4, marks=pytest.mark.exhaustive)])
def test_hosts_that_are_lost_with_their_disks_are_replaced_by_empty_folders(
    tmp_path: Path, server: Server, losses: int
) -> None:
    one, until, rng = small_archipelago(2, delay=1), 40 * losses, random.Random(3)
    other, shared = written_folder(tmp_path / "other", one), tmp_path / "shared"
    SharedPlace(shared, one).prepare(other)
    more = ("--shared", str(shared), "--shared-every", "2")
    sending = KEPT._replace(send=True, shared=str(shared), shared_every=2)
    with running_over(server.url, other, [1], until, list[str](), sending) as neighbour:
        for number in range(losses):
            lost = tmp_path / f"lost{number}"
            with started(lost, "0", until, server, *more) as victim:
                log, begun, more_ticks = lost / "island-0.jsonl", -1, rng.randrange(1, 9)
                while begun < 0 or commits(log) < begun + more_ticks:
                    begun = commits(log) if begun < 0 and log.exists() else begun
                    assert victim.poll() is None
                while not server.client.keys("*:log:0"):
                    assert victim.poll() is None
                victim.send_signal(signal.SIGKILL)
                victim.wait()
            shutil.rmtree(lost)
        empty = tmp_path / "elsewhere"
        with started(empty, "0", until, server, *more) as replacement:
            _, said = replacement.communicate()
        assert replacement.returncode == 0, said
        assert b"island 0 goes on from tick" in said
        assert neighbour.result()
    wanted = undisturbed(tmp_path / "turn", one, until)
    assert [digest(empty / "island-0.jsonl"), digest(other.log(1))] == wanted
    assert digests(Folder(shared, one)) == wanted


def ran_alone(tmp_path: Path, one: Archipelago, epochs: int) -> tuple[Folder, bytes]:
    """A folder whose island 0 ran, and its log's bytes."""
    folder = written_folder(tmp_path / "ran", one)
    run_in_turn(folder, epochs, KEPT)
    return folder, folder.log(0).read_bytes()


def test_a_copy_takes_pieces_in_order_once_and_none_that_its_chain_does_not_go_on_with(
    tmp_path: Path,
) -> None:
    one = small_archipelago(1)
    folder, whole = ran_alone(tmp_path, one, 4)
    with Log.open(folder.log(0), write=False) as log:
        pieces = [piece_of(one, log, epoch) for epoch in range(4)]
    path = tmp_path / "copy.jsonl"
    path.write_bytes(whole[: one.genesis.bytes])
    copy = LogCopy(path)
    assert not copy.add(pieces[1])  # a gap
    assert copy.add(pieces[0])
    assert copy.add(pieces[0])
    forged = pieces[1]._replace(data=pieces[1].data.replace(b'"steps":', b'"stepz":'))
    assert not copy.add(forged)
    assert not copy.add(pieces[1]._replace(data=pieces[1].data[:-1]))  # no whole commit
    joined = pieces[1]._replace(data=pieces[1].data + pieces[2].data)
    assert copy.add(joined)
    assert copy.tick == one.last_tick(2)
    copy.sync()
    copy.close()
    with path.open("ab") as file:
        file.write(pieces[3].data[:-7])  # as a crash leaves it
    copy = LogCopy(path)
    assert copy.tick == one.last_tick(3) - 1
    assert copy.add(pieces[3])
    copy.close()
    assert path.read_bytes() == whole


@NEEDS_SERVER
def test_a_log_is_brought_back_from_its_stream_alone_up_to_what_is_not_its_own(
    tmp_path: Path, server: Server
) -> None:
    one = small_archipelago(1)
    folder, whole = ran_alone(tmp_path, one, 3)
    streams = RedisStreams(one.digest, [server.url])
    with Log.open(folder.log(0), write=False) as log:
        pieces = [piece_of(one, log, epoch) for epoch in range(3)]
    for epoch, piece in enumerate(pieces):
        streams.publish_gain(Gain(0, epoch, piece))
    again = written_folder(tmp_path / "again", one)
    said = restore(again, [0], None, streams)
    assert said == [
        "island 0 goes on from tick 15: 0 from the shared place, 15 more from its stream"
    ]
    assert again.log(0).read_bytes() == whole
    assert restore(again, [0], None, streams) == []  # a log that has ticks stays as it is
    key = f"automaton:{one.digest[:32]}:log:0"
    forged = pieces[2]._replace(data=pieces[2].data.replace(b'"outcomes"', b'"outcomez"'))
    server.client.xdel(key, "2-1")
    server.client.xadd(key, {"at": forged.at, "bytes": forged.data}, "3-1")
    third = written_folder(tmp_path / "third", one)
    restore(third, [0], None, streams)
    streams.close()
    with Log.open(third.log(0), write=False) as log:
        assert (len(log.commits), log.tail_bytes) == (10, 0)
    run_in_turn(third, 3, KEPT)
    assert third.log(0).read_bytes() == whole


def test_a_folder_without_logs_says_what_is_needed(tmp_path: Path) -> None:
    one = small_archipelago(2)
    folder = written_folder(tmp_path / "a", one)
    folder.log(0).unlink()
    with pytest.raises(FileError, match=r"island-0\.jsonl is not there: bring a copy.*--shared"):
        Island(folder, 0, KEPT).perform(Task(0, 0, ()))
    folder.log(1).unlink()
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(FileError, match=r"islands init.*--shared"):
        restore(folder, [0, 1], tmp_path / "nowhere", None)


def test_an_empty_folder_is_begun_by_the_shared_place_and_computes_the_same_logs(
    tmp_path: Path,
) -> None:
    one = small_archipelago(2)
    first, shared = written_folder(tmp_path / "a", one), tmp_path / "shared"
    assert open_shared(first.path, shared) == first
    run_in_turn(first, 4, KEPT._replace(shared=str(shared), shared_every=3))
    elsewhere = open_shared(tmp_path / "b", shared)
    said = restore(elsewhere, [0, 1], shared, None)
    assert (
        said[0] == "island 0 goes on from tick 15: 15 from the shared place, 0 more from its stream"
    )
    run_in_turn(elsewhere, 4, KEPT)
    assert digests(elsewhere) == digests(first) == undisturbed(tmp_path / "turn", one, 4)
    elsewhere.log(1).unlink()  # as where an island moves to a host that never had it
    island = Island(elsewhere, 1, KEPT._replace(shared=str(shared)))
    assert island.run.tick == 15
    island.close()
    other = written_folder(tmp_path / "c", small_archipelago(2, seed=8))
    with pytest.raises(UsageError, match="holds another archipelago"):
        open_shared(other.path, shared)


def test_hosts_that_begin_a_shared_place_at_the_same_time_all_find_it_whole(
    tmp_path: Path,
) -> None:
    one = small_archipelago(2)
    folder, shared = written_folder(tmp_path / "a", one), tmp_path / "shared"
    with ThreadPoolExecutor(8) as pool:
        for place in [pool.submit(SharedPlace(shared, one).prepare, folder) for _ in range(32)]:
            place.result()
    assert (shared / "islands.jsonl").read_bytes() == one.lines
    assert (shared / "genesis.jsonl").read_bytes() == folder.log(0).read_bytes()


def test_a_shared_place_that_takes_nothing_stops_no_island(tmp_path: Path) -> None:
    one = small_archipelago(1)
    folder, shared = written_folder(tmp_path / "a", one), tmp_path / "shared"
    SharedPlace(shared, one).prepare(folder)
    (shared / "island-0.jsonl").mkdir()
    island = Island(folder, 0, KEPT._replace(shared=str(shared), shared_every=1))
    for epoch in range(2):
        report = island.perform(Task(0, epoch, ()))
        assert report is not None
        assert report.epoch == epoch
    assert [text for text in island.notices if "takes no copy" in text] == island.notices
    assert len(island.notices) == 1
    island.close()


def test_islands_with_segments_have_the_bytes_of_islands_without(tmp_path: Path) -> None:
    one = small_archipelago(2, options={"streams": "all"})
    plain, sealed = written_folder(tmp_path / "a", one), written_folder(tmp_path / "b", one)
    run_in_turn(plain, 6)
    run_in_turn(sealed, 3, QUICK._replace(segment_bytes=2000))
    run_in_turn(sealed, 6, QUICK._replace(segment_bytes=2000))
    with (
        Log.open(plain.log(0), write=False) as one_file,
        Log.open(sealed.log(0), write=False) as log,
    ):
        assert log.segments
        assert log.head == one_file.head
        whole = b"".join(log.blocks(0, log.size))
        assert whole == plain.log(0).read_bytes()
