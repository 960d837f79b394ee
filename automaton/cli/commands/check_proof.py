"""`check-proof FILE`: what a proof proves, without the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.option_types import PATH, option, switch
from automaton.cli.small_file import read_small
from automaton.cli.text import as_json, printable

if TYPE_CHECKING:
    from automaton.proofs.checking import CheckedHeads, CheckedLine, HeadEvidence, Trust

LAST_SECOND = 253_402_300_799  # of the year 9999


def trust_of(keys: tuple[str, ...], policy: Path | None, head: Path | None = None) -> Trust:
    """What the options say is believed."""
    from automaton.errors import UsageError  # noqa: PLC0415
    from automaton.proofs.checking import Trust  # noqa: PLC0415
    from automaton.proofs.notes import LONGEST, parse_key  # noqa: PLC0415
    from automaton.proofs.policy import parse_policy  # noqa: PLC0415
    from automaton.proofs.tree_heads import parse_head  # noqa: PLC0415

    rules = None if policy is None else parse_policy(read_small(policy, 1 << 20))
    try:
        known = None if head is None else parse_head(read_small(head, LONGEST))[0]
    except ValueError as error:
        raise UsageError(f"{head} is no head of a log: {error}") from None
    return Trust(tuple(map(parse_key, keys)), rules, known)


@click.command()
@click.argument("file", type=PATH)
@option(
    "--key",
    "keys",
    multiple=True,
    metavar="VKEY",
    show_default="none",
    help="A public key that must have signed (a word, as keygen prints it); may be given often.",
)
@option(
    "--policy",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="Which logs and witnesses must have signed, and how many (a path).",
)
@option(
    "--head", type=PATH, metavar="FILE", show_default="none",
    help="A head that is known already, which the proof must lead to (a path).",
)  # fmt: skip
@switch("--json", "Print one JSON object.")
def check_proof(
    file: Path, keys: tuple[str, ...], policy: Path | None, head: Path | None, json: bool
) -> None:
    """Say what the proof in FILE proves.

    No log is needed, and no network.

    Ends with 1 where the proof does not hold, or is not signed as asked. One of --key,
    --policy and --head must be given: a proof that leads to an unknown head proves nothing.
    """
    from automaton.proofs import checking, inclusion  # noqa: PLC0415
    from automaton.seals.seal_reader import read_any_commit  # noqa: PLC0415

    trust = trust_of(keys, policy, head)
    found = checking.check_file(read_small(file, inclusion.LONGEST), trust, read_any_commit)
    if json:
        click.echo(as_json(_facts(found)))
    else:
        click.echo("\n".join(_paragraphs(found)))


def _facts(found: CheckedLine | CheckedHeads) -> dict[str, Any]:
    from automaton.proofs.checking import CheckedLine  # noqa: PLC0415

    if isinstance(found, CheckedLine):
        line = found.proof.line.decode("utf-8", "surrogateescape")
        return {"proved": "line", "tick": found.batch.tick, "line": line, **_head(found.by)}
    return {"proved": "consistency", "old": _head(found.old), **_head(found.new)}


def _head(by: HeadEvidence) -> dict[str, Any]:
    signers = [{"name": name, "time": time or None} for name, time in by.signers]
    return {
        "origin": by.head.origin, "size": by.head.size, "root": by.head.root.hex(),
        "signers": signers,
    }  # fmt: skip


def _paragraphs(found: CheckedLine | CheckedHeads) -> Iterator[str]:
    from automaton.proofs.checking import CheckedLine  # noqa: PLC0415

    if isinstance(found, CheckedLine):
        origin, size = printable(found.by.head.origin), found.by.head.size
        yield f"PROVED: this line is in {origin}, sealed by commit {found.batch.tick:,} of {size:,}"
        yield from signers(found.by)
        yield printable(found.proof.line.decode("utf-8", "backslashreplace"))
        return
    old, new = found.old.head, found.new.head
    yield (
        f"PROVED: the first {old.size:,} commits of {printable(new.origin)} are the same under "
        f"both heads; {new.size - old.size:,} follow"
    )
    yield from signers(found.new)


def signers(by: HeadEvidence) -> Iterator[str]:
    """Who signed a head that is believed, a line each."""
    for name, time in by.signers:
        when = f", a witness, {_moment(time)}" if time else ""
        yield f"  signed by {printable(name)}{when}"
    if not by.signers:
        yield "  by the head that was given"


def _moment(seconds: int) -> str:
    """A time that somebody signed, which may be any number."""
    if seconds > LAST_SECOND:
        return f"{seconds:,} seconds after 1970"
    return f"at {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
