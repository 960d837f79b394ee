"""The one pass over a term's text, for people's notations and for the binary one.

It emits words and knows no meaning, prints nothing, reads no files, and never
recurses on the depth of its input. Every error names a character, from 1. Longer
than other modules, for one pass over one state is one class.
`notation.parse` is the way in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from automaton.errors import TermError
from automaton.terms.packed import APP, LAM, META, VAR

#: Free indices end here: a reducer makes a cell for each (4 orders above any real use).
MAX_FREE = 1 << 16
#: What begins an abstraction: the letter, its mathematical styles, and a backslash.
LAMBDAS = "λ𝛌𝜆𝝀𝝺𝞴\\"
_BACKSLASH = "\\"
_COMMAND = "lambda"  # the word behind a backslash that makes it a lambda
_ARROWS = ("->", "→")  # read like the dot behind a lambda's names
#: An application whose argument stands before its function: `packed.from_postorder`.
_LET_APP = 1 << 2 | APP
_SUFFIX = "_'′"  # may follow a name's first letter, beside letters and digits
_DIGITS = "0123456789"
_LONGEST_INDEX = 9  # digits; more cannot be within MAX_FREE of any binder count
_LONGEST_SHOWN = 40  # characters of a name in a message
_MOST_SHOWN = 4  # a number up to which a message spells its numeral
_NAME = re.compile(r"[^\W\d][\w'′]*+")
_BOUND_BY_LET = re.compile(r"\s++([^\W\d][\w'′]*+)\s*+=(?!=)")


class Definition(NamedTuple):
    """A term that a name stands for, as postorder words.

    `free` says of each free variable where it stands, the lambdas around it, its name.
    """

    postorder: list[int]
    free: list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class Syntax:
    """What is allowed beside de Bruijn indices."""

    named: bool = True  # lambdas and variables with names
    single: bool = False  # each letter a name of its own
    free: bool = False  # free variables
    pattern: bool = False  # metavariables
    mixed: bool = True  # an index may mean a lambda with a name
    known: Callable[[str], Definition | None] | None = None  # what names stand for


def refuse(at: int, reason: str) -> NoReturn:
    """Raise the error of a character, counted from 0."""
    raise TermError(f"cannot read the term: character {at + 1}: {reason}", at + 1)


def _begins_name(char: str) -> bool:
    return (char.isalpha() or char == "_") and char not in LAMBDAS


def is_name(text: str) -> bool:
    """Whether the whole text is one name."""
    return bool(_NAME.fullmatch(text)) and not any(char in LAMBDAS for char in text)


def shortened(name: str) -> str:
    """A name as a message shows it."""
    return name if len(name) <= _LONGEST_SHOWN else name[:_LONGEST_SHOWN] + "..."


class _Group(NamedTuple):
    """What is open: a parenthesis, a lambda whose body is read, a let's definition."""

    names: tuple[str, ...] | None  # of the lambda; None: it does not end by itself
    items: int  # that its surroundings had
    at: int  # where it began
    let: str = ""  # the name that a let defines; with `names`, its body is read


_PARENTHESIS = ""
_UNNAMED = ("",)


