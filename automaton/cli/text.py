"""Text on its way out: JSON for programs, and for people nothing that moves a cursor."""

from __future__ import annotations

import json


def as_json(value: object) -> str:
    """Compact JSON in one line; numbers of any size stay whole."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def printable(text: str) -> str:
    """The text with all that a terminal would obey written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str, longest: int) -> str:
    """The text in one printable line of at most so many characters."""
    shown = printable(" ".join(text.split()))
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def counted(count: int, noun: str = "worker") -> str:
    """How many of something, in the singular where it is one."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
