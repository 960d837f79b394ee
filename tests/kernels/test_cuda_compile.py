"""Every CUDA kernel compiles to machine code within its resources; no GPU is needed.

By the compiler that is installed: numba-cuda[cu13] or numba-cuda-mlir[cu13]; with it comes
nvidia-cuda-nvcc (ptxas, which must be as new as NVVM). .ci/run installs each in an
environment of its own. Prints what each kernel takes.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

import pytest

from kernels import registry
from kernels.cpu import bound
from kernels.cuda import loops, search_loops, stream_loops
from kernels.cuda.compiler import NAME, cuda, types
from kernels.terms import recur, share

ARCHITECTURES = [(8, 0), (9, 0), (10, 0)]
#: Registers of a multiprocessor, on all of these architectures.
REGISTERS = 65_536
#: Instructions on floating-point numbers: none may be left to rounding or contraction.
FLOATING = re.compile(r"^\s*(@\S+\s+)?(fma\.|\w+(\.\w+)*\.(f16|bf16|f32|f64)\b)", re.MULTILINE)

#: Kernels of a tick that move and count, of which no body is the CPU's.
MOVES = {
    "update_rows", "class_slots", "first_slots", "kind_rows", "share_slots", "store_rows",
    "record_slots", "pack_slots", "fill_words",
}  # fmt: skip

INSTALLED = importlib.util.find_spec(NAME.replace("-", "_")) is not None
#: Bytes of stack and of spills that a kernel may take: numba-cuda-mlir needs some for a few,
#: and many for the one that holds a sketch against others, which it unrolls whole for sm_100.
SPILLING = {"numba-cuda": 0, "numba-cuda-mlir": 256}[NAME]
SPILLING_OF = {"numba-cuda": {}, "numba-cuda-mlir": {"look_kinds": 1800}}[NAME]


def ptxas() -> str | None:
    """The assembler of the packages, else that of the toolkit."""
    for folder in map(Path, sys.path):
        for path in sorted(folder.glob("nvidia/*/bin/ptxas")):
            return str(path)
    return shutil.which("ptxas")


class Resources(NamedTuple):
    """What ptxas reports of a kernel: registers a thread; bytes of stack and of spills."""

    registers: int
    stack: int
    spill_stores: int
    spill_loads: int

    @classmethod
    def of(cls, report: str) -> Resources:
        before_and_behind = [
            ("Used ", " registers"), ("", " bytes stack frame"),
            ("", " bytes spill stores"), ("", " bytes spill loads"),
        ]  # fmt: skip
        numbers = [re.search(rf"{b}(\d+){a}", report) for b, a in before_and_behind]
        assert all(numbers), report
        return cls(*(int(number[1]) for number in numbers if number))


@pytest.fixture(scope="module")
def compilers() -> Iterator[None]:
    """The compiler without a device; it asks the device for its architecture even so."""
    if not INSTALLED:
        pytest.skip("numba-cuda is not installed: pip install 'numba-cuda[cu13]' nvidia-cuda-nvcc")
    if ptxas() is None:
        pytest.skip("there is no ptxas: pip install nvidia-cuda-nvcc")
    target, answer = {
        "numba-cuda": ("numba.cuda.dispatcher.get_current_device", device),
        "numba-cuda-mlir": ("numba_cuda_mlir.tools.get_gpu_compute_capability", capability),
    }[NAME]
    with mock.patch(target, answer):
        yield


def device() -> SimpleNamespace:
    """The device that numba-cuda asks for its architecture."""
    return SimpleNamespace(compute_capability=ARCHITECTURES[0])


def capability(form: type = str) -> object:
    """The architecture that numba-cuda-mlir asks for, as it wants it."""
    return ARCHITECTURES[0] if form is tuple else "sm_{}{}".format(*ARCHITECTURES[0])


def ptx(name: str, architecture: tuple[int, int]) -> str:
    """The kernel as `cuda.compiled` compiles it, before assembling."""
    kernel = loops.KERNELS[name]
    text: Any
    text, _ = cuda.compile(
        kernel.bound, kernel.signature, device=False, abi="numba", cc=architecture,
        launch_bounds=(loops.BLOCK, kernel.blocks),
    )  # fmt: skip
    return str(text).rstrip("\0")  # numba-cuda-mlir ends it with one for sm_100


def assembled(text: str, architecture: tuple[int, int], folder: Path) -> Resources:
    """The resources of the machine code."""
    program = ptxas()
    assert program
    source = folder / "kernel.ptx"
    source.write_text(text)
    target = "sm_{}{}".format(*architecture)
    done = subprocess.run(
        [program, "-v", f"-arch={target}", str(source), "-o", str(folder / "kernel.cubin")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Unsupported .version" in done.stderr:
        pytest.skip(f"{program} is older than NVVM: pip install nvidia-cuda-nvcc")
    assert done.returncode == 0, done.stderr
    return Resources.of(done.stderr)


@pytest.mark.usefixtures("compilers")
@pytest.mark.parametrize("name", loops.KERNELS)
def test_a_kernel_fits_its_registers_without_spills_and_has_no_floats(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {}
    for architecture in ARCHITECTURES:
        text = ptx(name, architecture)
        assert not FLOATING.search(text)
        found[architecture] = assembled(text, architecture, tmp_path)
    with capsys.disabled():
        cells = ["{}, {}, {}".format(*r[:2], r[2] + r[3]) for r in found.values()]
        row = " | ".join(f"{cell:9}" for cell in cells)
        sys.stdout.write(f"\n| {name:18} | {row} | registers, stack, spills")
    for resources in found.values():
        assert resources.registers <= registers(name)
        assert max(resources[1:]) <= SPILLING_OF.get(name, SPILLING)


@pytest.mark.usefixtures("compilers")
@pytest.mark.parametrize(("body", "arrays"), [(share.share, 14), (recur.recurs, 9)])
def test_the_bodies_of_the_sharing_machine_compile_for_a_gpu(
    body: Callable[..., Any], arrays: int
) -> None:
    words, counts = (types.Array(t, 1, "A") for t in (types.int32, types.int64))
    number = types.int64
    if body is share.share:
        fields = (*[words] * 4, counts)
        signature = (words, *[number] * 6, counts, words, words, *fields, *fields)
    else:
        signature = (words, *[number] * 4, *[words] * 8)
    assert sum(kind is not number for kind in signature) == arrays

    text: Any
    text, _ = cuda.compile(
        bound(body, loops.device), signature, device=True, abi="numba", cc=ARCHITECTURES[0]
    )
    assert ".func" in text
    assert not FLOATING.search(text)


def registers(name: str) -> int:
    """What a thread may take so that as many blocks fit on a multiprocessor as shall."""
    return REGISTERS // (loops.BLOCK * loops.KERNELS[name].blocks)


def test_the_bound_is_64_registers_but_for_four_kernels() -> None:
    bounds = {name: registers(name) for name in loops.KERNELS}
    assert bounds.pop("react_slots") == bounds.pop("proposed_slots") == 73
    assert bounds.pop("look_kinds") == 102
    assert bounds.pop("dot_tiles") == 128
    assert set(bounds.values()) == {64}


def test_the_table_of_targets_and_the_kernels_name_each_other() -> None:
    named = {kernel.loop for kernel in registry.TABLE.values() if kernel.loop}
    parts = {"gather", "clear", "dot_rows", "best_of_rows", "merge_best"}  # of launches of several
    assert named | parts | MOVES == set(loops.KERNELS)
    assert search_loops.ROWS * search_loops.QUERIES == 16 * loops.BLOCK
    assert stream_loops.RECORD == 16


def test_a_report_of_the_assembler_is_read() -> None:
    report = (
        "    8 bytes stack frame, 16 bytes spill stores, 4 bytes spill loads\n"
        "ptxas info    : Used 64 registers, used 0 barriers\n"
    )
    assert Resources.of(report) == (64, 8, 16, 4)


def test_instructions_on_floats_are_seen() -> None:
    assert FLOATING.search("\t@%p1 fma.rn.f32 \t%f1, %f2, %f3, %f4;")
    assert FLOATING.search("  cvt.rn.f64.s64 \t%fd1, %rd1;")
    assert FLOATING.search("\tmul.f32 %f1, %f2, %f3;")
    assert not FLOATING.search("\tmad.lo.s32 %r1, %r2, %r3, %r4;\n\tst.global.b32 [%rd1], %r2;")
