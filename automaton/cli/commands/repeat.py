"""`repeat LOG`: the same experiment under many seeds, and what is common to them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.campaign import inherited_options
from automaton.cli.commands.init import write_new
from automaton.cli.experiment_options import (
    COPIES,
    MOST_SEED,
    UPDATING,
    count_option,
    operator_option,
    seeds_options,
)
from automaton.cli.option_types import PATH, WIDTH, deciding_option
from automaton.cli.tabular import form_of, forms, print_json, print_rows
from automaton.errors import UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.analysis.population_series import PopulationRow
    from automaton.log import Log

_COLUMNS = ("figure", "mean", "low", "high")


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@count_option(
    "--ticks", "Ticks of each run (a count).", required=True,
    show_default="none: it must be given",
)  # fmt: skip
@seeds_options(10)
@count_option(
    "--every",
    "With --csv and --json: figures of every N-th tick (a count), and of the last.",
    1,
)
@operator_option()
@deciding_option("--parallel", "N", "Rounds a tick (a count): each has at most one winner.")
@deciding_option("--max-objects", "N", "Terms alive at once (a count).")
@COPIES
@UPDATING
@forms
def repeat(
    log: Path, ticks: int, seeds: int, first_seed: int, every: int, json: bool, csv: bool,
    **given: Any,
) -> None:  # fmt: skip
    """Run LOG's genesis under many seeds; print mean figures.

    Each with its 95 % interval. The runs are made one after the other, each on all
    cores, in a temporary folder. LOG is only read. The cycles of `cycles` are something
    else: short searches on a snapshot.
    """
    from automaton.log import Log  # noqa: PLC0415  # see the top

    form = form_of(json=json, csv=csv)
    if first_seed + seeds - 1 > MOST_SEED:
        raise UsageError(f"--first-seed {first_seed}: seeds are below 2**64; give a smaller one")
    with Log.open(log, write=False) as opened:
        options = inherited_options(opened, given)
        step = every if form != "text" else ticks
        runs = [
            _rows(opened, {**options, "seed": seed}, ticks, step)
            for seed in range(first_seed, first_seed + seeds)
        ]
    rows = _estimates(runs)
    if form == "json":
        print_json(rows)
        return
    if form == "csv":
        names = ("tick", "seeds", *_COLUMNS)
        print_rows(names, ([row[name] for name in names] for row in rows), "csv")
        return
    seeds_said = f"seed {first_seed}" if seeds == 1 else f"{seeds} seeds from {first_seed} on"
    click.echo(f"{log} after {ticks:,} ticks, {seeds_said}: mean, and 95 % interval of the mean")
    print_rows(
        ("mean", "low", "high", "figure"),
        ([row["mean"], row["low"], row["high"], row["figure"]] for row in rows), "text",
    )  # fmt: skip


def _rows(log: Log, options: Mapping[str, Any], ticks: int, every: int) -> list[PopulationRow]:
    """One run from the genesis on, and its series."""
    from automaton.analysis.population_series import tick_rows  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415
    from automaton.run import Run, SidecarOptions  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="automaton-repeat-") as folder:
        path = Path(folder) / "run.jsonl"
        write_new(path, (raw + b"\n" for _, raw in log.genesis_lines()))
        with Run(path, options, durability="off", keeping=SidecarOptions(0)) as run:
            run.go(ticks=ticks, interval_ms=0)
        with Log.open(path, write=False) as ran:
            return list(tick_rows(ran, every))


def _estimates(runs: list[list[PopulationRow]]) -> Iterator[dict[str, Any]]:
    """A row for each figure of each tick."""
    from automaton.analysis.population_series import means  # noqa: PLC0415  # see the top

    for same in zip(*runs, strict=True):
        for name, (mean, low, high) in means(same).items():
            yield {
                "tick": same[0].tick, "seeds": len(same), "figure": name, "mean": mean,
                "low": low, "high": high,
            }  # fmt: skip
