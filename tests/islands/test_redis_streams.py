"""Islands of several places over real Redis servers, which lose what they can lose."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from island_cases import (
    QUICK,
    digests,
    run_in_turn,
    small_archipelago,
    written_folder,
)
from redis_servers import NEEDS_SERVER, Server, running_servers

from automaton.cli import command_line
from automaton.errors import UsageError, WorkerError
from automaton.islands.archipelago import Archipelago
from automaton.islands.carrier import SerialCarrier
from automaton.islands.driver import Driver
from automaton.islands.exchange import Exchange
from automaton.islands.folder import Folder
from automaton.islands.island import Island, Task
from automaton.islands.redis_store.redis_server import parse_servers, server_name
from automaton.islands.redis_store.redis_streams import RedisStreams
from automaton.islands.schedule import Schedule

pytestmark = NEEDS_SERVER


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Server]]:
    """Two servers."""
    with running_servers(tmp_path, 2) as found:
        yield found


class Places:
    """An archipelago in several places, each with a folder of its own."""

    def __init__(self, tmp_path: Path, one: Archipelago, shares: list[list[int]]) -> None:
        self.one, self.shares = one, shares
        self.folders = [
            written_folder(tmp_path / f"place{k}", one) for k in range(len(shares))
        ]  # fmt: skip
        self.turn = written_folder(tmp_path / "turn", one)
        self.said: list[str] = []

    def run(self, urls: list[str], until: int, trouble: Callable[[], None] | None = None) -> None:
        """Take all to so many epochs; after some epochs of the first place comes trouble."""
        with ThreadPoolExecutor() as pool:
            left = [trouble, *[None] * (len(self.shares) - 1)]
            running = [pool.submit(self._go, k, urls, until, left[k])
                       for k in range(len(self.shares))]  # fmt: skip
            assert all(each.result() for each in running)

    def _go(
        self, place: int, urls: list[str], until: int, trouble: Callable[[], None] | None
    ) -> bool:
        folder = self.folders[place]
        carrier = SerialCarrier(lambda number: Island(folder, number, QUICK))
        wait, reports = carrier.wait, 0

        def wait_with_trouble(seconds: float) -> object:
            nonlocal reports, trouble
            found = wait(seconds)
            reports += len(found)
            if trouble is not None and reports >= 3 * len(self.shares[place]):
                trouble()
                trouble = None
            return found

        carrier.wait = wait_with_trouble  # type: ignore[method-assign,assignment]
        streams = RedisStreams(self.one.digest, urls)
        schedule = Schedule(self.one, None, until, self.shares[place])
        try:
            driver = Driver(schedule, carrier, Exchange(schedule, streams), say=self.said.append)
            return driver.go()
        finally:
            carrier.close()
            streams.close()

    def hold_against_the_oracle(self, until: int) -> None:
        """Compare every island's log, where it ran, with the one that was run in turn."""
        run_in_turn(self.turn, until)
        wanted = digests(self.turn)
        for folder, share in zip(self.folders, self.shares, strict=True):
            found = digests(folder)
            assert [found[k] for k in share] == [wanted[k] for k in share]


@pytest.mark.parametrize(
    ("topology", "delay"), [("ring", 0), ("complete", 1), pytest.param("star", 0)]
)
def test_places_over_redis_give_the_bytes_of_islands_run_in_turn(
    tmp_path: Path, servers: list[Server], topology: str, delay: int
) -> None:
    one = small_archipelago(4, topology, delay=delay, options={"streams": "all"})
    places = Places(tmp_path, one, [[0, 3], [1, 2]])
    urls = [server.url for server in servers]
    places.run(urls, 3)
    places.run(urls, 5)
    places.hold_against_the_oracle(5)


def test_an_island_that_runs_in_two_places_has_the_same_bytes_in_both(
    tmp_path: Path, servers: list[Server]
) -> None:
    places = Places(tmp_path, small_archipelago(3), [[0, 1], [1, 2]])
    places.run([servers[0].url], 5)
    places.hold_against_the_oracle(5)


def test_a_server_that_is_killed_and_comes_back_changes_no_byte(
    tmp_path: Path, servers: list[Server]
) -> None:
    places = Places(tmp_path, small_archipelago(3), [[0], [1, 2]])

    def trouble() -> None:
        servers[1].kill()
        servers[1].start()

    places.run([server.url for server in servers], 8, trouble)
    places.hold_against_the_oracle(8)


def test_servers_that_lose_all_that_they_held_change_no_byte(
    tmp_path: Path, servers: list[Server]
) -> None:
    places = Places(tmp_path, small_archipelago(3, delay=1), [[0], [1, 2]])

    def trouble() -> None:
        for server in servers:
            server.kill()
            server.lose_data()
            server.start()

    places.run([server.url for server in servers], 8, trouble)
    places.hold_against_the_oracle(8)


@pytest.mark.parametrize("command", [("FLUSHALL",), ("XTRIM", "*", "MAXLEN", "0")])
def test_streams_that_are_wiped_or_trimmed_too_far_are_published_again(
    tmp_path: Path, servers: list[Server], command: tuple[str, ...]
) -> None:
    places = Places(tmp_path, small_archipelago(3), [[0], [1, 2]])

    def trouble() -> None:
        for key in servers[0].client.keys("*:island:*"):
            servers[0].client.execute_command(*(key if word == "*" else word for word in command))

    places.run([servers[0].url], 8, trouble)
    places.hold_against_the_oracle(8)


