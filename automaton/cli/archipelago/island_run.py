"""`islands run DIR`: takes all islands on, and shows how they stand."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from automaton.cli.archipelago.island_options import island_numbers
from automaton.cli.commands.run import ended_by_signals
from automaton.cli.option_types import PATH, option, switch
from automaton.cli.resource_options import Size
from automaton.cli.text import as_json, counted, printable
from automaton.errors import UsageError

if TYPE_CHECKING:
    from automaton.islands.carrier_choice import Carrier
    from automaton.islands.driver import Driver, IslandRow
    from automaton.islands.exchange import Exchange
    from automaton.islands.folder import Folder
    from automaton.islands.schedule import Schedule

#: Rows that a terminal shows; of more islands the slowest.
_ROWS = 24
_REFRESHES = 4  # a second


@click.command()
@click.argument("folder", type=PATH, metavar="DIR")
@option("--epochs", type=click.IntRange(min=0), metavar="N", show_default="no limit",
        help="Stop after so many epochs (a count) more than the slowest island has.")  # fmt: skip
@option("--to", "until", type=click.IntRange(min=0), metavar="N", show_default="no limit",
        help="Stop when every island has so many epochs (a count).")  # fmt: skip
@option("--on", "carrier", type=click.Choice(["local", "ray", "here"]), default="local",
        show_default=True,
        help="Who carries them (a word): processes of this machine, Ray, or this one.")  # fmt: skip
@option("--address", metavar="HOST:PORT", show_default="a cluster of its own, on this machine",
        help="Of --on ray: the cluster (a word; auto: the one of this machine).")  # fmt: skip
@option("--processes", type=click.IntRange(1, 4096), metavar="N", show_default="the cores",
        help="Processes that carry them here (a count).")  # fmt: skip
@option("--only", metavar="NUMBERS", show_default="all",
        help="Islands that run here (numbers, as in 0-3,7); the others run elsewhere.")  # fmt: skip
@option("--transport", metavar="direct|URL,...", default="direct", show_default=True,
        envvar="AUTOMATON_TRANSPORT",
        help="How migrants reach islands elsewhere (words, as in redis://HOST:PORT).")  # fmt: skip
@option("--durability", type=click.Choice(["commit", "interval", "off"]), default="commit",
        show_default=True, help="When the disk is waited for (a word), as in a run.")  # fmt: skip
@option("--record", type=click.Choice(["full", "commits"]), show_default="full, or as begun",
        help="What is written (a word): every line, or all but winners.")  # fmt: skip
@option("--segment-bytes", type=Size(1), metavar="SIZE", show_default="one file",
        help="Compress each log as it grows, in segments of at least so many bytes.")  # fmt: skip
@switch("--send-logs", "Send what each log gains to the servers: see islands follow.")
@option("--shared", type=PATH, metavar="FOLDER", show_default="none",
        help="A folder (a path) all hosts reach, for what is needed when one is lost.")  # fmt: skip
@option("--shared-every", type=click.IntRange(1, 1 << 20), metavar="N", default=16,
        show_default=True, help="Epochs from copy to copy there (a count).")  # fmt: skip
@option("--archive", type=Size(0), metavar="SIZE", default="0", show_default=True,
        help="Where streams compete: bytes of each island's archive; 0 keeps none.")  # fmt: skip
@option("--min-free-disk", type=click.IntRange(0, 1 << 30), metavar="MB", default=1000,
        show_default=True,
        help="Free room below which no epoch begins: a number of millions of bytes.")  # fmt: skip
@switch("--json", "Print one JSON object at the end.")
def run(
    folder: Path, epochs: int | None, until: int | None, carrier: str, json: bool, **settings: Any
) -> None:
    """Run all islands of DIR; they go on where they ended.

    Whatever is killed, and whenever: run it again, and the bytes of all logs are those of
    a run that nothing happened to. Ctrl-C finishes the ticks under way.
    """
    from automaton.islands.carrier_choice import open_shared  # noqa: PLC0415  # loads numba
    from automaton.islands.driver import Driver  # noqa: PLC0415  # with it
    from automaton.islands.schedule import Schedule  # noqa: PLC0415  # with it

    if epochs is not None and until is not None:
        raise UsageError("--epochs counts from where the islands are and --to from 0; give one")
    if settings["address"] is not None and carrier != "ray":
        raise UsageError("--address is that of a Ray cluster: give --on ray too")
    _refuse_unmeant(settings)
    opened, begun = open_shared(folder, settings["shared"]), time.monotonic()
    own = island_numbers(settings.pop("only"), opened.archipelago.count)
    transport = settings.pop("transport")
    if own is not None and (transport == "direct" or epochs is not None):
        raise UsageError(
            "--only needs --transport redis://HOST:PORT, over which the other islands are "
            "reached, and --to rather than --epochs, which each place would count for itself"
        )
    schedule = Schedule(opened.archipelago, epochs, until, own)
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(sys.stderr))  # what Ray says is not our answer
        exchange = _exchange(schedule, transport, stack, opened, settings)
        carried = _carrier(opened, carrier, settings)
        stack.callback(carried.close)
        driver = Driver(schedule, carried, exchange, stack.enter_context(_table()), _note)
        with ended_by_signals(driver.stop):
            whole = driver.go()
    facts = _facts(opened, driver, time.monotonic() - begun, whole)
    click.echo(as_json(facts) if json else "\n".join(_paragraphs(folder, facts)))


def _note(text: str) -> None:
    click.echo(f"note: {printable(text)}", err=True)


def _refuse_unmeant(settings: dict[str, Any]) -> None:
    """Options that need others."""
    if settings["send_logs"] and settings["transport"] == "direct":
        raise UsageError("--send-logs needs --transport redis://HOST:PORT, over which logs travel")


def _exchange(
    schedule: Schedule, transport: str, stack: ExitStack, folder: Folder, settings: dict[str, Any]
) -> Exchange | None:
    """The way to islands that run elsewhere; None: there is none. Lost logs are brought back."""
    from automaton.islands.carrier_choice import open_transport, restore  # noqa: PLC0415  # with it
    from automaton.islands.exchange import Exchange  # noqa: PLC0415  # loads numba

    opened, shared = open_transport(transport, schedule.archipelago.digest), settings["shared"]
    if opened is not None:
        stack.callback(opened.close)
    if shared is not None or settings["send_logs"]:
        for text in restore(folder, schedule.own, shared, opened):
            _note(text)
    if opened is None:
        return None
    return Exchange(schedule, opened, sends_logs=settings["send_logs"])


def _carrier(folder: Folder, name: str, settings: dict[str, Any]) -> Carrier:
    """Who carries the islands."""
    from automaton.islands.carrier_choice import open_carrier  # noqa: PLC0415  # loads numba
    from automaton.islands.island import HostOptions  # noqa: PLC0415  # with it

    shared = settings["shared"]
    options = HostOptions(
        settings["durability"], settings["record"], settings["archive"],
        settings["min_free_disk"] * 1_000_000, settings["segment_bytes"] or 0,
        settings["send_logs"], shared and str(shared.absolute()), settings["shared_every"],
    )  # fmt: skip
    return open_carrier(name, folder, options, settings["processes"], settings["address"])


@contextmanager
def _table() -> Iterator[Callable[[Sequence[IslandRow]], None]]:
    """A table of the islands that moves, where a terminal is looking."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _rows: None
        return
    with Live(console=console, refresh_per_second=_REFRESHES, transient=True) as live:
        yield lambda rows: live.update(_drawn(rows))


