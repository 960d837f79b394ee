"""`config`: the settings that a run would have, shown with their sources.

What is printed is TOML, so that it can be kept as a file for `--config`.
"""

from __future__ import annotations

from typing import Any

import click

from automaton.cli import config_file as files
from automaton.cli.commands.run import ONE, run
from automaton.cli.config_file import toml_value
from automaton.cli.option_groups import GroupedCommand
from automaton.cli.option_types import WIDTH

_OF_A_RUN = [p for p in run.params if isinstance(p, click.Option)]
_FROM = {"COMMANDLINE": "command line", "ENVIRONMENT": "environment"}


@click.pass_context
def show(context: click.Context, /, **values: Any) -> None:
    """Print the settings that a run would have, each with its source and what it means."""
    for parameter in _OF_A_RUN:
        if parameter.expose_value and parameter.name:
            click.echo(_row(context, parameter, values[parameter.name]))


def _row(context: click.Context, parameter: click.Option, value: object) -> str:
    """One line of TOML; what is not set is a comment."""
    name = parameter.name or ""
    if name == "focus_probability" and isinstance(value, int):
        value /= ONE
    where = context.get_parameter_source(name)
    source = _FROM.get(where.name if where else "", "")
    source = source or context.meta.get(files.SOURCES, {}).get(name, "default")
    meaning = f"{source}: {parameter.help}"
    return (
        f"# {name} =  # {meaning}"
        if value is None
        else f"{name} = {toml_value(value)}  # {meaning}"
    )


config = GroupedCommand(
    "config",
    params=list(_OF_A_RUN),
    callback=show,
    help="Print the settings that a run would have, as TOML.\n\n"
    "Each with its source: the command line, a file, a profile, or the default.",
    context_settings={"max_content_width": WIDTH},
)
