"""Which lines of the inbox are accepted, as values.

A line must be an object under an id of its own; records and ids that only a
runner gives are refused. Where lines come from is `inbox`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from automaton import objects
from automaton.records import claims_our_id, is_our_id
from automaton.sources import Found

#: Types that only a runner writes.
RECORDS = frozenset({"run", "commit"})

RECORD_HEADS = (b'{"type":"run","id":"', b'{"type":"commit","id":"')


def accept(lines: Sequence[bytes], prefix: str) -> tuple[list[Found], list[bytes], int]:
    """The accepted objects, their lines for the batch, and how many lines were refused."""
    found: list[Found] = []
    taken: list[bytes] = []
    refused = 0
    for raw in lines:
        body = raw.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
        if not body:
            continue
        accepted = _accepted(body, prefix)
        if accepted is None:
            refused += 1
        else:
            found.append(accepted)
            taken.append(body + b"\n")
    return found, taken, refused


def _accepted(body: bytes, prefix: str) -> Found | None:
    """The object of a line that may enter."""
    parsed = objects.parse_line(body)
    if not isinstance(parsed, objects.Object):
        return None
    identity = objects.object_id(parsed.members)
    if body.startswith(RECORD_HEADS):  # of duplicate names the last one counts, not here
        return None
    if identity is None or is_our_id(identity, prefix) or claims_our_id(body, prefix):
        return None
    if objects.object_type(parsed.members) in RECORDS:
        return None
    return Found(identity, parsed.members)
