"""`islands compare FILE`: whether archipelagos of other scale and speed come to the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from automaton.cli.campaign import genesis_of, progress
from automaton.cli.commands.sweep import planned
from automaton.cli.experiment_options import out_option, workers_option
from automaton.cli.export_job import draw_without_display
from automaton.cli.option_types import PATH, WIDTH, switch
from automaton.cli.output_file import whole_file
from automaton.cli.tabular import form_of, forms, print_json, print_rows
from automaton.cli.text import counted, printable
from automaton.errors import UsageError
from automaton.workers import available_cores

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.comparison.comparison_campaign import ComparisonCampaign
    from automaton.comparison.comparison_table import ComparisonRow
    from automaton.export.charts import Chart

#: Chance below which an adjusted difference is called one.
_LEVEL = 0.05
_COLUMNS = (
    "measure", "factor", "level", "against", "runs", "strata", "shift", "excess", "low", "high",
    "p", "adjusted",
)  # fmt: skip


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("file", type=PATH)
@out_option(
    "FILE without its ending",
    "Where islands and manifest stand (a path); one that is there goes on.",
)
@workers_option("Archipelagos at the same time (a count): each takes one core.")
@switch("--figures", "Draw the table and each measure in DIR/figures (extra plot).")
@forms
def compare(
    file: Path, out: Path | None, workers: int | None, figures: bool, json: bool, csv: bool
) -> None:
    """Test whether scale and speed change what islands become.

    FILE is TOML: `log`, `work` (rounds of every run) or `ticks` (of every island), `seeds` of
    each case, `places` over all islands, a table [grid] of `islands`, `parallel` and `epoch`,
    a table [settings]. Every combination is an archipelago; two are run twice, as placebos.
    The manifest has the heads of each; a comparison that was stopped or killed goes on by the
    same command.
    """
    from automaton.comparison.comparison_campaign import (  # noqa: PLC0415  # loads numba
        ComparisonCampaign,
    )
    from automaton.comparison.comparison_plan import ComparisonPlan  # noqa: PLC0415  # with it
    from automaton.comparison.comparison_table import comparison_rows  # noqa: PLC0415  # with it

    form = form_of(json=json, csv=csv)
    plan = planned(file, ComparisonPlan.of)
    folder = file.with_suffix("") if out is None else out
    if folder == file:
        raise UsageError(f"{file} has no ending to leave out; name the folder by --out DIR")
    if figures:
        from automaton.export import drawing  # noqa: PLC0415

        draw_without_display()
        drawing.require()
    campaign = ComparisonCampaign(folder, plan, genesis_of(file.parent / plan.log))
    with progress(len(plan.runs), len(campaign.done)) as told:
        campaign.make(workers or available_cores(), told)
    rows = comparison_rows(plan, list(campaign.rows()))
    if figures:
        _draw(campaign, rows)
    if form == "json":
        print_json(row.as_json() for row in rows)
    elif form == "csv":
        print_rows(_COLUMNS, ([getattr(row, name) for name in _COLUMNS] for row in rows), "csv")
    else:
        _print_table(campaign, rows)


def _print_table(campaign: ComparisonCampaign, rows: Sequence[ComparisonRow]) -> None:
    from automaton.comparison.comparison_table import unvaried  # noqa: PLC0415  # loads numba

    plan = campaign.plan
    click.echo(
        f"{counted(len(plan.runs), 'run')} of {plan.length}; logs and heads: "
        f"{printable(str(campaign.folder))}"
    )
    click.echo(
        "excess: distance between runs of two levels beyond that within them, 0 where they agree "
        "(of the diversity in doublings), and its 95 % interval; p is adjusted for all rows but "
        "placebos"
    )
    shown = [
        (
            row.measure, f"{row.factor} {row.level}", row.against, f"{row.shift:.3f}",
            f"{row.excess:+.4f}", f"{row.low:+.4f}", f"{row.high:+.4f}",
            f"{row.p if row.adjusted is None else row.adjusted:.4f}", _verdict(row),
        )
        for row in rows
    ]  # fmt: skip
    names = ("measure", "level", "against", "shift", "excess", "low", "high", "p", "")
    print_rows(names, shown, "text")
    for measure in unvaried(list(campaign.rows())):
        click.echo(f"{measure}: the same in all runs")


def _verdict(row: ComparisonRow) -> str:
    if row.adjusted is None:
        return "placebo"
    return "differs" if row.adjusted < _LEVEL else "not told apart"


def _draw(campaign: ComparisonCampaign, rows: Sequence[ComparisonRow]) -> None:
    """A picture of all tests of each measure, and one of its distribution by case."""
    from automaton.export import drawing  # noqa: PLC0415

    folder = campaign.folder / "figures"
    folder.mkdir(exist_ok=True)
    for measure in dict.fromkeys(row.measure for row in rows):
        for chart in (_intervals(campaign, measure, rows), _cases(campaign, measure)):
            with whole_file(folder / f"{chart.name}.svg", force=True) as file:
                drawing.draw(chart, file, "svg")


def _intervals(campaign: ComparisonCampaign, measure: str, rows: Sequence[ComparisonRow]) -> Chart:
    from automaton.comparison.run_distributions import MEASURES  # noqa: PLC0415  # loads numba
    from automaton.export.charts import Chart, ChartSeries  # noqa: PLC0415

    own = [row for row in rows if row.measure == measure]
    series = [
        ChartSeries(
            f"{row.factor} {row.level}" + ("" if row.adjusted is None else f" / {row.against}"),
            np.array([row.low, row.excess, row.high]), np.zeros(3),
        )
        for row in own
    ]  # fmt: skip
    return Chart(
        f"{measure.replace(' ', '-')}-effects", f"{measure}: what scale and speed change",
        "distance between runs beyond that within levels (0: they agree)", "", "intervals",
        series, MEASURES[measure], f"runs of {campaign.plan.length}",
        len(campaign.done), "Lines: 95 % intervals. Grey: placebos, the same case twice.",
    )  # fmt: skip


def _cases(campaign: ComparisonCampaign, measure: str) -> Chart:
    from automaton.comparison.comparison_table import means  # noqa: PLC0415  # loads numba
    from automaton.comparison.run_distributions import MEASURES, SCALAR  # noqa: PLC0415
    from automaton.export.charts import Chart, ChartSeries  # noqa: PLC0415

    found = means(list(campaign.rows()), measure)
    names = list(dict.fromkeys(name for shares in found.values() for name in shares))
    if measure == SCALAR:
        series = [
            ChartSeries(case, np.full(3, values["effective"]), np.zeros(3))
            for case, values in found.items()
        ]
        axis, kind, note = "effective number of terms", "intervals", "Means."
    else:
        series = [
            ChartSeries(case, np.arange(len(names), dtype=np.float64), np.array(list(v.values())))
            for case, v in found.items()
        ]
        axis, kind = "category", "heat"
        listed = ", ".join(f"{k}: {name}" for k, name in enumerate(names))
        note = f"The darker, the larger the share. Categories: {listed}."
    return Chart(
        f"{measure.replace(' ', '-')}-cases", f"{measure} by case", axis, "", kind,  # type: ignore[arg-type]
        series, MEASURES[measure], f"runs of {campaign.plan.length}",
        len(campaign.done), note,
    )  # fmt: skip
