"""`--config FILE` and `--profile NAME`: options of a run by name; the command line wins.

The names are the options' own, with `-` or `_`, or those of the original; values are
held against the same limits. It must not know what any option means.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from pathlib import Path

import click

from automaton.cli.resource_options import ALIASES, PROFILES
from automaton.cli.text import shown_json
from automaton.errors import FileError, UsageError
from automaton.format.versions import portable

_FILE, _PROFILE = "automaton.file", "automaton.profile"
#: Where each value of the effective configuration comes from, in the context's `meta`.
SOURCES = "automaton.sources"


def use(context: click.Context, _option: click.Parameter, name: str | None) -> None:
    """Make a profile's values the defaults of the command that is being read."""
    if name is not None and not context.resilient_parsing:
        context.meta[_PROFILE] = PROFILES[name], f"profile {name}"
        _merge(context)


def load(context: click.Context, _option: click.Parameter, path: Path | None) -> None:
    """Make the file's values the defaults of the command that is being read."""
    if path is None or context.resilient_parsing:
        return
    options = {p.name: p for p in context.command.params if isinstance(p, click.Option)}
    options = {name: p for name, p in options.items() if p.expose_value}
    values: dict[str, object] = {}
    text = _text(path)
    for key, value in _table(path, text).items():
        name = key.replace("-", "_")
        where = f"{path}{_line(text, key)}"
        if name == "no_auto_scale" and isinstance(value, bool):
            name, value = "auto_scale", not value  # noqa: PLW2901  # one option, two names
        name = ALIASES.get(name, name)
        if isinstance(value, dict):
            first = next(iter(value), "parallel")
            raise UsageError(
                f"{where}: the section [{key}] has no meaning; write its options without it, one "
                f"a line, as in {first} = {_example(value.get(first))}"
            )
        if name not in options:
            raise UsageError(f"{where}: there is no option {key!r}{_nearest(name, options)}")
        values[name] = _checked(where, options[name], value, context)
    context.meta[_FILE] = values, str(path)
    _merge(context)


def _example(value: object) -> str:
    """A value as TOML has it, where it is a plain one."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(value) if isinstance(value, (int, float)) else "64"


def _merge(context: click.Context) -> None:
    """The defaults from both: a file's values before a profile's."""
    sources: dict[str, str] = {}
    merged: dict[str, object] = {}
    for part in (_PROFILE, _FILE):
        values, source = context.meta.get(part, ({}, ""))
        merged.update(values)
        sources.update(dict.fromkeys(values, source))
    context.default_map = merged
    context.meta[SOURCES] = sources


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from None


def _table(path: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # numbers of thousands of digits too
        raise UsageError(f"{path}: not a TOML file: {error}") from None
    except RecursionError:
        raise UsageError(f"{path}: not a configuration: nested too deeply") from None


def _line(text: str, key: str) -> str:
    """`, line N` where a key stands at the beginning of a line."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.partition("=")[0].strip().strip("\"'") == key:
            return f", line {number}"
    return ""


def _nearest(name: str, options: dict[str, click.Option]) -> str:
    close = difflib.get_close_matches(name, [*options, *ALIASES], n=1)
    return f"; did you mean {close[0].replace('_', '-')!r}?" if close else ""


def _checked(where: str, option: click.Option, value: object, context: click.Context) -> object:
    """The value as the option reads it; true is not the number 1, nor 1.5."""
    key = option.opts[0].removeprefix("--")
    if isinstance(value, (dict, list)) or isinstance(value, bool) != option.is_flag:
        wanted = "true or false" if option.is_flag else "one number or text"
        raise UsageError(f"{where}: {key}: {wanted} is wanted")
    if option.is_flag:
        return value
    try:
        return option.type.convert(str(value), option, context)
    except click.BadParameter as error:
        raise UsageError(f"{where}: {key}: {error.message}") from None


def toml_value(value: object) -> str:
    """A value as it stands in such a file."""
    value = portable(value) if type(value) is int else value
    value = str(value) if isinstance(value, Path) else value
    return shown_json(json.dumps(value, ensure_ascii=False))
