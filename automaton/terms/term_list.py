"""A plain list of terms: one a line, or packed bits one after another.

Lives here: how such a list is read, and the object that a term of it becomes. Must
not know: files, what is done with the objects. An entry that is no term says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from automaton.errors import TermError
from automaton.terms import notation
from automaton.terms.arrays import Words

COMMENTS = ("--", "#")
"""How a line begins that is nothing but a remark."""

_BITS = frozenset("01 \t")


class ListedTerm(NamedTuple):
    """A term and where it stands (line or byte, from 1), or why there is none."""

    number: int
    words: Words | None
    reason: str = ""


def of_text(lines: Iterable[bytes]) -> Iterator[ListedTerm]:
    """The terms of lines: lambda, de Bruijn, or binary where a line is 0 and 1 alone.

    Blank lines and comments are nothing; a byte order mark and a CR do not count.
    """
    for number, raw in enumerate(lines, 1):
        try:
            text = raw.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            yield ListedTerm(number, None, f"not UTF-8 at byte {error.start + 1}")
            continue
        if text and not text.startswith(COMMENTS):
            yield _entry(number, text, "blc" if _BITS.issuperset(text) else "lambda")


def of_packed(data: bytes) -> Iterator[ListedTerm]:
    """The terms of binary lambda calculus in bytes, the highest bit first.

    Each begins on a byte; what its last byte has left over is padding. The first
    that cannot be read is the last entry, for nothing says where the next begins.
    """
    at = 0
    while at < len(data):
        bits = _whole_term(data, at)
        yield (entry := _entry(at + 1, bits, "blc"))
        if entry.words is None:
            return
        at += (len(bits) + 7) // 8


def line_of(number: int, words: Words) -> bytes:
    """The object that the term at a place of the list becomes, as a line of a log."""
    return f'{{"id":"t{number}","type":"term","term":"{notation.format_term(words)}"}}\n'.encode()


def _entry(number: int, text: str, written: str) -> ListedTerm:
    try:
        return ListedTerm(number, notation.parse(text, written))
    except TermError as error:
        return ListedTerm(number, None, str(error))


def _whole_term(data: bytes, at: int) -> str:
    """The bits of the term that begins at a byte; all there are where it does not end."""
    bits: list[str] = []
    owed, ones, half = 1, 0, False  # subterms to come; ones, and a zero, of a code not whole
    for byte in memoryview(data)[at:]:
        for bit in f"{byte:08b}":
            bits.append(bit)
            if half:
                owed, half = owed + (bit == "1"), False
            elif bit == "1":
                ones += 1
            elif ones:
                owed, ones = owed - 1, 0
            else:
                half = True
            if owed == 0:
                return "".join(bits)
    return "".join(bits)
