#!/usr/bin/env bash
# numba-cuda-mlir 0.6.0 compiles no kernel that names a global unsigned constant of 2^63 or
# more: `RuntimeError: std::bad_cast`, without a line or a name. Hash multipliers are such
# constants. The same bits as a signed constant, turned back inside the kernel, compile; so
# does the same kernel under numba-cuda 0.30.4. No GPU is needed: the compiler asks the device
# for its architecture even where the call names one, and gets the answer here.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd -- "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
    'numba-cuda-mlir[cu13]==0.6.0' 'numpy<2.5'

cat >ask.py <<'PY'
from importlib import metadata
from unittest import mock

import numpy as np
from numba_cuda_mlir import cuda, types

SMALL = np.uint64(2**63 - 1)
LARGE = np.uint64(2**63 + 1)
SIGNED = LARGE.astype(np.int64)
signature = types.void(types.uint64[::1])


def by_small(words):
    words[0] = words[0] * SMALL


def by_large(words):
    words[0] = words[0] * LARGE


def by_signed(words):
    words[0] = words[0] * np.uint64(SIGNED)


def compiled(kernel):
    """What comes of it: "compiles", or the error."""
    try:
        cuda.compile(kernel, signature, device=False, abi="numba", cc=(9, 0))
    except RuntimeError as error:
        return f"{type(error).__name__}: {error}"
    return "compiles"


print("numba-cuda-mlir", metadata.version("numba-cuda-mlir"))
asked = "numba_cuda_mlir.tools.get_gpu_compute_capability"
with mock.patch(asked, lambda form=str: (9, 0) if form is tuple else "sm_90"):
    found = {kernel.__name__: compiled(kernel) for kernel in (by_small, by_large, by_signed)}
for name, said in found.items():
    print(f"{name:10} {said}")
assert found == {
    "by_small": "compiles", "by_large": "RuntimeError: std::bad_cast", "by_signed": "compiles",
}, "it behaves otherwise now"
PY
venv/bin/python ask.py
