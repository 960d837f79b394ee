"""A report: one HTML page with figures, tables, settings, versions, head and how to verify.

The page asks for nothing: pictures stand in it as SVG, it has no script, and its policy
forbids all loading. Must not know: who opens it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from html import escape
from typing import BinaryIO

from automaton.export.charts import Chart
from automaton.export.drawing import draw
from automaton.export.job import ExportJob
from automaton.export.pictures import PICTURES, read_picture
from automaton.export.run_facts import Fact, checks, log_facts, settings, totals

_STYLE = """
:root{color-scheme:light}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#1a1a1a;background:#fff}
h1,h2{line-height:1.2}table{border-collapse:collapse;margin:.5rem 0 1.5rem}
th,td{text-align:left;vertical-align:top;padding:.2rem 1.2rem .2rem 0;
border-bottom:1px solid #ddd;overflow-wrap:anywhere}th{font-weight:600}
figure{margin:1.5rem 0}figure svg{width:100%;height:auto}
figcaption{font-size:.8rem;color:#444}code{font-size:.9em;overflow-wrap:anywhere}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write(job: ExportJob, out: BinaryIO) -> None:
    """Write the page."""
    out.writelines(part.encode("utf-8", "backslashreplace") for part in _parts(job))


def _parts(job: ExportJob) -> Iterator[str]:
    name = escape(job.name)
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Report on {name}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Report on {name}</h1>\n<p>Made by automaton-scalable {escape(job.origin.version)}"
        f"{f' on {escape(job.origin.date)}' if job.origin.date else ''}, from the log alone.</p>\n"
    )
    yield _table("The log", log_facts(job))
    yield "<h2>How to verify</h2>\n<p>Who has the log and this head can check all of it.</p>\n"
    rows = ((f"<code>{escape(f.name)}</code>", escape(f.value)) for f in checks(job))
    yield _rows(rows)
    yield _table(
        f"Outcomes of ticks {job.selection.first:,} to {job.selection.stop:,}", totals(job)
    )
    yield "<h2>Figures</h2>\n"
    for what in PICTURES:
        yield _figure(read_picture(what, job))
    for tick, facts in settings(job):
        yield _table(f"Settings from tick {tick:,} on", facts)
    made = [Fact(name, value) for name, value in job.origin.environment.items()]
    if made:
        yield _table("This report was made with", made)
    yield "</body></html>\n"


def _figure(chart: Chart) -> str:
    drawn = io.BytesIO()
    draw(chart, drawn, "svg", captioned=False)
    picture = drawn.getvalue().decode()
    picture = picture[picture.index("<svg") :]  # without prolog, which names files elsewhere
    label = f'<svg role="img" aria-label="{escape(chart.title)}"'
    return (
        f"<figure>{picture.replace('<svg', label, 1)}"
        f"<figcaption>{escape(chart.caption)}</figcaption></figure>\n"
    )


def _table(title: str, facts: Iterable[Fact]) -> str:
    rows = ((f"<th scope=row>{escape(fact.name)}</th>", escape(fact.value)) for fact in facts)
    return f"<h2>{escape(title)}</h2>\n{_rows(rows)}"


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    cells = (f"{k if k.startswith('<th') else f'<td>{k}</td>'}<td>{v}</td>" for k, v in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>\n"
