"""Entries of Redis Streams by epoch: their ids, and how one is added below later ones.

Must not know: what an entry holds, which epoch is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automaton.islands.redis_store.redis_server import RedisServer

#: Hexadecimal digits of the archipelago's digest in the names of its keys.
DIGITS = 32

Fields = Mapping[bytes, bytes]


def identity_of(epoch: int) -> str:
    """The id of an epoch's entry."""
    return f"{epoch}-1"


def epoch_of(identity: bytes) -> int:
    """The epoch of an entry's id."""
    return int(identity.partition(b"-")[0])


def entry_at(key: str, epoch: int) -> tuple[str, ...]:
    """The command that reads one epoch's entry."""
    return "XRANGE", key, identity_of(epoch), identity_of(epoch)


def add_entry(server: RedisServer, key: str, epoch: int, fields: Fields) -> str:
    """Add an entry; where later ones stand, all are put anew in their order.

    Nothing, or why the server refuses it. Groups of readers of a stream that is put anew
    are gone: they join again and read again.
    """
    identity, wanted = identity_of(epoch), dict(fields)
    answers = server.ask(_adding(key, identity, wanted), entry_at(key, epoch))
    if answers is None or not isinstance(answers[0], Exception):
        return ""
    stands = answers[1] if isinstance(answers[1], list) else []
    if [found for _, found in stands] == [wanted]:
        return ""  # it was there before
    if "equal or smaller" not in str(answers[0]):
        return str(answers[0])
    held = server.ask(("XRANGE", key, "-", "+"))
    if held is None or not isinstance(held[0], list):
        return ""
    again = {name: found for name, found in held[0] if found}
    again[identity.encode()] = wanted
    entries = sorted(again.items(), key=lambda item: [int(n) for n in item[0].split(b"-")])
    adding = [_adding(key, name, found) for name, found in entries]
    server.ask(("MULTI",), ("DEL", key), *adding, ("EXEC",))
    return ""


def _adding(key: str, identity: str | bytes, fields: Fields) -> tuple[Any, ...]:
    return "XADD", key, identity, *(part for pair in fields.items() for part in pair)
