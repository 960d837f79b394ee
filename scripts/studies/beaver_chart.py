"""A chart of a busy beaver's results, as SVG: terms without a normal form, largest normal forms.

    python scripts/studies/beaver_chart.py RESULTS.jsonl -o FILE.svg

RESULTS is what `busy-beaver --json` prints. The same results give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, GAP = 380, 260, 70, 50, 90


def panel(rows: list[tuple[int, float]], left: int, title: str, label: str) -> list[str]:
    """Points over bits, on a scale from 0 to the largest."""
    first, last = rows[0][0], rows[-1][0]
    most = max(value for _, value in rows) or 1
    out = [f'<text x="{left}" y="{TOP - 16}">{title}</text>']
    out.append(
        f'<path d="M{left} {TOP}V{TOP + HEIGHT}H{left + WIDTH}" fill="none" stroke="black"/>'
    )
    for part in range(5):
        value = most * part / 4
        y = TOP + HEIGHT * (1 - part / 4)
        out.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for bits, value in rows:
        x = left + WIDTH * (bits - first) / (last - first)
        y = TOP + HEIGHT * (1 - value / most)
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="rgb(33,40,92)"/>')
        if bits % 4 == 0:
            out.append(
                f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{bits}</text>'
            )
    middle = left + WIDTH // 2
    out.append(f'<text x="{middle}" y="{TOP + HEIGHT + 36}" text-anchor="middle">{label}</text>')
    return out


def chart(rows: list[dict[str, Any]]) -> str:
    """The picture: shares in a thousand, and the logarithm of the logarithm of sizes."""
    found = [row for row in rows if row["closed"]]
    share = [(row["bits"], 1000 * row["without"] / row["closed"]) for row in found]
    sizes = [(row["bits"], math.log2(math.log2(int(row["largest"], 0)))) for row in found]
    width = LEFT + 2 * WIDTH + GAP + 30
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{TOP + HEIGHT + 60}">',
        '<g font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{TOP + HEIGHT + 60}" fill="white"/>',
        *panel(share, LEFT, "closed terms without a normal form, of a thousand", "bits"),
        *panel(sizes, LEFT + WIDTH + GAP, "log2 log2 of the largest normal form's bits", "bits"),
    ]
    return "\n".join([*out, "</g>", "</svg>", ""])


def main() -> None:
    """Read results, write a picture."""
    parser = argparse.ArgumentParser(description="A chart of a busy beaver's results, as SVG.")
    parser.add_argument("results", type=Path)
    parser.add_argument("-o", dest="out", type=Path, required=True)
    given = parser.parse_args()
    lines = given.results.read_text("utf-8").splitlines()
    given.out.write_text(chart([json.loads(line) for line in lines]), "utf-8")


if __name__ == "__main__":
    main()
