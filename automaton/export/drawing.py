"""Charts drawn by matplotlib: the one module that imports it.

A picture is the same bytes for the same chart and version of matplotlib: no dates, no
random ids. Colours: Okabe and Ito 2008, told apart by the colour-blind. Must not know: logs.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from automaton.export.charts import Chart
from automaton.export.job import missing

#: Kinds of files.
FILES = ("svg", "png", "pdf")
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000",
)  # fmt: skip
_OTHER, _EMPTY = "#B0B0B0", "#FFFFFF"
_SIZE = 7.2, 4.2  # inches
_SETTINGS = {
    "svg.hashsalt": "automaton", "svg.fonttype": "none", "font.size": 9.0,
    "font.family": "sans-serif", "text.parse_math": False,
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def draw(chart: Chart, out: BinaryIO, kind: str = "svg", *, captioned: bool = True) -> None:
    """Draw a chart to a file of a kind, with its caption or without."""
    library = _package()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
    with warnings.catch_warnings(), library.rc_context(_SETTINGS):
        warnings.simplefilter("ignore", UserWarning)  # a name may hold what a font has not
        figure = import_module("matplotlib.figure").Figure(_SIZE, layout="constrained")
        axes = figure.subplots()
        axes.set_title(chart.title, loc="left")
        axes.set_xlabel(chart.x)
        axes.set_ylabel(chart.y)
        if chart.series:
            _KINDS[chart.kind](axes, chart)
        else:
            axes.text(
                0.5, 0.5, chart.note or "nothing to show", ha="center", transform=axes.transAxes
            )
        if captioned:
            caption = "\n".join(textwrap.wrap(chart.caption, 110))
            figure.supxlabel(caption, fontsize=7, color="#444444", x=0.01, ha="left")
        figure.savefig(out, format=kind, dpi=110, metadata=dates[kind])


def _package() -> Any:
    try:
        return import_module("matplotlib")
    except ImportError as error:
        raise missing("matplotlib", "plot", error) from None


def require() -> None:
    """Raise `DeviceError` where matplotlib is not there."""
    _package()


def _lines(axes: Any, chart: Chart) -> None:
    for k, series in enumerate(chart.series):
        mark = "o" if len(series.x) < 3 else None
        axes.plot(series.x, series.y, color=_colour(k), label=series.name, marker=mark, lw=1.2)
    axes.set_ylim(bottom=0)
    if len(chart.series) > 1:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _stack(axes: Any, chart: Chart) -> None:
    first = chart.series[0]
    values = [series.y for series in chart.series]
    names = [series.name for series in chart.series]
    colours = [_colour(k) for k in range(len(names))]
    if len(first.x) == 1:  # one tick has no width
        below = np.cumsum([0.0, *(float(value[0]) for value in values)])
        for name, value, start, colour in zip(names, values, below[:-1], colours, strict=True):
            axes.bar(first.x, value, bottom=start, label=name, color=colour)
    else:
        axes.stackplot(first.x, values, labels=names, colors=colours, lw=0)
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _steps(axes: Any, chart: Chart) -> None:
    series = chart.series[0]
    axes.step(series.x, series.y, where="mid", color=COLOURS[0], lw=0.8)
    axes.yaxis.get_major_locator().set_params(integer=True)


def _heat(axes: Any, chart: Chart) -> None:
    """A row a series, the darker the larger its values are."""
    first = chart.series[0].x
    ends = (2 * first[0] - first[1], 2 * first[-1] - first[-2]) if len(first) > 1 else (0, 1)
    rows = len(chart.series)
    axes.imshow(
        np.array([series.y for series in chart.series]), cmap="Blues", vmin=0, vmax=1,
        aspect="auto", interpolation="nearest", origin="lower",
        extent=((ends[0] + first[0]) / 2, (ends[1] + first[-1]) / 2, -0.5, rows - 0.5),
    )  # fmt: skip
    axes.set_yticks(range(rows), [series.name for series in chart.series])


def _cells(axes: Any, chart: Chart) -> None:
    assert chart.grid is not None
    colors = import_module("matplotlib.colors")
    patches = import_module("matplotlib.patches")
    own = [_EMPTY, *COLOURS[: len(chart.series) - 1], _OTHER]
    named = len(chart.series) - 1
    places = np.where(chart.grid > named, named, chart.grid)  # `other` comes last
    palette = colors.ListedColormap(own)
    axes.imshow(places, cmap=palette, vmin=-1.5, vmax=named + 0.5, interpolation="nearest",
                aspect="auto")  # fmt: skip
    axes.set_yticks([])
    axes.set_xticks([])
    handles = [
        patches.Patch(color=colour, label=series.name)
        for colour, series in zip(own[1:], chart.series, strict=True)
    ]
    axes.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(1, 1), fontsize=7)


def _tree(axes: Any, chart: Chart) -> None:
    series = chart.series[0]
    pairs = np.stack([series.x, series.y], axis=1).reshape(-1, 2, 2)
    collections = import_module("matplotlib.collections")
    axes.add_collection(collections.LineCollection(pairs, colors=COLOURS[0], linewidths=0.7))
    axes.autoscale_view()
    axes.set_yticks([])


def _points(axes: Any, chart: Chart) -> None:
    assert chart.counts is not None
    series = chart.series[0]
    area = np.minimum(300.0, 8.0 + 4.0 * chart.counts)
    axes.scatter(series.x, series.y, s=area, color=COLOURS[0], alpha=0.5, lw=0)


def _fits(axes: Any, chart: Chart) -> None:
    """Measurements as points, what was fitted to them as curves."""
    first, *laws = chart.series
    axes.plot(first.x, first.y, "o", color=COLOURS[0], label=first.name, ms=4)
    for k, law in enumerate(laws, 1):
        axes.plot(law.x, law.y, color=_colour(k), label=law.name, lw=1.2)
    axes.set_ylim(bottom=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _intervals(axes: Any, chart: Chart) -> None:
    """A row a series, the first one above: its value, and a line from end to end."""
    rows = range(len(chart.series))
    for k, series in zip(rows, chart.series, strict=True):
        low, value, high = (float(x) for x in series.x)
        colour = _OTHER if series.name.startswith("placebo") else COLOURS[0]
        axes.plot([low, high], [k, k], color=colour, lw=1.4)
        axes.plot([value], [k], color=colour, marker="o", ms=3)
    axes.axvline(0, color="#444444", lw=0.6)
    axes.set_yticks(rows, [series.name for series in chart.series], fontsize=7)
    axes.invert_yaxis()


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


_KINDS: dict[str, Callable[[Any, Chart], None]] = {
    "lines": _lines, "stack": _stack, "steps": _steps, "heat": _heat, "cells": _cells,
    "tree": _tree, "points": _points, "fits": _fits, "intervals": _intervals,
}  # fmt: skip
