"""`sign LOG`: the head of a log as a signed note."""

from __future__ import annotations

from pathlib import Path

import click

from automaton.cli.commands.head import opened_tree
from automaton.cli.option_types import PATH, option
from automaton.errors import UsageError


@click.command()
@click.argument("log", type=PATH)
@option(
    "--key",
    type=PATH,
    required=True,
    metavar="FILE",
    show_default="none: it must be given",
    help="The key that keygen made (a path); its name is the log's name in the note.",
)
def sign(log: Path, key: Path) -> None:
    """Print the head of LOG as a note that is signed by a key.

    A key is for one log: what it signed last is kept in FILE.signed, and a head that does
    not go on from there is refused.
    """
    from automaton.proofs import signing  # noqa: PLC0415
    from automaton.proofs.keys import read_key  # noqa: PLC0415
    from automaton.proofs.notes import ED25519  # noqa: PLC0415

    if str(log) == "-":
        raise UsageError("a log is a file; standard input has no earlier heads")
    secret = read_key(key, ED25519)
    with opened_tree(log) as (commits, tree):
        note = signing.sign_head(commits, tree, secret, Path(f"{key}.signed"))
    click.echo(str(note), nl=False)
