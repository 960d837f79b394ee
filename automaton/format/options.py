"""The deciding options: what, beside genesis and input, the appended bytes depend on.

Only these stand in a `run` record and are inherited on resuming. Pure values;
how many workers, which device and how durable are settings of the shell.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from automaton.errors import DamagedError, UsageError
from automaton.format import soup_options, stream_options
from automaton.format.soup_options import ALL as ALL  # noqa: PLC0414 - of the face
from automaton.format.soup_options import EVALUATIONS as EVALUATIONS  # noqa: PLC0414 - of the face
from automaton.format.soup_options import AmplifierLaw as AmplifierLaw  # noqa: PLC0414 - of the face
from automaton.format.soup_options import Generator as Generator  # noqa: PLC0414 - of the face
from automaton.format.soup_options import InflowLaw as InflowLaw  # noqa: PLC0414 - of the face
from automaton.format.soup_options import generator as generator  # noqa: PLC0414 - of the face
from automaton.format.soup_options import parse_amplifiers as parse_amplifiers  # noqa: PLC0414 - of the face
from automaton.format.soup_options import parse_inflow as parse_inflow  # noqa: PLC0414 - of the face
from automaton.format.versions import NEWEST, Format

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
    "island": (0, (1 << 20) - 1, "the number of an island"),
}

#: What only an archipelago gives to its islands' logs.
OF_ISLANDS = ("archipelago", "island")
_DIGEST = re.compile("[0-9a-f]{64}")


#: When a product can react: in the next tick, or in the next reaction of the same tick.
UPDATINGS = ("synchronous", "sequential")


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
    streams: str = "none"  # who competes each round: none, all, or names (`lineup.table`)
    salience: str = stream_options.MIXTURE  # what a candidate's features weigh (`lineup.mixture`)
    copies: bool = False  # whether a normal form equal to a reactant competes
    updating: str = "synchronous"  # whether a product waits for the tick's end: UPDATINGS
    evaluation: str = soup_options.EVALUATIONS[0]  # how a reaction is evaluated
    amplifiers: str = "none"  # what test functions do (`soup_options.AmplifierLaw`)
    inflow: str = "none"  # what enters from outside (`soup_options.InflowLaw`)
    graph: bool = False  # how objects are read (`graphs`): by the genesis, never given
    archipelago: str | None = None  # SHA-256 of what it is, in hex; None: the log runs alone
    island: int | None = None  # its number in there

    def __post_init__(self) -> None:
        for name, (low, high, unit) in RANGES.items():
            value = getattr(self, name)
            flag = "--" + name.replace("_", "-")
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise UsageError(f"{flag} is {value!r}; a whole number is wanted ({unit})")
            if value is not None and not low <= value <= high:
                message = f"{flag} is {value}; it must be from {low} to {high} ({unit})"
                raise UsageError(message)
        if self.updating not in UPDATINGS:
            raise UsageError(f"--updating is {self.updating!r}; it is {' or '.join(UPDATINGS)}")
        if self.updating == "sequential" and self.streams != "none":
            message = (
                "--updating sequential goes without streams: they choose among the candidates of "
                "one snapshot; give --streams none"
            )
            raise UsageError(message)
        self._refuse_parts_of_a_soup()
        stream_options.initial_weights(stream_options.parse_streams(self.streams))
        stream_options.parse_salience(self.salience)
        if (self.archipelago is None) != (self.island is None):
            raise UsageError("an island has a number, and an archipelago that it is of")
        if self.archipelago is not None and not _DIGEST.fullmatch(self.archipelago):
            raise UsageError(f"{self.archipelago!r} is no SHA-256 in hexadecimal digits")

    def _refuse_parts_of_a_soup(self) -> None:
        """What needs a soup in order, and what cannot be in it."""
        if self.evaluation not in soup_options.EVALUATIONS:
            known = " or ".join(soup_options.EVALUATIONS)
            raise UsageError(f"--evaluation is {self.evaluation!r}; it is {known}")
        soup_options.parse_amplifiers(self.amplifiers)
        inflow = soup_options.parse_inflow(self.inflow)
        for name, default in _DEFAULTS_OF_SOUPS.items():
            if getattr(self, name) == default:
                continue
            if self.updating != "sequential" or self.operator is None:
                raise UsageError(
                    f"--{name} is for a soup whose collisions come one after another under one "
                    "law: give --updating sequential and --operator TERM too"
                )
        if inflow is not None and inflow.every % self.parallel:
            raise UsageError(
                f"--inflow every={inflow.every} is no multiple of --parallel {self.parallel}, the "
                "collisions of a tick; terms enter between ticks"
            )

    @property
    def input_limit(self) -> int:
        """Nodes of a term `(op a) b` above which the outcome is `input`."""
        return 3 * self.max_size + 2 if self.max_input is None else self.max_input

    def record(self, form: Format = NEWEST) -> dict[str, Any]:
        """The options sorted by name, as they stand in the `run` record.

        Without streams nothing is said of them, nor of a graph where there is none, nor
        of updating where it is synchronous, nor of evaluation, amplifiers and inflow where
        they are as usual, nor of islands where the log runs alone.
        """
        own = asdict(self)
        own["seed"] = form.seed(self.seed)
        if not self.graph:
            del own["graph"]
        if self.updating == UPDATINGS[0]:
            del own["updating"]
        for name, default in _DEFAULTS_OF_SOUPS.items():
            if own[name] == default:
                del own[name]
        if self.streams == "none":
            del own["streams"], own["salience"]
        if self.archipelago is None:
            del own["archipelago"], own["island"]
        return dict(sorted(own.items()))

    def updated(self, given: Mapping[str, Any]) -> Options:
        """These options with those replaced that were given (are not None).

        `UNSET` takes back what was given once. A name that is none is a `UsageError`.
        """
        known(given, NAMES - {"graph"})
        taken_back = {k: None for k in UNSETTABLE if given.get(k) == UNSET}
        new = {k: v for k, v in given.items() if v is not None}
        return replace(self, **{**new, **taken_back})


def known(given: Iterable[str], names: Iterable[str]) -> None:
    """Refuses a name that is none of these, with the one that was likely meant."""
    names = sorted(names)
    for name in given:
        if name not in names:
            close = difflib.get_close_matches(str(name), names, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
            raise UsageError(f"there is no option {name!r}; {meant}")


#: What takes back an option that the log remembers, and which can be.
UNSET = "none"
UNSETTABLE = ("operator", "lock_dimension", "focus_dimension")
_DECIMAL = re.compile("[0-9]{1,20}")
_DEFAULTS_OF_SOUPS = {
    "evaluation": soup_options.EVALUATIONS[0],
    "amplifiers": "none",
    "inflow": "none",
}
_OF_SOUPS = tuple(_DEFAULTS_OF_SOUPS)
_TEXTS = ("operator", "streams", "salience", "updating", "archipelago", *_OF_SOUPS)
NAMES = frozenset(field.name for field in fields(Options))


def from_record(record: Mapping[str, Any]) -> Options:
    """The options that a `run` record holds; unknown names are a newer format's.

    A seed may be a number or its decimal text.
    """
    unknown = sorted(set(record) - NAMES)
    if unknown:
        message = (
            f"the log was written with options that this version does not know ({unknown[0]}); "
            "use the version that wrote it"
        )
        raise UsageError(message)
    seed = record.get("seed")
    if isinstance(seed, str) and _DECIMAL.fullmatch(seed):
        record = {**record, "seed": int(seed)}
    try:
        options = Options(**record)
    except (TypeError, UsageError) as error:
        raise DamagedError(f"a run record holds options that cannot be: {error}") from error
    for field in fields(Options):
        value, default = getattr(options, field.name), field.default
        kinds = (bool,) if default is False else (str,) if field.name in _TEXTS else (int,)
        if value is None and default is None:
            continue
        if not isinstance(value, kinds) or (kinds == (int,) and isinstance(value, bool)):
            raise DamagedError(f"a run record says {field.name} is {value!r}, which cannot be")
    return options
