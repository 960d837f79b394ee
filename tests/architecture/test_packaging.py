"""The project's own files: what they promise, and what the scripts do and say.

The scripts run here with a pretended Python, so that nothing is fetched and no
environment is made; `.ci/run` does both for real and tests the wheel.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SCRIPTS = [
    "scripts/run", "scripts/test", "scripts/bench", "scripts/profile", "scripts/environment",
    ".ci/run",
]  # fmt: skip

#: What a shell script of ours calls beside Python.
TOOLS = ["cat", "cksum", "cmp", "dirname", "grep", "head", "mkdir", "rm", "sh", "tail", "wc"]


def names(requirements: list[str]) -> set[str]:
    """The distributions that are required, extras kept."""
    return {re.split(r"[<>=!~;]", text)[0].strip() for text in requirements}


# pyproject.toml.


def test_the_distribution_can_never_be_uploaded() -> None:
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


def test_the_names_and_pythons_are_those_promised() -> None:
    project = PROJECT["project"]
    assert project["name"] == "automaton-scalable"
    assert project["requires-python"] == ">=3.11,<3.15"
    assert project["license"] == "Apache-2.0"
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [
        "automaton",
        "kernels",
    ]


def test_the_dependencies_are_those_promised_each_with_a_lower_bound() -> None:
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    needed = {"backports.zstd", "click", "numba", "numpy", "orjson", "psutil", "rich"}
    assert names(project["dependencies"]) == needed
    assert names(extras["gpu"]) == {"cupy-cuda13x", "numba-cuda[cu13]"}
    assert names(extras["dev"]) >= {
        "pytest",
        "hypothesis",
        "pytest-randomly",
        "pytest-xdist",
        "ruff",
        "mypy",
    }
    every = [*project["dependencies"], *extras["gpu"], *extras["dev"]]
    assert all(">=" in requirement for requirement in every)


def test_the_command_for_free_threaded_python_names_every_dependency_that_has_a_wheel() -> None:
    page = (ROOT / "docs/engine.md").read_text("utf-8")
    command = next(line for line in page.splitlines() if line.startswith("python3.14t -m pip"))
    first, second = command.split(" && ")
    old = {"backports.zstd"}  # by its marker, not on 3.14
    assert "--only-binary :all:" in first
    assert set(first.split(":all: ")[1].split()) == (
        names(PROJECT["project"]["dependencies"]) - old - {"orjson"}
    )
    assert second.endswith("pip install --no-deps .")


def test_the_console_script_leads_to_a_function() -> None:
    module, _, function = PROJECT["project"]["scripts"]["automaton-scalable"].partition(":")
    assert callable(getattr(import_module(module), function))


def test_the_version_stands_in_one_place() -> None:
    version = PROJECT["project"]["version"]
    try:
        installed = metadata.version("automaton-scalable")
    except metadata.PackageNotFoundError:
        pytest.skip("the project is not installed here")
    assert installed == version
    sources = [*(ROOT / "automaton").rglob("*.py"), *(ROOT / "kernels").rglob("*.py")]
    assert not [path for path in sources if f'"{version}"' in path.read_text("utf-8")]


def test_the_shipped_log_lies_at_the_root_and_goes_into_the_package() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"automaton.jsonl": "automaton/automaton.jsonl"}
    assert (
        import_module("automaton.cli.commands.init").shipped()
        == (ROOT / "automaton.jsonl").read_bytes()
    )


def test_every_exception_from_a_lint_rule_has_its_reason_in_the_margin() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    lint = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.pydocstyle]")]
    rules = [line for line in lint.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert len(rules) > 10
    assert all(re.search(r"#\s+\w.{4,}", line) for line in rules)


def test_warnings_are_errors_and_types_are_strict() -> None:
    assert PROJECT["tool"]["pytest"]["ini_options"]["filterwarnings"] == ["error"]
    assert PROJECT["tool"]["mypy"]["strict"] is True
    assert PROJECT["tool"]["ruff"]["lint"]["select"] == ["ALL"]


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert len(text) == 11358


def test_the_changelog_names_what_is_to_come_or_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    version = PROJECT["project"]["version"]
    assert re.search(rf"^## \[(Unreleased|{re.escape(version)})\]", text, re.MULTILINE)


def test_every_file_that_may_stand_beside_a_log_is_kept_out_of_version_control() -> None:
    page = (ROOT / "docs" / "format.md").read_text("utf-8")
    table = page.split("## Files beside the log")[1].split("\n\n")[2]
    suffixes = [
        s for row in table.splitlines() for s in re.findall(r"`(\.[^`]+)`", row.split("|")[1])
    ]
    assert len(suffixes) > 14
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    for suffix in suffixes:
        name = f"my.jsonl{suffix.replace('<n>', '1')}"
        assert any(fnmatchcase(name, pattern) for pattern in ignored), suffix
    assert not any(fnmatchcase("my.jsonl", pattern) for pattern in ignored)


def test_the_hooks_before_a_commit_run_programs_of_the_environment() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    programs = re.findall(r"entry: \.venv/bin/(\w+)", text)
    assert set(programs) == {"ruff", "mypy"}
    assert set(programs) <= names(PROJECT["project"]["optional-dependencies"]["dev"])
    assert text.count("language: system") == len(programs)
    assert "rev:" not in text


def test_the_citation_names_the_project_and_its_licence() -> None:
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert text.startswith("cff-version: 1.2.0\n")
    assert f"\ntitle: {PROJECT['project']['name']}\n" in text
    assert f"\nlicense: {PROJECT['project']['license']}\n" in text


# The scripts.


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_read_by_its_shell_without_complaint(script: str) -> None:
    shell = "bash" if script == ".ci/run" else "sh"
    done = subprocess.run([shell, "-n", ROOT / script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("script", [name for name in SCRIPTS if "environment" not in name])
def test_a_script_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


#: A Python that fits, and writes down what it is asked for. `-m venv` makes itself again;
#: `-m pip` makes the program, which writes down its arguments too.
PYTHON = """#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in
    *version_info*) exit "${UNFIT:-0}" ;;
    *ensurepip*) exit "${NO_VENV:-0}" ;;
    -V) echo "Python ${SAYS:-3.12.0}" ;;
    "-m venv --clear "*)
        mkdir -p "$4/bin" && cat "$0" >"$4/bin/python" && chmod +x "$4/bin/python" ;;
    "-m pip "*)
        [ -z "$PIP_SAYS" ] || { echo "$PIP_SAYS"; exit 1; }
        program=$(dirname "$0")/automaton-scalable
        printf '#!/bin/sh\\nprintf "program %%s\\\\n" "$*" >>"$CALLS"\\n' >"$program"
        printf '[ "$1" != init ] || cat "%s" >"$2"\\n' "$SHIPPED" >>"$program"
        chmod +x "$program" ;;
