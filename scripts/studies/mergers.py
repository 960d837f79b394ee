"""Outcomes of merged soups by a manifest of `pairs`: a table, and a picture as SVG.

    python scripts/studies/mergers.py MANIFEST [-o FILE.svg]

The table has each rule's shares with Wilson's intervals, and with intervals from leaving out
one organisation at a time (jackknife), since pairs that share one are not independent. The
picture has a point for each merged soup, at its similarities to the two. The same manifest
gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from automaton.analysis.population_series import wilson
from automaton.soups.merger import ALIKE, OUTCOMES, outcome, outcome_by_left_alone

Rule = Callable[[float, float], str]
Row = dict[str, Any]
SIDE, LEFT, TOP = 420, 70, 60
Z95 = 1.959964
COLOURS = {"domination": "#d9822b", "coexistence": "#2b8a5f", "destruction": "#4a5a8a"}


def retained_outcome(left: float, right: float) -> str:
    """The same by shares of terms retained: a part is there where half of its terms live."""
    if left >= 0.5 and right >= 0.5:
        return "coexistence"
    return "domination" if left >= 0.5 or right >= 0.5 else "destruction"


def jackknife(rows: Sequence[Row], is_one: Sequence[bool]) -> tuple[float, float]:
    """An interval of a share, by leaving out all soups of one organisation at a time."""
    share = sum(is_one) / len(rows)
    names = sorted({row["settings"][side] for row in rows for side in ("left", "right")})
    n = len(names)
    values = []
    for name in names:
        kept = [
            one for row, one in zip(rows, is_one, strict=True)
            if name not in (row["settings"]["left"], row["settings"]["right"])
        ]  # fmt: skip
        if not kept:
            return 0.0, 1.0
        values.append(sum(kept) / len(kept))
    mean = sum(values) / n
    error = ((n - 1) / n * sum((value - mean) ** 2 for value in values)) ** 0.5
    return max(0.0, share - Z95 * error), min(1.0, share + Z95 * error)


def table(rows: Sequence[Row]) -> list[str]:
    """Lines for people: a rule and an outcome each."""
    lines = [f"{len(rows)} merged soups"]
    rules: list[tuple[str, str, Rule]] = [
        ("as defined", "similarity", outcome),
        ("as in the notebook", "similarity", outcome_by_left_alone),
        ("by terms retained", "retained", retained_outcome),
    ]
    for name, figure, rule in rules:
        found = [rule(*row["merger"][figure]) for row in rows]
        for kind in OUTCOMES:
            is_one = [one == kind for one in found]
            share, low, high = wilson(sum(is_one), len(rows))
            first, last = jackknife(rows, is_one)
            lines.append(
                f"{name:<20} {kind:<12} {sum(is_one):>5}  {share:.3f}  "
                f"Wilson {low:.3f} to {high:.3f}  jackknife {first:.3f} to {last:.3f}"
            )
    return lines


def picture(rows: Sequence[Row]) -> str:
    """A point a soup: similarity to the one it keeps more of, and to the other."""
    width, height = LEFT + SIDE + 30, TOP + SIDE + 60
    found = [row["merger"]["outcome"] for row in rows]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">',
        '<g font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="10" y="18">{len(rows)} merged soups: similarity to their two parts</text>',
        f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>',
    ]
    for k, kind in enumerate(OUTCOMES):
        at = 10 + k * 165
        out.append(f'<circle cx="{at + 5}" cy="36" r="4" fill="{COLOURS[kind]}"/>')
        share = found.count(kind) / len(rows)
        out.append(f'<text x="{at + 14}" y="40">{kind} {share:.3f}</text>')
    line = []
    for step in range(101):
        x = ALIKE**2 + (1 - ALIKE**2) * step / 100
        line.append(f"{LEFT + x * SIDE:.1f},{TOP + SIDE - min(1, ALIKE**2 / x) * SIDE:.1f}")
    out.append(f'<polyline points="{" ".join(line)}" fill="none" stroke="#bbb"/>')
    for row, kind in zip(rows, found, strict=True):
        low, high = sorted(row["merger"]["similarity"])
        x, y = LEFT + high * SIDE, TOP + SIDE - low * SIDE
        circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[kind]}"'
        out.append(f'{circle} fill-opacity="0.6"/>')
    for tick in range(0, 11, 2):
        at, value = tick * SIDE // 10, f"{tick / 10:.1f}"
        out.append(
            f'<text x="{LEFT + at}" y="{TOP + SIDE + 16}" text-anchor="middle">{value}</text>'
        )
        out.append(
            f'<text x="{LEFT - 8}" y="{TOP + SIDE - at + 4}" text-anchor="end">{value}</text>'
        )
    here = f'x="{LEFT + SIDE // 2}" y="{TOP + SIDE + 38}" text-anchor="middle"'
    out.append(f"<text {here}>to the part of which more is left (Jaccard's index)</text>")
    middle = TOP + SIDE // 2
    turned = f'transform="rotate(-90 22 {middle})" text-anchor="middle"'
    out.append(f'<text x="22" y="{middle}" {turned}>to the other part</text>')
    return "\n".join([*out, "</g>", "</svg>"]) + "\n"


def main() -> None:
    """Print the table; write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    _, *lines = given.manifest.read_text("utf-8").splitlines()
    rows = sorted((json.loads(line) for line in lines), key=lambda row: row["run"])
    print("\n".join(table(rows)))
    if given.output is not None:
        given.output.write_text(picture(rows), "utf-8")


if __name__ == "__main__":
    main()
