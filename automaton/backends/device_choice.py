"""Opens the backend that a request names, and says why where it is another."""

from __future__ import annotations

from automaton.backends.cpu import CpuBackend
from automaton.backends.request import DeviceRequest
from automaton.compute import capability
from automaton.compute.capability import StartError
from automaton.errors import DeviceError
from automaton.format.options import Options
from automaton.workers import Pool


def open_backend(options: Options, wanted: DeviceRequest, pool: Pool | None = None) -> CpuBackend:
    """The device that is asked for; `auto` is the CPU, and says why, where CUDA is not usable.

    pool: the workers that compute what the card does not; None: threads.
    """
    if wanted.device == "cpu":
        return CpuBackend(options, pool=pool)
    found = capability.cuda()
    reason, advice = found.reason, found.advice
    if found.usable:
        from automaton.backends.cuda import CudaBackend  # noqa: PLC0415 - loads numba.cuda

        try:
            return CudaBackend(options, wanted, pool=pool)
        except StartError as error:
            reason, advice = str(error), capability.INSTALL
    if wanted.device == "cuda":
        raise DeviceError(f"--device cuda: {reason}; {advice}")
    wanted.say(f"no GPU is used: {reason}; this run computes on the CPU (see doctor)")
    return CpuBackend(options, pool=pool)
