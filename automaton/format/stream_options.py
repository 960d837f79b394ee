"""Who competes in a round, and what a candidate's features weigh: what the options mean.

Names and numbers only: what a stream proposes is `automaton.chemistry.streams`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import chain

from automaton.errors import UsageError, closest

#: One, in the fixed point of weights and of salience.
FIXED_ONE = 1 << 16
#: The sources of candidates.
POLICIES = {
    "sensation": "what came in from outside lately, or was composed by the machine",
    "memory": "of the archive's window, what is most like the recent winners",
    "emotion": "the most salient of some recent winners",
    "anchor": "the most used of some that live",
    "reason": "reckoning on numerals, rules, compositions",
    "uniform": "any two: the null model's policy, as one stream among others",
}
#: `all`: these, each with weight 1.
ALL = ("sensation", "memory", "emotion", "anchor", "reason")
FEATURES = ("relevance", "importance", "novelty", "connection", "arousal")
#: The features' weights where nothing else is said; they add up to 1.
MIXTURE = "relevance=0.3,importance=0.2,novelty=0.2,connection=0.2,arousal=0.1"
MOST_STREAMS = 64


@dataclass(frozen=True)
class Stream:
    """A source of candidates: its name in the log, its policy, its weight at first."""

    name: str
    policy: str
    weight: int  # fixed point, ONE = 1.0


def parse_streams(text: str) -> list[Stream]:
    """The streams of the option `streams`: `none`, or names, each with `=weight` or not.

    `all` stands for the five of `ALL`. A name that comes again is a stream of its own:
    the second `uniform` is `uniform~2`.
    """
    if text == "none":
        return []
    found: list[Stream] = []
    for part in _parts(text):
        name, _, weight = part.partition("=")
        if name not in POLICIES:
            own = {"all": "; `all` takes no weight", "none": "; `none` stands alone"}
            hint = own.get(name) or closest(name, [*POLICIES, "all"])
            known = ", ".join(POLICIES)
            raise UsageError(f"--streams: there is no stream `{name}`{hint} (there are {known})")
        count = 1 + sum(stream.name.partition("~")[0] == name for stream in found)
        label = name if count == 1 else f"{name}~{count}"
        found.append(Stream(label, name, _fixed("--streams", weight or "1")))
    if len(found) > MOST_STREAMS:
        raise UsageError(f"--streams names {len(found)} streams; at most {MOST_STREAMS} compete")
    return found


def streams_without(text: str, names: Collection[str]) -> str:
    """The option `streams` less the streams of these names; the others keep their weights."""
    named = zip(_parts(text), parse_streams(text), strict=True)
    return ",".join(part for part, stream in named if stream.name not in names) or "none"


def _parts(text: str) -> list[str]:
    """The streams as they are given, those of `all` one by one."""
    given = [part.strip() for part in text.split(",")]
    return list(chain.from_iterable(ALL if part == "all" else [part] for part in given))


def salience_without(text: str, feature: str) -> str:
    """The option `salience` with one feature that weighs nothing."""
    parts = [part for part in text.split(",") if part.strip().partition("=")[0] != feature]
    return ",".join([*parts, f"{feature}=0"])


def parse_salience(text: str) -> list[int]:
    """The features' weights of the option `salience`, in fixed point; those not named are 0."""
    weights = dict.fromkeys(FEATURES, 0)
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in weights:
            hint = closest(name, FEATURES)
            known = ", ".join(FEATURES)
            raise UsageError(f"--salience: there is no feature `{name}`{hint} (there are {known})")
        weights[name] = _fixed("--salience", value)
    return list(weights.values())


def _fixed(flag: str, text: str) -> int:
    """A weight in fixed point; decimals, so that no float decides bytes."""
    try:
        value = Decimal(text)
        inside = 0 <= value <= 16
    except InvalidOperation:
        inside = False
    if not inside:
        raise UsageError(f"{flag}: `{text}` is no weight; give a number from 0 to 16, such as 0.25")
    return int((value * FIXED_ONE).to_integral_value())


def initial_weights(streams: Sequence[Stream]) -> list[int]:
    """The weights that a state begins with: in fixed point, adding up to about ONE."""
    total = sum(stream.weight for stream in streams)
    if not streams:
        return [FIXED_ONE]
    if not total:
        raise UsageError("--streams: all weights are 0, so that nothing can win by worth")
    return [stream.weight * FIXED_ONE // total for stream in streams]
