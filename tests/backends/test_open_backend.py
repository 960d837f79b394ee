"""Which device a run gets: what is said where CUDA cannot be used, and what it costs: nothing.

That the CUDA device itself is right is test_cuda_simulator's and scripts/gpu_check's.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from small import TERMS, automaton, written

from automaton.backends import CpuBackend, cuda, open_backend, request
from automaton.cli import command_line
from automaton.compute import capability, selftest
from automaton.compute.capability import Card, Cuda
from automaton.errors import DeviceError, MismatchError
from automaton.format.options import Options
from automaton.run import Run
from kernels import registry

REASON = "no NVIDIA driver is installed (libcuda.so.1 was not found)"
NO_DRIVER = Cuda(REASON, "install one")


class Driver:
    """A driver's C functions, as `capability` calls them."""

    def __init__(
        self, *, init: int = 0, version: int = 13_000, cards: int = 1, capability: int = 90
    ) -> None:
        self.init, self.version, self.cards, self.capability = init, version, cards, capability

    def cuInit(self, _flags: int) -> int:  # noqa: N802 - the driver's name
        return self.init

    def cuDriverGetVersion(self, number: Any) -> None:  # noqa: N802
        number._obj.value = self.version

    def cuDeviceGetCount(self, number: Any) -> None:  # noqa: N802
        number._obj.value = self.cards

    def cuDeviceGet(self, handle: Any, number: int) -> None:  # noqa: N802
        handle._obj.value = number

    def cuDeviceGetName(self, name: Any, _length: int, _handle: Any) -> None:  # noqa: N802
        name.value = b"NVIDIA Test"

    def cuDeviceTotalMem_v2(self, size: Any, _handle: Any) -> None:  # noqa: N802
        size._obj.value = 1 << 37

    def cuDeviceGetAttribute(self, number: Any, attribute: int, _handle: Any) -> None:  # noqa: N802
        number._obj.value = divmod(self.capability, 10)[attribute == 76]


def missing() -> Any:
    raise OSError("libcuda.so.1: cannot open shared object file")


@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "cuda", lambda: NO_DRIVER)


# -- why CUDA cannot be used -----------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "reason"),
    [
        (Driver(init=100), "the driver finds no GPU"),
        (Driver(cards=0), "the driver finds no GPU"),
        (Driver(init=803), "of different versions"),
        (Driver(init=999), "does not start (error 999)"),
        (
            Driver(version=12_040),
            "the NVIDIA driver is too old: it knows CUDA 12.4, 13.0 is needed",
        ),
        (Driver(capability=70), "NVIDIA Test is too old: compute capability 7.0, 7.5 is needed"),
    ],
)
def test_a_driver_that_will_not_do_is_named_with_what_would(driver: Driver, reason: str) -> None:
    for packages in (True, False):
        found = capability.look(lambda: driver, packages)
        assert not found.usable
        assert reason in found.reason
        assert found.advice
        assert (capability.INSTALL in found.advice) is not packages


def test_without_a_driver_its_library_is_named() -> None:
    found = capability.look(missing, packages=True)
    assert (found.reason, found.driver, found.cards) == (REASON, "", ())


def test_missing_packages_are_named_with_the_line_that_installs_them() -> None:
    found = capability.look(Driver, packages=False)
    assert found.reason == "the packages for CUDA are not installed"
    assert found.advice == "pip install 'automaton-scalable[gpu]'"


def test_a_card_that_will_do_is_described() -> None:
    found = capability.look(Driver, packages=True)
    assert found.usable
    assert found == Cuda("", "", "13.0", (Card("NVIDIA Test", (9, 0), 1 << 37),))


def test_the_driver_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def load(name: str) -> Any:
        asked.append(name)
        return missing()

    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", load)
    capability.cuda.cache_clear()
    try:
        assert [capability.cuda().reason for _ in range(3)] == [REASON] * 3
        assert asked == ["libcuda.so.1"]
    finally:
        capability.cuda.cache_clear()


# -- which device it is ------------------------------------------------------------------


@pytest.mark.usefixtures("without_cuda")
def test_auto_is_the_cpu_where_there_is_no_cuda_and_says_why_in_one_line() -> None:
    said: list[str] = []
    device = open_backend(Options(), request.DeviceRequest("auto", None, said.append))
    device.close()
    assert type(device) is CpuBackend
    assert said == [f"no GPU is used: {REASON}; this run computes on the CPU (see doctor)"]


@pytest.mark.usefixtures("without_cuda")
def test_a_named_device_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(DeviceError) as caught:
        open_backend(Options(), request.DeviceRequest("cuda"))
    assert str(caught.value) == f"--device cuda: {REASON}; install one"


def test_the_cpu_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "cuda", None)
    device = open_backend(Options(), request.ON_CPU)
    device.close()
    assert device.name == "cpu"


def test_cuda_that_does_not_start_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: object) -> Any:
        raise capability.StartError("CUDA does not start (no NVVM)")

    said: list[str] = []
    monkeypatch.setattr(capability, "cuda", Cuda)
    monkeypatch.setattr(cuda, "_started", fails)
    device = open_backend(Options(), request.DeviceRequest("auto", None, said.append))
    device.close()
    assert device.name == "cpu"
    assert said[0].startswith("no GPU is used: CUDA does not start (no NVVM); ")
    with pytest.raises(DeviceError, match="pip install"):
        open_backend(Options(), request.DeviceRequest("cuda"))


