"""Copies that follow islands over a real Redis server, whatever becomes of streams and readers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from island_cases import KEPT, digests, run_in_turn, small_archipelago, written_folder
from redis_servers import NEEDS_SERVER, Server, running_servers

from automaton.cli import command_line
from automaton.errors import DamagedError
from automaton.islands.carrier import SerialCarrier
from automaton.islands.carrier_choice import Reader, open_follower
from automaton.islands.copies import log_archive
from automaton.islands.copies.log_copy import Gain, piece_of
from automaton.islands.driver import Driver
from automaton.islands.exchange import Exchange
from automaton.islands.folder import Folder
from automaton.islands.island import EpochReport, HostOptions, Island
from automaton.islands.redis_store.redis_streams import RedisStreams
from automaton.islands.schedule import Schedule
from automaton.log import Log

pytestmark = NEEDS_SERVER
ME = Reader("archive", "me")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server."""
    with running_servers(tmp_path, 1) as found:
        yield found[0]


@pytest.fixture
def ran(tmp_path: Path) -> Folder:
    """Two islands that are four epochs old."""
    folder = written_folder(tmp_path / "ran", small_archipelago(2))
    run_in_turn(folder, 4, KEPT)
    return folder


def gains_of(folder: Folder, island: int) -> list[Gain]:
    """What an island's log gained, by epoch."""
    one = folder.archipelago
    with Log.open(folder.log(island), write=False) as log:
        epochs = range(one.epochs_done(len(log.commits)))
        return [Gain(island, epoch, piece_of(one, log, epoch)) for epoch in epochs]


def published(folder: Folder, server: Server) -> RedisStreams:
    """The servers, with all that the logs gained."""
    streams = RedisStreams(folder.archipelago.digest, [server.url])
    for island in range(folder.archipelago.count):
        for gain in gains_of(folder, island):
            streams.publish_gain(gain)
    return streams


def follow(into: Path, folder: Folder, streams: RedisStreams, until: int, who: Reader = ME) -> bool:
    """Keep copies of both islands up until they have so many epochs."""
    archive, follower = open_follower(into, folder, [0, 1], streams, who)
    try:
        return follower.go(until)
    finally:
        archive.close()


def pending(server: Server, folder: Folder, group: str = "archive") -> int:
    """Entries that were given to readers of a group and are not acknowledged."""
    keys = [f"automaton:{folder.archipelago.digest[:32]}:log:{k}" for k in (0, 1)]
    return sum(server.client.xpending(key, group)["pending"] for key in keys)


def copies(into: Path, folder: Folder) -> list[str]:
    """SHA-256 of the copies."""
    return digests(Folder(into, folder.archipelago))


def test_copies_have_the_bytes_of_the_logs_and_everything_is_acknowledged(
    tmp_path: Path, server: Server, ran: Folder
) -> None:
    streams = published(ran, server)
    assert follow(tmp_path / "copies", ran, streams, 3)
    assert follow(tmp_path / "copies", ran, streams, 4)
    assert copies(tmp_path / "copies", ran) == digests(ran)
    assert pending(server, ran) == 0
    streams.close()


