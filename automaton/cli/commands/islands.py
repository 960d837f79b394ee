"""`islands`: many logs that exchange their best terms: a command for each thing to do."""

from __future__ import annotations

import click

from automaton.cli.archipelago import (
    asking,
    beginning,
    comparing,
    exporting,
    following,
    judging,
    projecting,
    running,
)
from automaton.cli.option_types import Topics


@click.group(cls=Topics)
def islands() -> None:
    """Run many logs side by side that exchange their best terms."""


for _command in (
    beginning.init, running.run, following.follow, judging.stats, judging.show, judging.verify,
    asking.observe, asking.recall, exporting.export, projecting.project, comparing.compare,
):  # fmt: skip
    islands.add_command(_command)
