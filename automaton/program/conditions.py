"""When may a transition fire: a small language.

Lives here: the atoms of a condition, and how it is evaluated. It is data from a log: our
own grammar reads it, never Python, SQL or a regular expression. Must not know: objects,
terms, populations, and where the numbers and answers come from.

An atom is `true`, `false`, a comparison of a counter with an integer or infinity, or a
question such as `unifiable(a,b)`, whose arguments are free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from automaton.errors import ConditionError
from automaton.program.grammar import (
    COMPARISONS,
    And,
    Compare,
    Const,
    ExpressionParser,
    Not,
    Or,
    Token,
    parse_comparison,
)

#: What a condition may compare, and what it is; docs/language.md shows this table.
COUNTERS = {
    "line_number": "lines of the whole log when the tick began, commits and run records too",
    "step_count": "ticks since the machine entered the current automaton; 0 on the tick of entry",
    "object_count": "distinct objects that the log holds when the tick began",
    "dimension": "`dimensionalLevel` of the current automaton",
}

#: What a condition may ask of its run, and when it is true; `holds` passes the bare name on.
QUESTIONS = {
    "file_exists": (
        "the pinned genesis (`LOG.genesis`) is in place; the answer is kept in the log as a "
        "`fact`, from which a replay takes it"
    ),
    "observation": "a seeded draw says so: one time in two",
    "unifiable": (
        "the two reactants of some winner of this tick unify as first-order terms; names bound "
        "outermost are metavariables, those of the two renamed apart"
    ),
    "numeric": "both reactants of some winner of this tick are Church numerals",
    "majority_agree": (
        "of at most 16 drawn winners of this tick, more than half come out the same from the "
        "reference reducer (normally all of them do)"
    ),
    "gradient_descent": (
        "the mean salience of this tick's winners is above the baseline that the last "
        "`self-train` left; before the first, above 0"
    ),
    "quantum_collapse": (
        "a seeded draw says so, with the probability of the largest weight of a stream; without "
        "streams, one time in two"
    ),
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the run, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class UnknownAtom:
    """An atom, or a whole condition, that means nothing here: false."""

    text: str


Condition = (
    Const | Compare | Ask | UnknownAtom | Not["Condition"] | And["Condition"] | Or["Condition"]
)


def parse_condition(text: str) -> Condition:
    """The condition that a text means; what cannot be read is `UnknownAtom`. Never raises."""
    try:
        return ExpressionParser(text, _condition_atom).whole()
    except ConditionError:
        return UnknownAtom(text)


def holds(  # noqa: PLR0911  one return a kind of node
    condition: Condition, numbers: Mapping[str, int], ask: Callable[[str], bool]
) -> bool:
    """Whether the condition is true, asked from left to right and no further than needed.

    `numbers` gives every one of `COUNTERS`; `ask` answers one of `QUESTIONS`. An unknown
    atom is false, and so its negation is true.
    """
    match condition:
        case Const(value):
            return value
        case Compare(field, op, bound):
            return COMPARISONS[op](numbers[field], bound)
        case Ask(name):
            return ask(name)
        case Not(part):
            return not holds(part, numbers, ask)
        case And(parts):
            return all(holds(part, numbers, ask) for part in parts)
        case Or(parts):
            return any(holds(part, numbers, ask) for part in parts)
        case UnknownAtom():
            return False


def unknowns(condition: Condition) -> list[str]:
    """The texts of all unknown atoms, each once, in the order in which they stand."""
    match condition:
        case UnknownAtom(text):
            return [text]
        case Not(part):
            return unknowns(part)
        case And(parts) | Or(parts):
            return list(dict.fromkeys(text for part in parts for text in unknowns(part)))
    return []


def as_text(condition: Condition) -> str:  # noqa: PLR0911  one return a kind of node
    """The condition written out: a text that means the same, in the words of the language."""
    match condition:
        case Const(value):
            return "true" if value else "false"
        case Compare(field, op, bound):
            number = str(bound).replace("inf", "∞")
            return f"{field} {'=' if op == '==' else op} {number}"
        case Ask(name):
            return name
        case UnknownAtom(text):
            return text
        case Not(part):
            return f"not {_as_part(part)}"
        case And(parts):
            return " and ".join(map(_as_part, parts))
        case Or(parts):
            return " or ".join(map(_as_part, parts))


def _as_part(condition: Condition) -> str:
    """A part of a larger condition, in parentheses where they are needed."""
    text = as_text(condition)
    return f"({text})" if isinstance(condition, And | Or) else text


def atoms(condition: Condition) -> list[Compare | Ask]:
    """What a condition looks at, in the order in which it stands."""
    match condition:
        case Compare() | Ask():
            return [condition]
        case Not(part):
            return atoms(part)
        case And(parts) | Or(parts):
            return [atom for part in parts for atom in atoms(part)]
    return []


# Atoms of conditions.


def _condition_atom(reader: ExpressionParser[Condition]) -> Condition:
    first = reader.operand("a condition")
    called = _arguments(reader)
    op = reader.next.comparison
    if op is None:
        known = _question(first, called)
    else:
        reader.take()
        second = reader.operand("a number or the name of one")
        called = _arguments(reader) or called
        known = None if called else parse_comparison(first, op, second, COUNTERS)
    return known or UnknownAtom(reader.text[first.start : reader.last.end])


def _arguments(reader: ExpressionParser[Condition]) -> bool:
    """Takes everything between parentheses, if they come next; what is in them is free."""
    if reader.last.kind != "name" or not reader.taken("("):
        return False
    depth = 1
    while depth:
        if reader.next.kind == "end":
            reader.fail("expected )")
        token = reader.take()
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "mark" else 0
    return True


def _question(name: Token, called: bool) -> Condition | None:  # noqa: FBT001  one caller, above
    if name.kind != "name":
        return None
    if name.text in {"true", "false"} and not called:
        return Const(name.text == "true")
    return Ask(name.text) if name.text in QUESTIONS else None


# Atoms of selectors.
