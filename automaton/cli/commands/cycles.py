"""`cycles LOG`: many seeded experiments on a branch of a log, at the same time.

Says what was run, how fast, and what it found; what a cycle does, `automaton.cycles.stages` knows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from rich.console import Console
from rich.progress import Progress

from automaton.cli.commands.init import created
from automaton.cli.commands.run import ended_by_signals
from automaton.cli.experiment_options import seed_option
from automaton.cli.option_types import PATH, WIDTH, FiniteFloat, option, switch
from automaton.cli.text import as_json, json_text, one_line, printable
from automaton.errors import AutomatonError, UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.cycles import EngineResult, MergeResult, ParallelEngine
    from automaton.cycles.results import Result

_SHOWN = 5  # best cycles, and failed ones, that people are shown

SEED = seed_option("Seed (a number) of the first cycle; each next one has the next.", metavar="S")
CATALYST_HELP = (
    "What a cycle begins from: a term, an object's id, a pattern (?x is any term), a "
    "dimension's number; term:, object:, pattern:, dimension: before it say which."
)


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@option("--count", type=click.IntRange(1, 100_000), metavar="N", default=100, show_default=True,
        help="How many cycles (a count).")  # fmt: skip
@option("--parallel", type=click.IntRange(1, 10_000), metavar="N", default=100, show_default=True,
        help="Most cycles in flight (a count); as many compute as there are workers.")  # fmt: skip
@option("--engine", type=click.Choice(["thread", "process", "serial"]),
        show_default="thread", help="Who computes (a word).")  # fmt: skip
@option("--on", "carrier", type=click.Choice(["here", "ray"]), default="here", show_default=True,
        help="Where (a word): on this machine, or as tasks of a Ray cluster.")  # fmt: skip
@option("--address", metavar="HOST:PORT", show_default="a cluster of its own, on this machine",
        help="Of --on ray: the cluster (a word; auto: the one of this machine).")  # fmt: skip
@option("--workers", type=click.IntRange(1, 256), metavar="N",
        show_default="a core each, of the cluster with --on ray",
        help="Threads, processes or tasks that compute (a count).")  # fmt: skip
@SEED
@option("--catalyst", "catalysts", metavar="C", multiple=True, show_default="a drawn live term",
        help=f"{CATALYST_HELP} Several are taken in turn.")  # fmt: skip
@option("--deadline", type=FiniteFloat(0, min_open=True), metavar="S", show_default="none",
        help="Time that a cycle may take, in seconds; beyond it the cycle has failed.")  # fmt: skip
@option("--sequential", type=FiniteFloat(0, 1), metavar="P", default=0.1, show_default=True,
        help="Run so many of the cycles (a share of 1) again in sequence, to measure the "
        "speed-up; 0, and --engine serial: none.")  # fmt: skip
@option("--results", type=PATH, metavar="FILE", show_default="none",
        help="Write a JSON object a cycle to FILE (a path), in the order of seeds.")  # fmt: skip
@switch("--decisions", "Write what each cycle decided to LOG.decisions.jsonl.")
@switch("--commit", "Give the best new terms to LOG as input, in the order of seeds: one tick "
        "takes them all, whether its program reads its inbox or not.")  # fmt: skip
@switch("--json", "Print one JSON object.")
def cycles(
    log: Path, count: int, parallel: int, engine: str | None, carrier: str, address: str | None,
    workers: int | None, seed: int,
    catalysts: tuple[str, ...], deadline: float | None, sequential: float, results: Path | None,
    decisions: bool, commit: bool, json: bool,
) -> None:  # fmt: skip
    """Run many experiments on a snapshot of LOG, and report.

    Each is a function of the snapshot, its catalyst and its seed: `cycle` runs one of
    them alone. LOG is only read, but for --commit. Ctrl-C keeps what is finished.
    """
    from automaton.cycles import ParallelEngine  # noqa: PLC0415  # see the top

    if engine == "serial" and workers is not None:
        raise UsageError(f"--workers {workers}: --engine serial computes in one; leave one of them")
    if carrier == "ray" and engine is not None:
        raise UsageError(f"--engine {engine} is of --on here; tasks of Ray are processes")
    if address is not None and carrier != "ray":
        raise UsageError("--address is that of a Ray cluster: give --on ray too")
    under_way = ParallelEngine(
        log, parallel, "ray" if carrier == "ray" else engine or "thread", seed=seed,
        workers=workers, deadline=deadline, decisions=decisions, sequential=sequential,
        address=address,
    )  # fmt: skip
    # What cannot be written is known before anything is computed.
    results_file = None if results is None else created(results)
    if under_way.branch.note:
        _note(under_way.branch.note)
    with (
        ended_by_signals(under_way.stop), _bar(count, quiet=json) as progress,
        redirect_stdout(sys.stderr),  # what Ray says is not our answer
    ):  # fmt: skip
        ran = under_way.run(count, catalysts or None, progress=progress)
    for notice in under_way.notices:
        _note(notice)
    if results_file is not None:
        _write(results_file, ran)
    merged, trouble = _merged(log, under_way, ran) if commit else (None, ran.trouble)
    if json:
        added = {} if merged is None else {"merged": merged.__dict__}
        click.echo(as_json({**ran.as_json(), **added}))
    else:
        for line in _paragraphs(log, ran, merged):
            click.echo(line)
    if trouble is not None:  # once what was found is said
        raise trouble


@contextmanager
def _bar(count: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A live bar where a terminal is looking."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("cycles", total=count)
        yield lambda done: progress.update(task, completed=done)


def _write(results: BinaryIO, ran: EngineResult) -> None:
    with results as file:
        for result in ran.results:
            file.write(json_text(result.as_json()).encode() + b"\n")


def _note(text: str) -> None:
    """Something worth knowing that is no error."""
    click.echo(f"note: {printable(text)}", err=True)


def _merged(
    log: Path, engine: ParallelEngine, ran: EngineResult
) -> tuple[MergeResult | None, AutomatonError | OSError | None]:
    """What the log took, and what went wrong, there or before."""
    from automaton.cycles import merge  # noqa: PLC0415  # loads what runs a log

    try:
        return merge(log, engine.branch, ran.results, _note), ran.trouble
    except (AutomatonError, OSError) as error:  # another process may write this log
        return None, ran.trouble or error


def _paragraphs(log: Path, ran: EngineResult, merged: MergeResult | None) -> Iterator[str]:
    report, saw, index = ran.report, ran.saw, ran.cii
    stopped = f", stopped before the other {ran.asked - report.total_executions}"
    yield f"{printable(str(log))}: {report.total_executions} cycles" + (
        stopped if report.total_executions < ran.asked else ""
    )
    for name, value in report.as_json().items():
        yield f"  {name:22} {_said(value)}"
    if report.speedup_vs_sequential is not None:
        yield (
            f"  (speed-up measured against {saw.sequential_cycles} of these cycles run again in "
            f"sequence; {saw.sequential_equal} came to the same result)"
        )
    yield ""
    lock = "with its global lock" if saw.gil else "free-threaded"
    yield (
        f"engine {saw.engine}: {saw.workers} workers, at most {saw.in_flight} in flight, Python "
        f"{lock}; {saw.computed_seconds:.2f} s computing (scales with workers up to the cores), "
        f"{saw.waited_seconds:.2f} s waiting (scales with cycles in flight): {saw.kind} cycles"
    )
    yield "index (mean of five): " + ", ".join(
        f"{name} {_said(value)}" for name, value in index.as_json().items()
    )
    yield from _found(ran)
    if merged is not None:
        yield _given(log, merged)


def _found(ran: EngineResult) -> Iterator[str]:
    """The best cycles, each with a term of its own, and some that failed."""
    best = sorted(
        (r for r in ran.results if r.built.candidates),
        key=lambda r: (-(r.built.score or 0), len(r.built.candidates[0].words), r.seed),
    )
    distinct: dict[bytes, Result] = {}
    for result in best:
        distinct.setdefault(result.built.candidates[0].words.tobytes(), result)
    for result in list(distinct.values())[:_SHOWN]:
        top = result.built.candidates[0]
        yield (
            f"  seed {result.seed}: score {top.score} (catalyst "
            f"{result.built.metrics['catalyst_score']}), {one_line(top.term, 60)}"
        )
    for result in [r for r in ran.results if r.error][:_SHOWN]:
        yield f"  seed {result.seed} failed: {one_line(result.error, 120)}"


def _given(log: Path, merged: MergeResult) -> str:
    name = printable(str(log))
    if merged.tick is None:
        return f"{name} took nothing: no cycle found a term that it had not held before"
    return f"{name} took {merged.lines} terms as input, in tick {merged.tick}"


def _said(value: object) -> str:
    if value is None:
        return "not measured"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
