"""Reading and printing lambda terms: names, de Bruijn indices, binary.

The grammar is docs/terms.md's. Printing is canonical: reading what was printed
gives the same packed words. Nothing here knows what a term means, reads files,
or recurses on the depth of its input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, overload

from automaton.errors import TermError, UsageError
from automaton.terms.arrays import Words
from automaton.terms.packed import APP, LAM, META, VAR, free_variables, from_postorder, linked
from automaton.terms.parser import Definition, Syntax, TermParser, read_binary

NOTATIONS = ("lambda", "debruijn", "blc")
MAX_NODES = 1 << 20
#: A span of somebody's text with a lambda: a backslash before a digit is an escape.
_WITH_LAMBDA = re.compile(r"[λ𝛌𝜆𝝀𝝺𝞴]|\\(?![0-9])")
_BACKTICKS = re.compile(r"`++")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@overload
def parse(
    text: str,
    notation: str = ...,
    *,
    max_nodes: int = ...,
    pattern: bool = ...,
    juxtaposed: bool = ...,
    free: Literal[False] = ...,
) -> Words: ...
@overload
def parse(
    text: str,
    notation: str = ...,
    *,
    max_nodes: int = ...,
    pattern: bool = ...,
    juxtaposed: bool = ...,
    free: Literal[True],
) -> tuple[Words, list[str]]: ...
def parse(  # noqa: PLR0913 (the options of one grammar)
    text: str,
    notation: str = "lambda",
    *,
    max_nodes: int = MAX_NODES,
    pattern: bool = False,
    juxtaposed: bool = False,
    free: bool = False,
) -> Words | tuple[Words, list[str]]:
    """The packed words of a term; with `free` also the names of its free variables.

    "lambda" takes names and de Bruijn lambdas (those without names), "debruijn"
    the latter only, "blc" binary. `pattern` allows metavariables (?f), which
    are numbered by first appearance. `juxtaposed` makes each letter a variable
    of its own: `mf(nfx)` is m f (n f x). Free names get the indices beyond the
    lambdas around them, in order of first appearance.
    """
    _check(notation)
    grammar = Syntax(named=notation == "lambda", single=juxtaposed, free=free, pattern=pattern)
    if notation == "blc":
        words = linked(read_binary(text, max_nodes, grammar))
        return (words, []) if free else words
    reader = TermParser(text, max_nodes, grammar)
    words = from_postorder(reader.read())
    return (words, list(reader.free_names)) if free else words


def parse_question(
    text: str, notation: str, known: Callable[[str], Definition | None] | None = None,
    max_nodes: int = MAX_NODES,
) -> tuple[Words, list[str]]:  # fmt: skip
    """The words and free names of a term that somebody asks about.

    Names may be free or stand for terms (`known`). An index that means a lambda with
    a name, or is free beside such lambdas, is refused: it may be meant as a number.
    """
    _check(notation)
    if notation == "blc":
        return parse(text, notation, max_nodes=max_nodes, free=True)
    grammar = Syntax(named=notation == "lambda", free=True, mixed=False, known=known)
    reader = TermParser(text, max_nodes, grammar)
    words = from_postorder(reader.read())
    return words, list(reader.free_names)


def printed_in(notation: str, question: Words, free_names: Sequence[str]) -> str:
    """The notation of an answer that reads back: free indices stand in no term with names."""
    named = notation != "lambda" or free_names or not free_variables(question)
    return notation if named else "debruijn"


def parse_together(first: str, second: str) -> tuple[Words, Words, dict[int, str]]:
    """Two patterns whose metavariables are numbered together, and what each is called."""
    one = TermParser(first, MAX_NODES, Syntax(pattern=True))
    words = from_postorder(_read(one, "pattern"))
    two = TermParser(second, MAX_NODES, Syntax(pattern=True))
    two.metas, two.meta_number = one.metas, one.meta_number
    others = from_postorder(_read(two, "replacement"))
    numbers = {word >> 2 for word in (*words.tolist(), *others.tolist()) if word & 3 == META}
    names = {number: f"?{number}" for number in numbers}
    return words, others, names | {number: f"?{name}" for name, number in one.metas.items()}


def _read(reader: TermParser, name: str) -> list[int]:
    """What a reader reads; an error says of which text."""
    try:
        return reader.read()
    except TermError as error:
        raise TermError(f"{name}: {error}", error.position) from None


def _check(notation: str) -> None:
    if notation not in NOTATIONS:
        raise UsageError(f"unknown notation {notation!r}; use one of {', '.join(NOTATIONS)}")


def format_term(
    words: Words, notation: str = "debruijn", names: Sequence[str] = (), *, marked: int = -1
) -> str:
    """The canonical text of a term.

    `names` are those of the free variables, for "lambda"; a free variable
    without one is printed as its index, as in "debruijn". The subterm that
    begins at the word `marked` stands in brackets, but not in binary.
    """
    _check(notation)
    if notation == "blc":
        return "".join(map(_bits, words.tolist()))
    if notation == "debruijn":
        return _format(words.tolist(), lambda index, _: str(index), lambda _: "λ", marked)
    bound = _FreshNames(names)

    def variable(index: int, depth: int) -> str:
        if index < depth:
            return bound[depth - 1 - index]
        return names[index - depth] if index - depth < len(names) else str(index)

    return _format(words.tolist(), variable, lambda depth: f"λ{bound[depth]}.", marked)


class _FreshNames:
    """A name for each depth: a to z, a1 to z1, ..., without those given."""

    def __init__(self, taken: Sequence[str]) -> None:
        self.names: list[str] = []
        self.more = self._unused(frozenset(taken))

    @staticmethod
    def _unused(taken: frozenset[str]) -> Iterator[str]:
        round_ = 0
        while True:
            names = (f"{letter}{round_ or ''}" for letter in _LETTERS)
            yield from (name for name in names if name not in taken)
            round_ += 1

    def __getitem__(self, depth: int) -> str:
        while len(self.names) <= depth:
            self.names.append(next(self.more))
        return self.names[depth]


def _bits(word: int) -> str:
    """One word in binary lambda calculus."""
    tag = word & 3
    if tag == META:
        raise TermError("a pattern with metavariables has no binary form; use lambda or debruijn")
    return "1" * ((word >> 2) + 1) + "0" if tag == VAR else "00" if tag == LAM else "01"


def _format(
    words: list[int],
    variable: Callable[[int, int], str],
    binder: Callable[[int], str],
    marked: int,
) -> str:
    """The text of preorder words, with an explicit stack of what is still to print.

    An abstraction stands in parentheses unless it is a body or the whole, an
    application only as an argument.
    """
    out: list[str] = []
    todo: list[str | tuple[int, int, int]] = [(0, 0, 0)]  # position, depth, tags to enclose
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        at, depth, enclosed = item
        word = words[at]
        tag = word & 3
        if at == marked or enclosed >> tag & 1:
            out.append("[" if at == marked else "(")
            todo.append("]" if at == marked else ")")
        if tag == LAM:
            out.append(binder(depth))
            todo.append((at + 1, depth + 1, 0))
        elif tag == APP:
            argument = (at + (word >> 2), depth, 1 << LAM | 1 << APP)
            todo += (argument, " ", (at + 1, depth, 1 << LAM))
        else:
            out.append(f"?{word >> 2}" if tag == META else variable(word >> 2, depth))
    return "".join(out)


def spans(text: str, *, max_nodes: int = MAX_NODES) -> list[tuple[int, Words]]:
    """The terms between the backticks of somebody's text, numbered from 1."""
    return spans_counted(text, max_nodes=max_nodes)[0]


