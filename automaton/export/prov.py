"""`prov`: where every winner comes from, in W3C PROV-JSON.

https://www.w3.org/submissions/prov-json/. A winner and what it was made from are entities,
a tick is an activity, the program is its agent, the deciding options are its plan. Names
are ids with all but letters, digits and a few signs written as %XX, in a namespace of the
log's own; `prov:label` has the id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any, BinaryIO

from automaton.export.job import ExportJob
from automaton.export.lineage_graph import GraphNode, graph_rows, pieces

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-~")
_AGENT, _PLAN = "automaton:automaton-scalable", "log:options"


def write(job: ExportJob, out: BinaryIO) -> None:
    """Write one document; each kind of record is a pass over the selection."""
    log = job.log
    facts = {
        "prefix": {
            "automaton": "urn:automaton-scalable:",
            "log": f"urn:automaton-scalable:{log.genesis.sha256.hex()}:",
        },
        "agent": {
            _AGENT: {
                "prov:type": {"$": "prov:SoftwareAgent", "type": "prov:QUALIFIED_NAME"},
                "automaton:version": job.version,
            }
        },
    }
    activities = {
        f"log:tick.{tick}": {"prov:label": f"tick {tick}"}
        for tick in range(job.selection.first, job.selection.stop + 1)
    }
    associated = {
        f"_:as{k}": {"prov:activity": name, "prov:agent": _AGENT, "prov:plan": _PLAN}
        for k, name in enumerate(activities)
    }
    head = _dump(facts)[:-1]
    out.write(f'{head},"activity":{_dump(activities)}'.encode())
    out.write(f',"wasAssociatedWith":{_dump(associated)}'.encode())
    for kind, members in (
        ("entity", _entities(job)), ("wasGeneratedBy", _generated(job)),
        ("wasDerivedFrom", _derived(job)),
    ):  # fmt: skip
        out.writelines(pieces(_separated(members), f',"{kind}":{{', "}"))
    out.write(b"}\n")


def _value(value: Any) -> Any:
    """A value that every reader keeps: numbers beyond 2**53 as text."""
    if value is None or isinstance(value, (dict, list)):
        return _dump(value)
    return str(value) if type(value) is int and abs(value) >= 1 << 53 else value


def _entities(job: ExportJob) -> Iterator[str]:
    options = {} if job.log.run is None else job.log.run.options
    said = {f"automaton:{name}": _value(value) for name, value in options.items()}
    plan = {"$": "prov:Plan", "type": "prov:QUALIFIED_NAME"}
    yield f'"{_PLAN}":{_dump({"prov:type": plan, **said})}'
    for row in graph_rows(job):
        if isinstance(row, GraphNode):
            facts = {f"automaton:{name}": value for name, value in row.facts.items()}
            yield f"{_dump(local(row.label))}:{_dump({'prov:label': row.label, **facts})}"


def _generated(job: ExportJob) -> Iterator[str]:
    for row in graph_rows(job):
        if isinstance(row, GraphNode) and row.facts:
            made = {
                "prov:entity": local(row.label),
                "prov:activity": f"log:tick.{row.facts['tick']}",
            }
            yield f'"_:g{row.name}":{_dump(made)}'


def _derived(job: ExportJob) -> Iterator[str]:
    labels: dict[str, str] = {}
    numbers = count()
    for row in graph_rows(job):
        if isinstance(row, GraphNode):
            labels[row.name] = row.label
            continue
        used = {
            "prov:generatedEntity": local(labels[row.target]),
            "prov:usedEntity": local(labels[row.source]),
            "prov:type": f"automaton:{row.role}",
        }
        yield f'"_:d{next(numbers)}":{_dump(used)}'


def _separated(members: Iterator[str]) -> Iterator[str]:
    for number, member in enumerate(members):
        yield f",{member}" if number else member


def local(label: str) -> str:
    """The qualified name of an id."""
    raw = label.encode("utf-8", "surrogatepass")
    return "log:" + "".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in raw)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
