"""A run that only waits still says that it lives, and every line says where it comes from."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from small import TERMS, automaton, written


def test_statistics_go_on_while_a_run_waits_for_its_next_tick(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [automaton("0D"), *TERMS])
    command = [sys.executable, "-m", "automaton", str(path), "--json"]
    command += ["--interval", "3600000", "--stats-interval", "0.02"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        lines = [json.loads(run.stdout.readline()) for _ in range(3)]
        run.send_signal(signal.SIGTERM)
        run.communicate()
    assert run.returncode == 0
    assert [line["tick"] for line in lines] == [1, 1, 1]
    assert len({line["time"] for line in lines}) == 3
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert (line["pid"], line["log"]) == (run.pid, str(path))
        assert line["version"]
