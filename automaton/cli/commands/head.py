"""`head LOG`: the root of the tree over all commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.option_types import PATH, option

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.proofs.commit_tree import CommitTree
    from automaton.proofs.prover import ProvableCommits


@contextmanager
def opened_tree(path: Path) -> Iterator[tuple[ProvableCommits, CommitTree]]:
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
    """Print the head of LOG.

    Its name, how many commits it has, and the root over them.

    Three lines, as a checkpoint of C2SP has them. Whoever knows the root can be shown any
    line of the log by a proof of a few kilobytes (prove).
    """
    from automaton.proofs.prover import head_of  # noqa: PLC0415

    with opened_tree(log) as (commits, tree):
        click.echo(str(head_of(commits, tree, origin)), nl=False)
