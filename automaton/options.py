"""The deciding options: what, beside genesis and input, the appended bytes depend on.

Only these stand in a `run` record and are inherited on resuming. Pure values;
how many workers, which device and how durable are settings of the shell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from automaton.errors import DamagedError, UsageError

#: Lowest and highest value of each whole-number option, and its unit.
RANGES = {
    "seed": (0, (1 << 64) - 1, "a number"),
    "parallel": (1, 1 << 22, "rounds a tick"),
    "max_objects": (1, 1 << 27, "live objects"),
    "max_steps": (1, 1 << 28, "beta steps"),
    "max_size": (1, 1 << 20, "nodes"),
    "max_depth": (2, 1 << 24, "pending arguments"),
    "max_input": (3, 1 << 24, "nodes"),
    "lock_dimension": (-(1 << 31), (1 << 31) - 1, "a dimension"),
    "focus_dimension": (-(1 << 31), (1 << 31) - 1, "a dimension"),
    "focus_probability": (0, 1 << 32, "of 2**32"),
}


@dataclass(frozen=True)
class Options:
    """Every deciding option with its default."""

    seed: int = 0
    parallel: int = 64
    max_objects: int = 10_000
    max_steps: int = 500
    max_size: int = 256
    max_depth: int = 256
    max_input: int | None = None  # None: 3 * max_size + 2
    operator: str | None = None  # a term in de Bruijn notation; None: the automata's
    lock_dimension: int | None = None
    focus_dimension: int | None = None
    focus_probability: int = 0  # in units of 2**-32
    copies: bool = False  # whether a normal form equal to a reactant is a candidate

    def __post_init__(self) -> None:
        for name, (low, high, unit) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                flag = "--" + name.replace("_", "-")
                message = f"{flag} is {value}; it must be from {low} to {high} ({unit})"
                raise UsageError(message)

    @property
    def input_limit(self) -> int:
        """Nodes of a term `(op a) b` above which the outcome is `input`."""
        return 3 * self.max_size + 2 if self.max_input is None else self.max_input

    def record(self) -> dict[str, Any]:
        """The options sorted by name, as they stand in the `run` record."""
        return dict(sorted(asdict(self).items()))

    def updated(self, given: Mapping[str, Any]) -> Options:
        """These options with those replaced that were given (are not None)."""
        return replace(self, **{k: v for k, v in given.items() if v is not None})


NAMES = frozenset(field.name for field in fields(Options))


def from_record(record: Mapping[str, Any]) -> Options:
    """The options that a `run` record holds; unknown names are a newer format's."""
    unknown = sorted(set(record) - NAMES)
    if unknown:
        message = (
            f"the log was written with options that this version does not know ({unknown[0]}); "
            "use the version that wrote it"
        )
        raise UsageError(message)
    try:
        options = Options(**record)
    except (TypeError, UsageError) as error:
        raise DamagedError(f"a run record holds options that cannot be: {error}") from error
    for field in fields(Options):
        value, default = getattr(options, field.name), field.default
        kinds = (bool,) if default is False else (str,) if field.name == "operator" else (int,)
        if value is None and default is None:
            continue
        if not isinstance(value, kinds) or (kinds == (int,) and isinstance(value, bool)):
            raise DamagedError(f"a run record says {field.name} is {value!r}, which cannot be")
    return options
