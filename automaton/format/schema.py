"""Names and types of a record's members: what fits, and in words what does not.

A schema is a value: a table of members, `ListOf` of a list or of a table with any names,
or one of the kinds below. Must not know which records there are, or what is done with
one that does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHOWN = 40  # characters of a value in a message


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`; `None` too where it is `optional`."""

    low: int = 0
    high: int = (1 << 63) - 1
    optional: bool = False


@dataclass(frozen=True)
class Text:
    """A text; `None` too where it is `optional`."""

    optional: bool = False


@dataclass(frozen=True)
class ListOf:
    """A list whose items all fit, or with `named` a table of any names whose values do."""

    of: Integer | Text
    named: bool = False


@dataclass(frozen=True)
class Optional:
    """A member that need not be there."""

    of: Kind


Kind = Integer | Text | ListOf | Mapping[str, Any]
Schema = Kind | Optional


def misfit(value: object, schema: Schema, name: str) -> str:
    """What of a value does not fit, named by its place; empty where all of it does."""
    return "" if _fits(value, schema) else _named(value, schema, name)


def _fits(value: object, schema: Schema) -> bool:
    """Whether all of a value fits: most do, many a second, and nothing has to be named."""
    if isinstance(schema, Optional):
        return _fits(value, schema.of)
    if isinstance(schema, Integer | Text):
        return _is_plain(value, schema)
    if isinstance(schema, ListOf):
        if not isinstance(value, dict if schema.named else list):
            return False
        items = value.values() if isinstance(value, dict) else value
        return all(_is_plain(item, schema.of) for item in items)
    return isinstance(value, dict) and _all_fit(value, schema)


def _all_fit(value: dict[str, Any], schema: Mapping[str, Any]) -> bool:
    known = 0
    for key, part in schema.items():
        if key in value:
            known += 1
            item = value[key]
            number = type(part) is Integer and type(item) is int
            if not (part.low <= item <= part.high if number else _fits(item, part)):
                return False
        elif not isinstance(part, Optional):
            return False
    return known == len(value)


def _named(value: object, schema: Schema, name: str) -> str:
    """What does not fit first, named by its place; empty where all of it does."""
    kind = schema.of if isinstance(schema, Optional) else schema
    if isinstance(kind, Integer | Text):
        fits = _is_plain(value, kind)
        return "" if fits else f"{name} is {_shown(value)}, not {_wanted(kind)}"
    if isinstance(kind, ListOf):
        return _misfit_of_each(value, kind, name)
    if not isinstance(value, dict):
        return f"{name} is {_shown(value)}, not an object"
    return _misfit_of_members(value, kind, name)


def _misfit_of_members(value: dict[str, Any], schema: Mapping[str, Any], name: str) -> str:
    needed = {key for key, part in schema.items() if not isinstance(part, Optional)}
    for key in sorted(needed - value.keys()):
        return f"{name} has no {key}"
    for key in sorted(value.keys() - schema.keys()):
        return f"{name} has a member {_shown(key)} that this version does not know"
    found = (_named(value[key], schema[key], f"{name}.{key}") for key in schema if key in value)
    return next(filter(None, found), "")


def _is_plain(value: object, schema: Integer | Text) -> bool:
    if value is None:
        return schema.optional
    if isinstance(schema, Text):
        return isinstance(value, str)
    return type(value) is int and schema.low <= value <= schema.high  # True is none


def _misfit_of_each(value: object, schema: ListOf, name: str) -> str:
    if not isinstance(value, dict if schema.named else list):
        return f"{name} is {_shown(value)}, not {'an object' if schema.named else 'a list'}"
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = (_named(item, schema.of, f"{name}.{key}") for key, item in items)
    return next(filter(None, found), "")


def _wanted(schema: Integer | Text) -> str:
    kind = "a text" if isinstance(schema, Text) else f"a whole number from {schema.low}"
    return f"{kind}, or null" if schema.optional else kind


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
