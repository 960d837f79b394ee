"""`check LOG`: what a log holds and what is wrong with it; with `--chain`, all bytes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from rich.console import Console
from rich.progress import Progress

from automaton.analysis.check_report import CheckReport, UnusableMember
from automaton.cli.commands.verify import chain as head_of
from automaton.cli.option_types import PATH, option, switch
from automaton.cli.text import as_json, counted, printable
from automaton.conversion import Inclusion
from automaton.errors import DamagedError, DocumentError, IdleError, MismatchError
from automaton.workers import available_cores

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.log import Log, LogReader
    from automaton.log.integrity import ChainReport

    Tell = Callable[[str, int, int], None]  # what is done, how far, of how many bytes

LISTED = 20  # findings of a kind that are listed for people; `--json` lists all


@click.command()
@click.argument("logs", type=PATH, nargs=-1, required=True, metavar="LOG...")
@switch("--include", "Follow the files that @include names, below the log's folder.")
@switch("--strict", "End with exit code 13 where anything in LOG does nothing.")
@option("--chain", is_flag=True, show_default="off", help="Verify every byte that is sealed.")
@option(
    "--head",
    callback=head_of,
    metavar="HEX",
    show_default="none",
    help="A chain that the log must have had (a number of 64 hexadecimal digits); asks for --chain",
)
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object.")
def check(
    logs: tuple[Path, ...], include: bool, strict: bool, chain: bool, head: bytes | None,
    json_: bool,
) -> None:  # fmt: skip
    """Say what LOG holds and what is wrong with it.

    Nothing is changed. Several files are a set: an end of an edge may name an object of
    another, or a file.

    A malformed line is no failure: it is named, kept, and skipped by a run. A chain
    that does not verify is one (exit code 6), and so is one that never had the head
    that --head names (exit code 1). Of a file that is no log it says what it is.
    """
    asked = _Questions(chain, head, json_, len(logs) > 1)
    idle: dict[Path, int] = {}
    with ExitStack() as stack:
        files = {path: _opened(stack, path, asked) for path in logs}
        more = [path for log in logs for path in _included(log)] if include else []
        read = {path.resolve() for path in logs}
        others = [_opened(stack, path, asked) for path in more if path.resolve() not in read]
        every = [
            opened for opened in [*files.values(), *others] if not isinstance(opened, DocumentError)
        ]
        for path, opened in files.items():
            if isinstance(opened, DocumentError):
                _say_document(path, opened, asked)
            else:
                idle[path] = _look(path, opened, every, asked)
    if strict:
        _refuse_idle(idle)


def _refuse_idle(idle: dict[Path, int]) -> None:
    """Findings of what does nothing are an error where it was asked for."""
    found = [f"{path}: {counted(n, 'finding')}" for path, n in idle.items() if n]
    if found:
        raise IdleError(f"{', '.join(found)} of what does nothing (see above)")


class _Questions(NamedTuple):
    """What is to be said of each file."""

    chain: bool
    head: bytes | None
    json: bool
    several: bool

    def say(self, path: Path, facts: dict[str, object]) -> None:
        """A report for programs; of several files each says which it is."""
        click.echo(as_json({"file": str(path), **facts} if self.several else facts))


def _opened(stack: ExitStack, path: Path, asked: _Questions) -> Log | DocumentError:
    from automaton.log import Log  # noqa: PLC0415  # see the top

    try:
        return stack.enter_context(Log.open(path, write=False))
    except DocumentError as error:
        if asked.chain or asked.head is not None:
            raise
        return error


def _included(log: Path) -> list[Path]:
    """The files that a log includes; one that is not there is said."""
    inclusion = Inclusion(log)
    files = inclusion.follow()
    for missing in inclusion.missing:
        click.echo(f"note: {printable(missing)}", err=True)
    return files


def _say_document(path: Path, error: DocumentError, asked: _Questions) -> None:
    if asked.json:
        asked.say(path, {"document": {"what": error.what, "remedy": error.remedy}})
        return
    click.echo(f"{path}: {error.what}; no log, nothing is ever appended to it\n{error.remedy}")


def _look(path: Path, log: Log, every: Sequence[LogReader], asked: _Questions) -> int:
    """Say what a log holds; returns how many findings of what does nothing there are."""
    from automaton.analysis import check_log  # noqa: PLC0415  # see the top

    def elsewhere(name: str) -> bool:
        return any(
            other.find(name) or Path(other.path).name == name for other in every if other is not log
        )

    with _bar() as tell:
        for notice in log.notices:
            click.echo(f"note: {printable(notice)}", err=True)
        report = check_log(log, lambda done: tell("lines", done, log.size), elsewhere)
        verified = tick = None
        if asked.chain or asked.head is not None:
            verified = log.verify_chain(
                progress=lambda done: tell("chain", done, log.size), threads=available_cores()
            )
            tick = None if asked.head is None else _tick_of(log, asked.head)
        facts = None if verified is None else _facts(verified, log.head, tick)
        paragraphs = list(_paragraphs(report))
    if asked.json:
        asked.say(path, {**report.as_json(), **({} if facts is None else {"chain": facts})})
    else:
        click.echo(f"{path}: {log.lines} lines, {log.size} bytes")
        click.echo("\n".join(paragraphs))
        if report.malformed and not report.objects:
            click.echo(
                "no line of it is an object; if it is a list of terms, make a log of it: "
                f"automaton-scalable init NEW.jsonl --from {shlex.quote(str(path))}"
            )
        if verified is not None:
            click.echo(f"chain: {_said(verified, log.head, tick)}")
        elif len(log.commits):
            click.echo("chain: not checked (--chain checks every sealed byte)")
    bad = None if verified is None else verified.first_bad
    if bad is not None and (place := log.place(bad.offset)):
        click.echo(f"note: {printable(place)}", err=True)
    _refuse(path, verified, asked.head, tick)
    return report.idle()


def _refuse(log: Path, verified: ChainReport | None, head: bytes | None, tick: int | None) -> None:
    """A chain that does not hold, or is another than was asked for, is an error."""
    if verified is not None and verified.first_bad is not None:
        bad = verified.first_bad
        raise DamagedError(f"{log}: {bad}; keep the file and restore a copy", bad.offset)
    if head is not None and tick is None:
        raise MismatchError(
            f"{log}: its chain never was {head.hex()}: it was cut before that tick, or "
            "written anew; compare it with the copy that the head is from"
        )


@contextmanager
def _bar() -> Iterator[Tell]:
    """A progress bar where a terminal is looking."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda *_: None
        return
    with Progress(console=console, transient=True) as progress:
        tasks = {name: progress.add_task(name, total=None) for name in ("lines", "chain")}
        yield lambda name, done, of: progress.update(tasks[name], completed=done, total=of)


