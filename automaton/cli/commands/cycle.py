"""`cycle LOG`: one cycle alone, the same as among thousands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from automaton.cli.commands.cycles import CATALYST_HELP, SEED
from automaton.cli.option_types import PATH, WIDTH, option, switch
from automaton.cli.text import as_json, one_line, printable


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@SEED
@option(
    "--catalyst",
    metavar="C",
    show_default="a drawn live term",
    help=CATALYST_HELP,
)
@switch("--json", "Print one JSON object.")
def cycle(log: Path, seed: int, catalyst: str | None, json: bool) -> None:
    """Run one cycle on a snapshot of LOG: what it found.

    Also what it decided on the way. A function of the snapshot, seed and catalyst, so
    that any cycle of `cycles` can be run again. LOG is only read.
    """
    from automaton.cycles import load_population, replay_cycle  # noqa: PLC0415

    branch = load_population(log)
    if branch.note:
        click.echo(f"note: {printable(branch.note)}", err=True)
    found = replay_cycle(branch, seed, catalyst).as_json()
    if json:
        click.echo(as_json(found))
        return
    for line in _told(found, branch.options.max_steps):
        click.echo(line)


def _told(found: dict[str, Any], max_steps: int) -> Iterator[str]:
    yield f"seed {found['seed']}, catalyst {one_line(found['catalyst'], 80)}"
    if found["error"]:
        yield f"  failed: {one_line(found['error'], 300)}"
    for decision in found["decisions"]:
        facts = (f"{k} {v}" for k, v in decision.items() if k != "stage")
        yield f"  {decision['stage']:10} " + one_line(", ".join(facts), 200)
    for name, value in found["metrics"].items():
        said = _depth(found["metrics"], max_steps) if name == "depth" else value
        yield f"  {name:16} {said}"
    for candidate in found["candidates"]:
        new = "new" if candidate["new"] else "known"
        yield (
            f"  score {candidate['score']:3}, {candidate['size']} nodes, {candidate['steps']} "
            f"steps, {new}: {one_line(candidate['term'], 80)}"
        )
        yield "             of " + one_line(", ".join(candidate["parents"]), 200)


def _depth(metrics: dict[str, Any], max_steps: int) -> str:
    """The component of the index (docs/engine.md); `metrics` hold the sum."""
    whole = metrics["normal_forms"]
    if not whole:
        return "not measured: no normal form"
    of = f"log(1 + beta steps) / log(1 + {max_steps}) over {whole} normal forms"
    return f"{metrics['depth'] / whole:.4f}, the mean of {of}"
