"""Help: options by subject, an example of every command, short lines that fit."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from automaton.cli import command_line
from automaton.cli.examples import EXAMPLES
from automaton.cli.group import PROGRAM
from automaton.cli.option_groups import GROUPS

COLUMNS = 60  # of a short help line: what a terminal of 80 has beside the longest name


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by its words, those of a command of commands too."""
    for name, command in command_line.commands.items():
        yield name, command
        for inner, below in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", below


COMMANDS = dict(commands())


def test_every_option_of_a_run_stands_in_one_group() -> None:
    named = [name for names in GROUPS.values() for name in names.split()]
    assert sorted(named) == sorted([*(p.name or "" for p in COMMANDS["run"].params[1:]), "help"])


def test_the_help_of_a_run_shows_each_option_once_below_the_title_of_its_group() -> None:
    context = click.Context(COMMANDS["run"], info_name="run", max_content_width=100)
    lines = COMMANDS["run"].get_help(context).splitlines()
    titles = [line.removesuffix(":") for line in lines if line.removesuffix(":") in GROUPS]
    assert titles == list(GROUPS)
    for parameter in COMMANDS["run"].params:
        if isinstance(parameter, click.Option):
            at = [k for k, line in enumerate(lines) if line.split()[:1] == [parameter.opts[0]]]
            assert len(at) == 1, parameter.name
            title = [line for line in lines[: at[0]] if line.removesuffix(":") in GROUPS][-1]
            assert parameter.name in GROUPS[title.removesuffix(":")].split()


def test_without_a_command_help_shows_only_the_options_that_are_used_most() -> None:
    shown = command_line.get_help(click.Context(command_line, info_name=PROGRAM))
    assert "--ticks N" in shown
    assert "--gc-interval" not in shown
    assert f"{PROGRAM} run --help" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_of_a_command_is_a_sentence_that_fits(name: str) -> None:
    short = COMMANDS[name].get_short_help_str(1000)
    assert len(short) <= COLUMNS
    assert short.endswith(".")
    assert "..." not in short


def test_no_line_of_the_list_of_commands_is_cut() -> None:
    shown = command_line.get_help(click.Context(command_line, terminal_width=80))
    listed = shown.partition("Commands:\n")[2].partition("\n\n")[0]
    assert len(listed.splitlines()) == len(command_line.commands)
    assert "..." not in listed


def test_there_are_examples_of_these_commands_and_of_no_others() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_ends_with_examples_that_it_understands(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = COMMANDS[name]
    width = 200  # so that nothing is wrapped
    lines = command.get_help(click.Context(command, terminal_width=width)).splitlines()
    at = next(k for k, line in enumerate(lines) if line.strip() in {"Example:", "Examples:"})
    examples = [line.strip().removeprefix(f"{PROGRAM} ") for line in lines[at + 1 :]]
    assert examples
    for example in examples:
        words = shlex.split(example)
        begin = 0 if name == "run" else len(name.split())
        if name != "run":
            assert words[:begin] == name.split()
        inner = command
        while isinstance(inner, click.Group):
            inner = inner.commands[words[begin]]
            begin += 1
        inner.make_context(name, words[begin:]).close()
