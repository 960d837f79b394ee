"""`automaton-scalable [LOG]`: the options of a run, and how signals end it.

The loop itself is `run.runner`, what is seen of it `display`.

Longer than 300 lines: the options of a run, each with its help.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from automaton.cli import config_file
from automaton.cli.commands.init import refuse_shipped
from automaton.cli.display import SHOW_CURSOR, Display
from automaton.cli.experiment_options import (
    COPIES,
    SALIENCE,
    STREAMS,
    UPDATING,
    operator_option,
    word_option,
)
from automaton.cli.group import version
from automaton.cli.invocation import as_typed
from automaton.cli.option_groups import GroupedCommand
from automaton.cli.option_types import (
    PATH,
    WIDTH,
    DeviceWord,
    FiniteFloat,
    deciding_option,
    option,
    switch,
)
from automaton.cli.resource_options import PROFILES, Size, resources, scaling_of
from automaton.cli.text import counted, printable
from automaton.cli.trace_file import tracing
from automaton.compute import capability
from automaton.errors import StorageError, UsageError
from automaton.verify.live import LiveOptions, share_of

if TYPE_CHECKING:
    from automaton.compute.capability import Name
    from automaton.run import Run
    from automaton.run.stats import Stats

#: Definitions with a problem that are named one by one.
NAMED_PROBLEMS = 5
#: Options of the loop, and what it calls them.
LOOPING = {
    "ticks": "ticks",
    "seconds": "seconds",
    "interval": "interval_ms",
    "stats_interval": "stats_every",
}
ONE = 1 << 32  # probabilities are kept as 32-bit integers


def in_units(
    _context: click.Context, _option: click.Parameter, probability: float | None
) -> int | None:
    """A probability in units of 2**-32."""
    return None if probability is None else round(probability * ONE)


def share(_context: click.Context, _option: click.Parameter, mode: str) -> str:
    """What `--verify` says, if it can be meant."""
    share_of(mode)
    return mode


@click.command(cls=GroupedCommand, context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH, default="automaton.jsonl")
@option(
    "--ticks",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="no limit",
    help="Stop after so many ticks of this run (a count).",
)
@option(
    "--seconds",
    type=FiniteFloat(0, min_open=True),
    metavar="S",
    show_default="no limit",
    help="Stop after this time, in seconds; the tick that runs is finished.",
)
@option(
    "--interval",
    type=click.IntRange(0, 86_400_000),
    metavar="MS",
    default=1000,
    show_default=True,
    help="Time from the start of a tick to the start of the next, in milliseconds; 0 is flat out.",
)
@deciding_option("--parallel", "N", "Rounds a tick (a count): each has at most one winner.")
@deciding_option("--seed", "N", "Seed of all draws, an integer of 64 bits: same seed, same bytes.")
@resources
@switch("--gpu", "Compute on the GPU where there is one, else on the CPU; says why.")
@option(
    "--device",
    type=DeviceWord(),
    metavar=DeviceWord.name,
    show_default="auto with --gpu, else cpu",
    help="Where batches are computed (a word): cuda is an error where it cannot be had; cuda:1"
    " is the GPU that nvidia-smi numbers 1.",
)
@option(
    "--gpu-batch-size",
    type=click.IntRange(32, 1 << 22),
    metavar="N",
    show_default="what its memory allows",
    help="Most reactions that the GPU computes at a time (a count).",
)
@deciding_option("--max-objects", "N", "Terms alive at once (a count); the log keeps all.")
@deciding_option("--max-steps", "N", "Budget of a reaction in beta steps.")
@deciding_option("--max-size", "N", "Largest normal form in nodes.")
@deciding_option("--max-depth", "N", "Most pending arguments of a reaction (a count).")
@operator_option(
    "Operator of every reaction (a lambda term; none: take it back); needs no machine."
)
@COPIES
@UPDATING
@word_option(
    "--evaluation", "HOW", "normal",
    "Of a soup in order: normal, or hybrid-applicative (a word), sizes limited on the way.",
)  # fmt: skip
@word_option(
    "--amplifiers", "LAW", "none",
    "Of a soup in order: test functions make copies (numbers), as in copies=100,kept=500.",
)  # fmt: skip
@word_option(
    "--inflow", "LAW", "none",
    "Of a soup in order: terms enter, as in every=10000,terms=200,λx.x=3,tree:20=1.",
)  # fmt: skip
@STREAMS
@SALIENCE
@option(
    "--archive",
    type=Size(0),
    metavar="SIZE",
    default="256MiB",
    show_default=True,
    help="Where streams compete: bytes for candidates that lost (as in 1GiB); 0 keeps none.",
)
@option(
    "--decisions",
    metavar="WHICH",
    default="none",
    show_default=True,
    help="Where streams compete: decisions to keep (words: none, all, sample=N: one round in N).",
)
@option(
    "--memory-rate",
    type=click.IntRange(0),
    metavar="N",
    default=0,
    show_default=True,
    help="Where streams compete: terms a second (a count) that `recall` will find; 0: none.",
)
@option(
    "--memory-url",
    metavar="URL",
    show_default="the engine beside the log",
    help="Qdrant server for --memory-rate (a word: http://host:6333).",
)
@deciding_option(
    "--lock-dimension", "D", "Stay in this dimension (a number, or none): no moves.", "none"
)
@deciding_option(
    "--focus-dimension", "D", "Whose operator takes a tick now and then (a number, or none).", "0"
)
@option(
    "--focus-probability",
    type=FiniteFloat(0, 1),
    callback=in_units,
    metavar="P",
    show_default="0, or as the log was run",
    help="How often it does: a probability a tick, from 0 to 1.",
)
@option(
    "--durability",
    type=click.Choice(["commit", "interval", "off"]),
    default="commit",
    show_default=True,
    help="When the disk is waited for (a word): every commit, once a second, or never.",
)
@option(
    "--record",
    type=click.Choice(["full", "commits"]),
    show_default="full, or as the log was begun",
    help="What is written (a word): every line, or all but winners, which are computed again.",
)
@option(
    "--segment-bytes",
    type=Size(1),
    metavar="SIZE",
    show_default="none: one file",
    help="Compress the log while it grows, in segments of at least so many bytes (as in 1GiB).",
)
@option(
    "--min-free-disk",
    type=click.IntRange(0, 1 << 30),
    metavar="MB",
    default=1000,
    show_default=True,
    help="Free room below which the run stops: a number of millions of bytes.",
)
@option(
    "--verify",
    callback=share,
    metavar="inline|sample=P|off",
    default="off",
    show_default=True,
    help="What is verified while it is written (a word): every tick, a drawn share P, or nothing.",
)
@option(
    "--max-lag",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="no limit",
    help="Most ticks (a count) that may be written and not verified; then the run waits.",
)
@switch("--as-genesis", "Take a damaged log as mere data and begin anew after it.")
@option(
    "--stats-interval",
    type=FiniteFloat(0, min_open=True),
    metavar="S",
    default=10,
    show_default=True,
    help="Time from one set of statistics to the next, in seconds.",
)
@option(
    "--metrics",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    show_default="none",
    help="Serve statistics to Prometheus on this port of this machine (a number; 0: any free).",
)
@option(
    "--trace",
    type=PATH,
    metavar="FILE",
    show_default="none",
    help="Write the stages of each tick to this new file (a path), for Chrome or Perfetto.",
)
@switch("--json", "Print statistics as one JSON object a line.")
@switch("--plain", "Print blocks of statistics on a terminal too, instead of a live view.")
@option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    is_eager=True,
    expose_value=False,
    callback=config_file.use,
    show_default="none",
    help="A set of settings (a word); what --config or the command line says wins.",
)
@option(
    "--config",
    type=PATH,
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=config_file.load,
    show_default="none",
    help="TOML file with options by their names (a path); options given here win.",
)
def run(log: Path, **settings: Any) -> None:
    """Run LOG and append to it what wins.

    LOG is ./automaton.jsonl where none is named. Ctrl-C finishes the tick, commits,
    prints the summary and exits with 0.
    """
    from automaton.backends import DeviceRequest  # noqa: PLC0415  # as below
    from automaton.run import Run, SidecarOptions  # noqa: PLC0415

    refuse_shipped(log)
    display = Display(
        json=bool(settings.pop("json")), plain=bool(settings.pop("plain")),
        origin={"pid": os.getpid(), "log": _place_of(log), "version": version()},
    )  # fmt: skip
    opening = {name: settings.pop(name) for name in ("durability", "as_genesis", "record")}
    device = _device(settings.pop("gpu"), settings.pop("device"))
    opening["wanted"] = DeviceRequest(device, settings.pop("gpu_batch_size"), display.note)
    opening["scaling"] = scaling_of(settings)
    opening["pacing"] = pacing = LiveOptions.of(settings.pop("verify"), settings.pop("max_lag"))
    opening["keeping"] = keeping = SidecarOptions.of(
        *(settings.pop(name) for name in ("archive", "decisions", "memory_rate", "memory_url"))
    )
    looping = {to: settings.pop(name) for name, to in LOOPING.items()}
    looping["min_free"] = settings.pop("min_free_disk") * 1_000_000
    trace, opening["segment_bytes"] = settings.pop("trace"), settings.pop("segment_bytes") or 0
    metrics = settings.pop("metrics")
    given = {name: value for name, value in settings.items() if value is not None}
    with display.moving(), Run(log, given, **opening, progress=display.reading) as under_way:
        for text in _notices(under_way):
            display.note(text)
        idle = {"--decisions": keeping.decisions, "--memory-rate": keeping.memory}
        if under_way.aside is None and any(idle.values()):
            names = " and ".join(name for name, value in idle.items() if value)
            display.note(f"{names}: nothing to keep, since no streams compete (see --streams)")
        if pacing.mode.startswith("sample"):
            display.note(f"--verify {pacing.mode}: ticks are drawn by seed {pacing.seed}")
        display.begin(under_way, looping["ticks"], looping["seconds"])

        def stop() -> None:
            under_way.stop()
            display.stopping()

        with (
            ended_by_signals(stop), tracing(trace, under_way, display.note),
            exposed(metrics, display) as show,
        ):  # fmt: skip
            final = under_way.go(**looping, show=show, say=display.note)
        short = under_way.short_of_room
        if under_way.left:
            display.note(
                f"tick {under_way.tick + 1} was left unfinished: its input is long, and waits"
            )
    display.show(final)
    if short:
        raise StorageError(short)
    if not display.json:
        display.end(
            f"{log}: go on with the same command; stats and show print what it holds; as a page:",
            printable(as_typed("observatory", str(log), "--open")),
        )


@contextmanager
def exposed(port: int | None, display: Display) -> Iterator[Callable[[Stats], None]]:
    """Show statistics, and answer with them on a port where one is named."""
    if port is None:
        yield display.show
        return
    from automaton.run.exposition import MetricsEndpoint  # noqa: PLC0415  # an extra

    facts = {name: str(value) for name, value in display.origin.items()}
    with MetricsEndpoint(port, facts) as endpoint:
        display.note(f"metrics for Prometheus: {endpoint.address}")

        def show(stats: Stats) -> None:
            endpoint.update(stats)
            display.show(stats)

        yield show


def _place_of(log: Path) -> str:
    """The log's whole path, for programs; as it was given where there is no working folder."""
    try:
        return str(log.absolute())
    except FileNotFoundError:
        return str(log)


