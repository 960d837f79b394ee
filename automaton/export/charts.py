"""What pictures show, as values: series with their labels, source, window and n.

Nothing is drawn here. A chart that has nothing to show says why in `note` and has no series.
Here: what commits and winners say. Must not know: who draws, populations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from automaton.export.export_selection import stream_names
from automaton.export.job import ExportJob
from automaton.export.winner_columns import winner_lines
from automaton.format.records import OUTCOMES, known_commit, won
from automaton.format.stream_options import FIXED_ONE
from automaton.terms.arrays import Floats, Numbers, Truth

Kind = Literal["lines", "stack", "steps", "heat", "cells", "tree", "points", "fits", "intervals"]
#: Parts that ticks are put together in, where there are more.
BINS = 200
#: Parts of the range of salience, as in docs/measures.md.
CLASSES = 5


class ChartSeries(NamedTuple):
    """Values y over x; of `tree`: x and y of lines, a pair of each a line.

    Of `intervals`: x is the low end, the value and the high end; a series is a row.
    """

    name: str
    x: Floats
    y: Floats


@dataclass(frozen=True)
class Chart:
    """A picture as values."""

    name: str
    title: str
    x: str  # label of the axis, with its unit
    y: str
    kind: Kind
    series: list[ChartSeries]
    source: str  # members that were read
    window: str  # over what
    n: int  # values in it
    note: str = ""
    grid: Numbers | None = None  # of `cells`: the place of each cell's series, -1 for none
    counts: Numbers | None = None  # of `points`: how many objects a point stands for

    @property
    def caption(self) -> str:
        """Where the picture comes from, in one line."""
        said = f"Source: {self.source}; window: {self.window}; n = {self.n:,}"
        return f"{said}. {self.note}" if self.note else f"{said}."


class Ticks(NamedTuple):
    """Ticks in parts of equal length: the middle of each, and the part of a tick."""

    first: int
    width: int
    middles: Floats

    def part(self, ticks: Any) -> Numbers:
        """Which part ticks are of."""
        found: Numbers = (np.asarray(ticks) - self.first) // self.width
        return found


def parts(job: ExportJob) -> Ticks:
    """The parts of a selection."""
    first, last = job.selection.first, job.selection.stop
    width = max(1, -(-(last - first + 1) // BINS))
    begins = np.arange(first, last + 1, width)
    ends = np.minimum(begins + width - 1, last)
    return Ticks(first, width, (begins + ends) / 2)


def window(job: ExportJob) -> str:
    """The ticks of a selection in words."""
    first, last = job.selection.first, job.selection.stop
    return (
        f"ticks {first:,} to {last:,} of {job.name}" if first <= last else f"no tick of {job.name}"
    )


def _commits(job: ExportJob) -> dict[str, Numbers]:
    """Outcomes, winners and dimension of each tick."""
    rows = []
    for tick in range(job.selection.first, job.selection.stop + 1):
        commit = known_commit(job.log.commit_line(tick)) or job.log.commit(tick)
        rows.append((*(commit.outcomes[n] for n in OUTCOMES), won(commit), commit.dimension))
    table = np.array(rows, np.int64).reshape(-1, len(OUTCOMES) + 2).T
    return dict(zip((*OUTCOMES, "winners", "dimension"), table, strict=True))


def _means(ticks: Ticks, values: Numbers | Truth) -> Floats:
    """The mean of each part."""
    part = ticks.part(np.arange(ticks.first, ticks.first + len(values)))
    size = len(ticks.middles)
    count = np.bincount(part, minlength=size)
    found: Floats = np.bincount(part, values, minlength=size) / np.maximum(1, count)
    return found


def rates(job: ExportJob) -> Chart:
    """Candidates and winners a tick."""
    ticks, found = parts(job), _commits(job)
    every = np.sum([found[name] for name in OUTCOMES], axis=0)
    series = [
        ChartSeries(name, ticks.middles, _means(ticks, values))
        for name, values in (
            ("slots", every), ("normal forms", found["normal"]), ("winners", found["winners"])
        )
    ]  # fmt: skip
    return Chart(
        "rates", "Candidates and winners a tick", "tick", "a tick", "lines",
        series if len(ticks.middles) else [], "commits' outcomes", window(job), len(every),
        _mean_note(ticks),
    )  # fmt: skip


def outcomes(job: ExportJob) -> Chart:
    """What reactions came to, as shares."""
    ticks, found = parts(job), _commits(job)
    sums = {name: _means(ticks, found[name]) for name in OUTCOMES}
    whole = np.maximum(np.sum(list(sums.values()), axis=0), 1e-300)
    series = [ChartSeries(n, ticks.middles, v / whole) for n, v in sums.items() if v.any()]
    total = int(sum(found[name].sum() for name in OUTCOMES))
    return Chart(
        "outcomes", "Outcomes of reactions", "tick", "share of all slots", "stack", series,
        "commits' outcomes", window(job), total, _mean_note(ticks),
    )  # fmt: skip


def dimensions(job: ExportJob) -> Chart:
    """The dimension in which the machine stood, tick by tick."""
    found, ticks = _commits(job)["dimension"], parts(job)
    kind: Kind
    if ticks.width > 1:
        own = range(int(found.min()), int(found.max()) + 1)
        series = [ChartSeries(str(d), ticks.middles, _means(ticks, found == d)) for d in own]
        kind, note = "heat", f"{_mean_note(ticks)} The darker, the more of them."
    else:
        series = [ChartSeries("dimension", ticks.middles, found.astype(np.float64))]
        kind, note = "steps", ""
    return Chart(
        "dimensions", "Dimension of the machine", "tick", "dimension", kind,
        series if len(found) else [], "commits' dimension", window(job), len(found),
        note,
    )  # fmt: skip


def shares(job: ExportJob) -> Chart:
    """What streams win."""
    ticks, names = parts(job), stream_names(job.log)
    size = len(ticks.middles)
    won_by = np.zeros((len(names), size), np.int64)
    for lines in winner_lines(job.log, job.selection, job.progress):
        streams, part = lines.numbers["stream"], ticks.part(lines.numbers["tick"])
        for k in range(len(names)):
            won_by[k] += np.bincount(part[streams == k], minlength=size)
    whole = np.maximum(1, won_by.sum(axis=0))
    series = [
        ChartSeries(name, ticks.middles, won_by[k] / whole)
        for k, name in enumerate(names)
        if won_by[k].any()
    ]
    why = "" if names else "no streams compete in this log"
    return Chart(
        "shares", "Wins by stream", "tick", "share of winners", "stack", series,
        "winners' stream", window(job), int(won_by.sum()), why or _mean_note(ticks),
    )  # fmt: skip


def entropy(job: ExportJob) -> Chart:
    """The entropy of the winners' salience, part by part."""
    ticks = parts(job)
    size = len(ticks.middles)
    counts, most = np.zeros((size, CLASSES), np.int64), FIXED_ONE
    for lines in winner_lines(job.log, job.selection, job.progress):
        compete = lines.numbers["stream"] >= 0
        value = np.minimum(lines.numbers["salience"][compete], most - 1)
        part = ticks.part(lines.numbers["tick"][compete])
        np.add.at(counts, (part, value.astype(np.int64) * CLASSES // most), 1)
    n = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(1, n)
    bits = -(share * np.log2(np.where(share > 0, share, 1))).sum(axis=1)
    there = n[:, 0] > 0
    series = [ChartSeries("entropy", ticks.middles[there], bits[there])] if there.any() else []
    why = "" if series else "winners have a salience only where streams compete"
    return Chart(
        "entropy", "Entropy of the winners' salience", "tick",
        f"bits, of at most {np.log2(CLASSES):.2f}", "lines", series, "winners' salience",
        window(job), int(n.sum()),
        why or f"{CLASSES} classes over 0 to 1, {ticks.width:,} ticks a point; uncorrected.",
    )  # fmt: skip


def sizes(job: ExportJob) -> Chart:
    """How large winners are, and how many beta steps they took, as distributions."""
    found: dict[str, Numbers] = {name: np.zeros(1, np.int64) for name in ("size", "beta")}
    for lines in winner_lines(job.log, job.selection, job.progress):
        for name, before in found.items():
            more = np.bincount(lines.numbers[name])
            both = np.zeros(max(len(before), len(more)), np.int64)
            both[: len(before)] += before
            both[: len(more)] += more
            found[name] = both
    n = int(found["size"].sum())
    labels = {"size": "size (nodes)", "beta": "beta steps"}
    series = [
        ChartSeries(labels[name], _above(counts), np.cumsum(counts[::-1])[::-1] / max(1, n))
        for name, counts in found.items()
        if n
    ]
    return Chart(
        "sizes", "Sizes of winners, and their beta steps", "at least", "share of winners",
        "lines", series, "winners' size and beta", window(job), n,
        "A point is the share of winners that have at least so many.",
    )  # fmt: skip


def _above(counts: Numbers) -> Floats:
    return np.arange(len(counts), dtype=np.float64)


def _mean_note(ticks: Ticks) -> str:
    return f"{ticks.width:,} ticks a point." if ticks.width > 1 else ""
