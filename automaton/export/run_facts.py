"""What a document says of a log: what it is, how it was run, how to check it. Values only."""

from __future__ import annotations

from typing import NamedTuple

from automaton.export.job import ExportJob
from automaton.format.records import OUTCOMES, known_commit, parse_run, won

PROGRAM = "automaton-scalable"


class Fact(NamedTuple):
    """A name and a value, both for people."""

    name: str
    value: str


def log_facts(job: ExportJob) -> list[Fact]:
    """What the log is."""
    log = job.log
    return [
        Fact("log", job.name),
        Fact("ticks", f"{len(log.commits):,}"),
        Fact("lines", f"{log.lines:,}"),
        Fact("bytes in the file", f"{log.size:,}"),
        Fact("format", str(log.format.number)),
        Fact("winners in the file", {"commits": "left out"}.get(log.record or "", "yes")),
        Fact("genesis, bytes", f"{log.genesis.bytes:,}"),
        Fact("genesis, SHA-256", log.genesis.sha256.hex()),
        Fact("head of the chain", log.head.hex()),
    ]


def totals(job: ExportJob) -> list[Fact]:
    """What the slots of the selection came to."""
    sums = dict.fromkeys((*OUTCOMES, "winners"), 0)
    for tick in range(job.selection.first, job.selection.stop + 1):
        commit = known_commit(job.log.commit_line(tick)) or job.log.commit(tick)
        for name in OUTCOMES:
            sums[name] += commit.outcomes[name]
        sums["winners"] += won(commit)
    return [Fact(name, f"{value:,}") for name, value in sums.items()]


def settings(job: ExportJob) -> list[tuple[int, list[Fact]]]:
    """The deciding options of each run record, with the tick from which they hold."""
    found = []
    for line in job.log.run_lines:
        run = parse_run(job.log.line(line))
        if run is not None:
            facts = [Fact(name, _said(value)) for name, value in run.options.items()]
            found.append((job.log.commits.tick_of_line(line), facts))
    return found


def checks(job: ExportJob) -> list[Fact]:
    """The commands by which everybody can check the log, and what each one does."""
    name, head = job.name, job.log.head.hex()
    return [
        Fact(f"{PROGRAM} check {name} --chain --head {head}", "every sealed byte"),
        Fact(f"{PROGRAM} verify {name} --head {head}", "every commit, computed again"),
        Fact(f"{PROGRAM} replay {name} --to 0 --out genesis.jsonl", "what it began with"),
    ]


def _said(value: object) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
