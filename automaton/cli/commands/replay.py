"""`replay LOG`: the file as it was after a tick, or the rounds of a tick and who won them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.commands.init import created
from automaton.cli.option_types import PATH, option
from automaton.cli.text import as_json, counted, printable
from automaton.errors import AutomatonError, MismatchError, StorageError, UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.analysis.tick_report import Round, TickState, TransitionTrial
    from automaton.log import AuditedLog

BLOCK = 1 << 20  # bytes copied at a time


@click.command()
@click.argument("log", type=PATH)
@option(
    "--to",
    type=click.IntRange(min=0),
    metavar="TICK",
    show_default="none",
    help="Write the file as it was after this tick (a count; 0 is the genesis); needs --out.",
)
@option(
    "--out",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="Where --to writes it: a path that does not exist yet.",
)
@option(
    "--tick",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="none",
    help="Print the rounds of this tick (a count from 1), computed again.",
)
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object a round.")
def replay(log: Path, to: int | None, out: Path | None, tick: int | None, json_: bool) -> None:
    """Write LOG as it was after a tick, or print a tick's rounds.

    --to and --out write a file, --tick prints.

    A round shows reactants, outcome, beta steps, the winner and why; around them stand
    where the machine was before and after, which transitions it tried and why they
    fired or did not. Whether the log is true is for verify to say; a log that does not
    verify up to there is refused.
    """
    from automaton.log import AuditedLog  # noqa: PLC0415  # see the top
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    if (to is None) == (tick is None) or (to is None) != (out is None):
        raise click.UsageError("give --to TICK and --out FILE, or --tick N", _here())
    with AuditedLog.open(log) as opened, with_omitted_batches(opened):
        last = len(opened.commits)
        wanted = tick if to is None else to
        assert wanted is not None
        if wanted > last and opened.fault is None:
            raise UsageError(f"{log}: there is no tick {wanted}; the last is {last}")
        bad = opened.fault if wanted > last else opened.check(1, wanted)
        if bad is not None:
            raise MismatchError(f"{log}: {bad}; verify says more")
        if out is not None:
            _write(opened, wanted, out)
        else:
            _show(opened, wanted, json_)


def _here() -> click.Context:
    return click.get_current_context()


def _write(log: AuditedLog, tick: int, out: Path) -> None:
    """Write the log up to a tick's commit; what its file leaves out is computed again."""
    end = log.commits.row(tick).end if tick else log.genesis.bytes
    end += log.commits.more_until(tick)
    with created(out) as file:
        try:
            for part in _parts(log, tick):
                for at in range(0, len(part), BLOCK):
                    file.write(part[at : at + BLOCK])
            file.flush()
        except OSError as error:
            out.unlink()
            needed = f"{end} bytes are needed"
            raise StorageError(f"{out}: {error.strerror}; {needed}", end) from None
        except AutomatonError:
            out.unlink()
            raise
    click.echo(f"wrote {out}: {end} bytes, tick {tick}, head {log.chain_at(tick).hex()}")


def _parts(log: AuditedLog, tick: int) -> Iterator[bytes | memoryview]:
    """The bytes of the log up to a tick's commit, in order."""
    at = 0
    for number in range(1, tick + 1) if log.commits.omitting else ():
        row = log.commits.row(number)
        if row.gap:
            yield from log.blocks(at, row.batch_start)
            yield log.batch(number)
            at = row.commit_start
    yield from log.blocks(at, log.end_of(tick))


def _show(log: AuditedLog, tick: int, json_: bool) -> None:
    from automaton.analysis.tick_report import examine_tick  # noqa: PLC0415  # see the top

    report = examine_tick(log, tick)
    if json_:
        for row in report.rounds:
            click.echo(as_json(row.as_json()))
        return
    click.echo(f"before tick {tick:,}: {_stood(report.before)}")
    for row in report.rounds:
        click.echo(_said(row))
    ways = [f"{printable(name)} ({action or 'no action'})" for name, action in report.fired]
    ways += ["a vertical edge"] if report.upward else []
    for trial in report.tried:
        click.echo(_tried(trial))
    if report.before.automaton:
        click.echo(f"fired: {', '.join(ways) or 'nothing: the machine stays'}")
    click.echo(f"after tick {tick:,}: {_stood(report.after)}")


def _stood(state: TickState) -> str:
    """Where the machine and the population stood."""
    machine = f"{printable(state.automaton)} (dimension {state.dimension})"
    alive = f"{state.live:,} live, {counted(state.distinct, 'distinct term')}"
    return f"{machine if state.automaton else 'no machine'}, {alive}"


def _tried(trial: TransitionTrial) -> str:
    """A transition out of the current automaton, and why it fired or did not."""
    verdict = "holds" if trial.holds else "does not hold"
    found = f" ({printable(', '.join(trial.found))})" if trial.found else ""
    way = f"{printable(trial.id)} to {printable(trial.target)}"
    return f"tried {way}: {printable(trial.condition)} {verdict}{found}"


def _said(row: Round) -> str:
    """A round in one line."""
    drawn = ", ".join(map(printable, row.parents)) or "nothing drawn"
    made = f" -> {row.term}" if row.term is not None else ""
    won = f"won as {row.winner}" if row.winner else "no winner"
    stream = f", {row.stream}" if row.stream else ""
    return (
        f"round {row.round}{stream}: ({drawn}){made}; {row.outcome}, {row.steps} steps, "
        f"salience {row.salience}; {won}: {row.why}"
    )