@pytest.mark.usefixtures("without_cuda")
def test_asking_for_the_gpu_changes_no_byte(tmp_path: Path) -> None:
    digests = set()
    for device in ("cpu", "auto"):
        log = written(tmp_path / f"{device}.jsonl", [automaton("state"), *TERMS])
        wanted = request.DeviceRequest("auto" if device == "auto" else "cpu", 64)
        with Run(log, {"parallel": 20, "seed": 3}, durability="off", wanted=wanted) as run:
            assert run.go(ticks=3, interval_ms=0).device == "cpu"
        digests.add(hashlib.sha256(log.read_bytes()).hexdigest())
    assert len(digests) == 1


# -- the command line --------------------------------------------------------------------


def automaton_scalable(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "automaton", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "number", "after"),
    [(None, 1, "1"), ("2,3", 1, "3"), ("2,3", 2, "-1"), ("MIG-a,MIG-b", 0, "MIG-a")],
)
def test_one_gpu_of_several_is_seen_by_its_number(
    before: str | None, number: int, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before or "")
    capability.select(number)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == after
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"  # nvidia-smi's


def test_a_variable_that_may_hide_the_gpus_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    found = capability.look(lambda: Driver(cards=0), packages=True)
    assert found.reason == "the driver finds no GPU (CUDA_VISIBLE_DEVICES is '7')"


@pytest.mark.skipif(capability.cuda().usable, reason="this machine has a GPU")
def test_the_gpu_option_falls_back_with_one_line_and_the_device_option_does_not(
    tmp_path: Path,
) -> None:
    written(tmp_path / "a.jsonl", [automaton("state"), *TERMS])
    run = ("a.jsonl", "--ticks", "1", "--interval", "0", "--json")
    done = automaton_scalable(*run, "--gpu", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "GPU" in line]
    assert len(lines) == 1
    assert lines[0].startswith("note: no GPU is used: ")
    assert json.loads(done.stdout.splitlines()[-1])["device"] == "cpu"
    done = automaton_scalable(*run, "--device", "cuda", folder=tmp_path)
    assert done.returncode == 9
    assert done.stderr.startswith("error: --device cuda: ")
    assert done.stderr.count("\n") == 1
    done = automaton_scalable(*run, "--gpu", "--device", "cpu", folder=tmp_path)
    assert done.returncode == 2


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with click.Context(command_line), pytest.raises(SystemExit) as end:
        command_line.main(["doctor", *arguments])
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.mark.usefixtures("without_cuda")
def test_doctor_says_what_was_found_and_what_would_make_cuda_usable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = json.loads(doctor(capsys, "--json", "--terms", "40"))
    assert found["cuda"] == f"not usable: {REASON}"
    assert found["to_use_cuda"] == "install one"
    assert found["self_test"] == "the processor and plain Python agree on 40 terms"
    assert {"cores", "memory", "memory_limit", "python", "numba", "cupy"} <= found.keys()
    assert "self test" in doctor(capsys, "--terms", "0")


def test_doctor_describes_a_card(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(capability, "cuda", lambda: capability.look(Driver, packages=True))
    found = json.loads(doctor(capsys, "--json", "--terms", "0"))
    assert found["gpus"] == "NVIDIA Test (137 GB, compute capability 9.0)"
    assert found["cuda"] == "usable"
    assert "to_use_cuda" not in found


def test_targets_that_differ_are_an_error_that_names_the_term(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selftest, "compare", lambda *_: selftest.SelfTest("cpu", "python", 40, 17))
    with pytest.raises(MismatchError, match="differ on term 17 of 26 bits"):
        command_line.commands["doctor"].main(["--terms", "40"], standalone_mode=False)


# -- the self-test -----------------------------------------------------------------------


def test_the_self_test_sees_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    right = selftest.reduced

    def wrong(where: str, some: selftest.SelfTestTerms) -> selftest.TargetResults:
        found = right("cpu", some)
        if where == "python":
            found.columns["steps"][17] += 1
        return found

    monkeypatch.setattr(selftest, "reduced", wrong)
    assert selftest.compare("cpu", "python", 40).differs == 17
    monkeypatch.setattr(selftest, "reduced", right)
    assert selftest.compare("cpu", "python", 40).differs is None


def test_the_self_test_sees_a_wrong_normal_form(monkeypatch: pytest.MonkeyPatch) -> None:
    right = selftest.reduced

    def wrong(where: str, some: selftest.SelfTestTerms) -> selftest.TargetResults:
        found = right("cpu", some)
        if where == "python":
            found.out[int(found.columns["places"][17]) + 1] ^= 4
        return found

    monkeypatch.setattr(selftest, "reduced", wrong)
    assert selftest.compare("cpu", "python", 40).differs == 17


def test_the_terms_of_the_self_test_are_all_different_and_as_many_as_published() -> None:
    some = selftest.terms(10_000, bits=18)
    ends = some.starts + some.sizes
    spans = {some.code[a:b].tobytes() for a, b in zip(some.starts, ends, strict=True)}
    assert len(spans) == len(some.starts) == 298
    rest = selftest.terms(10_000, first=100, bits=18)
    assert len(rest.starts) == 198
    assert rest.code.tolist() == some.code[some.starts[100] :].tolist()


@pytest.mark.parametrize("name", registry.TABLE)
def test_every_kernel_of_the_table_has_a_body_and_a_cpu_target(name: str) -> None:
    assert registry.target(name, "python") is registry.TABLE[name].body
    assert callable(registry.target(name, "cpu"))


def test_a_target_that_a_kernel_has_not_is_refused() -> None:
    with pytest.raises(KeyError, match="runs on python, cpu, not on cuda"):
        registry.target("unit vectors", "cuda")


@pytest.mark.skipif(capability.cuda().usable, reason="this machine has a GPU")
def test_the_check_of_gpus_says_that_there_is_none_and_ends_with_3(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.gpu.check", "--out", str(tmp_path / "figures.json")],
        cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("no GPU can be checked here: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
