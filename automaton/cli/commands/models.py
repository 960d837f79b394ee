"""`models`: published models computed again; one command a model."""

from __future__ import annotations

import click

from automaton.analysis.kinship_model import KinshipDecision, expected
from automaton.cli.option_types import Topics, switch
from automaton.cli.text import as_json


@click.group(cls=Topics)
def models() -> None:
    """Compute published models again.

    As they were written, and as they must be.
    """


@models.command()
@switch("--json", "Print one JSON object.")
def kinship(json: bool) -> None:
    """Print the decision table about kinship, computed again.

    Its expected utility, as written and normalised.
    """
    found = expected()
    if json:
        click.echo(as_json(found.as_json()))
        return
    for line in _paragraphs(found):
        click.echo(line)


def _paragraphs(found: KinshipDecision) -> list[str]:
    table = [f"{'utility':>12}  {'probability':>11}  {'normalised':>10}"]
    rows = zip(found.utilities, found.probabilities, strict=True)
    table += [f"{u:12g}  {p:11.2f}  {p / found.total:10.4f}" for u, p in rows]
    table += [f"{'total':>12}  {found.total:11.2f}  {1:10.4f}", ""]
    if found.warning:
        table += [f"warning: {found.warning}"]
    which = "of all tables that add up to 1 and differ from this one in one direction only"
    return [
        *table,
        f"expected utility as written: {found.as_written:.2f}",
        f"expected utility normalised: {found.normalised:.2f}",
        f"interval: {found.low:.2f} to {found.high:.2f}, {which}",
    ]
