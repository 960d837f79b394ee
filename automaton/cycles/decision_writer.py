"""What cycles decided, on its way to the file beside their log.

Any thread hands on the decisions of a cycle that is over. A file that cannot be
written ends no cycle: no more decisions are kept then, and the trouble is told.
Must not know how cycles are run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.plan import FinishedCycle
from automaton.log import Log
from automaton.log.side_files.decision_log import DecisionLog


def identity(tick: int, seed: int) -> str:
    """The id of a cycle: of a seed, on the branch after a tick."""
    return f"cycle:{tick}.{seed}"


class DecisionWriter:
    """Writes the decisions of cycles on the branch after a tick, each under its cycle's id."""

    def __init__(self, path: Path, branch: FrozenPopulation) -> None:
        self._log, self._tick, self._chain = DecisionLog(path), branch.tick, branch.chain
        self.trouble: OSError | None = None
        try:  # the log as it is now that nobody else writes decisions
            with Log.open(path, write=False) as log:
                self._log.set_apart(log)
        except BaseException:
            self._log.close()
            raise
        self.notices = self._log.notices  # what was found and is worth saying

    def take(self, one: FinishedCycle) -> None:
        """Hand the decisions of a cycle to the one thread that writes them."""
        if self.trouble is not None:
            return
        name = identity(self._tick, one.result.seed)
        head = {
            "id": name, "tick": self._tick, "chain": self._chain, "catalyst": one.result.catalyst,
        }  # fmt: skip
        # The head stays what it says, whatever a stage calls its own: it tells whose a line is.
        lines = [_line({**head, **decision, **head}) for decision in one.result.decisions]
        if one.result.error:
            lines.append(_line({**head, "error": one.result.error}))
        try:
            self._log.append(lines, [name.encode()] * len(lines))
        except OSError as error:
            self.trouble = error

    def close(self) -> None:
        """Write what is left."""
        try:
            self._log.close()
        except OSError as error:
            self.trouble = self.trouble or error


def _line(row: Mapping[str, Any]) -> bytes:
    """A decision as a line; what JSON has no word for stands there as Python writes it."""
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=repr)
    return f"{text}\n".encode("utf-8", "backslashreplace")