def _tick_of(log: Log, head: bytes) -> int | None:
    """The tick after which the chain was `head`; 0 is the genesis."""
    if head == log.genesis.sha256:
        return 0
    ticks = range(len(log.commits), 0, -1)
    return next((tick for tick in ticks if log.commit(tick).chain == head), None)


def _facts(report: ChainReport, head: bytes, tick: int | None) -> dict[str, object]:
    """The chain's part of the JSON output."""
    bad = report.first_bad
    fault = None if bad is None else {"line": bad.line, "offset": bad.offset, "reason": str(bad)}
    counts = {"commits": report.commits, "bytes": report.bytes, "tail_bytes": report.tail_bytes}
    return {"ok": report.ok, **counts, "head": head.hex(), "head_tick": tick, "fault": fault}


def _said(report: ChainReport, head: bytes, tick: int | None) -> str:
    if report.first_bad is not None:
        return str(report.first_bad)
    if not report.commits:
        return "nothing is sealed yet: the file has no commit"
    given = "" if tick is None else f"; the head given is that of tick {tick}"
    return f"{report.commits} commits and {report.bytes} bytes verify, head {head.hex()}{given}"


def _paragraphs(report: CheckReport) -> Iterator[str]:
    yield (
        f"{report.objects} objects, {report.ids} ids, {report.versions} later versions, "
        f"{report.terms} terms, {report.records} records"
    )
    ordered = sorted(report.types.items(), key=lambda item: (-item[1], item[0]))
    yield from _listed("types", [f"{printable(name)}: {count}" for name, count in ordered])
    if report.objects and "automaton" not in report.types:
        yield f"machine: none, for no object is of type automaton{_idle_edges(report)}"
    bad = [f"line {m.line}, byte {m.offset}: {printable(m.reason)}" for m in report.malformed]
    yield from _listed("malformed lines (kept and skipped)", bad)
    named = [f"line {d.line}: @{printable(f'{d.name}: {d.value}')}" for d in report.directives]
    yield from _listed("directives", named)
    loose = [f"line {d.line}: {d.end} {printable(d.id)}" for d in report.dangling]
    yield from _listed("edges that lead nowhere", loose)
    broken = [f"line {b.line}: {b.end}: {printable(b.what)}" for b in report.broken_ends]
    yield from _listed("edges and transitions without an end (they do nothing)", broken)
    retyped = [
        f"line {r.line}: {printable(r.was)}, now {printable(r.type)}" for r in report.retyped
    ]
    yield from _listed("versions of another type than before", retyped)
    wrong = [
        f"line {found.line}: names line {printable(str(found.claims))}"
        for found in report.self_references
    ]
    yield from _listed("self-references that are wrong", wrong)
    yield from _listed("unknown actions (they do nothing)", _members(report.unknown_actions))
    yield from _listed("unknown conditions (false)", _members(report.unknown_conditions))
    yield from _listed("terms that cannot be read", _members(report.unreadable))
    states = [f"line {u.line}: {printable(u.what)}" for u in report.unknown_states]
    yield from _listed("currentState that names no operator (it is the application)", states)
    alone = [f"line {u.line}: {printable(u.id)}" for u in report.unreachable]
    yield from _listed("states that cannot be reached from where the machine starts", alone)
    for title, members in (
        ("members that are missing, or that nothing looks at", report.ignored),
        ("rules that rewrite, and do nothing without `--streams` with `reason`", report.idle_rules),
        ("vetoes, which forbid nothing without `--streams`", report.idle_vetoes),
    ):
        yield from _listed(title, _members(members))


def _idle_edges(report: CheckReport) -> str:
    """What is to be said of the edges of a file without a machine."""
    edges = report.types.get("edge", 0)
    if not edges:
        return ""
    return f"; {counted(edges, 'edge')} of type edge: only transition and vertical move a machine"


def _members(found: Sequence[UnusableMember]) -> list[str]:
    return [f"line {u.line}: {u.member}: {printable(u.what)}" for u in found]


def _listed(title: str, findings: list[str]) -> Iterator[str]:
    """Findings under their title; nothing where there are none."""
    if not findings:
        return
    yield f"{title}: {len(findings):,}"
    yield from (f"  {finding}" for finding in findings[:LISTED])
    if len(findings) > LISTED:
        yield f"  and {len(findings) - LISTED} more; --json lists all"
