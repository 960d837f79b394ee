"""Which command the first argument means: a command's name wins, a path is a log.

Also where every command ends: `Commands.main` is the one place that exits.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from automaton.cli import exit_codes
from automaton.cli.examples import EXAMPLES, show_examples
from automaton.cli.option_groups import MOST_USED, grouped
from automaton.cli.option_types import WIDTH
from automaton.errors import UsageError

PROGRAM = "automaton-scalable"
DEFAULT = "run"
#: What the help of the program ends with.
FIRST_STEPS = [EXAMPLES[name][0] for name in ("init", "run", "check", "verify", "population")]
#: What AUTOMATON_KERNELS may say (`kernels.cpu` reads it).
KERNELS = ("compiled", "python")


def version() -> str:
    """The installed version; pyproject.toml is the one place that states it."""
    from importlib import metadata  # noqa: PLC0415  # takes longer than all the rest of this module

    try:
        return metadata.version(PROGRAM)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """Print name and version and end, where `--version` was given."""
    if wanted and not context.resilient_parsing:
        click.echo(f"{PROGRAM} {version()}")
        context.exit()


class CommandTable(MutableMapping[str, click.Command]):
    """Commands by name, each loaded from its module when it is asked for.

    A command alone needs not what the others import, which takes half a second.
    """

    def __init__(self, package: str, names: str) -> None:
        self._package = package
        self._names = dict.fromkeys(names.split())
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """The command of that name."""
        if name not in self._loaded:
            word = name.replace("-", "_")
            module = import_module(f"{self._package}.{word}")
            command: click.Command = getattr(module, word)
            show_examples(command, name, PROGRAM)
            self._loaded[name] = command
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Put a command in the table."""
        self._names[name] = None
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Take a command out of the table."""
        del self._names[name]
        self._loaded.pop(name, None)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a command; it is not loaded for that."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many commands there are."""
        return len(self._names)


class CommandGroup(click.Group):
    """A group whose first argument, unless it names a command, begins a run."""

    def __init__(self, name: str, *, help: str, commands: CommandTable) -> None:  # noqa: A002  # click's word
        option = click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=show_version,
            help="Show the version and exit.",
        )
        super().__init__(
            name,
            help=help,
            commands=commands,
            params=[option],
            no_args_is_help=False,
            epilog="\n".join(
                ["\b", "First steps:", *(f"  {PROGRAM} {line}" for line in FIRST_STEPS)]
            ),
            subcommand_metavar="[LOG | COMMAND] [OPTIONS]...",
            options_metavar="",
            context_settings={"max_content_width": WIDTH},
        )

    def load(self, first: Sequence[str]) -> None:
        """Load the command that the first argument names, or all, where it names none."""
        for name in first if set(first) & set(self.commands) else self.commands:
            self.get_command(click.Context(self), name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Begin the arguments with `run` where they name no command."""
        own = {word for option in self.get_params(ctx) for word in option.opts}
        if not args or args[0] not in own.union(self.commands):
            self._refuse_misspelt(ctx, args[:1])
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)

    def _refuse_misspelt(self, ctx: click.Context, first: list[str]) -> None:
        """A bare word that is neither a command nor a file is a misspelt command."""
        for word in first:
            if word.startswith("-") or "/" in word or Path(word).suffix or Path(word).exists():
                continue
            close = difflib.get_close_matches(word, self.commands, n=1)
            names = f"did you mean {close[0]!r}?" if close else f"commands: {_listed(self)}."
            message = f"{word!r} is no command and no file; {names}"
            raise click.UsageError(message, ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show what a run is asked most: without a command's name it is what runs."""
        super().format_options(ctx, formatter)
        records = dict(grouped(self.commands[DEFAULT], ctx))[MOST_USED]
        with formatter.section(f"Options of a run, the most used ({PROGRAM} run --help has all)"):
            formatter.write_dl(records)

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run one command and exit; every error is one line on standard error."""
        arguments = list(sys.argv[1:] if args is None else args)
        sys.exit(exit_codes.status(lambda: self._invoked(arguments)))

    def _invoked(self, arguments: list[str]) -> int:
        """The exit code of the command that the arguments name."""
        kernels = os.environ.get("AUTOMATON_KERNELS", "compiled")
        if kernels not in KERNELS:
            raise UsageError(
                f"AUTOMATON_KERNELS={kernels} cannot be meant; it is `compiled` (as without it) "
                "or `python`, which runs kernels as plain Python for a debugger"
            )
        with self.make_context(PROGRAM, arguments) as context:
            answer = self.invoke(context)
        return answer if isinstance(answer, int) else 0


def _listed(group: click.Group) -> str:
    return ", ".join(sorted(group.commands))
