"""The pictures of a log by name: one row each, with the function that reads its values."""

from __future__ import annotations

from collections.abc import Callable

from automaton.export import charts, population_charts
from automaton.export.charts import Chart
from automaton.export.job import ExportJob

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
}
