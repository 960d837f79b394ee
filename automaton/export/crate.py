"""`crate`: a folder with the log and what a reader needs to trust it, as RO-Crate 1.2.

https://www.researchobject.org/ro-crate/specification/1.2. It holds the log up to its last
commit, its commits as CSV and a report where the libraries for them are there, and says
which program made the log, with which options, and how to check it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from automaton.errors import DeviceError
from automaton.export import arrow, csv_table, drawing, html_report
from automaton.export.export_selection import Selection
from automaton.export.job import ExportJob, TargetFolder
from automaton.export.run_facts import PROGRAM, checks, log_facts, settings

_CONTEXT = "https://w3id.org/ro/crate/1.2/context"
_PROFILE = "https://w3id.org/ro/crate/1.2"
_METADATA = "ro-crate-metadata.json"
#: Where programs live, as the specification wants it of each; what has no home stands in words.
_HOMES = {
    "Python": "https://www.python.org", "numpy": "https://numpy.org",
    "numba": "https://numba.pydata.org", "pyarrow": "https://arrow.apache.org",
    "matplotlib": "https://matplotlib.org",
}  # fmt: skip
BLOCK = 1 << 20
Entity = dict[str, Any]


class _HashingFile:
    """A file that counts and hashes what is written to it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self.size, self.sha256 = out, 0, hashlib.sha256()

    def write(self, data: bytes | memoryview) -> int:
        """Write all of it."""
        self.size += len(data)
        self.sha256.update(data)
        return self._out.write(data)

    def writelines(self, parts: Iterator[bytes]) -> None:
        """Write one after the other."""
        for part in parts:
            self.write(part)

    def flush(self) -> None:
        """Hand on what waits."""
        self._out.flush()

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._out.closed


def write(job: ExportJob, folder: TargetFolder) -> None:
    """Write the crate."""
    whole = replace(job, selection=Selection().of(job.log))
    files = [_file(folder, job.name, "application/jsonl", "The log", lambda out: _log(job, out))]
    more: list[tuple[str, str, str, Callable[[], object], Callable[[Any], None]]] = [
        ("commits.csv", "text/csv", "A row a tick: outcomes, state, digests", arrow.package,
         lambda out: csv_table.write(replace(whole, table="commits"), out)),
        ("report.html", "text/html", "Figures, settings, head, how to verify", drawing.require,
         lambda out: html_report.write(whole, out)),
    ]  # fmt: skip
    for name, kind, about, require, make in more:
        try:
            require()
        except DeviceError as error:  # a library that is not there
            job.note(f"{name} is left out: {error}")
        else:
            files.append(_file(folder, name, kind, about, make))
    with folder.file(_METADATA) as out:
        graph = [*_about(job, files), *files, *_made(job), *_environment(job)]
        document = {"@context": _CONTEXT, "@graph": graph}
        out.write(json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n")


def _log(job: ExportJob, out: BinaryIO) -> None:
    out.writelines(job.log.sealed_file(BLOCK))


def _file(
    folder: TargetFolder, name: str, kind: str, about: str, make: Callable[[Any], None]
) -> Entity:  # fmt: skip
    with folder.file(name) as out:
        counted = _HashingFile(out)
        make(counted)
    return {
        "@id": _reference(name), "@type": "File", "name": name, "description": about,
        "encodingFormat": kind, "contentSize": str(counted.size),
        "sha256": counted.sha256.hexdigest(),
    }  # fmt: skip


def _about(job: ExportJob, files: list[Entity]) -> list[Entity]:
    said = "; ".join(f"{fact.name}: {fact.value}" for fact in log_facts(job))
    return [
        {
            "@id": _METADATA, "@type": "CreativeWork", "about": {"@id": "./"},
            "conformsTo": {"@id": _PROFILE},
        },
        {
            "@id": "./", "@type": "Dataset", "name": f"A run of {PROGRAM}: {job.name}",
            "description": f"A self-modifying automaton's log, and what it says. {said}.",
            "datePublished": job.origin.date, "license": {"@id": "#licence"},
            "identifier": f"urn:{PROGRAM}:{job.log.head.hex()}",
            "hasPart": [{"@id": file["@id"]} for file in files],
            "mentions": {"@id": "#run"},
        },
        {
            "@id": "#licence", "@type": "CreativeWork", "name": "No licence is stated",
            "description": "Whoever publishes this crate names one here.",
        },
    ]  # fmt: skip


def _made(job: ExportJob) -> list[Entity]:
    ticks = len(job.log.commits)
    lines = [f"from tick {tick}: {', '.join(f'{f.name}={f.value}' for f in facts)}"
             for tick, facts in settings(job)]  # fmt: skip
    words = ", ".join(f"{name} {version}" for name, version in job.origin.environment.items())
    how = "; ".join(f"{check.name} ({check.value})" for check in checks(job))
    return [
        {
            "@id": "#run", "@type": "CreateAction", "name": f"The run of {ticks:,} ticks",
            "description": f"{PROGRAM} {job.name} --ticks {ticks}. Deciding options "
            f"{' / '.join(lines) or 'none yet'}. To check it: {how}. Crate made with: {words}.",
            "instrument": {"@id": "#program"}, "result": {"@id": _reference(job.name)},
        },
        {
            "@id": "#program", "@type": "SoftwareApplication", "name": PROGRAM,
            "url": f"urn:{PROGRAM}:{job.origin.version}",
            "softwareVersion": job.origin.version, "version": job.origin.version,
            "softwareRequirements": [{"@id": own["@id"]} for own in _environment(job)],
        },
    ]  # fmt: skip


def _environment(job: ExportJob) -> list[Entity]:
    return [
        {
            "@id": f"#{_local(name)}", "@type": "SoftwareApplication", "name": name,
            "url": _HOMES[name], "softwareVersion": version, "version": version,
        }
        for name, version in job.origin.environment.items()
        if name in _HOMES
    ]  # fmt: skip


def _local(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())


def _reference(name: str) -> str:
    """A file's name as a relative URI."""
    plain = frozenset(b"-._~")
    raw = name.encode("utf-8", "surrogateescape")
    return "".join(
        chr(b) if chr(b).isascii() and (chr(b).isalnum() or b in plain) else f"%{b:02X}"
        for b in raw
    )
