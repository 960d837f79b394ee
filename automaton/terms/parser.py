"""The one pass over a term's text, for people's notations and for the binary one.

It emits words and knows no meaning, prints nothing, reads no files, and never
recurses on the depth of its input. Every error names a character, from 1.
`notation.parse` is the way in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from automaton.errors import TermError
from automaton.terms.packed import APP, LAM, META, VAR

#: Free indices end here: a reducer makes a cell for each (4 orders above any real use).
MAX_FREE = 1 << 16
_LAMBDAS = "λ\\"
_SUFFIX = "_'′"  # may follow a name's first letter, beside letters and digits
_DIGITS = "0123456789"
_LONGEST_INDEX = 9  # digits; more cannot be within MAX_FREE of any binder count
_LONGEST_SHOWN = 40  # characters of a name in a message


@dataclass(frozen=True, slots=True)
class Syntax:
    """What is allowed beside de Bruijn indices."""

    named: bool = True  # lambdas and variables with names
    single: bool = False  # each letter a name of its own
    free: bool = False  # free variables
    pattern: bool = False  # metavariables


def refuse(at: int, reason: str) -> NoReturn:
    """Raise the error of a character, counted from 0."""
    raise TermError(f"cannot read the term: character {at + 1}: {reason}", at + 1)


def _begins_name(char: str) -> bool:
    return (char.isalpha() or char == "_") and char not in _LAMBDAS


class TermParser:
    """One pass over the text: emits postorder words, keeps the open groups.

    `groups` holds, for each open parenthesis (names None) and each lambda whose
    body is being read, how many items its surroundings had, and where it began.
    """

    def __init__(self, text: str, limit: int, grammar: Syntax) -> None:
        self.text, self.at, self.limit, self.grammar = text, 0, limit, grammar
        self.postorder: list[int] = []
        self.groups: list[tuple[tuple[str, ...] | None, int, int]] = []
        self.items = 0  # complete ones in the innermost group
        self.depth = 0  # lambdas around here
        self.scopes: dict[str, list[int]] = {}  # name -> depths at which it is bound
        self.free_names: dict[str, int] = {}
        self.free_index = -1  # where one was seen
        self.metas: dict[str, int] = {}
        self.meta_number = -1  # where one was seen

    def read(self) -> list[int]:
        """The whole text as postorder words."""
        text, size = self.text, len(self.text)
        while self.at < size:
            char = text[self.at]
            if char.isspace():
                self.at += 1
            else:
                self._token(char)
        self._close_lambdas()
        if self.groups:
            refuse(self.groups[-1][2], "this '(' is never closed; add a ')'")
        if not self.items:
            refuse(0, "there is no term; write one such as λx.x")
        return self.postorder

    def _token(self, char: str) -> None:
        if char == "(":
            self._open(None, self.at)
            self.at += 1
        elif char == ")":
            self._close()
        elif char in _LAMBDAS:
            self._binder()
        elif char in _DIGITS:
            self._index()
        elif char == "?" and self.grammar.pattern:
            self._metavariable()
        elif _begins_name(char) and self.grammar.named:
            self._variable()
        else:
            hint = "; names need the notation 'lambda'" if _begins_name(char) else ""
            refuse(self.at, f"{char!r} has no meaning here{hint}")

    def _open(self, names: tuple[str, ...] | None, at: int) -> None:
        self.groups.append((names, self.items, at))
        self.items = 0

    def _emit(self, word: int) -> None:
        if len(self.postorder) >= self.limit:
            refuse(min(self.at, len(self.text) - 1), f"more than {self.limit} nodes up to here")
        self.postorder.append(word)

    def _item(self) -> None:
        """The item just emitted is complete: apply what stands before it to it."""
        if self.items:
            self._emit(APP)
        self.items += 1

    def _close_lambdas(self) -> None:
        """End the lambdas whose body ends here (it extends as far right as possible)."""
        while self.groups and self.groups[-1][0] is not None:
            names, items, at = self.groups.pop()
            assert names is not None
            if not self.items:
                refuse(at, "this lambda has no body; write what it returns after it")
            for name in reversed(names):
                if name:
                    self.scopes[name].pop()
                self._emit(LAM)
            self.depth -= len(names)
            self.items = items
            self._item()

    def _close(self) -> None:
        self._close_lambdas()
        if not self.groups:
            refuse(self.at, "this ')' closes nothing; remove it or add a '('")
        _, items, at = self.groups.pop()
        if not self.items:
            refuse(at, "there is nothing between these parentheses")
        self.at += 1
        self.items = items
        self._item()

    def _skip_spaces(self) -> str:
        """Go to the next character that is no space; "" at the end."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _binder(self) -> None:
        """λx. or λx y. or, without names, a de Bruijn lambda: λ or λ. ."""
        start = self.at
        self.at += 1
        names: list[str] = []
        while self.grammar.named and (char := self._skip_spaces()) and _begins_name(char):
            names.append(self._name())
        if self._skip_spaces() == ".":
            self.at += 1
        elif names:
            refuse(start, "the names of this lambda do not end in a '.'")
        for depth, name in enumerate(names, self.depth):
            self.scopes.setdefault(name, []).append(depth)
        bound = tuple(names) or ("",)
        self.depth += len(bound)
        self._open(bound, start)

    def _name(self) -> str:
        """A letter and its suffix; with single letters no further letters."""
        text, start = self.text, self.at
        self.at += 1
        while self.at < len(text) and self._continues(text[self.at]):
            self.at += 1
        return text[start : self.at]

    def _continues(self, char: str) -> bool:
        if self.grammar.single and char.isalpha():
            return False
        return char not in _LAMBDAS and (char.isalnum() or char in _SUFFIX)

    def _digits(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in _DIGITS:
            self.at += 1
        return self.text[start : self.at]

    def _index(self) -> None:
        start = self.at
        digits = self._digits().lstrip("0") or "0"
        index = int(digits) if len(digits) <= _LONGEST_INDEX else 1 << 30
        if index >= self.depth:
            self._free_index(index, start)
        self._emit(index << 2 | VAR)
        self._item()

    def _free_index(self, index: int, start: int) -> None:
        if not self.grammar.free or index - self.depth >= MAX_FREE:
            refuse(start, f"the index is beyond the {self.depth} lambdas around it")
        self.free_index = start
        self._check_free(start)

    def _variable(self) -> None:
        start = self.at
        name = self._name()
        depths = self.scopes.get(name)
        index = self.depth - 1 - depths[-1] if depths else self._free_name(name, start)
        self._emit(index << 2 | VAR)
        self._item()

    def _free_name(self, name: str, start: int) -> int:
        if not self.grammar.free:
            shown = name if len(name) <= _LONGEST_SHOWN else name[:_LONGEST_SHOWN] + "..."
            refuse(start, f"{shown!r} is not bound; put λ{shown}. before the term")
        number = self.free_names.setdefault(name, len(self.free_names))
        self._check_free(start)
        return self.depth + number

    def _check_free(self, start: int) -> None:
        if self.free_names and self.free_index >= 0:
            refuse(start, "free names and free indices cannot stand in one term")
        if len(self.free_names) > MAX_FREE:
            refuse(start, f"more than {MAX_FREE} free names")

    def _metavariable(self) -> None:
        """?name, numbered by first appearance, or ?number, meant literally."""
        start = self.at
        self.at += 1
        following = self.text[self.at : self.at + 1]
        if following and following in _DIGITS:
            digits = self._digits()
            self.meta_number = start
            number = int(digits) if len(digits) <= _LONGEST_INDEX else MAX_FREE
        elif following and _begins_name(following):
            number = self.metas.setdefault(self._name(), len(self.metas))
        else:
            refuse(start, "a metavariable is '?' and a name or a number")
        if number >= MAX_FREE:
            refuse(start, f"a metavariable's number is less than {MAX_FREE}")
        if self.metas and self.meta_number >= 0:
            refuse(start, "named and numbered metavariables cannot stand in one pattern")
        self._emit(number << 2 | META)
        self._item()


def read_binary(text: str, limit: int, grammar: Syntax) -> list[int]:
    """Binary lambda calculus as preorder words whose applications lack offsets.

    Index i is i + 1 ones and a zero, a lambda 00, an application 01.
    """
    words: list[int] = []
    depths = [0]  # of the subterms still to come, the next one last
    at = 0
    while depths:
        at, bits = _code(text, at)
        if len(words) >= limit:
            refuse(at, f"more than {limit} nodes up to here")
        depth = depths.pop()
        if bits == "00":
            words.append(LAM)
            depths.append(depth + 1)
        elif bits == "01":
            words.append(APP)
            depths += (depth, depth)
        else:
            index = len(bits) - 2
            if index >= depth + (MAX_FREE if grammar.free else 0):
                refuse(at, f"the index is beyond the {depth} lambdas around it")
            words.append(index << 2 | VAR)
        at += len(bits)
    if rest := text[at:].lstrip():
        refuse(len(text) - len(rest), "the term has ended before this")
    return words


def _code(text: str, at: int) -> tuple[int, str]:
    """The next code and where it begins, spaces before it skipped."""
    size = len(text)
    while at < size and text[at].isspace():
        at += 1
    end = at
    while end < size and text[end] == "1":
        end += 1
    if end == at and text[at : at + 1] == "0":
        end += 1
    bits = text[at : end + 1]
    if end >= size:
        refuse(max(0, size - 1), "the binary term ends too early")
    if text[end] not in "01":
        refuse(end, f"{text[end]!r} is not a binary digit")
    return at, bits
