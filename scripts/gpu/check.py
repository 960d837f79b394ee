"""Checks the CUDA target against the CPU target on this machine's GPU, then measures it.

In order, each part within what is left of the time: the tests of every kernel;
digests over closed terms and over random reactions, equal on both targets; runs with
streams, the same bytes from both; speed, of reduction and of the other families, checked
before it is timed; NVIDIA's memory checker over a small batch. Run it by scripts/gpu_check.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from automaton.backends import request
from kernels.cuda import plan

ROOT = Path(__file__).resolve().parents[2]

import numpy as np  # noqa: E402

from automaton.backends import CpuBackend, cuda  # noqa: E402
from automaton.backends.batch import BatchJob, CandidateBatch  # noqa: E402
from automaton.compute import capability, selftest  # noqa: E402
from automaton.format.options import Options  # noqa: E402
from automaton.population import Population, Reactants  # noqa: E402
from automaton.program import NamedTerm  # noqa: E402
from automaton.terms import encodings  # noqa: E402
from automaton.workers import available_cores  # noqa: E402
from kernels import cpu, philox  # noqa: E402
from kernels.terms import reduce  # noqa: E402
from scripts.gpu.benchmark import Figures, Part, combinations, digest, speed  # noqa: E402
from scripts.gpu.families import families  # noqa: E402
from scripts.gpu.streams import streams  # noqa: E402

SECONDS = 460  # for all parts together
NO_GPU = 3
TERM_BITS = 36  # 11,148,652 closed terms
PIECE = 500_000  # terms that are reduced and hashed together
PLACES, SLOTS = 20_000, 1 << 16
CASES = ["cuda_cases.py", "cuda_search_cases.py"]

# -- the kernels' tests --------------------------------------------------------------


def suite(_wanted: argparse.Namespace, left: float) -> tuple[list[Part], Figures]:
    """Every kernel on sizes around a warp, runs' bytes, out-of-memory: CASES in tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CASES]
    paths = f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    try:
        done = subprocess.run(
            command,
            cwd=ROOT / "tests/support",
            capture_output=True,
            text=True,
            timeout=left,
            check=False,
            env={**os.environ, "PYTHONPATH": paths},
        )
    except subprocess.TimeoutExpired:
        return [Part("kernel tests", f"not done after {left:.0f} s", ok=False)], {}
    if done.returncode:
        print(done.stdout[-6000:], done.stderr[-2000:])
    lines = done.stdout.splitlines()
    said = next((line for line in reversed(lines) if " in " in line), "")
    parts = [Part("kernel tests", said.strip("= ") or "failed", ok=not done.returncode)]
    failed = [line.split(" - ")[0] for line in lines if line.startswith(("FAILED", "ERROR"))]
    return [*parts, *(Part("  of them", line, ok=False) for line in failed)], {}


# -- digests -------------------------------------------------------------------------


def closed_terms(wanted: argparse.Namespace, left: float) -> tuple[list[Part], Figures]:
    """The closed terms of so many bits on both targets; the CPU on all its cores meanwhile."""
    from kernels.cuda import calls

    stop = time.monotonic() + left
    pieces = range(0, wanted.terms, PIECE)
    budget = selftest.BUDGET
    reducer = calls.Reducer(PIECE, plan.Limits(*budget))
    equal, count, steps, on_card = True, 0, 0, 0.0

    def on_cpu(first: int) -> tuple[selftest.SelfTestTerms, selftest.TargetResults]:
        some = selftest.terms(min(PIECE, wanted.terms - first), first, wanted.bits)
        return some, selftest.reduced("cpu", some)

    with ThreadPoolExecutor(available_cores()) as pool:
        for some, known in pool.map(on_cpu, pieces):
            columns = {name: np.empty_like(column) for name, column in known.columns.items()}
            out = np.empty(len(some.starts) * budget[1], dtype=np.int32)
            free = np.zeros(len(some.starts), dtype=np.int32)
            began = time.monotonic()
            used = reducer.reduce(some.code, some.starts, free, columns, out)
            on_card += time.monotonic() - began
            equal &= digest(selftest.TargetResults(columns, out[:used])) == digest(known)
            count += len(some.starts)
            steps += int(known.columns["steps"].sum(dtype=np.int64))
            if not equal or time.monotonic() > stop:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    done = count >= wanted.terms
    figure = f"{count:,} of {wanted.terms:,} terms of {wanted.bits} bits"
    part = Part("digests of closed terms", f"{figure}: {_equal(equal)}", ok=equal and done)
    return [part], {"closed_terms": count, "closed_terms_per_s_with_transfers": count / on_card}


