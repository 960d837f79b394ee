"""What this machine can compute with: whether CUDA can be used, or why it cannot.

Asks the driver itself, by its C functions, so that the answer needs none of the
packages and takes no memory of the card; asked once, then remembered. What is
done with the answer is `automaton.backends.device_choice`'s.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from typing import Any, Literal

from automaton.errors import DeviceError

INSTALL = "pip install 'automaton-scalable[gpu]'"
_DRIVER_ADVICE = "install NVIDIA's driver 580 or later (CUDA 13)"

#: What the packages of the extra `gpu` need: CUDA 13 and what it compiles for.
LEAST_DRIVER = 13_000
LEAST_CAPABILITY = (7, 5)

#: Codes of the driver's functions (CUresult in cuda.h), and what they mean here.
_NO_DEVICE = 100
_CODES = {
    _NO_DEVICE: "the driver finds no GPU",
    34: "libcuda.so.1 is a stub without a driver behind it",
    803: "the driver's library and kernel module are of different versions",
    804: "the driver is too old for its library",
}
_MAJOR, _MINOR = 75, 76  # CUdevice_attribute: compute capability


@dataclass(frozen=True)
class Card:
    """One GPU as the driver describes it."""

    name: str
    capability: tuple[int, int]
    bytes: int


@dataclass(frozen=True)
class Cuda:
    """Whether CUDA can be used: `reason` says why not, `advice` what would change it."""

    reason: str = ""
    advice: str = ""
    driver: str = ""  # the CUDA version it knows, "13.0"
    cards: tuple[Card, ...] = ()
    simulated: bool = False

    @property
    def usable(self) -> bool:
        """Whether batches can run there."""
        return not self.reason


class _NoCudaError(Exception):
    """Why not, and what would help."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.advice = advice


def select(number: int) -> None:
    """Let this process see one GPU alone, of several, by its number in nvidia-smi, from 0.

    Before the driver is asked anything: it reads what may be seen once.
    """
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    listed = seen.split(",") if seen else []
    os.environ["CUDA_VISIBLE_DEVICES"] = (
        str(number) if not listed else listed[number] if number < len(listed) else "-1"
    )
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"


@cache
def cuda() -> Cuda:
    """This machine's CUDA, looked for once."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in {"", "0"}:
        return Cuda(simulated=True, cards=(Card("numba's CUDA simulator", (0, 0), 0),))
    compilers = ("numba_cuda", "numba_cuda_mlir")
    return look(lambda: ctypes.CDLL("libcuda.so.1"), any(map(util.find_spec, compilers)))


def look(load: Callable[[], Any], packages: bool) -> Cuda:  # noqa: FBT001 - a fact, not a mode
    """Whether CUDA can be used, by the driver that `load` loads and whether packages are there."""
    version = ""
    cards: tuple[Card, ...] = ()
    try:
        driver = _driver(load)
        version = _version(driver)
        cards = _cards(driver)
        _hold_against_limits(version, cards[0])
    except _NoCudaError as problem:
        advice = problem.advice if packages else f"{problem.advice} and {INSTALL}"
        return Cuda(str(problem), advice, version, cards)
    if not packages:
        return Cuda("the packages for CUDA are not installed", INSTALL, version, cards)
    return Cuda("", "", version, cards)


def _driver(load: Callable[[], Any]) -> Any:
    """The driver's functions, initialised."""
    try:
        driver = load()
    except OSError:
        raise _NoCudaError(
            "no NVIDIA driver is installed (libcuda.so.1 was not found)", _DRIVER_ADVICE
        ) from None
    code = driver.cuInit(0)
    if code:
        reason = _CODES.get(code, f"the NVIDIA driver does not start (error {code})") + _seen(code)
        raise _NoCudaError(reason, "nvidia-smi should list a GPU" if code == _NO_DEVICE
                           else _DRIVER_ADVICE)  # fmt: skip
    return driver


def _seen(code: int) -> str:
    """What of the environment may hide the GPUs, behind the reason that there is none."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return f" (CUDA_VISIBLE_DEVICES is {seen!r})" if code == _NO_DEVICE and seen else ""


def _version(driver: Any) -> str:
    """The newest CUDA version that the driver knows."""
    number = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(number))
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


def _cards(driver: Any) -> tuple[Card, ...]:
    """The GPUs that this process may see, at least one."""
    count = ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(count))
    if not count.value:
        reason = _CODES[_NO_DEVICE] + _seen(_NO_DEVICE)
        raise _NoCudaError(reason, "nvidia-smi should list a GPU")
    return tuple(_card(driver, number) for number in range(count.value))


def _card(driver: Any, number: int) -> Card:
    handle, name, size = ctypes.c_int(), ctypes.create_string_buffer(128), ctypes.c_size_t()
    driver.cuDeviceGet(ctypes.byref(handle), number)
    driver.cuDeviceGetName(name, len(name), handle)
    driver.cuDeviceTotalMem_v2(ctypes.byref(size), handle)
    parts = []
    for attribute in (_MAJOR, _MINOR):
        part = ctypes.c_int()
        driver.cuDeviceGetAttribute(ctypes.byref(part), attribute, handle)
        parts.append(part.value)
    return Card(name.value.decode(errors="replace"), (parts[0], parts[1]), size.value)


def _hold_against_limits(version: str, card: Card) -> None:
    major, minor = (int(part) for part in version.split("."))
    if major * 1000 + minor * 10 < LEAST_DRIVER:
        raise _NoCudaError(
            f"the NVIDIA driver is too old: it knows CUDA {version}, 13.0 is needed",
            _DRIVER_ADVICE,
        )
    if card.capability < LEAST_CAPABILITY:
        has, needs = (".".join(map(str, pair)) for pair in (card.capability, LEAST_CAPABILITY))
        raise _NoCudaError(
            f"{card.name} is too old: compute capability {has}, {needs} is needed",
            "use a newer GPU",
        )


def installed(*distributions: str) -> str:
    """The version of the first of these that is installed, "" for none."""
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ""


Name = Literal["auto", "cpu", "cuda"]


def silent(_text: str) -> None:
    """Says nothing."""


class StartError(DeviceError):
    """CUDA is there, and does not compile or load what a run needs."""


def failed(error: Exception) -> DeviceError:
    """What is said of a card that failed at work."""
    return DeviceError(f"the GPU failed: {error}; without --gpu the same bytes come from the CPU")
