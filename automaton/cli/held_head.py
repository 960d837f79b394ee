"""A log held against a note of its head, for `verify`; and a sealed file verified.

Says in words what the proofs' package found; must not know how it is found.
"""

from __future__ import annotations

from collections.abc import Callable
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
    from automaton.proofs.checking import HeadEvidence, Trust
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

    def hold(self, log: Path) -> HeadEvidence:
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


def said(by: HeadEvidence) -> list[str]:
    """What a head that the log has proves, for people."""
    size = by.head.size
    return [f"  held against the head of {size:,} commits:", *(f"  {line}" for line in signers(by))]


def is_held_by_seal(file: Path, say: Callable[[str], object]) -> bool:
    """Whether a file is to be held against the seal beside it; if not, why not is said."""
    from automaton.seals.seal_reader import SUFFIX, is_sealed  # noqa: PLC0415
    from automaton.seals.seal_subject import is_log  # noqa: PLC0415

    seal = Path(f"{file}{SUFFIX}")
    if not seal.exists():
        return False
    ours = is_log(file)
    if not ours and is_sealed(file):
        return True
    why = "a log is sealed by its own commits" if ours else "it begins as no seal does"
    say(f"{seal} was not looked at: {why}")
    return False


def verify_seal(file: Path, held: HeldHead | None, json: bool) -> int:
    """Verify a sealed file; returns the exit code."""
    from automaton.seals.seal_check import check_seal  # noqa: PLC0415
    from automaton.seals.seal_reader import SealReader  # noqa: PLC0415 - reads only what is sealed

    with SealReader.open(file) as sealed:
        verdict = check_seal(sealed)
    if json:
        facts: dict[str, Any] = {
            **asdict(verdict), "tail_bytes": verdict.tail_bytes, "exit_code": verdict.exit_code,
        }  # fmt: skip
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
            f"{file}: NOT ALL THERE: {counted(found.missing, 'part')} of what was sealed (the file "
            "was rotated, truncated or removed) stands in no file beside it whose name begins like "
            "it; one that was compressed is to be unpacked first"
        )
    else:
        lines.append(f"{file}: as it was sealed: {sealed}, {found.bytes:,} bytes")
    if len(found.parts) > 1:
        lines.append(f"  parts: {', '.join(found.parts)}")
    for name, count in found.tails.items():
        yet = " (yet)" if name == str(file) else ", and it is no longer the file that is sealed"
        lines.append(f"  {count:,} bytes of {name} are not sealed{yet}")
    return lines
