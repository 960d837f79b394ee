"""JSON of the page: commits are read and panels written, quickly where orjson is installed.

It has no wheel for free-threaded Python, and what it refuses is JSON all the same: then
the standard library does it, to the same values. Must not know: what panels show.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

_loads: Callable[[bytes], Any] | None = None
_dumps: Callable[[Any], bytes] | None = None
try:
    import orjson
except ImportError:
    pass
else:
    _loads, _dumps = orjson.loads, orjson.dumps


def read(line: bytes) -> dict[str, Any]:
    """A line that was found to be ours."""
    if _loads is not None:
        try:
            quickly: dict[str, Any] = _loads(line)
        except ValueError:  # half a surrogate pair
            pass
        else:
            return quickly
    members: dict[str, Any] = json.loads(line)
    return members


def written(value: object) -> str:
    """A value in one line; not-a-number is no JSON and becomes null."""
    if _dumps is not None:
        try:
            return _dumps(value).decode()
        except TypeError:  # half a surrogate pair, a number beyond 64 bits
            pass
    return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
