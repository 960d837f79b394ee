"""Bounds of the assembly index of a text: joins that make it of its letters.

The assembly index (Marshall and others, "Formalising the pathways to life using assembly
spaces", Entropy 24, 2022) is the least number of joins of two texts, each a letter or made
before, that end in the text. It is hard to compute; what bounds it is not. Pure.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple


class AssemblyBounds(NamedTuple):
    """The assembly index is at least `lower` and at most `upper`: numbers of joins."""

    lower: int
    upper: int


def assembly_bounds(text: str) -> AssemblyBounds:
    """The bounds of a text; 0 and 0 of a letter and of nothing."""
    if len(text) < 2:
        return AssemblyBounds(0, 0)
    return AssemblyBounds(_least(text), repeated_pair_joins(text))


def _least(text: str) -> int:
    """What no way can do without.

    A join doubles a length at most: log2 of it, rounded up. And it brings two parts
    together: one join less than there are different letters.
    """
    return max((len(text) - 1).bit_length(), len(set(text)) - 1)


def repeated_pair_joins(text: str) -> int:
    """Joins of a way that makes repeated pairs once (Re-Pair: Larsson and Moffat 2000).

    While a pair of neighbours occurs twice without overlap, the most frequent one is made
    once and put in the place of all its occurrences; of equally frequent ones the one that
    occurs first. What is left is joined from the left.
    """
    numbers = {letter: number for number, letter in enumerate(dict.fromkeys(text))}
    row = [numbers[letter] for letter in text]
    made = len(numbers)
    joins = 0
    while True:
        pair, times = _most_frequent(row)
        if times < 2:
            return joins + len(row) - 1
        row = _replaced(row, pair, made)
        made, joins = made + 1, joins + 1


def _most_frequent(row: list[int]) -> tuple[tuple[int, int], int]:
    """The most frequent pair of neighbours and how often it occurs without overlap."""
    counts: Counter[tuple[int, int]] = Counter()
    last: dict[tuple[int, int], int] = {}
    for place in range(len(row) - 1):
        pair = row[place], row[place + 1]
        if last.get(pair) != place - 1:  # an overlap is possible within equal ones alone
            counts[pair] += 1
            last[pair] = place
    return counts.most_common(1)[0] if counts else ((0, 0), 0)


def _replaced(row: list[int], pair: tuple[int, int], by: int) -> list[int]:
    """The row with a number for each occurrence of a pair, from the left."""
    found, place = [], 0
    while place < len(row):
        if (row[place], *row[place + 1 : place + 2]) == pair:
            found.append(by)
            place += 2
        else:
            found.append(row[place])
            place += 1
    return found
