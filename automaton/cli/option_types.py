"""Kinds of options: what the commands' options have in common, and how help shows them.

Knows no single command. Limits and defaults of what a log remembers stand in
`automaton.format.options`, once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from automaton.format.options import RANGES, UNSET, UNSETTABLE, Options
from automaton.terms.notation import format_term, parse

Command = TypeVar("Command", bound=Callable[..., object])

WIDTH = 100  # columns of help, where the terminal has them
#: A path that need not exist: the package that opens it says best what is wrong with it.
PATH = click.Path(path_type=Path)


class Topics(click.Group):
    """A command of commands: alone it lists them, each with what it does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The command and its arguments; without any, say which commands there are, and end."""
        if not args and not ctx.resilient_parsing:
            width = max(map(len, self.commands))
            for name, command in self.commands.items():
                click.echo(f"{name:{width}}  {(command.help or '').splitlines()[0]}")
            ctx.exit()
        return super().parse_args(ctx, args)


class Option(click.Option):
    """An option whose help ends with its default, as a person would write it."""

    def get_help_extra(self, ctx: click.Context) -> Any:
        """The default; the range is told to those who leave it."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        if "must be given" in str(extra.get("default")):
            extra.pop("required", None)  # said once
        if "default" in extra:
            extra["default"] = extra["default"].removeprefix("(").removesuffix(")")
        return extra


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """`click.option` for this kind."""
    return click.option(*names, cls=Option, **settings)


class FiniteFloat(click.FloatRange):
    """A number within its limits; `nan` and `inf` are within none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The value as a number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number to count with.", param, ctx)
        return number


class OptionalInteger(click.IntRange):
    """A whole number within its limits, or the word that takes the option back."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or `UNSET`."""
        return UNSET if value == UNSET else super().convert(value, param, ctx)


def whole(name: str) -> click.IntRange:
    """The whole numbers that the deciding option `name` may have."""
    low, high, _unit = RANGES[name]
    return (OptionalInteger if name in UNSETTABLE else click.IntRange)(low, high)


def deciding_option(
    flag: str, metavar: str, help_: str, default: str = ""
) -> Callable[[Command], Command]:
    """An option that the log remembers: limits and default stand in `options`."""
    name = flag.removeprefix("--").replace("-", "_")
    shown = default or str(getattr(Options(), name))
    return option(
        flag,
        type=whole(name),
        metavar=metavar,
        show_default=f"{shown}, or as the log was run",
        help=help_,
    )


def canonical(_context: click.Context, _option: click.Parameter, term: str | None) -> str | None:
    """The term as logs have it; `none` takes it back."""
    return term if term in {None, UNSET} else format_term(parse(str(term)))


def switch(flag: str, help_: str) -> Callable[[Command], Command]:
    """An option without a value."""
    return option(flag, is_flag=True, show_default="off", help=help_)


class DeviceWord(click.ParamType[str]):
    """auto, cpu, cuda, or cuda:N for the GPU of that number."""

    name = "auto|cpu|cuda|cuda:N"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word, or an error that names the others."""
        if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", value):
            self.fail(
                f"{value!r} is none of auto, cpu, cuda, and cuda:N with a GPU's number", param, ctx
            )
        return value
