"""`islands stats|show|verify DIR`: how islands stand, what they hold, whether they fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress

from automaton.cli.commands.show import show_object
from automaton.cli.commands.verify import Replay
from automaton.cli.option_types import PATH, option, switch
from automaton.cli.text import as_json, counted, printable
from automaton.errors import UsageError

if TYPE_CHECKING:
    from automaton.islands.folder import Folder

_SHOWN = 10  # faults that people are shown


@click.command()
@click.argument("folder", type=PATH, metavar="DIR")
@switch("--json", "Print one JSON object.")
def stats(folder: Path, json: bool) -> None:
    """Show how far every island of DIR has come.

    Also while they run; nothing is recomputed.
    """
    from automaton.islands.folder import open_folder  # noqa: PLC0415  # loads numba

    opened = open_folder(folder)
    facts = _figures(opened)
    if json:
        click.echo(as_json(facts))
        return
    one = opened.archipelago
    click.echo(
        f"{folder}: {counted(one.count, 'island')}, {one.topology}, epochs of "
        f"{counted(one.epoch, 'tick')}, {counted(one.migrants, 'migrant')} an epoch, "
        f"delay {one.delay}, digest {one.digest}"
    )
    click.echo(
        f"{'island':>6}  {'tick':>9}  {'epoch':>7}  {'modifications':>13}  {'bytes':>13}  head"
    )
    for row in facts["islands"]:
        click.echo(
            f"{row['island']:>6}  {row['tick']:>9,}  {row['epoch']:>7,}  "
            f"{row['modifications']:>13,}  {row['bytes']:>13,}  {row['head'][:16]}"
        )
    click.echo(f"head of heads {facts['head_of_heads']}")


def _figures(folder: Folder) -> dict[str, Any]:
    """What every log says of itself."""
    from automaton.format.machine_state import MachineState  # noqa: PLC0415
    from automaton.islands.cross_verification import head_of_heads  # noqa: PLC0415  # loads numba
    from automaton.log import Log  # noqa: PLC0415  # with it

    rows, heads = [], []
    for island, path in enumerate(folder.logs):
        with Log.open(path, write=False) as log:
            last = log.last_commit
            made = MachineState.of(last.state, last.tick).counters["modifications"] if last else 0
            tick = len(log.commits)
            heads.append(log.head)
            rows.append({
                "island": island, "tick": tick, "epoch": folder.archipelago.epochs_done(tick),
                "modifications": made, "bytes": log.size, "durable_bytes": log.durable,
                "head": log.head.hex(),
            })  # fmt: skip
    return {
        "archipelago": folder.archipelago.digest,
        "islands": rows,
        "head_of_heads": head_of_heads(heads).hex(),
    }


@click.command()
@click.argument("folder", type=PATH, metavar="DIR")
@click.argument("name", metavar="ISLAND/ID")
@switch("--lineage", "Draw the ancestry to the genesis as a tree, across islands.")
@option("--depth", type=click.IntRange(min=0), metavar="N", show_default="as of show",
        help="List the ancestry so far (a count of steps), nearest first.")  # fmt: skip
@switch("--json", "Print one JSON object.")
def show(folder: Path, name: str, lineage: bool, depth: int | None, json: bool) -> None:
    """Show an object of one island, as `show` does.

    Its ancestry crosses islands.
    """
    from automaton.islands.folder import open_folder  # noqa: PLC0415  # loads numba
    from automaton.islands.shared_lineage import SharedLineage  # noqa: PLC0415  # with it
    from automaton.log import Log, LogReader  # noqa: PLC0415  # with it
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415  # with it

    opened = open_folder(folder)
    with ExitStack() as stack:

        def open_log(island: int) -> LogReader:
            log = stack.enter_context(Log.open(opened.log(island), write=False))
            stack.enter_context(with_omitted_batches(log))
            return log

        known = SharedLineage(opened.archipelago, open_log)
        island, identity = known.parse(name)
        log = known.log(island)
        raw = log.current(identity)
        if raw is None:
            raise UsageError(f"{opened.log(island)}: no object has the id {identity!r}")
        root, versions = known.now(name), log.find(identity)
        show_object(known, root, versions, raw, (lineage, depth, json))


@click.command()
@click.argument("folder", type=PATH, metavar="DIR")
@option("--replay", type=Replay(), metavar="all|sample=N|none", default="all", show_default=True,
        help="Which commits of each log are computed again (a word).")  # fmt: skip
@option("--seed", type=click.IntRange(0, (1 << 64) - 1), metavar="N",
        show_default="a new one each time; it is printed",
        help="Seed of the sample, an integer of 64 bits.")  # fmt: skip
@option("--processes", type=click.IntRange(1, 1024), metavar="N", show_default="the cores",
        help="Logs that are verified at the same time (a count).")  # fmt: skip
@switch("--json", "Print one JSON object.")
def verify(
    folder: Path, replay: tuple[str, int], seed: int | None, processes: int | None, json: bool
) -> int:
    """Compute every log of DIR again; hold migrants to sources.

    Each log is verified as by `verify LOG`; then every migrant is looked up in the log
    that it names. Exit codes as of `verify`.
    """
    from automaton.islands.folder import open_folder  # noqa: PLC0415  # loads numba

    opened = open_folder(folder)
    way, sample = replay
    drawn = int.from_bytes(os.urandom(6), "little") if seed is None else seed
    facts = _verdict(opened, (way, sample, drawn), processes)
    for text in facts.pop("notices"):
        click.echo(f"note: {printable(text)}", err=True)
    click.echo(as_json(facts) if json else "\n".join(_paragraphs(folder, facts)))
    return int(facts["exit_code"])


def _verdict(folder: Folder, replay: tuple[str, int, int], processes: int | None) -> dict[str, Any]:
    """What was found of each log and between them."""
    from automaton.islands.cross_verification import cross_verify, head_of_heads  # noqa: PLC0415
    from automaton.islands.verification_process import verify_logs  # noqa: PLC0415
    from automaton.verify import VerifyRequest  # noqa: PLC0415
    from automaton.workers import available_cores  # noqa: PLC0415

    way, sample, seed = replay
    request = VerifyRequest(way, sample, seed)
    with _bars() as tell:
        verdicts = verify_logs(
            folder.logs, request, processes or available_cores(), tell("logs")
        )  # fmt: skip
        false = [k for k, verdict in verdicts.items() if verdict["first_bad"] is not None]
        faults, migrants = cross_verify(folder, false, tell("epochs"))
    rows = [{"island": k, **verdicts[k]} for k in sorted(verdicts)]
    codes = {row.pop("exit_code") for row in rows}
    notices = [f"island {row['island']}: {text}" for row in rows for text in row.pop("notices")]
    code = 1 if faults or 1 in codes else 3 if 3 in codes else 14 if codes == {14} else 0
    return {
        "ok": code == 0, "exit_code": code, "archipelago": folder.archipelago.digest,
        "islands": rows, "migrants": migrants, "faults": [fault._asdict() for fault in faults],
        "said": [str(fault) for fault in faults], "seed": seed if way == "sample" else None,
        "head_of_heads": head_of_heads(bytes.fromhex(row["head"]) for row in rows).hex(),
        "notices": notices,
    }  # fmt: skip


@contextmanager
def _bars() -> Iterator[Callable[[str], Callable[[int, int], object]]]:
    """Progress bars where a terminal is looking."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _name: lambda *_: None
        return
    with Progress(console=console, transient=True) as progress:

        def bar(name: str) -> Callable[[int, int], object]:
            task = progress.add_task(name, total=None)
            return lambda done, of: progress.update(task, completed=done, total=of)

        yield bar


