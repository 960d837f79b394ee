"""`doctor`: what this machine has to compute with, and whether it computes right.

Asks and shows; what is usable is `capability`'s word, the comparison `selftest`'s.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
import psutil

from automaton.cli.group import version
from automaton.cli.option_types import option, switch
from automaton.cli.text import as_json, printable
from automaton.compute import capability
from automaton.errors import MismatchError
from automaton.format import objects
from automaton.workers.memory_limits import in_groups

if TYPE_CHECKING:
    from automaton.compute.selftest import SelfTest

#: Terms of the self-test: a GPU against the processor, or the processor against plain Python.
TERMS = 10_000


@click.command()
@option(
    "--terms",
    type=click.IntRange(0, 27_000),
    metavar="N",
    default=TERMS,
    show_default=str(TERMS),
    help="Terms of the self-test (a count); 0 leaves it out.",
)
@switch("--json", "Print one JSON object.")
def doctor(terms: int, json: bool) -> None:
    """Show what this machine has to compute with, and test it.

    The self-test reduces closed terms on two targets and compares every outcome,
    step count and normal form; a difference ends with exit code 1.
    """
    cuda = capability.cuda()
    figures = dict(_figures(cuda))
    tested = _tested(cuda, terms) if terms else None
    figures["self_test"] = _said(tested)
    if json:
        click.echo(as_json(figures))
    else:
        width = max(map(len, figures))
        for name, value in figures.items():
            click.echo(f"{name.replace('_', ' '):{width}}  {printable(str(value))}")
    if tested is not None and tested.differs is not None:
        raise MismatchError(_said(tested))


def _figures(cuda: capability.Cuda) -> Iterator[tuple[str, Any]]:
    """Name and value of what was found."""
    from automaton.workers import core_limit  # noqa: PLC0415 - with the rest of the machine

    memory = psutil.virtual_memory()
    yield "version", version()
    yield "system", platform.platform()
    cores = core_limit()
    yield "cores", f"{cores.cores} usable of {psutil.cpu_count() or 1} ({cores.source})"
    yield "memory", f"{memory.total / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB available"
    limit = memory_limit()
    yield "memory_limit", "none" if limit is None else f"{limit / 1e9:.1f} GB (control group)"
    yield "python", f"{platform.python_version()}, {_gil()}"
    yield "json", _json()
    for name in ("numpy", "numba", "numba-cuda", "numba-cuda-mlir"):
        yield name.replace("-", "_"), capability.installed(name) or "not installed"
    cupy = capability.installed("cupy-cuda13x", "cupy-cuda12x", "cupy")
    yield "cupy", cupy or "not installed"
    yield "nvidia_driver", f"CUDA {cuda.driver}" if cuda.driver else "none"
    yield "gpus", ", ".join(map(_card, cuda.cards)) or "none"
    yield "cuda", "usable" if cuda.usable else f"not usable: {cuda.reason}"
    if not cuda.usable:
        yield "to_use_cuda", cuda.advice


def _card(card: capability.Card) -> str:
    major, minor = card.capability
    return f"{card.name} ({card.bytes / 1e9:.0f} GB, compute capability {major}.{minor})"


def _gil() -> str:
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    return "with its global lock" if enabled else "free-threaded"


def _json() -> str:
    """What reads lines."""
    if objects.FAST:
        return f"orjson {capability.installed('orjson')}"
    return "the standard library, several times as slow (no orjson; the bytes are the same)"


def memory_limit() -> int | None:
    """What the control groups allow at least, in bytes; None where they name no limit."""
    return min((limit.limit for limit in in_groups()), default=None)


def _tested(cuda: capability.Cuda, count: int) -> SelfTest:
    """The processor held against the GPU, or where there is none against plain Python."""
    from automaton.compute import selftest  # noqa: PLC0415 - loads numba, which takes a second

    return selftest.compare("cpu", "cuda" if cuda.usable else "python", count)


def _said(tested: SelfTest | None) -> str:
    """The outcome as a sentence."""
    if tested is None:
        return "left out"
    names = {"python": "plain Python", "cpu": "the processor", "cuda": "the GPU"}
    pair = f"{names[tested.left]} and {names[tested.right]}"
    if tested.differs is not None:
        which = f"term {tested.differs} of {tested.bits} bits"
        return f"{pair} differ on {which}: a defect of the program or of this machine"
    return f"{pair} agree on {tested.terms} terms"