def spans_counted(text: str, *, max_nodes: int = MAX_NODES) -> tuple[list[tuple[int, Words]], int]:
    """The terms between backticks, and how many spans with a lambda are none.

    Usable is what parses, each letter a variable (or failing that with longer
    names), is closed and within `max_nodes`.
    """
    usable: list[tuple[int, Words]] = []
    skipped = 0
    for words in read_spans(text, max_nodes=max_nodes):
        if words is None:
            skipped += 1
        else:
            usable.append((len(usable) + 1, words))
    return usable, skipped


def read_spans(text: str, *, max_nodes: int = MAX_NODES) -> Iterator[Words | None]:
    """For each span with a lambda its term, or None where it is none; one at a time."""
    if _WITH_LAMBDA.search(text):
        for span in _code_spans(text):
            if _WITH_LAMBDA.search(span):
                yield _either_reading(span, max_nodes)


def _either_reading(span: str, max_nodes: int) -> Words | None:
    for juxtaposed in (True, False):
        try:
            return parse(span, max_nodes=max_nodes, juxtaposed=juxtaposed)
        except TermError:
            continue
    return None


def _code_spans(text: str) -> Iterator[str]:
    """What stands between runs of backticks of equal length (CommonMark 6.1).

    Two passes over the runs, and of memory what the lengths take that they have:
    a run that begins nothing is known by the last run of its length.
    """
    last = {len(run[0]): run.start() for run in _BACKTICKS.finditer(text)}
    runs = _BACKTICKS.finditer(text)
    for opening in runs:
        length = opening.end() - opening.start()
        if last[length] > opening.start():
            closing = next(run for run in runs if run.end() - run.start() == length)
            yield text[opening.end() : closing.start()]
