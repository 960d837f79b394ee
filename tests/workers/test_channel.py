"""Messages between processes come whole, whatever their length; children end when they should."""

from __future__ import annotations

import os
import socket
from threading import Thread

import pytest

from automaton.workers.channel import PACKET, Channel
from automaton.workers.spawn import ChildProcess


@pytest.mark.parametrize("length", [1, PACKET - 1, PACKET, PACKET + 1, 5 * PACKET, 1 << 21])
def test_messages_of_any_length_come_whole_and_in_order(length: int) -> None:
    ours, theirs = Channel.pair()
    there = Channel(theirs)
    messages = [os.urandom(length), b"x", os.urandom(length)]

    def send_all() -> None:
        for message in messages:
            ours.send(message)

    sender = Thread(target=send_all)
    sender.start()
    assert [there.receive() for _ in messages] == messages
    sender.join()
    ours.close()
    assert there.receive() == b""
    there.close()


def test_what_has_come_of_a_message_is_kept_past_a_timeout() -> None:
    raw, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    there = Channel(theirs)
    there.wait_at_most(0.01)
    raw.send(b"\1first ")
    with pytest.raises(TimeoutError):
        there.receive()
    raw.send(b"\0second")
    assert there.receive() == b"first second"
    raw.close()
    there.close()


def test_a_descriptor_comes_with_its_message() -> None:
    ours, theirs = Channel.pair()
    there = Channel(theirs)
    end, other = os.pipe()
    ours.send(b"n" * (PACKET + 5), [other])
    os.close(other)
    assert len(there.receive()) == PACKET + 5
    (copy,) = there.descriptors
    os.write(copy, b"through")
    assert os.read(end, 7) == b"through"
    for descriptor in (copy, end):
        os.close(descriptor)
    ours.close()
    there.close()


def test_hanging_up_wakes_whoever_waits() -> None:
    ours, theirs = Channel.pair()
    said: list[bytes] = []
    waiter = Thread(target=lambda: said.append(ours.receive()))
    waiter.start()
    ours.hang_up()
    waiter.join()
    assert said == [b""]
    ours.close()
    theirs.close()


def test_a_child_ends_by_itself_when_its_parent_hangs_up() -> None:
    child = ChildProcess.start("automaton.workers.worker")
    assert child.end(patience=600.0) == 0
    assert child.end() == 0


def test_a_child_without_patience_is_killed() -> None:
    child = ChildProcess.start("pool_tasks")
    assert child.channel.receive() == b"ready"
    assert child.end() == -9


def test_a_child_can_be_nice() -> None:
    child = ChildProcess.start("pool_tasks", 7)
    assert child.channel.receive() == b"ready"
    assert os.getpriority(os.PRIO_PROCESS, child.pid) >= min(19, os.nice(0) + 7)
    child.end()
