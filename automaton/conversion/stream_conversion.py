"""What `init --from` makes of a file: the lines of a log, and what it says of them.

Takes a stream and gives bytes; opens and prints nothing. What a document or a list of
terms says, `documents` and `term_list` know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from automaton.analysis.check_report import CheckReport, ReportBuilder
from automaton.errors import FileError
from automaton.format import documents
from automaton.format.objects import Directive, Object, parse_line
from automaton.terms import term_list

KINDS = ("log", "terms", "packed")

CHUNK = 1 << 20
NAMED = 5  # places left out that are named one by one; more are counted
MAX_DOCUMENT = 1 << 30  # bytes of what must be whole in memory: a document, packed bits

_SPACE = b" \t\r\n"
_TEXT_BITS = b"01" + _SPACE
_BEGINS_LOG = (b"{", b"[", b"@")


@dataclass
class Conversion:
    """A file on its way to a log: read `lines` to the end, then ask what was taken."""

    stream: BinaryIO
    name: str
    kind: str | None = None  # of KINDS; None: as it looks
    what: str = ""
    left_out: list[str] = field(default_factory=list)  # the first places, and why
    left_out_count: int = 0
    survey: ReportBuilder | None = None  # of a file that had to be converted
    _made: int = 0

    def lines(self) -> Iterator[bytes]:
        """The log's bytes, in pieces; raises `FileError` where the file holds nothing to take."""
        head = self.stream.read(CHUNK)
        kind = self.kind or self._looks_like(head)
        if kind == "packed":
            yield from self._terms("bytes", term_list.of_packed(self._rest(head)), "byte")
        elif kind == "terms":
            text = self._rest(head).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            yield from self._terms("lines", term_list.of_text(text.split(b"\n")), "line")
        elif self._is_jsonl(head):
            yield from self._copied(head)
        else:
            yield from self._document(self._rest(head))

    @property
    def report(self) -> CheckReport | None:
        """What was made, as `check` has it; None where a file was copied."""
        return None if self.survey is None else self.survey.result()

    def _looks_like(self, head: bytes) -> str:
        if self.name.endswith(".blc") and head:
            bits = head.strip(_SPACE)
            return "packed" if not bits or bits.strip(_TEXT_BITS) else "terms"
        body = head.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)
        if not body:
            raise FileError(f"{self.name}: holds nothing")
        if body.startswith(_BEGINS_LOG):
            return "log"
        if b"\0" in head:
            message = f"{self.name}: is neither text nor JSON; if it is packed BLC say --as packed"
            raise FileError(message)
        return "terms"

    def _rest(self, head: bytes) -> bytes:
        data = head + self.stream.read(MAX_DOCUMENT)
        if len(data) >= MAX_DOCUMENT:
            raise FileError(f"{self.name}: is larger than {MAX_DOCUMENT} bytes; split it")
        return data

    @staticmethod
    def _is_jsonl(head: bytes) -> bool:
        """Whether the first line is one of a log, and not the only one."""
        first, _, rest = head.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE).partition(b"\n")
        return bool(rest.strip()) and isinstance(parse_line(first), Object | Directive)

    def _copied(self, head: bytes) -> Iterator[bytes]:
        self.what = "JSONL, byte for byte"
        while head:
            yield head
            head = self.stream.read(CHUNK)

    def _document(self, data: bytes) -> Iterator[bytes]:
        found = documents.document(memoryview(data))
        lines = data.split(b"\n")
        if found is None and any(isinstance(parse_line(line), Object) for line in lines):
            self.what = "JSONL, byte for byte"
            yield data
            return
        self.what = "JSON values one after another" if found is None else str(found)
        try:
            for item in documents.values(data) if found is None else documents.items(data):
                if item.reason:
                    self._leave_out(f"{item.where}: {item.reason}")
                else:
                    yield self._line(item.line + b"\n")
        except ValueError as error:  # also: not UTF-8
            raise FileError(f"{self.name}: is no JSON that can be taken: {error}") from None
        why = f" ({self.left_out[0]})" if self.left_out else ""
        self._refuse_nothing(f"no object in it{why}")

    def _terms(
        self, of: str, entries: Iterable[term_list.ListedTerm], place: str
    ) -> Iterator[bytes]:
        for entry in entries:
            if entry.words is None:
                self._leave_out(f"{place} {entry.number}: {entry.reason}")
            else:
                yield self._line(term_list.line_of(entry.number, entry.words))
        why = f" ({self.left_out[0]})" if self.left_out else ""
        self._refuse_nothing(f"no term in its {of}{why}")
        packed = "packed BLC, " if place == "byte" else ""
        self.what = f"{packed}a list of {self._made:,} {'term' if self._made == 1 else 'terms'}"

    def _line(self, line: bytes) -> bytes:
        self.survey = self.survey or ReportBuilder()
        self._made += 1
        self.survey.see(self._made, 0, line)
        return line

    def _leave_out(self, place: str) -> None:
        self.left_out_count += 1
        if len(self.left_out) < NAMED:
            self.left_out.append(place)

    def _refuse_nothing(self, why: str) -> None:
        if not self._made:
            raise FileError(f"{self.name}: nothing to take: {why}; docs/cli.md says what is read")
