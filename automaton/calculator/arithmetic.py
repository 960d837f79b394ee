"""Arithmetic on Church numerals by name: what is asked for, reduced, and held against integers.

A value comes from real reduction alone; the integers only check it. Knows no
terminal and no file: rows of numbers come in, answers go out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from automaton.calculator.answer_lines import FAILED, Answer
from automaton.compute import church
from automaton.compute.budgets import Budgets
from automaton.compute.church import Counts
from automaton.errors import MismatchError
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from kernels.terms import reduce
from kernels.terms.church import ADDITION, EXPONENTIATION, MULTIPLICATION, OPERATORS, SUCCESSOR

#: Numbers are read up to here, as `add_counts` takes them.
MOST = (1 << 63) - 1
_WHOLE = re.compile(r"[+-]?[0-9]+")
_LONGEST = 40  # of a number that is worth showing
_ROOM = 1 << 24  # words of numerals that are reduced at a time


class Operation(NamedTuple):
    """An operator and how many numerals it takes."""

    operator: Words
    arity: int


OPERATIONS = {
    "succ": Operation(OPERATORS[SUCCESSOR], 1),
    "pred": Operation(parse("λn.λf.λx.n (λg.λh.h (g f)) (λu.x) (λu.u)"), 1),
    "add": Operation(OPERATORS[ADDITION], 2),
    "mult": Operation(OPERATORS[MULTIPLICATION], 2),
    "exp": Operation(OPERATORS[EXPONENTIATION], 2),
}


class Digits(str):
    """A number as somebody wrote it, which a text in quotes is not."""

    __slots__ = ()


@dataclass(frozen=True)
class OperationRow:
    """The numbers of one question, or why they are none."""

    numbers: tuple[int, ...] = ()
    reason: str | None = None


def row_of(name: str, words: Sequence[object]) -> OperationRow:
    """The numbers that an operation takes; what is no `Digits` is refused."""
    arity = OPERATIONS[name].arity
    if len(words) != arity:
        takes = "one number" if arity == 1 else f"{arity} numbers"
        return OperationRow(reason=f"{name} takes {takes}, here are {len(words)}")
    reasons = [reason for reason in map(_unusable, words) if reason]
    return (
        OperationRow(reason=reasons[0])
        if reasons
        else OperationRow(tuple(int(str(word)) for word in words))
    )


def row_of_line(name: str, line: str) -> OperationRow:
    """The numbers of a line: with spaces between, or a JSON array."""
    if not line.lstrip().startswith("["):
        return row_of(name, [Digits(word) for word in line.split()])
    try:
        return row_of(name, json.loads(line, parse_int=Digits))
    except (ValueError, RecursionError):
        return OperationRow(reason="neither numbers nor a JSON array of them")


def _unusable(word: object) -> str | None:
    """Why a word is no number that a numeral can stand for."""
    text = str(word) if isinstance(word, Digits) else json.dumps(word, ensure_ascii=False)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    if not _WHOLE.fullmatch(text):
        return f"{shown} is no whole number; a numeral stands for 0, 1, 2, ..."
    if text.startswith("-") and text.strip("-0"):
        return f"{shown} is negative; a numeral stands for 0, 1, 2, ..."
    if len(text.lstrip("+-0")) > len(str(MOST)) or int(text) > MOST:
        return f"{shown} is more than 2**63 - 1"
    return None


def answers(
    name: str, rows: Sequence[OperationRow], budget: Budgets, notation: str
) -> Iterator[Answer]:
    """The answers to rows, in order."""
    step = max(1, _ROOM // (4 * budget.max_size))  # (op m) n has up to three times max_size
    for at in range(0, len(rows), step):
        yield from _some(name, rows[at : at + step], budget, notation)


def _some(
    name: str, rows: Sequence[OperationRow], budget: Budgets, notation: str
) -> Iterator[Answer]:
    """The answers to few rows, those that can be asked for reduced in one batch."""
    usable = [row.numbers for row in rows if row.reason is None]
    fitting = [numbers for numbers in usable if _fits(name, numbers, budget)]
    columns = [np.array(column, dtype=np.int64) for column in zip(*fitting, strict=True)]
    found = _reduced(name, columns, budget) if columns else None
    at = 0
    for row in rows:
        if row.reason is not None:
            yield Answer(FAILED, reason=row.reason)
        elif found is None or not _fits(name, row.numbers, budget):
            yield Answer(reduce.OUTCOMES[reduce.INPUT])
        else:
            yield _answer(found, at, notation)
            at += 1


def _fits(name: str, numbers: tuple[int, ...], budget: Budgets) -> bool:
    """Whether the term to be reduced is no larger than a reaction's may be."""
    operator, arity = OPERATIONS[name]
    nodes = arity + len(operator) + sum(2 * n + 3 for n in numbers)
    return nodes <= 3 * budget.max_size + 2


def _answer(found: church.ChurchResults, at: int, notation: str) -> Answer:
    outcome, steps = reduce.OUTCOMES[found.outcomes[at]], int(found.steps[at])
    if outcome != "normal":
        return Answer(outcome, steps)
    words = found.terms.words(at)
    return Answer(outcome, steps, len(words), format_term(words, notation), (len(words) - 3) // 2)


def _reduced(name: str, columns: list[Counts], budget: Budgets) -> church.ChurchResults:
    """What reduction makes of the numerals; a value that the integers deny is an error."""
    numerals = tuple(map(church.encode, columns))
    found = church.operate(OPERATIONS[name].operator, numerals, budget)
    normal = np.flatnonzero(found.outcomes == reduce.NORMAL)
    values = found.values()[normal]
    due = _by_integers(name, [column[normal] for column in columns])
    for row in np.flatnonzero(values != due).tolist():
        asked = " ".join([name, *(str(column[normal[row]]) for column in columns)])
        message = f"{asked} was reduced to {values[row]}, and integers say {due[row]}"
        raise MismatchError(f"{message}; run `doctor` to see whether this machine computes rightly")
    return found


def _by_integers(name: str, columns: list[Counts]) -> Counts:
    """The values by integer arithmetic; small, since their numerals were written down."""
    if name == "exp":
        pairs = zip(*(column.tolist() for column in columns), strict=True)
        return np.array([m**n for m, n in pairs], dtype=np.int64)
    if name == "pred":
        return np.maximum(columns[0] - 1, 0)
    other = columns[1] if len(columns) > 1 else np.ones_like(columns[0])
    return (church.mult_counts if name == "mult" else church.add_counts)(columns[0], other)[0]


def refusal(name: str, row: OperationRow, answer: Answer, budget: Budgets) -> str:
    """What is said of a question without a numeral as its answer."""
    if answer.reason is not None:
        return answer.reason
    asked = " ".join([name, *map(str, row.numbers)])
    return f"{asked} has the outcome {answer.outcome}: {_why(answer.outcome, budget)}"


def _why(outcome: str, budget: Budgets) -> str:
    """An outcome without a numeral in words, with what to raise."""
    limits = {
        "input": ("the numerals have more nodes than three times", "--max-size", budget.max_size),
        "size": ("the numeral has more nodes than", "--max-size", budget.max_size),
        "steps": ("it takes more beta steps than", "--max-steps", budget.max_steps),
        "depth": ("more arguments are pending than", "--max-depth", budget.max_depth),
    }
    said, flag, limit = limits[outcome]
    return f"{said} {flag} {limit}; raise it"
