"""Messages between a program and its child: whole, of any length, descriptors with them.

A socket that keeps the bounds of packets; a message is cut into packets, each behind a
byte that says whether more follow. Must not know what messages mean.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterable, Sequence
from typing import Self

#: Bytes of a packet: far below what a socket takes at once.
PACKET = 1 << 15
_MORE, _LAST = b"\1", b"\0"


class Channel:
    """One end of the way between two processes. One thread may send while another receives."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._parts: list[bytes] = []  # of a message that has not all come yet
        self.descriptors: list[int] = []  # that came with the last message

    @classmethod
    def pair(cls) -> tuple[Self, socket.socket]:
        """Our end, and the socket of the other."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    def send(self, message: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send a message, with copies of descriptors; raises `OSError` where nobody reads."""
        last = max(0, len(message) - 1) // PACKET
        for k in range(last + 1):
            packet = (_LAST if k == last else _MORE) + message[k * PACKET : (k + 1) * PACKET]
            if descriptors and k == last:
                socket.send_fds(self._connection, [packet], list(descriptors))
            else:
                self._connection.sendall(packet)

    def receive(self) -> bytes:
        """The next message; empty where the other side is gone.

        Raises `TimeoutError` after the time that `wait_at_most` set; what has come of a
        message is kept for the next call.
        """
        while True:
            packet, descriptors, _, _ = socket.recv_fds(self._connection, PACKET + 1, 1)
            if not packet:
                return b""
            self._parts.append(packet[1:])
            if packet[:1] == _LAST:
                self.descriptors = descriptors
                message = b"".join(self._parts)
                self._parts.clear()
                return message

    def wait_at_most(self, seconds: float | None) -> None:
        """How long sending and receiving may take; None: any time."""
        self._connection.settimeout(seconds)

    def fileno(self) -> int:
        """The descriptor, to be waited on; readable when a packet is there."""
        return self._connection.fileno()

    def hang_up(self) -> None:
        """End the talk: whoever waits here or there is told. Safe from another thread."""
        with contextlib.suppress(OSError):  # it has ended already
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket; the other side is told."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def readable(channels: Iterable[Channel], seconds: float | None = None) -> list[Channel]:
    """Those with a message, or whose other side is gone; waits so long for one, or for ever.

    A descriptor may have any number: select() knows none beyond 1,023.
    """
    poll = select.poll()
    by_file = {channel.fileno(): channel for channel in channels}
    for file in by_file:
        poll.register(file, select.POLLIN)
    return [by_file[file] for file, _ in poll.poll(None if seconds is None else seconds * 1000)]
