"""The pages say what the program does: commands, options, codes and figures by name."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from automaton import errors
from automaton.cli import command_line as cli
from automaton.run.stats import Stats

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text()


def every_option() -> list[tuple[str, str]]:
    """Command and option for all options but --help."""
    found = []
    for name, command in cli.commands.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                found += [(name, flag) for flag in parameter.opts if flag != "--help"]
    return found


@pytest.mark.parametrize(("command", "flag"), every_option())
def test_every_option_stands_on_the_page_about_the_command_line(command: str, flag: str) -> None:
    assert f"`{flag}" in PAGE or f" {flag}" in PAGE, f"{command} {flag}"


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_stands_on_the_page_and_has_help(command: str) -> None:
    assert command in PAGE
    assert cli.commands[command].help


def test_every_exit_code_of_an_error_stands_on_the_page() -> None:
    for name in vars(errors).values():
        if isinstance(name, type) and issubclass(name, errors.AutomatonError):
            assert f"| {name.exit_code} |" in PAGE


@pytest.mark.parametrize("member", Stats.__dataclass_fields__)
def test_every_member_of_a_statistics_line_stands_on_the_page(member: str) -> None:
    assert f"`{member}`" in PAGE


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for part in page.read_text().split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_benchmark_files_are_json() -> None:
    for path in (ROOT / "docs" / "benchmarks").glob("*.json"):
        assert json.loads(path.read_text())
