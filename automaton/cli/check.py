"""`check LOG`: what a log holds and what is wrong with it; with `--chain`, all bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.errors import DamagedError
from automaton.report import CheckReport, survey

from .kinds import PATH, option
from .words import as_json, printable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.chain import ChainReport
    from automaton.log import Log

LISTED = 20  # findings of a kind that are listed for people; `--json` lists all


@click.command()
@click.argument("log", type=PATH)
@option("--chain", is_flag=True, show_default="off", help="Verify every byte that is sealed.")
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object.")
def check(log: Path, chain: bool, json_: bool) -> None:
    """Say what LOG holds and what is wrong with it; change nothing.

    A malformed line is no failure: it is named, kept, and skipped by a run. A chain
    that does not verify is one (exit code 6).
    """
    from automaton.log import Log  # noqa: PLC0415  # see the top

    with Log.open(log, write=False) as opened:
        for notice in opened.notices:
            click.echo(f"note: {printable(notice)}", err=True)
        report = survey(lines_of(opened))
        verified = opened.verify_chain() if chain else None
        if json_:
            extra = {} if verified is None else {"chain": _facts(verified, opened.head)}
            click.echo(as_json({**report.as_json(), **extra}))
        else:
            click.echo(f"{log}: {opened.lines} lines, {opened.size} bytes")
            click.echo("\n".join(_paragraphs(report)))
            if verified is not None:
                click.echo(f"chain: {_said(verified, opened.head)}")
    if verified is not None and verified.first_bad is not None:
        bad = verified.first_bad
        raise DamagedError(f"{log}: {bad}; keep the file and restore a copy", bad.offset)


def lines_of(log: Log) -> Iterator[tuple[int, int, bytes]]:
    """Every line of a log: its number, the byte it begins at, its bytes."""
    offset = 0
    for number, raw in _numbered(log):
        yield number, offset, raw
        offset += len(raw) + 1


def _numbered(log: Log) -> Iterator[tuple[int, bytes]]:
    yield from log.genesis_lines()
    for tick in range(1, len(log.commits) + 1):
        yield from log.batch_lines(tick)
        row = log.commits.row(tick)
        number = row.first_line + row.lines
        yield number, log.line(number)


def _facts(report: ChainReport, head: bytes) -> dict[str, object]:
    """The chain's part of the JSON output."""
    bad = report.first_bad
    fault = None if bad is None else {"line": bad.line, "offset": bad.offset, "reason": str(bad)}
    counts = {"commits": report.commits, "bytes": report.bytes, "tail_bytes": report.tail_bytes}
    return {"ok": report.ok, **counts, "head": head.hex(), "fault": fault}


def _said(report: ChainReport, head: bytes) -> str:
    if report.first_bad is not None:
        return str(report.first_bad)
    if not report.commits:
        return "nothing is sealed yet: the file has no commit"
    return f"{report.commits} commits and {report.bytes} bytes verify, head {head.hex()}"


def _paragraphs(report: CheckReport) -> Iterator[str]:
    yield (
        f"{report.objects} objects, {report.ids} ids, {report.versions} later versions, "
        f"{report.terms} terms"
    )
    ordered = sorted(report.types.items(), key=lambda item: (-item[1], item[0]))
    yield from _listed("types", [f"{printable(name)}: {count}" for name, count in ordered])
    bad = [f"line {m.line}, byte {m.offset}: {printable(m.reason)}" for m in report.malformed]
    yield from _listed("malformed lines (kept and skipped)", bad)
    named = [f"line {d.line}: @{printable(f'{d.name}: {d.value}')}" for d in report.directives]
    yield from _listed("directives", named)
    loose = [f"line {d.line}: {d.end} {printable(d.id)}" for d in report.dangling]
    yield from _listed("edges that lead nowhere", loose)
    yield f"self-references that are wrong: {report.self_references_wrong}"


def _listed(title: str, findings: list[str]) -> Iterator[str]:
    yield f"{title}: {len(findings) or 'none'}"
    yield from (f"  {finding}" for finding in findings[:LISTED])
    if len(findings) > LISTED:
        yield f"  and {len(findings) - LISTED} more; --json lists all"
