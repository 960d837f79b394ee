"""A heat map of a sweep's manifest, as SVG: in how many soups of a point a term took over.

    python scripts/studies/heat_map.py MANIFEST --count successors --share 0.2 -o FILE.svg

A panel for each value of the first setting of the grid, a row for each of the second, a
column for each of the third. The same manifest gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

CELL, GAP, LEFT, TOP = 46, 70, 90, 56
#: Colours of no soup and of all soups, red, green, blue.
NONE, ALL = (33, 40, 92), (250, 225, 60)


def colour(share: float) -> str:
    """A colour between those of none and of all."""
    parts = (round(low + (high - low) * share) for low, high in zip(NONE, ALL, strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def heat_map(rows: list[dict[str, Any]], count: str, share: float) -> str:
    """The picture."""
    panel_name, row_name, column_name = rows[0]["settings"]
    found: dict[tuple[Any, Any, Any], list[bool]] = defaultdict(list)
    for row in rows:
        point = tuple(row["settings"].values())
        found[point].append(row["counts"][count] >= share * row["figures"]["live"])
    panels, ys, xs = (list(dict.fromkeys(point[k] for point in found)) for k in range(3))
    width = LEFT + len(panels) * (len(xs) * CELL + GAP)
    height = TOP + len(ys) * CELL + 60
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">',
        '<g font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="10" y="18">soups in which at least {share:.0%} are {count}, of those run</text>',
    ]
    for number, panel in enumerate(panels):
        left = LEFT + number * (len(xs) * CELL + GAP)
        out.append(f'<text x="{left}" y="{TOP - 10}">{panel_name}: {panel}</text>')
        for i, y in enumerate(reversed(ys)):
            top = TOP + i * CELL
            middle = top + CELL // 2 + 4
            out.append(f'<text x="{left - 8}" y="{middle}" text-anchor="end">{y}</text>')
            for j, x in enumerate(xs):
                passed = found.get((panel, y, x), [])
                if not passed:
                    continue
                part = sum(passed) / len(passed)
                at = left + j * CELL
                ink = "black" if part > 0.5 else "white"
                box = f'x="{at}" y="{top}" width="{CELL - 1}" height="{CELL - 1}"'
                here = f'x="{at + CELL // 2}" y="{middle}" text-anchor="middle"'
                said = f"{sum(passed)}/{len(passed)}"
                out.append(f'<rect {box} fill="{colour(part)}"/>')
                out.append(f'<text {here} fill="{ink}">{said}</text>')
        bottom = TOP + len(ys) * CELL
        for j, x in enumerate(xs):
            at = left + j * CELL + CELL // 2
            out.append(f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{x}</text>')
        middle = left + len(xs) * CELL // 2
        here = f'x="{middle}" y="{bottom + 36}" text-anchor="middle"'
        out.append(f"<text {here}>{column_name}</text>")
    out.append(f'<text x="10" y="{TOP - 10}">{row_name}</text>')
    return "\n".join([*out, "</g>", "</svg>", ""])


def main() -> None:
    """Read a manifest, write a picture."""
    parser = argparse.ArgumentParser(description="A heat map of a sweep's manifest, as SVG.")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--count", required=True, help="a name of the sweep's table [count]")
    parser.add_argument("--share", type=float, default=0.2, help="of the live terms")
    parser.add_argument("-o", dest="out", type=Path, required=True)
    given = parser.parse_args()
    lines = given.manifest.read_text("utf-8").splitlines()[1:]
    rows = sorted((json.loads(line) for line in lines), key=lambda row: row["run"])
    given.out.write_text(heat_map(rows, given.count, given.share), "utf-8")


if __name__ == "__main__":
    main()
