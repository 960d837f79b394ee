"""Single tamperings with a log's bytes, drawn at random: what an attacker or a disk may do."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple


class Tampering(NamedTuple):
    """What was done, and the bytes after it."""

    kind: str
    data: bytes


def _flip(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]


def _drop_byte(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + data[at + 1 :]


def _put_byte(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + bytes([draw.randrange(256)]) + data[at:]


def _delete_line(data: bytes, draw: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    del lines[draw.randrange(len(lines))]
    return b"".join(lines)


def _double_line(data: bytes, draw: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    at = draw.randrange(len(lines))
    return b"".join([*lines[: at + 1], lines[at], *lines[at + 1 :]])


def _swap_lines(data: bytes, draw: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    i, j = draw.sample(range(len(lines)), 2)
    lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def _swap_digits(data: bytes, draw: random.Random) -> bytes:
    """One digit becomes another: a number, a hash, a step count."""
    places = [k for k, byte in enumerate(data) if 48 <= byte <= 57]
    at = draw.choice(places)
    return data[:at] + b"%d" % ((data[at] - 48 + draw.randrange(1, 10)) % 10) + data[at + 1 :]


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def _cut_at_commit(data: bytes, draw: random.Random) -> bytes:
    """The log ends at an earlier commit, as if the rest had never been."""
    ends = [at for at in _line_ends(data) if _is_commit(data, at)]
    return data[: draw.choice(ends[:-1])]


def _leave_batch_out(data: bytes, draw: random.Random) -> bytes:
    ends = [at for at in _line_ends(data) if _is_commit(data, at)]
    k = draw.randrange(len(ends) - 1)
    return data[: ends[k]] + data[ends[k + 1] :]


def _append(data: bytes, draw: random.Random) -> bytes:
    return data + data[-draw.randrange(1, len(data)) :]


def _line_ends(data: bytes) -> list[int]:
    return [k + 1 for k, byte in enumerate(data) if byte == 10]


def _is_commit(data: bytes, end: int) -> bool:
    start = data.rfind(b"\n", 0, end - 1) + 1
    return data.startswith(b'{"type":"commit"', start)


KINDS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bit flipped": _flip,
    "byte removed": _drop_byte,
    "byte put in": _put_byte,
    "line deleted": _delete_line,
    "line doubled": _double_line,
    "lines swapped": _swap_lines,
    "digit changed": _swap_digits,
    "cut": _cut,
    "cut at a commit": _cut_at_commit,
    "batch left out": _leave_batch_out,
    "bytes appended": _append,
}


def tampered(data: bytes, seed: int) -> Tampering:
    """A tampering that changes something."""
    draw = random.Random(seed)
    while True:
        kind = draw.choice(list(KINDS))
        changed = KINDS[kind](data, draw)
        if changed != data:
            return Tampering(kind, changed)


def first_change(data: bytes, changed: bytes) -> int:
    """The first byte at which they differ."""
    size = min(len(data), len(changed))
    different = (k for k in range(size) if data[k] != changed[k])
    return next(different, size)
