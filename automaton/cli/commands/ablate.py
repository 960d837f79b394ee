"""`ablate LOG`: each stream, rule and veto off in turn, against the whole, with paired seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.campaign import genesis_of, inherited_options, progress
from automaton.cli.experiment_options import (
    COPIES,
    SALIENCE,
    STREAMS,
    UPDATING,
    count_option,
    operator_option,
    out_option,
    seed_option,
    workers_option,
)
from automaton.cli.option_types import PATH, WIDTH, deciding_option, option
from automaton.cli.tabular import Form, form_of, forms, print_json, print_rows
from automaton.cli.text import counted, printable
from automaton.errors import UsageError
from automaton.workers import available_cores

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.comparison.ablation_arms import Arm
    from automaton.comparison.ablation_campaign import AblationCampaign
    from automaton.comparison.ablation_plan import AblationPlan
    from automaton.comparison.ablation_table import AblationRow
    from automaton.format.graphs import Reading
    from automaton.format.options import Options

_SEEDS = 12  # as `ablation_plan.USUAL_SEEDS`, which loads numba


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@count_option("--ticks", "Ticks of each run (a count).", show_default="must be given")
@count_option("--seeds", "Pairs (a count): runs of each arm, and of the whole.", _SEEDS)
@seed_option("Seed of the first pair (an integer of 64 bits); each next one has the next.",
             "--first-seed", "S")  # fmt: skip
@option(
    "--only",
    multiple=True,
    metavar="NAME",
    show_default="all",
    help="Have this part off alone (a word of --list, or veto:*); may come more than once.",
)
@option("--list", "listing", is_flag=True, show_default="off",
        help="Print what can be off, and what cannot and why; run nothing.")  # fmt: skip
@out_option(
    "LOG with .ablation behind it",
    "Where logs and manifest stand (a path); an ablation that is there goes on.",
)
@workers_option("Runs at the same time (a count): each takes one core.")
@operator_option()
@deciding_option("--parallel", "N", "Rounds a tick (a count): each has at most one winner.")
@deciding_option("--max-objects", "N", "Terms alive at once (a count).")
@COPIES
@UPDATING
@STREAMS
@SALIENCE
@forms
def ablate(
    log: Path, ticks: int | None, seeds: int, first_seed: int, only: Sequence[str], listing: bool,
    out: Path | None, workers: int | None, json: bool, csv: bool, **given: Any,
) -> None:  # fmt: skip
    """Test what each part of a log's program does.

    Every stream, the memory, every rule and every veto is off in turn, under the same seeds
    as the whole, beside placebos. Printed is what changes, with 95 % intervals and chances that
    are corrected for how many there are. Each run is a log whose head stands in the manifest;
    what was stopped or killed goes on by the same command. LOG is only read.
    """
    from automaton.comparison.ablation_campaign import (  # noqa: PLC0415  # loads numba
        AblationCampaign,
    )
    from automaton.comparison.ablation_plan import ablation_plan  # noqa: PLC0415  # with it

    form = form_of(json=json, csv=csv)
    options, arms, reading = _read(log, given)
    if listing:
        _print_arms(arms, form)
        return
    if ticks is None:
        raise UsageError("--ticks must be given: how long each run is; --list needs none")
    _refuse_idle(arms, only)
    plan = ablation_plan(log.name, ticks, seeds, first_seed, options, arms)
    chosen = plan.chosen(only) if only else None
    folder = log.with_name(f"{log.name}.ablation") if out is None else out
    campaign = AblationCampaign(folder, plan, genesis_of(log), reading)
    wanted = chosen or {run.number for run in plan.runs}
    with progress(len(wanted), len(wanted & campaign.done.keys())) as told:
        campaign.make(
            workers or available_cores(),
            lambda _count: told(len(wanted & campaign.done.keys())), chosen,
        )  # fmt: skip
    _print_results(campaign, form)


def _read(log: Path, given: Mapping[str, Any]) -> tuple[Options, list[Arm], Reading]:
    """What the runs have in common, what can be off, and how the log's objects are read."""
    from automaton.comparison.ablation_arms import arms_of  # noqa: PLC0415  # loads numba
    from automaton.format.options import from_record  # noqa: PLC0415
    from automaton.log import Log  # noqa: PLC0415  # loads numba

    with Log.open(log, write=False) as opened:
        settings = inherited_options(opened, {})
        options = from_record({**settings, "graph": opened.reading.graph}).updated(given)
        return options, arms_of(opened, options), opened.reading


