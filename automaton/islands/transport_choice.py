"""Opens the transport that somebody names."""

from __future__ import annotations

from automaton.islands.redis_streams import RedisStreams, parse_servers
from automaton.islands.transport import Transport

DIRECT = "direct"


def open_transport(text: str, digest: str) -> Transport | None:
    """The servers of an archipelago by their addresses; None where all islands run here."""
    return None if text == DIRECT else RedisStreams(digest, parse_servers(text))
