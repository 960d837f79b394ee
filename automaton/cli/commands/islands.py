"""`islands`: many logs that exchange their best terms: a command for each thing to do."""

from __future__ import annotations

import click

from automaton.cli.archipelago import (
    island_comparison,
    island_copies,
    island_export,
    island_init,
    island_projection,
    island_queries,
    island_run,
    island_verdicts,
)
from automaton.cli.option_types import Topics


@click.group(cls=Topics)
def islands() -> None:
    """Run many logs side by side that exchange their best terms."""


for _command in (
    island_init.init, island_run.run, island_copies.follow,
    island_verdicts.stats, island_verdicts.show, island_verdicts.verify,
    island_queries.observe, island_queries.recall, island_export.export,
    island_projection.project, island_comparison.compare,
):  # fmt: skip
    islands.add_command(_command)