def _drawn(rows: Sequence[IslandRow]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("island", "tick", "epoch", "candidates/s", "waits for", "restarts", "where"):
        table.add_column(name, justify="left" if name in {"waits for", "where"} else "right")
    slowest = sorted(rows, key=lambda row: row.tick)[:_ROWS]
    for row in sorted(slowest, key=lambda row: row.island):
        rate = "-" if row.rate is None else f"{row.rate:,.0f}"
        waits = ", ".join(map(str, row.waits_for[:4])) + (" ..." if len(row.waits_for) > 4 else "")
        cells = str(row.island), f"{row.tick:,}", f"{row.epoch:,}", rate, waits
        table.add_row(*cells, str(row.place.restarts), printable(row.place.name))
    if len(rows) > len(slowest):
        table.caption = f"the slowest {len(slowest)} of {len(rows)} islands"
    return table


def _facts(folder: Folder, driver: Driver, seconds: float, whole: bool) -> dict[str, Any]:
    """What a run of islands comes to."""
    from automaton.islands.cross_verification import head_of_heads  # noqa: PLC0415  # loads numba

    rows, one = driver.rows(), folder.archipelago
    heads = [driver.heads[k] for k in sorted(driver.heads)]
    complete = len(heads) == one.count
    return {
        "archipelago": one.digest,
        "islands": one.count,
        "epochs": min((row.epoch for row in rows), default=0),
        "ticks": [row.tick for row in rows],
        "finished": whole,
        "seconds": round(seconds, 3),
        "candidates": driver.candidates,
        "candidates_per_s": round(driver.candidates / seconds, 1),
        "epoch_seconds": _spread(driver.epoch_seconds),
        "restarts": sum({row.place.name: row.place.restarts for row in rows}.values()),
        "heads": [head.hex() for head in heads] if complete else [],
        "head_of_heads": head_of_heads(heads).hex() if complete else None,
    }


def _spread(times: Collection[float]) -> dict[str, Any]:
    """Mean and standard deviation of the times of epochs, as `project` takes them."""
    mean = statistics.fmean(times) if times else None
    deviation = statistics.stdev(times) if len(times) > 1 else None
    return {"n": len(times), "mean": mean, "sd": deviation}


def _paragraphs(folder: Path, facts: dict[str, Any]) -> Iterator[str]:
    ended = "" if facts["finished"] else ", stopped before its end"
    yield (
        f"{folder}: {counted(facts['islands'], 'island')}, "
        f"{counted(facts['epochs'], 'epoch')} each{ended}"
    )
    yield (
        f"  {facts['candidates']:,} candidates in {facts['seconds']:.1f} s, "
        f"{facts['candidates_per_s']:,.0f}/s; {counted(facts['restarts'], 'restart')}"
    )
    if facts["head_of_heads"] is not None:
        yield f"  head of heads {facts['head_of_heads']}"
