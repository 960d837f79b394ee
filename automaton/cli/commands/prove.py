"""`prove LOG ID`: a proof of one line, or that one head is a beginning of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.commands.head import opened_tree
from automaton.cli.option_types import PATH, option
from automaton.cli.small_file import read_small

if TYPE_CHECKING:
    from automaton.proofs.tree_heads import TreeHead


@click.command()
@click.argument("log", type=PATH)
@click.argument("name", metavar="[ID]", required=False)
@option(
    "--note",
    "note",
    type=PATH,
    metavar="FILE",
    show_default="the log's head, not signed",
    help="The note of the head that is proved to (a path; sign prints one, a head will do).",
)
@option(
    "--from",
    "old",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="Instead of ID: the older of two heads (a path).",
)
@option(
    "--to", "new", type=PATH, metavar="FILE", show_default="the log's head, not signed",
    help="With --from: the newer of the two (a path).",
)  # fmt: skip
def prove(
    log: Path, name: str | None, note: Path | None, old: Path | None, new: Path | None
) -> None:
    """Print a proof that the line ID stands in LOG.

    Or, with --from, that LOG only grew.

    ID is an object's id (its last version), commit:N, or line:N. The proof is a file of its
    own, some 15 kilobytes: check-proof needs no log.
    """
    from automaton.proofs import consistency, inclusion  # noqa: PLC0415
    from automaton.proofs.notes import LONGEST, Note  # noqa: PLC0415
    from automaton.proofs.prover import head_of, known_head, prove_heads, prove_line  # noqa: PLC0415

    wrong = (name is None) == (old is None) or (new and not old) or (note and old)
    if wrong:
        raise click.UsageError(
            "give an ID (and --note), or --from FILE (and --to FILE)",
            click.get_current_context(),
        )
    with opened_tree(log) as (commits, tree):

        def head(path: Path | None, origin: str | None = None) -> tuple[TreeHead, Note]:
            if path is not None:
                return known_head(commits, tree, read_small(path, LONGEST))
            own = head_of(commits, tree, origin)
            return own, Note(str(own))

        if old is not None:
            older = head(old)
            newer = head(new, older[0].origin)  # the log is called as it was
            click.echo(consistency.to_text(prove_heads(tree, older, newer)), nl=False)
            return
        assert name is not None
        proof, tick = prove_line(commits, tree, name, head(note)[1])
    click.echo(inclusion.to_text(proof, tick), nl=False)