esac
"""


@dataclass
class Checkout:
    """A copy of the scripts with nothing but a pretended Python around them."""

    root: Path
    calls: Path
    variables: dict[str, str]

    def run(self, script: str, *arguments: str, **variables: str) -> tuple[int, str, list[str]]:
        """Exit code, what was said to people, and what the pretended Python was asked for."""
        self.calls.write_text("")
        done = subprocess.run(
            ["sh", self.root / "scripts" / script, *arguments],
            env={**self.variables, **variables},
            cwd=self.root.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr, self.calls.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh clone, with a space in its path, on a fresh machine."""
    root, tools = tmp_path / "a clone", tmp_path / "tools"
    shutil.copytree(ROOT / "scripts", root / "scripts")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "automaton.jsonl").write_text('{"id":"shipped"}\n')
    tools.mkdir()
    for tool in [*TOOLS, "chmod"]:
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    (tools / "python3").write_text(PYTHON)
    (tools / "python3").chmod(0o755)
    calls, shipped = tmp_path / "calls", root / "automaton.jsonl"
    variables = {"PATH": str(tools), "CALLS": str(calls), "SHIPPED": str(shipped), "PIP_SAYS": ""}
    return Checkout(root, calls, variables)


def asked(calls: list[str], beginning: str) -> list[str]:
    """The calls that begin so."""
    return [call for call in calls if call.startswith(beginning)]


def test_the_first_run_makes_the_environment_and_the_second_does_not(checkout: Checkout) -> None:
    code, _, calls = checkout.run("run")
    assert code == 0
    assert len(asked(calls, "-m venv")) == len(asked(calls, "-m pip")) == 1
    code, _, calls = checkout.run("run")
    assert code == 0
    assert not asked(calls, "-m venv") + asked(calls, "-m pip")


def test_a_changed_pyproject_installs_again_into_the_same_environment(checkout: Checkout) -> None:
    checkout.run("run")
    with (checkout.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    _, _, calls = checkout.run("run")
    assert not asked(calls, "-m venv")
    assert len(asked(calls, "-m pip")) == 1


def test_a_moved_checkout_installs_again(checkout: Checkout) -> None:
    checkout.run("run")
    checkout.root = checkout.root.rename(checkout.root.with_name("elsewhere"))
    checkout.variables["SHIPPED"] = str(checkout.root / "automaton.jsonl")
    _, _, calls = checkout.run("run")
    assert len(asked(calls, "-m pip")) == 1


def test_tests_want_the_dev_extra_and_what_they_install_is_enough_to_run(
    checkout: Checkout,
) -> None:
    checkout.run("run")
    code, _, calls = checkout.run("test", "-k", "two words")
    assert code == 0
    assert asked(calls, "-m pip")[0].endswith("[dev]")
    assert calls[-1] == "-m pytest -k two words"
    (checkout.root / ".venv" / "installed[observatory]").unlink()
    _, _, calls = checkout.run("run")
    assert not asked(calls, "-m pip")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "--numprocesses 2 --dist worksteal -m not slow"),
        (["--all"], "--numprocesses 2 --dist worksteal"),
        (["--all", "-x"], "--numprocesses 2 --dist worksteal -x"),
    ],
)
def test_tests_run_on_all_cores_and_slow_ones_when_asked_for(
    checkout: Checkout, arguments: list[str], expected: str
) -> None:
    """Where nothing counts the cores, there are two."""
    _, _, calls = checkout.run("test", *arguments)
    assert calls[-1] == f"-m pytest {expected}"


