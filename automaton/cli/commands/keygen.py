"""`keygen FILE`: a new key that signs the heads of a log, or of a witness."""

from __future__ import annotations

from pathlib import Path

import click

from automaton.cli.option_types import PATH, option, switch

#: What the name of a key ends with whose witness computes all ticks again.
RECOMPUTES = "/recomputes"


@click.command()
@click.argument("file", type=PATH)
@option(
    "--name",
    metavar="NAME",
    show_default="none: a new key must have one",
    help="What the log or the witness is called (a word, such as example.org/soup).",
)
@switch("--witness", "A key for `witness`, which cosigns heads of logs of others.")
@switch("--recomputes", "With --witness: it signs what it computed again; its name says so.")
@switch("--public", "Print the public key of FILE, a key that was made before.")
def keygen(file: Path, name: str | None, witness: bool, recomputes: bool, public: bool) -> None:
    """Write a new secret key to FILE, and print its public one.

    FILE is for its owner alone.

    The public key, one line, is for everybody who is to check what the key signs. FILE is
    never shown, is never overwritten, and has no passphrase: keep it where the log's readers
    cannot read it.
    """
    from automaton.proofs.keys import new_key, read_key, write_key  # noqa: PLC0415
    from automaton.proofs.notes import COSIGNATURE, ED25519  # noqa: PLC0415

    if public:
        if name is not None or witness or recomputes:
            raise click.UsageError(
                "--public is of a key that was made before, and its name and kind stand in it",
                click.get_current_context(),
            )
        click.echo(str(read_key(file).public))
        return
    if name is None:
        raise click.UsageError("a new key has a --name", click.get_current_context())
    if recomputes and not witness:
        raise click.UsageError("--recomputes is for --witness", click.get_current_context())
    key = new_key(name + RECOMPUTES if recomputes else name, COSIGNATURE if witness else ED25519)
    write_key(file, key)
    click.echo(str(key.public))