class TermParser:
    """One pass over the text: emits postorder words, keeps the open groups.

    Words that closing a group will emit are counted when it opens, so that a term
    over the limit is refused while it is read.
    """

    def __init__(self, text: str, limit: int, grammar: Syntax) -> None:
        self.text, self.at, self.limit, self.grammar = text, 0, limit, grammar
        self.postorder: list[int] = []
        self.groups: list[_Group] = []
        self.enclosing: list[bool] = []  # by group that does not end by itself: is it a let's
        self.due = 0  # words that the open lambdas and lets will emit
        self.items = 0  # complete ones in the innermost group
        self.depth = 0  # lambdas around here
        self.scopes: dict[str, list[int]] = {}  # name -> depths at which it is bound
        self.binders: list[str] = []  # by depth: the name, "" without one
        self.has_names = False  # some lambda has one
        self.free: list[tuple[int, int, str]] = []  # see Definition; kept where names are known
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
            self._unclosed()
        if not self.items:
            refuse(0, "there is no term; write one such as λx.x")
        if not self.grammar.mixed and self.has_names and self.free_index >= 0:
            self._ambiguous(self.free_index, "a free variable")
        return self.postorder

    def _unclosed(self) -> NoReturn:
        """Refuse the innermost group that waits for its end."""
        group = self.groups[-1]
        if group.let:
            refuse(group.at, "this let has no 'in'; it reads let x = TERM in TERM")
        refuse(group.at, "this '(' is never closed; add a ')'")

    def _token(self, char: str) -> None:
        if char == "(":
            self._enclose(self.at, _PARENTHESIS)
            self.at += 1
        elif char == ")":
            self._close()
        elif char in LAMBDAS:
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

    def _enclose(self, at: int, let: str) -> None:
        """Open a parenthesis or a let's definition."""
        if len(self.enclosing) >= self.limit:
            refuse(at, f"more than {self.limit} parentheses inside one another")
        self.groups.append(_Group(None, self.items, at, let))
        self.enclosing.append(bool(let))
        self.items = 0

    def _bind(self, names: tuple[str, ...], at: int, items: int, let: str = "") -> None:
        """Open the body of a lambda, of which closing makes a node each."""
        for depth, name in enumerate(names, self.depth):
            if name:
                self.scopes.setdefault(name, []).append(depth)
                self.has_names = True
        self.binders += names
        self.depth += len(names)
        self.groups.append(_Group(names, items, at, let))
        self.items = 0
        self.due += len(names) + bool(let)
        self._check_size(0)

    def _emit(self, word: int) -> None:
        self._check_size(1)
        self.postorder.append(word)

    def _check_size(self, more: int) -> None:
        if len(self.postorder) + self.due + more > self.limit:
            refuse(min(self.at, len(self.text) - 1), f"more than {self.limit} nodes up to here")

    def _item(self) -> None:
        """The item just emitted is complete: apply what stands before it to it."""
        if self.items:
            self._emit(APP)
        self.items += 1

    def _close_lambdas(self) -> None:
        """End the lambdas and lets whose body ends here (as far right as possible)."""
        while self.groups and self.groups[-1].names is not None:
            names, items, at, let = self.groups.pop()
            assert names is not None
            if not self.items:
                what = "let has no term behind 'in'" if let else "lambda has no body"
                refuse(at, f"this {what}; write what it returns after it")
            self.due -= len(names) + bool(let)
            for name in reversed(names):
                if name:
                    self.scopes[name].pop()
                self._emit(LAM)
            del self.binders[-len(names) :]
            self.depth -= len(names)
            if let:
                self._emit(_LET_APP)
            self.items = items
            self._item()

    def _close(self) -> None:
        self._close_lambdas()
        if not self.groups:
            refuse(self.at, "this ')' closes nothing; remove it or add a '('")
        if self.groups[-1].let:
            self._unclosed()
        group = self.groups.pop()
        self.enclosing.pop()
        if not self.items:
            refuse(group.at, "there is nothing between these parentheses")
        self.at += 1
        self.items = group.items
        self._item()

    def _begin_let(self, start: int, bound: re.Match[str]) -> None:
        """let x = : the definition follows, in which x does not stand for it."""
        self._enclose(start, bound[1])
        self.at = bound.end()

    def _end_definition(self) -> None:
        """The definition of a let ends in `in`: its body follows, λx. applied to it."""
        self._close_lambdas()
        _, items, at, name = self.groups.pop()
        self.enclosing.pop()
        if not self.items:
            refuse(at, f"this let says not what {shortened(name)} is")
        self._bind((name,), at, items, name)

    def _skip_spaces(self) -> str:
        """Go to the next character that is no space; "" at the end."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _binder(self) -> None:
        """λx. or λx y. or, without names, a de Bruijn lambda: λ or λ. ."""
        start = self.at
        self.at += 1
        if self.text[start] == _BACKSLASH:
            self._command(start)
        names: list[str] = []
        while self.grammar.named and (char := self._skip_spaces()) and _begins_name(char):
            names.append(self._name())
        self._skip_spaces()
        mark = next((m for m in (".", *_ARROWS) if self.text.startswith(m, self.at)), "")
        if names and not mark:
            refuse(start, "the names of this lambda do not end in a '.'")
        self.at += len(mark)
        self._bind(tuple(names) or _UNNAMED, start, self.items)

    def _command(self, start: int) -> None:
        """Behind a backslash, a word of several letters is a command: that of the lambda."""
        text, end = self.text, self.at
        while end < len(text) and text[end].isalpha() and text[end] not in LAMBDAS:
            end += 1
        word = text[self.at : end]
        if word == _COMMAND:
            self.at = end
        elif len(word) > 1:
            shown = shortened(word)
            why = (
                f"\\{shown} is no lambda (\\{_COMMAND} is); for a variable {shown} write λ{shown}."
            )
            refuse(start, f"{why}, for one a letter put spaces between them")

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
        return char not in LAMBDAS and (char.isalnum() or char in _SUFFIX)

    def _digits(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in _DIGITS:
            self.at += 1
        return self.text[start : self.at]

    def _index(self) -> None:
        start = self.at
        digits = self._digits()
        if len(digits) > 1 and digits[0] == "0":
            right = shortened(digits.lstrip("0") or "0")
            refuse(start, f"an index does not begin with a zero; write {right} (binary is blc)")
        index = int(digits) if len(digits) <= _LONGEST_INDEX else 1 << 30
        if index >= self.depth:
            self._free_index(index, start)
        elif not self.grammar.mixed and (name := self.binders[-1 - index]):
            self._ambiguous(start, f"the variable {shortened(name)}")
        self._emit(index << 2 | VAR)
        self._item()

    def _ambiguous(self, start: int, read: str) -> NoReturn:
        """An index among lambdas with names may be meant as a number."""
        self.at = start
        digits = self._digits()
        number = int(digits) if len(digits) == 1 else _MOST_SHOWN + 1
        deep = "f (" * (number - 1) + "f x" + ")" * (number - 1) if number else "x"
        numeral = f"λf.λx.{deep}" if number <= _MOST_SHOWN else f"λf.λx. and {shortened(digits)} f"
        why = f"{shortened(digits)} beside lambdas with names would be {read}, not a number"
        refuse(start, f"{why}; write the name, or for the number {numeral}")

    def _free_index(self, index: int, start: int) -> None:
        if not self.grammar.free or index - self.depth >= MAX_FREE:
            refuse(start, f"the index is beyond the {self.depth} lambdas around it")
        self.free_index = start
        self._check_free(start)

    def _variable(self) -> None:
        start = self.at
        name = self._name()
        if name == "let" and (bound := _BOUND_BY_LET.match(self.text, self.at)):
            if not any(char in LAMBDAS for char in bound[1]):
                self._begin_let(start, bound)
                return
        elif name == "in" and self.enclosing and self.enclosing[-1]:
            self._end_definition()
            return
        depths = self.scopes.get(name)
        if depths:
            self._emit(self.depth - 1 - depths[-1] << 2 | VAR)
        elif self.grammar.known and (known := self.grammar.known(name)):
            self._expand(known, start)
        else:
            self._emit(self._free_name(name, start) << 2 | VAR)
        self._item()

    def _expand(self, known: Definition, start: int) -> None:
        """Write the term that a name stands for; its free names are none of those around."""
        self._check_size(len(known.postorder))
        base = len(self.postorder)
        self.postorder += known.postorder
        for place, inside, name in known.free:
            index = inside + self._free_name(name, start)
            self.postorder[base + place] = index << 2 | VAR
            self.free[-1] = (base + place, inside + self.depth, name)

    def _free_name(self, name: str, start: int) -> int:
        if not self.grammar.free:
            shown = shortened(name)
            refuse(start, f"{shown!r} is not bound; put λ{shown}. before the term")
        number = self.free_names.setdefault(name, len(self.free_names))
        self._check_free(start)
        if self.grammar.known:
            self.free.append((len(self.postorder), self.depth, name))
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
