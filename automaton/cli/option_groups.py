"""The options of a run by subject, as help shows them: which group, in which order.

A table of names, held by a test against the options themselves; what an option means
stands where it is declared.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

MOST_USED = "Most used"
#: Title and options of each group; every option of a run stands in one of them.
GROUPS = {
    MOST_USED: "ticks seconds interval parallel seed streams profile config",
    "Bounds": "max_objects max_steps max_size max_depth",
    "Workers and memory": (
        "engine workers auto_scale min_workers max_workers_limit scale_up_threshold "
        "scale_down_threshold execution_batch_size memory_limit memory_pressure_threshold "
        "gc_interval trim_interval max_execution_history"
    ),
    "GPU": "gpu device gpu_batch_size",
    "Program": "operator copies updating lock_dimension focus_dimension focus_probability",
    "Where collisions come one after another": "evaluation amplifiers inflow",
    "Where streams compete": "salience archive decisions memory_rate memory_url",
    "Durability and verification": (
        "durability record segment_bytes verify max_lag min_free_disk as_genesis"
    ),
    "Output": "stats_interval trace metrics json plain help",
}

_COLUMN = 30  # characters, the most that click puts before a text
Records = list[tuple[str, str]]


def grouped(command: click.Command, context: click.Context) -> Iterator[tuple[str, Records]]:
    """Title and help of each group that the command has options of."""
    options = {p.name: p for p in command.get_params(context) if isinstance(p, click.Option)}
    for title, names in GROUPS.items():
        chosen = (options[name] for name in names.split() if name in options)
        records = [record for option in chosen if (record := option.get_help_record(context))]
        if records:
            yield title, records


class GroupedCommand(click.Command):
    """A command with the options of a run, shown by subject."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the options in their groups, all with the same columns."""
        groups = dict(grouped(self, ctx))
        names = [name for records in groups.values() for name, _ in records]
        width = max(len(name) for name in names if len(name) <= _COLUMN)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", text) for name, text in records])
