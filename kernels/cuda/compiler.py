"""The compiler of the card's kernels: numba-cuda, or its successor numba-cuda-mlir.

Both take the same bodies and give the same answers. numba-cuda is in maintenance since
June 2026 and has the simulator; it is taken where both are installed. Nothing else
in the package names either.
"""

from __future__ import annotations

from importlib import import_module, util
from typing import Any

#: The package that compiles, as pip knows it.
NAME = (
    "numba-cuda-mlir"
    if not util.find_spec("numba_cuda") and util.find_spec("numba_cuda_mlir")
    else "numba-cuda"
)

_ROOT = "numba" if NAME == "numba-cuda" else "numba_cuda_mlir"

#: The CUDA target, or numba's simulator of it, and its types; what is in them depends on which.
cuda: Any = import_module(f"{_ROOT}.cuda")
types: Any = import_module(f"{_ROOT}.types")
