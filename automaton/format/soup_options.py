"""What the options of a soup in order mean: how terms are evaluated, amplifiers, inflow.

Texts to values, and what cannot be is a `UsageError`. What an amplifier does is
`kernels.chemistry.sequence`, what flows in `automaton.chemistry.inflow`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

from automaton.errors import UsageError, closest, whole_number

#: How a reaction is evaluated: normal order within budgets of its result, or hybrid
#: applicative order with a limit on the terms on the way.
EVALUATIONS = ("normal", "hybrid-applicative")
#: The largest number that any of these options takes.
_MOST = 1 << 24
_MOST_SOURCES = 256
#: `kept=all`.
ALL = -1


@dataclass(frozen=True)
class AmplifierLaw:
    """What amplifiers do: copies of a term that passes, and the budgets of a test.

    kept: amplifiers that live again after each inflow; 0: none enter, ALL: as many as the
    log has objects that are amplifiers.
    """

    copies: int = 100
    steps: int = 32_000
    size: int = 16_000
    kept: int = 0


@dataclass(frozen=True)
class InflowLaw:
    """What enters from outside: so many terms after every so many collisions."""

    every: int  # collisions
    terms: int
    sources: tuple[tuple[str, int], ...]  # a term, or a generator such as tree:20, and its weight


class Generator(NamedTuple):
    """What draws random terms: see `automaton.terms.generators`."""

    kind: str
    numbers: tuple[int, ...]


#: Generators by name: how many numbers each takes.
GENERATORS = {"tree": (1, 3), "depth": (1, 1), "uniform": (3, 3), "blc": (1, 1), "grammar": (1, 1)}


def parse_amplifiers(text: str) -> AmplifierLaw | None:
    """The law of the option `amplifiers`: `none`, or `copies=100,steps=...`.

    What is left out is as published.
    """
    if text == "none":
        return None
    found: dict[str, int] = {}
    known = [field.name for field in fields(AmplifierLaw)]
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in known:
            raise UsageError(
                f"--amplifiers: there is no `{name}`{closest(name, known)} (there are "
                f"{', '.join(known)}, as in copies=100)"
            )
        if (name, value) == ("kept", "all"):
            found[name] = ALL
        else:
            found[name] = _number("--amplifiers", name, value, least=0 if name == "kept" else 1)
    return AmplifierLaw(**found)


def parse_inflow(text: str) -> InflowLaw | None:
    """The law of the option `inflow`: `none`, or `every=10000,terms=200,SOURCE=WEIGHT,...`."""
    if text == "none":
        return None
    every = terms = 0
    sources: list[tuple[str, int]] = []
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name == "every":
            every = _number("--inflow", name, value, least=1)
        elif name == "terms":
            terms = _number("--inflow", name, value, least=0)
        else:
            sources.append((name, _number("--inflow", name, value or "1", least=1)))
    if not every:
        raise UsageError("--inflow says not how often; begin with every=N, a number of collisions")
    if terms and not sources:
        raise UsageError("--inflow lets terms in and says not which; add a TERM, or tree:20")
    if len(sources) > _MOST_SOURCES:
        raise UsageError(f"--inflow names {len(sources)} sources; at most {_MOST_SOURCES} are read")
    return InflowLaw(every, terms, tuple(sources))


def generator(source: str) -> Generator | None:
    """The generator that a source names; None: it is a term."""
    kind, _, rest = source.partition(":")
    if kind not in GENERATORS:
        return None
    least, most = GENERATORS[kind]
    parts = [whole_number(part) for part in rest.replace("-", ":").split(":")]
    numbers = tuple(number for number in parts if number is not None)
    if not least <= len(parts) <= most or len(numbers) < len(parts):
        raise UsageError(
            f"`{source}` is no generator; there are tree:NODES, depth:NODES, uniform:A-B:DEPTH, "
            "blc:BITS, grammar:LEVELS"
        )
    return Generator(kind, numbers)


def _number(flag: str, name: str, text: str, least: int) -> int:
    value = whole_number(text)
    if value is None:
        raise UsageError(f"{flag}: {name}={text[:80]} is no whole number from {least} to {_MOST}")
    if not least <= value <= _MOST:
        raise UsageError(f"{flag}: {name}={value}; it must be from {least} to {_MOST}")
    return value
