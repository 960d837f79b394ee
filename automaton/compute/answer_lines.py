"""What became of a term, and how that stands in a line of text or of JSON.

Values alone: nothing here reduces, reads terms or writes anywhere. The kernels
write lines of the same layouts (`automaton.compute.text_batch`).
"""

from __future__ import annotations

from dataclasses import dataclass

from automaton.format.json_edit import quote

FAILED = "error"  # in the place of an outcome: the line holds no term


@dataclass(frozen=True)
class Answer:
    """What became of one term."""

    outcome: str
    steps: int = 0
    size: int | None = None
    term: str | None = None
    numeral: int | None = None
    reason: str | None = None  # why there is no outcome


@dataclass(frozen=True)
class AnswerLayout:
    """The line of an answer: constant parts, a field after each but the last."""

    parts: tuple[str, ...]
    fields: tuple[str, ...]
    missing: str  # in the place of a value that there is not
    around: str  # before and behind a term
    reason: str  # before a reason, which comes last

    def line(self, answer: Answer) -> bytes:
        """The line of an answer that no kernel made."""
        texts = [
            part + self._value(getattr(answer, name))
            if name != "term" or answer.term is None
            else f"{part}{self.around}{answer.term}{self.around}"
            for part, name in zip(self.parts, self.fields, strict=False)
        ]
        reason = "" if answer.reason is None else self.reason + self._reason(answer.reason)
        return ("".join(texts) + reason + self.parts[-1]).encode()

    def _value(self, value: object) -> str:
        return self.missing if value is None else str(value)

    def _reason(self, text: str) -> str:
        return quote(text).decode() if self.around else text


ROWS = AnswerLayout(
    ("", "\t", "\t", "\t", "\n"), ("term", "numeral", "steps", "outcome"), "-", "", "\t"
)
JSON = AnswerLayout(
    ('{"outcome":"', '","steps":', ',"size":', ',"term":', ',"numeral":', "}\n"),
    ("outcome", "steps", "size", "term", "numeral"),
    "null",
    '"',
    ',"reason":',
)
