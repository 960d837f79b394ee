"""`islands project DIR`: what these islands would do on more nodes; simulated, and marked so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.commands.observe import table
from automaton.cli.option_types import PATH, WIDTH, FiniteFloat, option, switch
from automaton.cli.text import as_json, printable
from automaton.errors import UsageError, whole_number

if TYPE_CHECKING:
    from automaton.islands.folder import Folder
    from automaton.islands.projection import Conditions

BILLION = 1_000_000_000  # candidates, the time to which is shown
MOST = 20_000  # nodes


def numbers(_context: click.Context, _option: click.Parameter, text: str) -> list[int]:
    """Numbers with commas between."""
    found = [whole_number(part.strip()) or 0 for part in text.split(",")]
    if not all(0 < number <= MOST for number in found):
        raise UsageError(f"--nodes {text}: give numbers from 1 to {MOST}, as in 10,100,1000")
    return found


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("folder", type=PATH, metavar="DIR")
@option("--epoch-seconds", type=FiniteFloat(0, min_open=True), metavar="S", required=True,
        show_default="none: as `islands run --json` measured it",
        help="Mean time of an epoch on one node, in seconds.")  # fmt: skip
@option("--spread", type=FiniteFloat(0), metavar="X", default=0.1, show_default=True,
        help="Its standard deviation by its mean (a number).")  # fmt: skip
@option("--nodes", callback=numbers, metavar="N,...", default="1,10,100,1000", show_default=True,
        help="Islands, one a node (counts).")  # fmt: skip
@option("--epochs", type=click.IntRange(1, 10_000), metavar="N", default=50, show_default=True,
        help="Epochs that are simulated (a count).")  # fmt: skip
@option("--travel", type=FiniteFloat(0), metavar="S", default=0.002, show_default=True,
        help="Time from a source's end to its neighbours, in seconds.")  # fmt: skip
@option("--failures", type=FiniteFloat(0), metavar="X", default=0, show_default=True,
        help="Losses of a node, a number an hour.")  # fmt: skip
@option("--detection", type=FiniteFloat(0), metavar="S", default=15, show_default=True,
        help="Time until a lost node is noticed, in seconds.")  # fmt: skip
@option("--slow", type=FiniteFloat(0, min_open=True), metavar="X", default=1, show_default=True,
        help="How many times longer node 0 takes (a number).")  # fmt: skip
@option("--seed", type=click.IntRange(0, (1 << 64) - 1), metavar="N", default=0, show_default=True,
        help="Seed of the simulated times, an integer of 64 bits.")  # fmt: skip
@switch("--json", "Print one JSON object.")
def project(
    folder: Path, nodes: list[int], epochs: int, json: bool, **settings: Any
) -> None:  # fmt: skip
    """Simulate the islands of DIR on more nodes.

    From epoch times that were measured.

    Shown beside a barrier, which lets nobody begin an epoch before all have ended the last
    one, and beside the linear extrapolation. Nothing of it is measured.
    """
    from automaton.islands.folder import open_folder  # noqa: PLC0415  # loads numba
    from automaton.islands.projection import Conditions  # noqa: PLC0415  # with it

    opened, conditions = open_folder(folder), Conditions(**settings)
    rows = [_simulated(opened, conditions, count, epochs) for count in nodes]
    if json:
        click.echo(as_json({"simulated": True, "inputs": vars(conditions), "rows": rows}))
        return
    one = opened.archipelago
    click.echo(
        f"{printable(str(folder))}: SIMULATED, not measured; {one.topology}, delay {one.delay}, "
        f"{epochs} epochs of {conditions.epoch_seconds:g} s (spread {conditions.spread:g}), "
        f"{conditions.failures:g} losses of a node an hour, noticed after "
        f"{conditions.detection:g} s, node 0 slower by {conditions.slow:g}"
    )
    for line in table([("nodes", "candidates/s", "efficiency", "with a barrier", "linear",
                        "10^9 candidates"), *_cells(rows)]):  # fmt: skip
        click.echo(line)


def _simulated(folder: Folder, conditions: Conditions, nodes: int, epochs: int) -> dict[str, Any]:
    """What so many nodes would do."""
    from automaton.format.options import Options  # noqa: PLC0415
    from automaton.format.stream_options import parse_streams  # noqa: PLC0415
    from automaton.islands.projection import barrier, epoch_times, simulate  # noqa: PLC0415
    from automaton.islands.topology import TOPOLOGIES, named_topology  # noqa: PLC0415

    one, options = folder.archipelago, Options(**folder.archipelago.options)
    if one.topology not in TOPOLOGIES:
        raise UsageError("a file of edges is for its own number of islands; init with a name")
    slots = options.parallel * max(1, len(parse_streams(options.streams)))
    times = epoch_times(conditions, nodes, epochs)
    ends = simulate(named_topology(one.topology, nodes), one.delay, times, conditions.travel)
    candidates = nodes * epochs * one.epoch * slots
    alone = one.epoch * slots / conditions.epoch_seconds
    rate = candidates / float(ends[-1].max())
    held = candidates / float(barrier(times, conditions.travel)[-1].max())
    return {
        "nodes": nodes, "candidates_per_s": rate, "efficiency": rate / (nodes * alone),
        "barrier_efficiency": held / (nodes * alone), "linear_candidates_per_s": nodes * alone,
        "seconds_to_a_billion": BILLION / rate,
    }  # fmt: skip


def _cells(rows: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        yield (
            f"{row['nodes']:,}", f"{row['candidates_per_s']:,.0f}", f"{row['efficiency']:.3f}",
            f"{row['barrier_efficiency']:.3f}", f"{row['linear_candidates_per_s']:,.0f}",
            f"{row['seconds_to_a_billion']:,.1f} s",
        )  # fmt: skip
