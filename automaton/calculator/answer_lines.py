"""What became of a term, and how that stands in a line of text or of JSON.

Values alone: nothing here reduces, reads terms or writes anywhere. The kernels
write lines of the same layouts (`automaton.calculator.text_batch`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from automaton.format.json_edit import quote

FAILED = "error"  # in the place of an outcome: the line holds no term


@dataclass(frozen=True)
class Answer:
    """What became of one term."""

    outcome: str
    steps: int = 0  # MOST_STEPS where they are more
    size: int | None = None
    term: str | None = None
    numeral: int | None = None
    reason: str | None = None  # why there is no outcome
    more_steps: bool = False  # than `steps`, which is MOST_STEPS
    made: int | None = None  # steps really made; None: all
    cells: int | None = None  # most at a time; None: it was the plain machine


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
        layout = self.of(answer)
        texts = [
            part + self._value(getattr(answer, name))
            if name != "term" or answer.term is None
            else f"{part}{self.around}{answer.term}{self.around}"
            for part, name in zip(layout.parts, layout.fields, strict=False)
        ]
        reason = "" if answer.reason is None else self.reason + self._reason(answer.reason)
        return ("".join(texts) + reason + layout.parts[-1]).encode()

    def of(self, answer: Answer) -> AnswerLayout:
        """The layout of one answer: its constant parts say which machine gave it."""
        if self is DETAILED:
            if answer.outcome == FAILED:  # no machine was asked
                return JSON
            if answer.made is not None:
                more = "true" if answer.more_steps else "false"
                machine = "plain" if answer.cells is None else "sharing"
                said = (
                    f',"more_steps":{more},"shared_steps":{answer.made}'
                    f',"peak_cells":{self._value(answer.cells)},"machine":"{machine}"}}\n'
                )
                return replace(JSON, parts=(*JSON.parts[:-1], said))
        elif answer.more_steps and not self.around:
            parts = list(self.parts)
            parts[self.fields.index("steps")] += "more than "
            return replace(self, parts=tuple(parts))
        return self

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
#: `JSON` with the machine that computed, the plain one: it makes every step, and counts no cells.
DETAILED = AnswerLayout(
    (
        *JSON.parts[:-1],
        ',"more_steps":false,"shared_steps":',
        ',"peak_cells":null,"machine":"plain"}\n',
    ),
    (*JSON.fields, "steps"),
    JSON.missing,
    JSON.around,
    JSON.reason,
)
