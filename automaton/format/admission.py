"""Which lines of the inbox are accepted, as values.

A line must be an object under an id of its own; records and ids that only a
runner gives are refused. Where lines come from is `inbox`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from automaton.format import objects
from automaton.format.graphs import lone_surrogate
from automaton.format.ids import claims_our_id, is_reserved_id
from automaton.format.objects import NamedObject

#: Types that only a runner writes.
RECORDS = frozenset({"run", "commit"})

LONG_LINE = b"\0"  # what `inbox` puts in the place of a line over the limit

RECORD_HEADS = (b'{"type":"run","id":"', b'{"type":"commit","id":"')


#: Why a line is refused; docs/format.md lists them.
TOO_LONG, NO_JSON, NO_OBJECT = "too long", "not JSON", "not an object"
RECORD, NO_ID, BAD_ID, OUR_ID = "record", "no id", "id not a string", "id of the log's own"
HALF_PAIR = "id with half a surrogate pair"


def admit(
    lines: Sequence[bytes],
    prefix: str,
    refused_id: Callable[[str, str], bool] = is_reserved_id,
    *,
    taken_before: bool = False,
) -> tuple[list[NamedObject], list[bytes], Counter[str]]:
    """The accepted objects, their lines for the batch, and the refused lines by reason.

    `taken_before`: a log holds the lines; earlier versions took ids with half a pair.
    """
    found: list[NamedObject] = []
    taken: list[bytes] = []
    refused: Counter[str] = Counter()
    for raw in lines:
        body = raw.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
        if not body:
            continue
        accepted = _accepted(body, prefix, refused_id)
        if not taken_before and isinstance(accepted, NamedObject) and lone_surrogate(accepted.id):
            accepted = HALF_PAIR
        if isinstance(accepted, str):
            refused[accepted] += 1
        else:
            found.append(accepted)
            taken.append(body + b"\n")
    return found, taken, refused


def _accepted(
    body: bytes, prefix: str, refused_id: Callable[[str, str], bool]
) -> NamedObject | str:
    """The object of a line that may enter, or why it may not."""
    if body == LONG_LINE or len(body) > objects.MAX_LINE_BYTES:
        return TOO_LONG
    parsed = objects.parse_line(body)
    if not isinstance(parsed, objects.Object):
        return NO_OBJECT if _is_json(parsed) else NO_JSON
    # Of duplicate names the last one counts, not here: hence the bytes too.
    if body.startswith(RECORD_HEADS) or objects.object_type(parsed.members) in RECORDS:
        return RECORD
    identity = objects.object_id(parsed.members)
    if identity is None:
        return BAD_ID if "id" in parsed.members else NO_ID
    if refused_id(identity, prefix) or claims_our_id(body, prefix):
        return OUR_ID
    return NamedObject(identity, parsed.members)


def _is_json(parsed: objects.Line) -> bool:
    """Whether a line that is no object is something else that has a meaning."""
    if isinstance(parsed, objects.MalformedInput):
        return parsed.reason.startswith(objects.OTHER_VALUE)
    return True
