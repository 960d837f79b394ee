"""Text on its way out: JSON for programs, and for people nothing that moves a cursor.

Where standard output has another encoding than UTF-8, 16 or 32, JSON is of ASCII alone,
and λ in other text is a backslash, which reads back as a lambda.
"""

from __future__ import annotations

import codecs
import json
import re
import sys

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
LAMBDA_AS_BACKSLASH = "automaton.lambda"  # the name of the error handler below
#: ASCII under another name: what click prints is UTF-8 where a stream's encoding is "ascii".
SEVEN_BITS = "automaton_ascii"


def _without_lambda(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that the terminal cannot show."""
    assert isinstance(error, UnicodeEncodeError)
    part = error.object[error.start : error.end]
    shown = (c.encode("ascii", "backslashreplace").decode() for c in part.replace("λ", "\\"))
    return "".join(shown), error.end


def _seven_bits(name: str) -> codecs.CodecInfo | None:
    """The codec of that name."""
    known = codecs.lookup("ascii")
    return (
        codecs.CodecInfo(
            known.encode, known.decode, known.streamreader, known.streamwriter,
            known.incrementalencoder, known.incrementaldecoder, SEVEN_BITS,
        )
        if name == SEVEN_BITS
        else None
    )  # fmt: skip


codecs.register_error(LAMBDA_AS_BACKSLASH, _without_lambda)
codecs.register(_seven_bits)


def json_text(value: object) -> str:
    """Compact JSON in one line; numbers of any size stay whole."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_json(value: object) -> str:
    """The same for standard output."""
    return shown_json(json_text(value))


def shown_json(text: str) -> str:
    """JSON (or TOML) as standard output can show it, with the same meaning."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if codecs.lookup(encoding).name.startswith("utf"):
        return text
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)


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
