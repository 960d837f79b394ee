"""`witness DIR NOTE`: cosign the head of a log of others, if it goes on from the last one."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.commands.head import opened_tree
from automaton.cli.commands.keygen import RECOMPUTES
from automaton.cli.option_types import PATH, option, switch
from automaton.cli.small_file import read_small
from automaton.errors import MismatchError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.proofs.witness import WitnessedLog


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.argument("note", type=PATH)
@option(
    "--key",
    type=PATH,
    required=True,
    metavar="FILE",
    show_default="none: it must be given",
    help="The witness's key, as `keygen --witness` made it (a path).",
)
@option(
    "--log-key",
    metavar="VKEY",
    show_default="what DIR knows",
    help="The log's public key (a word); needed once for each log.",
)
@option(
    "--log",
    type=PATH,
    metavar="LOG",
    show_default="none",
    help="The log (a path), to see that NOTE goes on from the last head; or NOTE is such a proof.",
)
@switch("--recompute", "Compute the ticks since the last head again before (needs --log).")
def witness(
    folder: Path, note: Path, key: Path, log_key: str | None, log: Path | None, recompute: bool
) -> None:  # fmt: skip
    """Sign NOTE if it goes on from the head signed last.

    It is printed with the witness's signature.

    DIR keeps what was signed last of every log. A head that is not consistent with it is a
    fork: it ends with 1, and both notes are kept in DIR. NOTE is a note of sign, or what
    prove --from --to prints.
    """
    from automaton.proofs import witness as witnesses  # noqa: PLC0415
    from automaton.proofs.inclusion import LONGEST  # noqa: PLC0415
    from automaton.proofs.keys import read_key  # noqa: PLC0415
    from automaton.proofs.notes import COSIGNATURE, parse_key  # noqa: PLC0415

    secret = read_key(key, COSIGNATURE)
    if recompute != secret.name.endswith(RECOMPUTES) or (recompute and log is None):
        raise click.UsageError(
            "--recompute needs --log and a key of `keygen --witness --recomputes`, and that key "
            "needs --recompute: its name says to everybody what was done",
            click.get_current_context(),
        )
    shown = witnesses.parse_shown(read_small(note, LONGEST))
    with ExitStack() as stack:
        seen: WitnessedLog | None = None
        if log is not None:
            commits, tree = stack.enter_context(opened_tree(log))
            again = (lambda low, high: _recompute(log, low, high)) if recompute else None
            seen = witnesses.WitnessedLog(commits, tree, again)
        own = stack.enter_context(witnesses.opened(folder, secret))
        public = None if log_key is None else parse_key(log_key)
        signed = own.cosign(shown, int(time.time()), public, seen)
    click.echo(str(signed), nl=False)


def _recompute(path: Path, known: int, last: int) -> None:
    """Compute the ticks behind one up to another again; MismatchError where they differ."""
    from automaton.log import AuditedLog  # noqa: PLC0415
    from automaton.verify import VerifyRequest, verify  # noqa: PLC0415

    if last <= known:
        return
    with AuditedLog.open(path) as log:
        verdict = verify(log, VerifyRequest(first=known + 1, last=last))
    if verdict.first_bad is not None:
        raise MismatchError(f"{path}: {verdict.first_bad}; nothing was cosigned")