def test_a_place_that_begins_late_is_brought_what_others_did_before(
    tmp_path: Path, servers: list[Server]
) -> None:
    one = small_archipelago(2, "ring", delay=2)
    places = Places(tmp_path, one, [[0], [1]])
    ahead = Island(places.folders[0], 0, QUICK)
    for epoch in range(3):  # with the delay, nobody is needed for three epochs
        ahead.perform(Task(0, epoch, ()))
    ahead.close()
    places.run([servers[0].url], 6)
    places.hold_against_the_oracle(6)


def test_streams_are_trimmed_to_what_somebody_may_still_need(
    tmp_path: Path, servers: list[Server]
) -> None:
    streams = RedisStreams("d" * 64, [servers[0].url])
    for epoch in range(6):
        streams.publish(0, epoch, ())
    assert streams.needed(0, [1, 2]) is None
    streams.announce({(1, 0): 4, (2, 0): 3})
    assert streams.needed(0, [1]) == 4
    assert streams.needed(0, [1, 2]) == 3
    assert streams.needed(0, [1, 2, 3]) is None
    streams.forget(0, 3)
    assert streams.fetch([(0, epoch) for epoch in range(7)]).keys() == {(0, 3), (0, 4), (0, 5)}
    assert streams.missing(0, range(2, 8)) == [2, 6, 7]
    streams.close()


def test_an_entry_is_added_once_and_also_below_later_ones(
    tmp_path: Path, servers: list[Server]
) -> None:
    head = b'{"id":"island:0:m1.0","type":"migrant","island":0,"tick":1,"winner":"m1.0",'
    line = head + b'"rank":0,"chain":"00","term":"x"}\n'
    streams = RedisStreams("d" * 64, [servers[0].url])
    streams.publish(0, 5, (line, line))
    streams.publish(0, 5, (line, line))
    streams.publish(0, 3, (line,))
    streams.publish(0, 4, ())
    found = streams.fetch([(0, epoch) for epoch in range(6)])
    assert found == {(0, 3): (line,), (0, 4): (), (0, 5): (line, line)}
    streams.close()


def test_entries_of_somebody_else_are_passed_over_and_said_once(
    tmp_path: Path, servers: list[Server]
) -> None:
    streams = RedisStreams("d" * 64, [servers[0].url])
    key = f"automaton:{'d' * 32}:island:0"
    servers[0].client.xadd(key, {"lines": b"not a migrant\n"}, "1-1")
    servers[0].client.xadd(key, {"other": b""}, "2-1")
    assert streams.fetch([(0, 1), (0, 2)]) == {}
    assert len(streams.notices()) == 1
    assert streams.missing(0, range(1, 4)) == [1, 2, 3]
    streams.publish(0, 1, ())  # where somebody else's entry stands
    assert streams.fetch([(0, 1)]) == {(0, 1): ()}
    servers[0].client.set(f"automaton:{'d' * 32}:island:1", "no stream")
    assert streams.fetch([(1, 1)]) == {}
    assert streams.notices() == []
    streams.publish(1, 1, ())
    assert "refuses what leaves island 1" in streams.notices()[0]
    assert streams.missing(1, range(2)) == []
    streams.close()


def test_a_server_that_cannot_be_had_is_an_error_that_says_how_to_start_one() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(WorkerError, match=f"127.0.0.1:{port} does not answer.*redis-server"):
        RedisStreams("d" * 64, [f"redis://127.0.0.1:{port}"])


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    server = Server(tmp_path / "redis", "--requirepass", "right")
    try:
        RedisStreams("d" * 64, [f"redis://:right@127.0.0.1:{server.port}"]).close()
        with pytest.raises(UsageError, match="refuses") as caught:
            RedisStreams("d" * 64, [f"redis://:secret@127.0.0.1:{server.port}"])
        assert "secret" not in str(caught.value)
        with pytest.raises(UsageError):
            RedisStreams("d" * 64, [server.url])
    finally:
        server.kill()


def test_addresses_are_shown_without_user_and_password() -> None:
    assert server_name("rediss://me:secret@host:1/2") == "rediss://host:1/2"
    assert parse_servers("redis://a, rediss://b:1") == ["redis://a", "rediss://b:1"]
    with pytest.raises(UsageError, match="give direct, or redis://HOST:PORT"):
        parse_servers("redis://a,http://b")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--only", "0"), "needs --transport"),
        (("--send-logs",), "needs --transport"),
        (("--only", "0-9", "--to", "1", "--transport", "redis://h"), "from 0 to 2"),
        (("--only", "x", "--to", "1", "--transport", "redis://h"), "as in 0-3,7"),
        (("--to", "1", "--transport", "http://h"), "give direct"),
    ],
)
def test_options_that_cannot_be_meant_are_one_line(
    tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    folder: Folder = written_folder(tmp_path / "a", small_archipelago())
    result = CliRunner().invoke(command_line, ["islands", "run", str(folder.path), *more])
    assert result.exit_code == 2
    assert said in result.stderr
