"""The pictures of a log by name: one row each, with the function that reads its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from automaton.errors import NothingToRunError
from automaton.export import charts, population_charts
from automaton.export.charts import Chart
from automaton.export.job import ExportJob
from automaton.export.scaling_chart import scaling as scaling  # noqa: PLC0414  # not of a log

PICTURES: dict[str, Callable[[ExportJob], Chart]] = {
    "rates": charts.rates,
    "outcomes": charts.outcomes,
    "dimensions": charts.dimensions,
    "shares": charts.shares,
    "entropy": charts.entropy,
    "sizes": charts.sizes,
    "diversity": population_charts.diversity,
    "population": population_charts.population,
    "phylogeny": population_charts.tree,
    "memory": population_charts.memory,
}


def read_picture(what: str, job: ExportJob) -> Chart:
    """The values of a picture; of a log that cannot run, one that says why there are none."""
    try:
        return PICTURES[what](job)
    except NothingToRunError as error:
        return replace(charts.rates(job), name=what, title=what, series=[], n=0, note=str(error))
