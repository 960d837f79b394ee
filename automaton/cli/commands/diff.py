"""`diff A B`: the first tick, line and byte in which two logs part, and what differs there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.exit_codes import DIFFERENT
from automaton.cli.option_types import PATH, option
from automaton.cli.text import as_json, counted, printable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.analysis.log_difference import LogDifference

#: Members of a line that people are told; --json has all.
MOST_MEMBERS = 8


@click.command()
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object.")
def diff(a: Path, b: Path, json_: bool) -> int:
    """Show where the logs A and B part, and why.

    That is the first tick, line and byte in which they differ. Exit code 0: they are equal
    up to their last commits; 15: they are not. Neither is changed. A log of --record
    commits is equal to the same log written whole.
    """
    from automaton.analysis.log_difference import compare_logs  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415  # see the top
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    with (
        Log.open(a, write=False) as one,
        Log.open(b, write=False) as other,
        with_omitted_batches(one),
        with_omitted_batches(other),
    ):
        for path, log in ((a, one), (b, other)):
            for notice in log.notices:
                click.echo(f"note: {printable(f'{path}: {notice}')}", err=True)
        found = compare_logs(one, other)
        ticks, head = len(one.commits), one.head.hex()
    if json_:
        facts = {"equal": found is None, "ticks": ticks, "head": head}
        click.echo(as_json(facts if found is None else {"equal": False, **found.as_json()}))
    elif found is None:
        click.echo(f"equal: {counted(ticks, 'tick')}, head {head}")
    else:
        click.echo("\n".join(_told(found)))
    return DIFFERENT if found else 0


def _told(found: LogDifference) -> list[str]:
    """The difference in words."""
    place = f"tick {found.tick}" if found.tick else "the genesis"
    lines = [
        f"they part in {place}: line {found.line}, byte {found.byte} (of the line {found.column})",
        f"  why  {printable(found.why)}",
    ]
    lines += [
        f"  {name}    {'(nothing)' if line is None else printable(line)}"
        for name, line in (("A", found.a), ("B", found.b))
    ]
    for member in found.members[:MOST_MEMBERS]:
        lines.append(
            f"  {printable(member.name)}: {as_json(member.a)} in A, {as_json(member.b)} in B"
        )
    if len(found.members) > MOST_MEMBERS:
        lines.append(f"  and {counted(len(found.members) - MOST_MEMBERS, 'more member')} (--json)")
    return [line if len(line) < 300 else line[:299] + "…" for line in lines]