def _equal(equal: bool) -> str:  # noqa: FBT001 - a fact, not a mode
    return "equal" if equal else "DIFFERENT"


def population() -> tuple[Population, int]:
    """Random closed terms of 40 bits, combinators among them, and the operator's row."""
    found = Population(PLACES)
    some = combinations()[:2000] + _random_terms(PLACES - 2000, 40)
    found.fill(NamedTerm(b"t%d" % i, words, "text") for i, words in enumerate(some))
    return found, found.add_operator(NamedTerm(b"", encodings.APPLICATION, ""))


def _random_terms(count: int, bits: int) -> list[Any]:
    spread = selftest.terms(count * 3, 7_654_321, bits)
    ends = spread.starts + spread.sizes
    return [spread.code[a:b] for a, b in zip(spread.starts[::3], ends[::3], strict=True)]


def reactions(wanted: argparse.Namespace, left: float) -> tuple[list[Part], Figures]:
    """Random reactions, tick after tick, on both targets."""
    stop = time.monotonic() + left
    options = Options(parallel=SLOTS)
    people, operator = population()
    places = people.choices()
    slots = min(SLOTS, wanted.reactions)
    devices = CpuBackend(options), cuda.CudaBackend(options, request.DeviceRequest("cuda"))
    batches, spent = (
        (CandidateBatch(slots, options.max_size), CandidateBatch(slots, options.max_size)),
        [0.0, 0.0],
    )
    equal, count, tick = True, 0, 0
    while equal and count < wanted.reactions and time.monotonic() < stop:
        tick += 1
        none = np.empty(0, dtype=np.int32)
        job = BatchJob(
            people, Reactants(None, 0, operator, places, places, none), tick, philox.REACTANTS
        )
        for k, device in enumerate(devices):
            began = time.monotonic()
            device.react(job, batches[k])
            spent[k] += (time.monotonic() - began) * (tick > 1)
        equal = batch_digest(batches[0]) == batch_digest(batches[1])
        count += slots
    where = devices[1].name
    for device in devices:
        device.close()
    rate = [(count - slots) / seconds if count > slots else 0.0 for seconds in spent]
    part = Part(
        "digests of reactions", f"{count:,} on {where}: {_equal(equal)}",
        ok=equal and count >= wanted.reactions and where == "cuda",
    )  # fmt: skip
    figures = {"reactions": count, "reactions_per_s_with_transfers": rate[1],
               "reactions_per_s_cpu_all_cores": rate[0]}  # fmt: skip
    return [part], figures


def batch_digest(batch: CandidateBatch) -> bytes:
    """One hash of a batch's columns and of its normal forms in slot order."""
    hashed = hashlib.sha256()
    for name in ("outcomes", "steps", "sizes", "salience", "places_a", "places_b", "operators"):
        hashed.update(getattr(batch, name).tobytes())
    for slot in np.flatnonzero(batch.results >= 0):
        hashed.update(batch.word_span(int(slot)).tobytes())
    return hashed.digest()


# -- NVIDIA's memory checker ---------------------------------------------------------