def _paragraphs(folder: Path, facts: dict[str, Any]) -> Iterator[str]:
    rows = facts["islands"]
    words = {0: "TRUE", 1: "NOT TRUE", 3: "true up to each log's last commit"}
    yield f"{folder}: {words.get(facts['exit_code'], 'no commit: nothing was checked')}"
    for row in rows:
        bad = row["first_bad"]
        if bad is not None:
            what = f"{bad['kind']} of tick {bad['tick']}, line {bad['line']}, byte {bad['offset']}"
            yield f"  island {row['island']}: NOT TRUE: {what} (see verify of its log)"
        elif row["tail_bytes"]:
            yield f"  island {row['island']}: {row['tail_bytes']:,} bytes that no commit covers"
    for text in facts["said"][:_SHOWN]:
        yield f"  {printable(text)}"
    if len(facts["said"]) > _SHOWN:
        yield f"  and {len(facts['said']) - _SHOWN:,} more"
    replayed = sum(row["replayed"] for row in rows)
    commits = sum(row["commits"] for row in rows)
    yield f"  {replayed:,} of {commits:,} commits of {counted(len(rows), 'log')} computed again"
    yield f"  {counted(facts['migrants'], 'migrant')} found in the logs that they name"
    if facts["seed"] is not None:
        yield f"  samples drawn by --seed {facts['seed']}"
    yield f"  head of heads {facts['head_of_heads']}"
