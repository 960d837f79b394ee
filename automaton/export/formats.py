"""The formats: one row each, its module is loaded when it is asked for.

A module has `write(job, out)`, where `out` is a file open for bytes, or, of a format of many
files, a `TargetFolder`. Must not know: options, paths.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.export.job import ExportJob, JointJob


class ExportFormat(NamedTuple):
    """What a format can be asked for."""

    module: str
    summary: str
    folder: bool = False  # many files; those with tables: unless one table is named
    tables: tuple[str, ...] = ()  # the first one where none is named and it is one file
    filters: bool = False  # by stream and dimension
    roles: bool = False  # which parents
    signed: bool = False  # a note of the head
    ending: str = ""  # of a file of it, where that is not the format's name
    joint: str = ""  # the module that writes several logs as one, if any does


TABLES = ("winners", "commits", "decisions")
PARENTS = ("a", "b", "operator")
FORMATS = {
    "csv": ExportFormat("csv_table", "one table", tables=TABLES, filters=True, joint="csv_table"),
    "parquet": ExportFormat(
        "parquet", "tables with typed columns, in files by ticks", folder=True, tables=TABLES,
        filters=True, joint="parquet",
    ),
    "phylogeny": ExportFormat(
        "phylogeny", "who descends from whom, ALife standard", roles=True,
        joint="joint_phylogeny",
    ),
    "canvas": ExportFormat("canvas", "what stands after the last tick, JSON Canvas 1.0"),
    "graphml": ExportFormat("graphml", "winners and their parents", filters=True, roles=True),
    "dot": ExportFormat("dot", "winners and their parents, to draw", filters=True, roles=True),
    "crate": ExportFormat("crate", "the log and what makes it trusted, RO-Crate 1.2", folder=True),
    "tiles": ExportFormat(
        "tiles_folder", "the tree over all commits, for a web server, C2SP tlog-tiles", folder=True,
        signed=True,
    ),
    "prov": ExportFormat(
        "prov", "provenance, PROV-JSON", filters=True, roles=True, ending="json"
    ),
}  # fmt: skip


def joint_writer(name: str) -> Callable[[JointJob, Any], None] | None:
    """What writes a format for several logs as one; None: each log has files of its own."""
    module = FORMATS[name].joint
    if not module:
        return None
    write: Callable[[JointJob, Any], None] = import_module(f"{__package__}.{module}").write_joint
    return write


def writer(name: str) -> Callable[[ExportJob, Any], None]:
    """What writes a format."""
    module = import_module(f"{__package__}.{FORMATS[name].module}")
    write: Callable[[ExportJob, Any], None] = module.write
    return write