def _device(gpu: bool, device: str | None) -> Name:
    """Which device `--gpu` and `--device` ask for; of several GPUs, only that one is seen now."""
    if gpu and device == "cpu":
        raise UsageError("--gpu and --device cpu contradict each other; give one of them")
    if device and device.startswith("cuda:"):
        capability.select(int(device.removeprefix("cuda:")))
        return "cuda"
    return cast("Name", device) if device else "auto" if gpu else "cpu"


@contextmanager
def ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP call `stop` once; the next one ends the process at once.

    Nothing that was committed is lost then: what was being written is a torn
    tail, which the next opening moves aside.
    """
    heard: list[int] = []

    def hear(number: int, _frame: object) -> None:
        if heard:
            if sys.stderr.isatty():
                os.write(2, SHOW_CURSOR + b"\n")
            os._exit(128 + number)
        heard.append(number)
        stop()

    ending = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asks to live on
        ending.append(signal.SIGHUP)
    before = {number: signal.signal(number, hear) for number in ending}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _notices(run: Run) -> Iterator[str]:
    """What opening found worth saying."""
    yield from run.log.notices
    for number, reason in run.malformed.first:
        yield f"line {number} is kept and skipped: {reason}"
    more = run.malformed.count - len(run.malformed.first)
    if more:
        yield f"{more} more lines are skipped; check lists them"
    problems = run.world.program.problems
    yield from problems[:NAMED_PROBLEMS]
    if len(problems) > NAMED_PROBLEMS:
        yield f"{len(problems) - NAMED_PROBLEMS} more definitions cannot be used as they stand"
    if run.world.reader.skipped:
        skipped = run.world.reader.skipped
        yield f"{skipped} terms are open, unreadable or larger than --max-size: skipped"
    if waiting := _unread_input(run):
        yield (
            f"{counted(waiting, 'line')} wait in {run.log.path}.inbox, and nobody reads them: no "
            "transition has the action self-io; `give LOG FILE --now` gives lines to one tick"
        )


def _unread_input(run: Run) -> int:
    """Lines of the inbox (as many as one call reads) that no transition would take in."""
    transitions = run.world.program.transitions.values()
    if any(transition.action == "self-io" for transition in transitions):
        return 0
    from automaton.log import LogReader  # noqa: PLC0415  # as above

    # As a reader: a writer would note that it has read them.
    lines, _ = LogReader.inbox_lines(run.log, run.world.state.inbox)
    return len(lines)
