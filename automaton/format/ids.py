"""Ids of ours: how they look, which are reserved, and the prefix that keeps them apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count, product
from string import ascii_lowercase

_ID_FIRST = re.compile(rb'\{(?:"type":"[a-z]+",)?"id":"([^"\\]*)"')

_OUR_ID = re.compile(r"([a-z]*)(?:m[0-9]+\.[0-9]+|run:[0-9]+|commit:[0-9]+)")

_OPERATOR_ID = re.compile(r"([a-z]*)reason:[a-z]+")


def is_our_id(text: str, prefix: str) -> bool:
    """Whether an id is one that only the runner gives to lines under this prefix."""
    match = _OUR_ID.fullmatch(text)
    return match is not None and match[1] == prefix


def is_reserved_id(text: str, prefix: str) -> bool:
    """Whether input may not give an id: ours, or of an operator of the streams, which has no line.

    Logs from before there were streams may hold such operators' ids; they are anybody's there.
    """
    found = _OPERATOR_ID.fullmatch(text)
    return is_our_id(text, prefix) or (found is not None and found[1] == prefix)


def claims_our_id(raw: bytes, prefix: str) -> bool:
    """Whether a line begins with the bytes of one of ours, whatever it parses to.

    Input that does is refused: `{"id":"m1.2","id":"x"}` is an object x for JSON
    (the last duplicate counts), but would pass for a winner's line in a batch.
    """
    start = _ID_FIRST.match(raw[:256])
    return start is not None and is_our_id(start[1].decode("latin-1"), prefix)


def _prefixes() -> Iterator[str]:
    yield ""
    for length in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=length))


def choose_prefix(ids: Iterable[str]) -> str:
    """The first of "", a, ..., z, aa, ... under which no reserved id is in `ids`."""
    matches = (_OUR_ID.fullmatch(text) or _OPERATOR_ID.fullmatch(text) for text in ids)
    taken = {match[1] for match in matches if match}
    return next(prefix for prefix in _prefixes() if prefix not in taken)
