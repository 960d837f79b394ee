"""`head LOG` and `sign LOG`: the root over all commits, and a signed note of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.option_types import PATH, option
from automaton.errors import UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.proofs.commit_tree import CommitTree
    from automaton.proofs.prover import Provable


@contextmanager
def opened_tree(path: Path) -> Iterator[tuple[Provable, CommitTree]]:
    """A log or a sealed file as proofs look at it, and the tree over its commits."""
    from automaton.log import Log  # noqa: PLC0415  # see the top
    from automaton.proofs import commit_tree  # noqa: PLC0415
    from automaton.proofs.prover import LogCommits  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415
    from automaton.seals import seal_reader  # noqa: PLC0415

    if seal_reader.is_sealed(path):
        with seal_reader.SealReader.open(path) as sealed, commit_tree.commit_tree(sealed) as tree:
            yield sealed, tree
        return
    with Log.open(path, write=False) as log, with_omitted_batches(log):
        commits = LogCommits(log)
        with commit_tree.commit_tree(commits) as tree:
            yield commits, tree


def origin(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """A name that a log may have in its heads."""
    if text is not None and (not text.isprintable() or text.split() != [text]):
        raise click.BadParameter(f"{text!r} is no name of a log: one word, as example.org/soup")
    return text


@click.command()
@click.argument("log", type=PATH)
@option(
    "--origin",
    callback=origin,
    metavar="NAME",
    show_default="made of its first commit",
    help="What the log is called (a word, such as example.org/soup).",
)
def head(log: Path, origin: str | None) -> None:
    """Print the head of LOG: its name, how many commits it has, and the root over them.

    Three lines, as a checkpoint of C2SP has them. Whoever knows the root can be shown any
    line of the log by a proof of a few kilobytes (prove). Example: head soup.jsonl > head.txt
    """
    from automaton.proofs.prover import head_of  # noqa: PLC0415

    with opened_tree(log) as (commits, tree):
        click.echo(str(head_of(commits, tree, origin)), nl=False)


@click.command()
@click.argument("log", type=PATH)
@option(
    "--key",
    type=PATH,
    required=True,
    metavar="FILE",
    show_default="none: it must be given",
    help="The key, a file that keygen made; its name is the log's name in the note.",
)
def sign(log: Path, key: Path) -> None:
    """Print the head of LOG as a note that is signed by a key.

    A key is for one log: what it signed last is kept in FILE.signed, and a head that does
    not go on from there is refused. Example: sign soup.jsonl --key soup.key > head.note
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
