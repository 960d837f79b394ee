"""`automaton-scalable why LOG ID`: why a modification won its round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from automaton.cli.option_types import PATH, WIDTH, option
from automaton.cli.text import as_json, printable


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@click.argument("identity", metavar="ID")
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object.")
def why(log: Path, identity: str, json_: bool) -> None:
    """Say why a modification of LOG won, and over whom.

    Taken from the decisions beside the log where they were kept (`--decisions`),
    else computed again from the log.
    """
    from automaton.analysis import explain  # noqa: PLC0415  # loads numba, which takes a second

    found = explain(log, identity)
    if json_:
        click.echo(as_json(found))
        return
    for line in _told(found):
        click.echo(line)


def _told(found: dict[str, Any]) -> list[str]:
    """A decision in words."""
    second, one = found["runnerUp"], 65536
    said = "kept with --decisions" if found["source"] == "kept" else "computed again"
    head = f"{printable(found['id'])}: round {found['round']} of tick {found['tick']}"
    weight = f"features and the stream's weight {found['weight'] / one:.3f}"
    lines = [
        f"{head}, proposed by {found['stream']} ({said})",
        f"  salience     {found['salience'] / one:.4f}, of {weight}:",
    ]
    for name, value in found["features"].items():
        share = found["mixture"].get(name, 0)
        lines.append(f"  {name:<12} {value / one:.4f} x {share / one:.3f}")
    if second is None:
        return [*lines, "  runner-up    none: no other stream had a candidate"]
    gap = (found["salience"] - second["salience"]) / one
    near = f"{gap:.4f} behind" if gap else "equally salient; a draw decided"
    return [*lines, f"  runner-up    {second['id']} of {second['stream']}, {near}"]
