"""Why a modification won its round: from the decisions kept beside the log, or computed again.

Reads an opened log; keeps nothing, prints nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from automaton.chemistry.decision_lines import decision_line, decision_rows
from automaton.compute.reduction import OUTCOMES
from automaton.errors import UsageError
from automaton.format import stream_options
from automaton.format.ids import is_our_id
from automaton.format.objects import Object, parse_line
from automaton.format.options import Options, from_record
from automaton.format.records import parse_run
from automaton.log import AuditedLog
from automaton.log.side_files.decision_log import find
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.replay.recompute import TickRecomputer
from automaton.replay.restore import recomputer

Before = Callable[[int], TickRecomputer]


def explain(path: Path, identity: str) -> dict[str, Any]:
    """The decision for a modification: features, salience, weights, runner-up.

    Numbers are fixed point, 65536 = 1. `source` is `kept` or `computed`; raises
    `UsageError` where there is no such modification, or no streams competed.
    """
    with AuditedLog.open(path) as log, with_omitted_batches(log):
        return explained(log, identity, lambda _tick: recomputer(log))


def explained(log: AuditedLog, identity: str, before: Before) -> dict[str, Any]:
    """The same of an opened log; `before` gives a snapshot that goes forward to a tick."""
    tick, slot = tick_and_slot(log, identity)
    line = next(iter(log.find(identity)), None)
    if line is None:
        raise UsageError(_not_there(log, Path(log.path), tick, slot, before))
    kept = _kept(log, identity, tick)
    found = _computed(log, tick, slot, before) if kept is None else kept
    del found["chain"]  # which log it is of, is known here
    found["source"] = "computed" if kept is None else "kept"
    found["mixture"] = _mixture(log, line)
    return found


def _kept(log: AuditedLog, identity: str, tick: int) -> dict[str, Any] | None:
    """The decision that is kept beside the log, if it is of this log's commit.

    A file beside it may be left from another log of the same name.
    """
    chain = log.chain_at(tick).hex()
    for raw in find(Path(log.path), identity.encode()):
        found = parse_line(raw)
        members = found.members if isinstance(found, Object) else {}
        if (members.get("id"), members.get("chain")) == (identity, chain):
            return members
    return None


def tick_and_slot(log: AuditedLog, identity: str) -> tuple[int, int]:
    """Tick and slot of an id of ours."""
    tick, _, slot = identity.removeprefix(f"{log.prefix}m").partition(".")
    if identity.startswith("cycle:") and slot.isdecimal():
        raise UsageError(f"{identity} is no modification's id but a cycle's: see "
                         f"cycle {log.path} --seed {slot}")  # fmt: skip
    if not (is_our_id(identity, log.prefix) and tick.isdecimal() and slot.isdecimal()):
        raise UsageError(f"{identity} is no modification's id; they look like {log.prefix}m12.3")
    return int(tick), int(slot)


def _not_there(log: AuditedLog, path: Path, tick: int, slot: int, before: Before) -> str:
    """Why no line has the id of a slot."""
    own = f"{log.prefix}m{tick}.{slot}"
    if 1 <= tick <= len(log.commits):
        options = _options(log, log.commits.row(tick).first_line)
        if slot < options.parallel * max(1, len(stream_options.parse_streams(options.streams))):
            return f"{own}: {_fate(before, tick, slot)}; see replay {path} --tick {tick}"
    return f"{own}: no modification of {path} has this id"


#: What became of a slot that has no line, by its outcome.
_FATES = {
    "normal": "it lost",
    "copy": "it did not compete: its normal form equals a reactant",
    "empty": "it is empty: nothing was drawn for it",
    "input": "it did not compete: its reactants were too large (outcome input)",
}


def _fate(before: Before, tick: int, slot: int) -> str:
    """What became of a slot without a line, computed again."""
    with closing(before(tick)) as again:
        again.look_at(tick)
        outcome = OUTCOMES[again.batch.outcomes[slot]]
        if outcome == "normal" and again.batch.veto(slot):
            return "a rule vetoed it"
    return _FATES.get(outcome, f"it did not compete: out of its budget of {outcome}")


def _options(log: AuditedLog, line: int) -> Options:
    """The options of the run that wrote a line."""
    number = max((n for n in log.run_lines if n <= line), default=0)
    run = parse_run(log.line(number)) if number else None
    return Options() if run is None else from_record(run.options)


def _mixture(log: AuditedLog, line: int) -> dict[str, int]:
    """What the features weighed when a line was written."""
    mixture = stream_options.parse_salience(_options(log, line).salience)
    return dict(zip(stream_options.FEATURES, mixture, strict=True))


def _computed(log: AuditedLog, tick: int, slot: int, before: Before) -> dict[str, Any]:
    """The decision, from the snapshot before its tick."""
    with closing(before(tick)) as again:
        computed = again.look_at(tick)
        world = again.world
        if world.streams is None:
            raise UsageError(
                f"m{tick}.{slot} competed with nobody: its run had no streams (--streams all), "
                "so every normal form that is no copy of a reactant won"
            )
        number = np.array([slot // again.batch.streams], dtype=np.int64)
        rows = [row for row in decision_rows(again.batch, number) if row[1] == slot]
        if not rows:
            raise UsageError(f"m{tick}.{slot} is no winner: it is an action's, or lost")
        weights = computed.choice.competing.weights.tolist()
        chain = log.chain_at(tick)
        line = decision_line(world.prefix, tick, world.stream_names, weights, rows[0], chain)
        decision: dict[str, Any] = json.loads(line)
        return decision
