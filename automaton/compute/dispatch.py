"""Whether a batch of arrays is computed on the card: literals, vectors, numerals, counts.

`set_device` chooses for this process, once; nobody who calls `matching`, `embeddings`
or `church` changes a line, and answers are equal bit for bit. Small batches stay on
the CPU, as does what the card has no room for, which is said once. Runs have their own way
(`automaton.backends`). Knows no arrays: tasks bring them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from automaton.compute import capability
from automaton.compute.capability import Name, StartError, failed, silent
from automaton.errors import DeviceError

#: From how many items on the card is asked: fewer, one core has done in about the time
#: of a launch and the way there. Chosen by what the bus and a core do, not measured.
LEAST = {
    "literals": 1 << 26,  # bytes of text
    "nearest": 1 << 28,  # products: rows x queries x dimensions
    "embed": 1 << 14,  # terms
    "patterns": 1 << 18,  # terms
    "numerals": 1 << 20,  # words
    "counts": 1 << 24,  # elements
    "operate": 1 << 14,  # pairs
}


class _Target:
    """What this process computes batches with; at first the CPU alone."""

    def __init__(self) -> None:
        self.card: Any = None
        self.say: Callable[[str], None] = silent
        self.short = False  # it was said that memory does not suffice
        self.lock = threading.Lock()  # one batch at a time has the card's buffers


_CHOSEN = _Target()


def set_device(device: Name = "auto", say: Callable[[str], None] = silent) -> str:
    """Choose where batches run from now on, and what is told of it: `cpu` or `cuda`.

    `auto` is the CPU where CUDA is not usable, and says why; `cuda` is an error then.
    """
    _CHOSEN.card, _CHOSEN.say, _CHOSEN.short = None, say, False
    if device == "cpu":
        return "cpu"
    found = capability.cuda()
    reason, advice = found.reason, found.advice
    if found.usable:
        try:
            _CHOSEN.card = _opened()
        except StartError as error:
            reason, advice = str(error), capability.INSTALL
        else:
            return "cuda"
    if device == "cuda":
        raise DeviceError(f"the GPU cannot be used: {reason}; {advice}")
    say(f"no GPU is used: {reason}; the CPU computes (see doctor)")
    return "cpu"


def _opened() -> Any:
    """The card's calls under their names."""
    try:
        from kernels.cuda import calls, search_calls  # noqa: PLC0415 - needs the packages of the extra
    except ImportError as error:
        raise StartError(f"CUDA's packages do not load ({error})") from error
    return SimpleNamespace(**vars(calls), **_own(search_calls))


def _own(module: Any) -> dict[str, Any]:
    return {name: getattr(module, name) for name in ("Searcher", "find_literals")}


def card_in_use() -> bool:
    """Whether a card is asked at all."""
    return _CHOSEN.card is not None


def run_on_card(name: str, count: int, task: Callable[[Any], object]) -> bool:
    """Whether the card did a task of so many items; False: the CPU is to do it.

    A task fills arrays of its caller; what it left in them when memory gave out is
    overwritten by the CPU.
    """
    card = _CHOSEN.card
    if card is None or count < LEAST[name]:
        return False
    with _CHOSEN.lock:
        try:
            task(card)
        except MemoryError as error:
            _fall_back(str(error))
            return False
        except card.CardError as error:
            raise failed(error) from error
    return True


def _fall_back(reason: str) -> None:
    if not _CHOSEN.short:
        _CHOSEN.say(f"{reason or 'the GPU is out of memory'}; the CPU computes what does not fit")
    _CHOSEN.short = True