def sanitized(_wanted: argparse.Namespace, left: float) -> tuple[list[Part], Figures]:
    """compute-sanitizer over a self-test and a batch of reactions."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return [Part("compute-sanitizer", "not on this machine: left out")], {}
    command = [program, "--tool", "memcheck", "--error-exitcode", "9",
               sys.executable, "-m", __spec__.name, "--only", "small"]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=max(30.0, left), check=False
        )
    except subprocess.TimeoutExpired:
        return [Part("compute-sanitizer", f"left out: not done in {left:.0f} s")], {}
    summary = re.search(r"ERROR SUMMARY: .*", done.stdout)
    text = summary[0] if summary else f"ended with {done.returncode}"
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-2000:])
    return [Part("compute-sanitizer memcheck", text, ok=not done.returncode)], {}


def small(wanted: argparse.Namespace, left: float) -> tuple[list[Part], Figures]:
    """A small batch of each kind, for the memory checker."""
    wanted.reactions = 2000
    wanted.rows = 2000
    tested = selftest.compare("cpu", "cuda", 2000)
    parts, _ = reactions(wanted, left)
    competing, _ = streams(wanted, left)
    others, _ = families(wanted, left)
    first = Part("self-test", f"{tested.terms} terms", ok=tested.differs is None)
    return [first, *parts, *competing, *others], {}


# -- the table -----------------------------------------------------------------------

PARTS = {"suite": suite, "terms": closed_terms, "reactions": reactions, "streams": streams,
         "speed": speed, "families": families, "sanitizer": sanitized}  # fmt: skip


def machine(card: capability.Card, found: capability.Cuda) -> Figures:
    """What was measured on what."""
    return {
        "gpu": card.name, "compute_capability": ".".join(map(str, card.capability)),
        "gpu_bytes": card.bytes, "driver_cuda": found.driver, "cores": available_cores(),
        "python": platform.python_version(), "numba": capability.installed("numba"),
        "numba_cuda": capability.installed("numba-cuda"), "simulated": found.simulated,
    }  # fmt: skip


def registers() -> Figures:
    """Registers and local memory of the kernels as this machine's driver has them."""
    from kernels.cuda import loops, search_loops  # noqa: F401 - adds its kernels

    found = {}
    for name in loops.KERNELS:
        with contextlib.suppress(AttributeError, StopIteration):
            kernel = next(iter(loops.compiled(name).overloads.values()))
            found[name] = [kernel.regs_per_thread, kernel.local_mem_per_thread]
    return found


def parts_of(wanted: argparse.Namespace) -> Iterator[tuple[list[Part], Figures]]:
    """The parts in order, each with the seconds that are left."""
    stop = time.monotonic() + SECONDS
    chosen = {"small": small} if wanted.only == "small" else PARTS
    for name, part in chosen.items():
        if wanted.only in {None, name}:
            began = time.monotonic()
            rows, figures = part(wanted, stop - began)
            yield rows, {**figures, f"seconds_{name}": round(time.monotonic() - began, 1)}


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where the figures go (default: docs/benchmarks)")
    parser.add_argument("--only", choices=[*PARTS, "small"], help="one part; writes no figures")
    parser.add_argument("--terms", type=int, default=10_000_000, help="closed terms compared")
    parser.add_argument("--bits", type=int, default=TERM_BITS, help="their length")
    parser.add_argument("--reactions", type=int, default=1 << 20, help="reactions compared")
    parser.add_argument("--rows", type=int, default=1 << 20, help="terms of a timed batch")
    return parser.parse_args()


def main() -> int:
    """Run the parts, show the table, write the figures; the exit code."""
    wanted = arguments()
    found = capability.cuda()
    if not found.usable:
        print(f"no GPU can be checked here: {found.reason}; {found.advice}", file=sys.stderr)
        return NO_GPU
    card = found.cards[0]
    figures: Figures = machine(card, found)
    cpu.compiled(reduce.reduce_terms)
    print(f"{card.name}, CUDA {found.driver}, {available_cores()} cores", flush=True)
    ok = True
    for rows, measured in parts_of(wanted):
        figures.update(measured)
        for row in rows:
            ok &= row.ok
            print(f"{'ok  ' if row.ok else 'FAIL'}  {row.name:29}  {row.figure}", flush=True)
    if wanted.only is None:
        figures["registers_and_local_bytes"] = registers()
        name = re.sub(r"[^a-z0-9]+", "-", card.name.lower()).strip("-")
        out = wanted.out or ROOT / "docs" / "benchmarks" / f"gpu-{name}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({**figures, "all_agree": ok}, indent=2) + "\n")
        print(f"figures: {os.path.relpath(out)}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
