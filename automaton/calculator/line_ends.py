"""Line ends of other systems as newlines, in bytes that come in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def with_newlines(take: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    """What `take(size)` gives until it gives nothing, with a newline for each line end.

    A line ends in a newline, a carriage return, or both. Pieces may be empty.
    """
    returned = False  # the piece before ended in a carriage return, which ended a line
    while piece := take(size):
        rest = piece[1:] if returned and piece.startswith(b"\n") else piece
        returned = piece.endswith(b"\r")
        yield rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in rest else rest