def test_what_a_reader_was_given_and_never_acknowledged_is_taken_over(
    tmp_path: Path, server: Server, ran: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = published(ran, server)
    streams.logs.join("archive", [0, 1])
    assert len(streams.logs.read(Reader("archive", "dead"), [0, 1], 1)) == 8
    assert pending(server, ran) == 8
    monkeypatch.setattr(log_archive, "SILENT_MS", 0)
    assert follow(tmp_path / "copies", ran, streams, 4)
    assert copies(tmp_path / "copies", ran) == digests(ran)
    assert pending(server, ran) == 0
    streams.close()


def test_a_consumer_that_is_deleted_with_entries_pending_loses_none_of_them(
    tmp_path: Path, server: Server, ran: Folder
) -> None:
    streams = published(ran, server)
    streams.logs.join("archive", [0, 1])
    assert len(streams.logs.read(Reader("archive", "dead"), [0, 1], 1)) == 8
    for key in server.client.keys("*:log:*"):
        assert server.client.xgroup_delconsumer(key, "archive", "dead") == 4
    assert pending(server, ran) == 0  # they are nobody's any more, and will not be given again
    assert follow(tmp_path / "copies", ran, streams, 4)
    assert copies(tmp_path / "copies", ran) == digests(ran)
    streams.close()


def test_entries_come_in_any_order_and_more_than_once(
    tmp_path: Path, server: Server, ran: Folder
) -> None:
    streams = RedisStreams(ran.archipelago.digest, [server.url])
    for gain in [gain for k in (1, 0) for gain in reversed(gains_of(ran, k))] * 2:
        streams.publish_gain(gain)
    assert follow(tmp_path / "copies", ran, streams, 4)
    assert copies(tmp_path / "copies", ran) == digests(ran)
    streams.close()


class SendingIslands:
    """Islands of this process that go on, and send what they gain, until the end of the block."""

    def __init__(self, folder: Folder, server: Server, options: HostOptions) -> None:
        self._carrier = SerialCarrier(lambda number: Island(folder, number, options))
        self._streams = RedisStreams(folder.archipelago.digest, [server.url])
        schedule = Schedule(folder.archipelago, None, None)
        exchange = Exchange(schedule, self._streams, sends_logs=True)
        self._driver = Driver(schedule, self._carrier, exchange)
        self._pool = ThreadPoolExecutor()

    def __enter__(self) -> None:
        self._running = self._pool.submit(self._driver.go)

    def __exit__(self, *_: object) -> None:
        self._driver.stop()
        self._running.result()
        self._pool.shutdown()
        self._carrier.close()
        self._streams.close()


def are_of(into: Path, folder: Folder, turn: Folder, least: int) -> None:
    """Hold copies against islands run in turn: their beginning, of so many epochs at least."""
    for k in (0, 1):
        copy = Folder(into, folder.archipelago).log(k)
        with Log.open(copy, write=False) as log:
            done = folder.archipelago.epochs_done(len(log.commits))
        run_in_turn(turn, done, KEPT)
        assert done >= least
        assert turn.log(k).read_bytes().startswith(copy.read_bytes())


@pytest.mark.parametrize("command", ["FLUSHALL", "XTRIM * MAXLEN 0"])
def test_streams_that_are_wiped_or_trimmed_too_far_are_sent_again_to_who_follows(
    tmp_path: Path, server: Server, command: str
) -> None:
    one = small_archipelago(2)
    folder, into = written_folder(tmp_path / "a", one), tmp_path / "copies"
    streams = RedisStreams(one.digest, [server.url])
    archive, follower = open_follower(into, folder, [0, 1], streams, ME)
    with SendingIslands(folder, server, KEPT._replace(send=True)):
        assert follower.go(2)
        for key in server.client.keys("*:log:*"):
            words = (key if word == "*" else word for word in command.split())
            server.client.execute_command(*words)
        assert follower.go(max(archive.epochs(0), archive.epochs(1)) + 8)
    least = min(archive.epochs(0), archive.epochs(1))
    archive.close()
    streams.close()
    are_of(into, folder, written_folder(tmp_path / "turn", one), least)


def test_what_a_server_lost_is_sent_again_by_islands_that_are_at_their_goal_already(
    tmp_path: Path, server: Server, ran: Folder
) -> None:
    streams = RedisStreams(ran.archipelago.digest, [server.url])
    streams.logs.announce("archive", 0, 1)
    streams.logs.announce("archive", 1, 3)
    carrier = SerialCarrier(lambda number: Island(ran, number, KEPT._replace(send=True)))
    schedule = Schedule(ran.archipelago, None, 4)
    assert Driver(schedule, carrier, Exchange(schedule, streams, sends_logs=True)).go()
    carrier.close()
    assert [gain.epoch for gain in streams.logs.gains(0, 0)] == [1, 2, 3]
    assert [gain.epoch for gain in streams.logs.gains(1, 0)] == [3]
    streams.close()


def test_a_stream_is_trimmed_to_what_the_shared_place_and_every_group_have(
    tmp_path: Path, server: Server, ran: Folder
) -> None:
    streams = published(ran, server)
    schedule = Schedule(ran.archipelago, None, 4)
    exchange = Exchange(schedule, streams, sends_logs=True)

    def first_entry() -> int:
        return next(streams.logs.gains(0, 0)).epoch

    def reported(shared: int | None) -> None:
        report = EpochReport(0, 3, (), 20, b"", 0.0, 0, gains_of(ran, 0)[3].piece, shared)
        schedule.take(report)
        exchange.take(report)
        exchange.care()

    reported(None)
    assert first_entry() == 0  # nobody is known who has it
    streams.logs.announce("archive", 0, 2)
    streams.logs.announce("figures", 0, 1)
    reported(None)
    assert first_entry() == 1
    streams.logs.announce("figures", 0, 3)
    reported(1)
    assert first_entry() == 1  # the shared place lacks it
    reported(3)
    assert first_entry() == 2
    streams.logs.leave("archive", [0])
    reported(4)
    assert first_entry() == 3
    streams.close()


def test_the_command_follows_and_says_how_far(tmp_path: Path, server: Server, ran: Folder) -> None:
    published(ran, server).close()
    command = ["islands", "follow", str(ran.path), "--transport", server.url]
    into = tmp_path / "copies"
    told = CliRunner().invoke(command_line, [*command, "--into", str(into), "--to", "4", "--json"])
    assert json.loads(told.stdout) == {"islands": [0, 1], "epochs": [4, 4], "finished": True}
    assert copies(into, ran) == digests(ran)
    told = CliRunner().invoke(command_line, ["islands", "stats", str(into), "--json"])
    assert [row["epoch"] for row in json.loads(told.stdout)["islands"]] == [4, 4]
    told = CliRunner().invoke(command_line, [*command, "--into", str(into), "--leave"])
    assert "nothing is kept for group archive" in told.stdout
    assert server.client.keys("*:readers:*") == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--transport", "direct", "--into", "x"), "give the servers"),
        (("--transport", "redis://h:x", "--into", "x"), "--transport redis://h:x"),
        (("--transport", "SERVER", "--into", "DIR"), "where the islands run"),
        (("--transport", "SERVER", "--into", "OTHER"), "another archipelago"),
    ],
)
def test_what_cannot_be_followed_is_one_line(
    tmp_path: Path, server: Server, ran: Folder, more: tuple[str, ...], said: str
) -> None:
    other = written_folder(tmp_path / "other", small_archipelago(2, seed=8))
    named = {"SERVER": server.url, "DIR": str(ran.path), "OTHER": str(other.path)}
    words = [named.get(word, word) for word in more]
    result = CliRunner().invoke(command_line, ["islands", "follow", str(ran.path), *words])
    assert result.exit_code == 2
    assert said in result.stderr


def test_what_is_not_the_logs_is_an_error_that_leaves_the_copy_whole(
    tmp_path: Path, server: Server, ran: Folder
) -> None:
    streams = RedisStreams(ran.archipelago.digest, [server.url])
    for gain in gains_of(ran, 1):
        forged = gain.piece.data.replace(b'"outcomes"', b'"outcomez"')
        piece = gain.piece._replace(data=forged) if gain.epoch == 3 else gain.piece
        streams.publish_gain(gain._replace(piece=piece))
    with pytest.raises(DamagedError, match="island 1, epoch 3"):
        follow(tmp_path / "copies", ran, streams, 4)
    with Log.open(Folder(tmp_path / "copies", ran.archipelago).log(1), write=False) as log:
        assert (len(log.commits), log.tail_bytes) == (15, 0)
    streams.close()
