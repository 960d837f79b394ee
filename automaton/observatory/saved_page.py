"""The page with its data as one file, made without a server."""

from __future__ import annotations

import math
import time
from pathlib import Path

from automaton.observatory.observed_log import NullModel, ObservedLog, Scope
from automaton.observatory.page_files import single_file
from automaton.observatory.panel_threads import made
from automaton.observatory.views import QUICK, SLOW


def saved_page(path: Path, scope: Scope, null: NullModel) -> str:
    """The page of a log as it stands, all ticks read."""
    with ObservedLog(path, null) as log:
        log.refresh()
        log.read_back(math.inf)
        values = {name: made(view, log, scope) for name, view in {**QUICK, **SLOW}.items()}
    return single_file(time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()), values)
