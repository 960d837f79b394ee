"""A log held against a note of its head, for `verify`; and a sealed file verified.

Says in words what the proofs' package found; must not know how it is found.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.commands.check_proof import signers, trust_of
from automaton.cli.commands.head import opened_tree
from automaton.cli.small_file import read_small
from automaton.cli.text import as_json, counted
from automaton.errors import UsageError

if TYPE_CHECKING:
    from automaton.proofs.checking import Believed, Trust
    from automaton.seals.seal_check import SealVerdict


@dataclass(frozen=True, slots=True)
class HeldHead:
    """The note that a log is held against, and who must have signed it."""

    note: Path
    keys: tuple[str, ...]
    policy: Path | None

    @property
    def _trust(self) -> Trust:
        return trust_of(self.keys, self.policy, None if self.keys or self.policy else self.note)

    def hold(self, log: Path) -> Believed:
        """Whether the log has this head, signed as asked; MismatchError where not."""
        from automaton.proofs.checking import believe  # noqa: PLC0415 - needs an extra
        from automaton.proofs.notes import LONGEST  # noqa: PLC0415
        from automaton.proofs.prover import known_head  # noqa: PLC0415

        raw = read_small(self.note, LONGEST)
        with opened_tree(log) as (commits, tree):
            _, note = known_head(commits, tree, raw)
        return believe(note, self._trust)


def wanted_head(note: Path | None, keys: tuple[str, ...], policy: Path | None) -> HeldHead | None:
    """What the options ask for."""
    if note is None and (keys or policy):
        raise UsageError(
            "--key and --policy say who must have signed the log's head: give the note too "
            "(--note FILE)"
        )
    return None if note is None else HeldHead(note, keys, policy)


def said(by: Believed) -> list[str]:
    """What a head that the log has proves, for people."""
    size = by.head.size
    return [f"  held against the head of {size:,} commits:", *(f"  {line}" for line in signers(by))]


def verify_seal(file: Path, held: HeldHead | None, json: bool) -> int:
    """Verify a sealed file; returns the exit code."""
    from automaton.seals.seal_check import check_seal  # noqa: PLC0415
    from automaton.seals.seal_reader import SealReader  # noqa: PLC0415 - reads only what is sealed

    with SealReader.open(file) as sealed:
        verdict = check_seal(sealed)
    if json:
        facts: dict[str, Any] = {**asdict(verdict), "exit_code": verdict.exit_code}
        click.echo(as_json(facts))
    else:
        click.echo("\n".join(_paragraphs(file, verdict)))
    if held is not None:
        by = held.hold(file)
        if not json:
            click.echo("\n".join(said(by)))
    return verdict.exit_code


def _paragraphs(file: Path, found: SealVerdict) -> list[str]:
    sealed = f"{counted(found.lines, 'line')} of {counted(found.commits, 'commit')}"
    lines = []
    if found.fault:
        lines.append(f"{file}: NOT AS IT WAS SEALED: {found.fault}")
    elif found.missing:
        lines.append(
            f"{file}: NOT ALL THERE: {counted(found.missing, 'earlier part')} (it was rotated or "
            " truncated) is not beside it under a name that begins like it"
        )
    else:
        lines.append(f"{file}: as it was sealed: {sealed}, {found.bytes:,} bytes")
    if len(found.parts) > 1:
        lines.append(f"  parts: {', '.join(found.parts)}")
    if found.tail_bytes:
        lines.append(f"  {found.tail_bytes:,} bytes of it are not sealed (yet)")
    return lines