def _refuse_idle(arms: Sequence[Arm], only: Sequence[str]) -> None:
    for arm in arms:
        if arm.name in only and arm.idle:
            raise UsageError(f"--only {arm.name}: it makes no difference in these runs: {arm.idle}")


def _print_arms(arms: Sequence[Arm], form: Form) -> None:
    if form == "json":
        print_json({"name": arm.name, "what": arm.what, "idle": arm.idle or None} for arm in arms)
        return
    rows = ((arm.name, arm.idle or "can be off", arm.what) for arm in arms)
    print_rows(("name", "off", "what it does"), rows, form)


def _print_results(campaign: AblationCampaign, form: Form) -> None:
    from automaton.comparison.ablation_table import COLUMNS, ablation_rows  # noqa: PLC0415

    rows = ablation_rows(campaign.plan, [*campaign.rows()])
    if form == "json":
        print_json(row.as_json() for row in rows)
    elif form == "csv":
        print_rows(COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in rows), "csv")
    else:
        _print_table(campaign, rows)


def _print_table(campaign: AblationCampaign, rows: Sequence[AblationRow]) -> None:
    plan = campaign.plan
    pairs = len(plan.runs) // len(plan.arms)
    click.echo(
        f"{counted(len(campaign.done), 'run')} of {plan.ticks:,} ticks, {counted(pairs, 'pair')} "
        f"an arm; logs and heads: {printable(str(campaign.folder))}"
    )
    if left := len(plan.runs) - len(campaign.done):
        click.echo(f"{counted(left, 'run')} of other arms not made: without --only they are")
    click.echo(
        "change: without it, less the whole; its 95 % interval; d: in standard deviations of the "
        "pairs; p: by flips of sign, corrected for all rows but placebos"
    )
    shown = [
        (
            row.arm, *(f"{value:,.3f}" for value in (row.whole, row.without)),
            *(f"{value:+,.3f}" for value in (row.difference, row.low, row.high)),
            "-" if row.standardised is None else f"{row.standardised:+.2f}",
            f"{row.p if row.adjusted is None else row.adjusted:.4f}", _verdict(row), row.measure,
        )
        for row in rows
    ]  # fmt: skip
    names = ("off", "whole", "without", "change", "low", "high", "d", "p", "", "measure")
    print_rows(names, shown, "text")
    for note in _notes(plan, rows):
        click.echo(note)


def _verdict(row: AblationRow) -> str:
    if row.adjusted is None:
        return "placebo"
    return "differs" if row.differs else "not told apart"


def _notes(plan: AblationPlan, rows: Sequence[AblationRow]) -> list[str]:
    """What the placebos came to, and whether there are enough pairs to see anything."""
    from automaton.comparison.ablation_arms import LABEL, SEEDS  # noqa: PLC0415  # loads numba
    from automaton.comparison.ablation_table import LEVEL, pairs_needed  # noqa: PLC0415

    tests = sum(row.adjusted is not None for row in rows)
    pairs, needed = len(plan.runs) // len(plan.arms), pairs_needed(tests)
    notes = []
    if any(row.arm == LABEL and row.difference for row in rows):
        notes.append(f"{LABEL} made a difference: report this as a defect")
    placebos = [row for row in rows if row.arm == SEEDS]
    if placebos:
        low = sum(row.p < LEVEL for row in placebos)
        notes.append(
            f"{SEEDS}: {low} of {len(placebos)} measures below {LEVEL} (before any correction); "
            f"by chance alone {LEVEL:.0%} of unrelated ones are"
        )
    if tests and pairs < needed:
        notes.append(
            f"{pairs} pairs are too few for {tests} tests: nothing can differ after the "
            f"correction; give --seeds {needed}, or --only NAME"
        )
    return notes
