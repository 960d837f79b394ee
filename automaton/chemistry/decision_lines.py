"""Why the winners of a batch won, as values and as lines of the decisions beside a log.

Functions of a batch's columns; nothing here knows a file.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from automaton.backends.batch import CandidateBatch
from automaton.format.records import dump
from automaton.format.stream_options import FEATURES
from automaton.terms.arrays import Numbers
from kernels.chemistry.streams import FEATURES as _COUNT


def decision_rows(batch: CandidateBatch, rounds: Numbers) -> list[list[int]]:
    """Of the rounds that have a winner: round, slot, salience, runner-up, its salience, features.

    A runner-up of -1 is none.
    """
    won = batch.won.reshape(-1, batch.streams)[rounds]
    rounds, own = rounds[won.any(axis=1)], won[won.any(axis=1)].argmax(axis=1)
    slots = rounds * batch.streams + own
    seconds = batch.seconds[rounds]
    their = np.where(seconds >= 0, batch.salience[seconds], 0)
    features = batch.features.reshape(-1, _COUNT)[rounds]
    columns = np.column_stack([rounds, slots, batch.salience[slots], seconds, their, features])
    return [[int(value) for value in row] for row in columns.tolist()]


def decision_line(  # noqa: PLR0913, PLR0917  # what the line says
    prefix: str, tick: int, names: list[str], weights: list[int], row: list[int], chain: bytes
) -> bytes:
    """The line of a decision: a row of `facts` in words; weights by stream, 65536 is neutral.

    `chain` is the chain after the tick's commit (32 bytes): it says of which log this is.
    """
    number, slot, salience, second, their, *features = row
    stream = slot % len(names)
    fields: dict[str, Any] = {
        "id": f"{prefix}m{tick}.{slot}",
        "tick": tick,
        "round": number,
        "stream": names[stream],
        "salience": salience,
        "weight": weights[stream],
        "features": dict(zip(FEATURES, features, strict=True)),
        "runnerUp": None
        if second < 0
        else {
            "id": f"{prefix}m{tick}.{second}",
            "stream": names[second % len(names)],
            "salience": their,
        },
        "chain": chain.hex(),
    }
    return dump(fields) + b"\n"
