"""`--config FILE`: options of a run from a TOML file; what the command line says wins.

The names are the options' own, with `-` or `_`; values are held against the same
limits. It must not know what any option means.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path

import click

from automaton.errors import FileError, UsageError


def load(context: click.Context, _option: click.Parameter, path: Path | None) -> None:
    """Make the file's values the defaults of the command that is being read."""
    if path is None or context.resilient_parsing:
        return
    options = {p.name: p for p in context.command.params if isinstance(p, click.Option)}
    options = {name: p for name, p in options.items() if p.expose_value}
    values = {}
    for key, value in _table(path).items():
        name = key.replace("-", "_")
        if name not in options:
            raise UsageError(f"{path}: there is no option {key!r}{_nearest(name, options)}")
        values[name] = _checked(path, options[name], value, context)
    context.default_map = values


def _table(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from None


def _nearest(name: str, options: dict[str, click.Option]) -> str:
    close = difflib.get_close_matches(name, options, n=1)
    return f"; did you mean {close[0].replace('_', '-')!r}?" if close else ""


def _checked(path: Path, option: click.Option, value: object, context: click.Context) -> object:
    """The value as the option reads it; true is not the number 1, nor 1.5."""
    key = option.opts[0].removeprefix("--")
    if isinstance(value, (dict, list)) or isinstance(value, bool) != option.is_flag:
        wanted = "true or false" if option.is_flag else "one number or text"
        raise UsageError(f"{path}: {key}: {wanted} is wanted")
    if option.is_flag:
        return value
    try:
        return option.type.convert(str(value), option, context)
    except click.BadParameter as error:
        raise UsageError(f"{path}: {key}: {error.message}") from None
