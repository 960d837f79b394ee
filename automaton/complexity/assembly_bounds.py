"""Bounds of the assembly index of a text: joins that make it of its letters.

The assembly index (Marshall and others, "Formalising the pathways to life using assembly
spaces", Entropy 24, 2022) is the least number of joins of two texts, each a letter or made
before, that end in the text. It is hard to compute; what bounds it is not. Pure.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import NamedTuple


class AssemblyBounds(NamedTuple):
    """The assembly index is at least `lower` and at most `upper`: numbers of joins."""

    lower: int
    upper: int


def assembly_bounds(text: str) -> AssemblyBounds:
    """The bounds of a text; 0 and 0 of a letter and of nothing."""
    if len(text) < 2:
        return AssemblyBounds(0, 0)
    return AssemblyBounds(phrases(text) - 1, repeated_pair_joins(text))


def phrases(text: str) -> int:
    """The least number of parts, each a letter or a text that occurs whole before it.

    Greedily from the left, each as long as it can be (Lempel and Ziv 1976). A way of n joins
    is a tree whose leaves, cut where something was made before, are n + 1 such parts
    (Rytter 2003): so n is at least one less.
    """
    number = start = 0
    while start < len(text):
        length = 1
        while (
            start + length < len(text)
            and text.find(text[start : start + length + 1], 0, start) >= 0
        ):
            length += 1
        number, start = number + 1, start + length
    return number


def repeated_pair_joins(text: str) -> int:
    """Joins of a way that makes repeated pairs once (Re-Pair: Larsson and Moffat 2000).

    While a pair of neighbours occurs twice, the most frequent one is made once and put in
    the place of its occurrences, from the left; of equally frequent ones the one that occurs
    first. Occurrences that overlap count. What is left is joined from the left.
    """
    numbers = {letter: number for number, letter in enumerate(dict.fromkeys(text))}
    row = [numbers[letter] for letter in text]
    joins = 0
    while len(row) > 1:
        pair, times = Counter(pairwise(row)).most_common(1)[0]
        if times < 2:
            break
        row = _replaced(row, pair, len(numbers) + joins)
        joins += 1
    return joins + max(0, len(row) - 1)


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
