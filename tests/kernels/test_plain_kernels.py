"""`AUTOMATON_KERNELS=python`: kernels as plain Python, with the bytes of the compiled ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENESIS = """\
{"id":"a","type":"automaton","dimensionalLevel":0,"term":"λλ1 0"}
{"id":"loop","type":"transition","from":"a","to":"a","condition":"numeric(m,n)","action":"compose"}
{"id":"two","type":"term","term":"λf.λx.f (f x)"}
{"id":"three","type":"term","term":"λf.λx.f (f (f x))"}
{"id":"swap","type":"term","term":"λp.p (λx.λy.y)"}
{"id":"text","type":"text","text":"no term"}
"""


def automaton(kernels: str, *words: object) -> subprocess.CompletedProcess[str]:
    """The program, with its kernels run so."""
    return subprocess.run(
        [sys.executable, "-m", "automaton", *map(str, words)],
        env={**os.environ, "AUTOMATON_KERNELS": kernels},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("engine", ["serial", "process"])
@pytest.mark.parametrize("streams", ["none", "all"])
def test_a_run_of_plain_kernels_has_the_bytes_of_compiled_ones(
    tmp_path: Path, streams: str, engine: str
) -> None:
    logs = []
    for kernels in ("python", "compiled"):
        log = tmp_path / f"{kernels}.jsonl"
        log.write_text(GENESIS)
        done = automaton(
            kernels, log, "--ticks", 3, "--parallel", 4, "--interval", 0, "--max-objects", 10,
            "--streams", streams, "--max-size", 64, "--engine", engine, "--workers", 1,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        logs.append(log.read_bytes())
    assert logs[0] == logs[1]
    assert b'"id":"m3.' in logs[0]


def test_nothing_is_compiled_then() -> None:
    program = (
        "from kernels import cpu; from kernels.terms import reduce; import types;"
        "print(type(cpu.compiled(reduce.reduce_terms)) is types.FunctionType)"
    )
    for kernels, said in (("python", "True\n"), ("compiled", "False\n")):
        done = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "AUTOMATON_KERNELS": kernels},
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == said


def test_another_word_is_an_error_in_one_line() -> None:
    done = automaton("pyhton", "stats", "nowhere.jsonl")
    assert done.returncode == 2
    assert done.stderr.startswith("error: AUTOMATON_KERNELS=pyhton cannot be meant")
    assert done.stderr.count("\n") == 1