LEAVES_OUT = """
import pytest

@pytest.mark.slow
def test_slow(): ...

def test_of_a_log(shared_data): ...

@pytest.mark.parametrize("k", range(3))
def test_elsewhere(k): pytest.skip("no such machine")

def test_here(): ...
"""


@pytest.mark.parametrize("processes", [[], ["--numprocesses", "2"]])
def test_one_line_says_how_many_tests_were_left_out_and_why(
    tmp_path: Path, processes: list[str]
) -> None:
    clone = tmp_path / "clone"
    (clone / "tests" / "support").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", clone)
    shutil.copy(ROOT / "tests" / "conftest.py", clone / "tests")
    (clone / "tests" / "test_small.py").write_text(LEAVES_OUT)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow"]
    done = subprocess.run(
        [*command, *processes], cwd=clone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    [said] = [line for line in done.stdout.splitlines() if "left out" in line]
    assert said.startswith("left out: 3 (no such machine); ")
    assert "1 (slow; scripts/test --all has them)" in said
    assert "1 (the real logs, shared/data beside the checkout, are absent)" in said
    assert "SKIPPED" not in done.stdout


def test_a_run_works_on_a_copy_that_it_names_and_keeps(checkout: Checkout) -> None:
    copy = checkout.root / "run" / "automaton.jsonl"
    _, _, calls = checkout.run("run")
    first, second = asked(calls, "program ")
    assert first == f"program init {copy}"
    assert second.startswith(f"program {copy} --interval ")
    assert "--seconds 5" in second
    copy.write_text(copy.read_text() + "more\n")
    _, said, calls = checkout.run("run", "--ticks", "7")
    assert str(copy) in said
    assert "copy of an older" not in said
    only = asked(calls, "program ")
    assert len(only) == 1
    assert only[0].endswith("--ticks 7")
    assert "--seconds" not in only[0]
    assert copy.read_text().endswith("more\n")


def test_a_copy_of_an_older_shipped_log_is_said_to_be_one(checkout: Checkout) -> None:
    checkout.run("run")
    (checkout.root / "automaton.jsonl").write_text('{"id":"changed"}\n')
    _, said, _ = checkout.run("run")
    assert "copy of an older" in said


@pytest.mark.parametrize("arguments", [["x.jsonl", "--ticks", "3"], ["check", "x"], ["--help"]])
def test_a_log_or_a_command_is_passed_on_as_it_is(checkout: Checkout, arguments: list[str]) -> None:
    _, _, calls = checkout.run("run", *arguments)
    assert asked(calls, "program ") == [f"program {' '.join(arguments)}"]


def test_a_python_that_is_too_old_is_named_with_the_way_out(checkout: Checkout) -> None:
    code, said, calls = checkout.run("run", UNFIT="1", SAYS="3.9.2")
    assert code == 3
    assert "Python 3.11 to 3.14 is needed and Python 3.9.2 was found" in said
    assert not asked(calls, "-m")


def test_no_python_at_all_is_said(checkout: Checkout) -> None:
    (checkout.root.parent / "tools" / "python3").unlink()
    code, said, _ = checkout.run("test")
    assert code == 3
    assert "is needed and no python3 was found" in said


def test_a_newer_python_beside_an_old_one_is_found(checkout: Checkout) -> None:
    tools = checkout.root.parent / "tools"
    (tools / "python3.13").write_text(PYTHON)
    (tools / "python3.13").chmod(0o755)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    code, _, calls = checkout.run("run")
    assert code == 0
    assert asked(calls, "-m venv")


def test_a_python_that_was_asked_for_is_not_replaced_by_another(checkout: Checkout) -> None:
    code, said, _ = checkout.run("run", PYTHON="/nowhere/python")
    assert code == 3
    assert "PYTHON=/nowhere/python is not" in said


def test_a_missing_venv_names_the_package(checkout: Checkout) -> None:
    code, said, _ = checkout.run("run", NO_VENV="1")
    assert code == 3
    assert "apt-get install python3-venv" in said


@pytest.mark.parametrize(
    ("pip", "said"),
    [
        ("Failed to establish a new connection: [Errno -3]", "is there a network?"),
        ("Temporary failure in name resolution", "is there a network?"),
        ("error: subprocess-exited-with-error", "could not be installed"),
    ],
)
def test_packages_that_do_not_come_are_said_and_tried_again(
    checkout: Checkout, pip: str, said: str
) -> None:
    code, heard, _ = checkout.run("run", PIP_SAYS=pip)
    assert code == 3
    assert said in heard
    assert pip in (checkout.root / ".venv" / "install.log").read_text()
    code, _, calls = checkout.run("run")
    assert code == 0
    assert len(asked(calls, "-m pip")) == 1


def test_the_environment_can_be_put_elsewhere(checkout: Checkout) -> None:
    checkout.run("run", AUTOMATON_VENV="other")
    assert (checkout.root.parent / "other" / "bin" / "python").exists()
    assert not (checkout.root / ".venv").exists()
