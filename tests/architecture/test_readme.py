"""README's commands mean something, its first examples run as they stand, its output is real."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from automaton.cli import command_line
from automaton.cli.group import PROGRAM

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands() -> Iterator[tuple[str, str]]:
    """Page and command of ours, for every line of a shell on it."""
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith(f"{PROGRAM} "):
                    yield page.name, line


def words_of(line: str) -> list[str]:
    """What our program is given: up to a redirection, a pipe or the next command."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    ends = [k for k, word in enumerate(words) if set(word) <= set("<>|&;()")]
    end = min(ends, default=len(words))
    return words[1:end]


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_a_command_on_a_page_is_one_that_the_program_understands(
    page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = words_of(line)
    for name in words:  # what a command opens while it reads its options
        if name.endswith((".toml", ".txt")):
            Path(name).touch()
    command: click.Command = command_line
    names = list(words)
    while isinstance(command, click.Group):
        command = command.commands[names.pop(0) if names[0] in command.commands else "run"]
    command.make_context(page, names).close()


def block_after(title: str) -> str:
    """The first block of a shell behind these words."""
    found = BLOCK.search(README, README.index(title))
    assert found is not None
    return found[1]


def run(scripts: Iterable[str], tmp_path: Path) -> str:
    """Run scripts in a folder, where the program has its name; what they printed."""
    folder, said = tmp_path / "bin", []
    folder.mkdir()
    program = folder / PROGRAM
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m automaton "$@"\n')
    program.chmod(0o755)
    for script in scripts:
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True,
            encoding="utf-8", timeout=300, check=False,
            env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, script + done.stdout + done.stderr
        said.append(done.stdout)
    return "".join(said)


@pytest.mark.slow
def test_the_first_example_of_each_audience_runs_as_it_stands(tmp_path: Path) -> None:
    soup = [line[2:] for line in README.splitlines() if line.startswith(f"$ {PROGRAM}")]
    titles = ("**A soup, measured.**", "**A state machine", "**A loop that can be checked.**")
    run(("\n".join(soup), *map(block_after, titles)), tmp_path)
    assert (tmp_path / "as-it-was.jsonl").stat().st_size > 0
    assert (tmp_path / "soup.csv").read_text().startswith("tick,live,distinct,")


def test_the_four_commands_of_proofs_run_as_they_stand(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="the extra `sign` is not installed")
    made = f"{PROGRAM} init my.jsonl\n{PROGRAM} my.jsonl --ticks 50 --interval 0"
    said = run((made, block_after("## Proofs")), tmp_path)
    assert "PROVED: this line is in example.org/soup, sealed by commit 50 of 50" in said
    assert 10_000 < (tmp_path / "m50.7.proof").stat().st_size < 16_000


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that writes the first run."""
    path = ROOT / "scripts" / "docs" / "first_run.py"
    spec = importlib.util.spec_from_file_location("first_run", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_first_run_on_the_page_is_what_its_commands_print(script: ModuleType) -> None:
    assert script.filled(README) == README, "write it with scripts/docs/first_run.py"


def test_a_page_without_the_marks_of_a_first_run_is_left_alone(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="has no <!-- written by"):
        script.filled("a page of somebody's own")
