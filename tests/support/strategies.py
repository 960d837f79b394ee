"""Hypothesis strategies for terms as packed words, and the reader of .lam files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.packed import APP, LAM, META, VAR, linked

_LARGEST = 40  # nodes; enough for every shape of redex, small enough for the reference


@st.composite
def terms(
    draw: st.DrawFn, free: int = 0, max_nodes: int = _LARGEST, metavariables: int = 0
) -> Words:
    """A term with free indices below `free`, from choices written in preorder.

    When the choices run out the rest is leaves, so that shrinking them shrinks
    the term.
    """
    choices = draw(st.lists(st.integers(0, 4 * max_nodes - 1), max_size=max_nodes))
    choices.reverse()
    words: list[int] = []
    depths = [0]
    while depths:
        depth = depths.pop()
        value, kind = divmod(choices.pop() if choices else 0, 4)
        variables = depth + free
        if metavariables and kind == META:
            words.append(value % metavariables << 2 | META)
        elif kind == APP and len(words) + len(depths) < max_nodes:
            words.append(APP)
            depths += (depth, depth)
        elif kind == LAM or not variables:
            words.append(LAM)
            depths.append(depth + 1)
        else:
            words.append(value % variables << 2 | VAR)
    return linked(words)


def closed_terms(max_nodes: int = _LARGEST) -> st.SearchStrategy[Words]:
    """Terms without free variables."""
    return terms(max_nodes=max_nodes)


def open_terms(free: int = 3, max_nodes: int = _LARGEST) -> st.SearchStrategy[Words]:
    """Terms whose free indices are below `free`."""
    return terms(free=free, max_nodes=max_nodes)


def patterns(metavariables: int = 3, max_nodes: int = _LARGEST) -> st.SearchStrategy[Words]:
    """Closed terms in which metavariables stand too."""
    return terms(max_nodes=max_nodes, metavariables=metavariables)


class Published(NamedTuple):
    """A term of a .lam file, its normal form, and its beta steps where they are known."""

    name: str
    term: Words
    normal: Words
    free: int
    steps: int | None


def published(folder: Path, stem: str) -> Iterator[Published]:
    """The terms of `stem`.lam beside those of `stem`.nf.lam, line by line.

    Free variables have the same index in both, that of the term's first
    appearances.
    """
    terms_of, normals = _lines(folder / f"{stem}.lam"), _lines(folder / f"{stem}.nf.lam")
    for number, ((text, steps), (normal, steps_there)) in enumerate(
        zip(terms_of, normals, strict=True), 1
    ):
        term, names = parse(text, free=True)
        count = steps if steps is not None else steps_there
        yield Published(f"{stem}:{number}", term, with_names(normal, names), len(names), count)


def with_names(text: str, names: list[str]) -> Words:
    """A term whose free variables are numbered as `names` are.

    They are bound outermost, the last name first, and the lambdas cut off.
    """
    return parse("".join(f"λ{name}." for name in reversed(names)) + f"({text})")[len(names) :]


def _lines(path: Path) -> list[tuple[str, int | None]]:
    """The terms of a file, each with the beta steps named in the comments before it."""
    found: list[tuple[str, int | None]] = []
    steps = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("--"):
            count = re.match(r"-- numSubsts:\s*(\d+)", line)
            steps = int(count[1]) if count else steps
        elif line.strip():
            found.append((line, steps))
            steps = None
    return found
