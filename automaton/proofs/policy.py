"""Policies (C2SP tlog-policy): which logs and witnesses are believed, and how many of them.

Lives here: the file's grammar, and whether a quorum is reached. Must not know: how a
signature is checked (it is told who signed), files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from automaton.errors import UsageError, whole_number
from automaton.proofs.notes import COSIGNATURE, ED25519, PublicKey, parse_key

_NONE = "none"
_MOST = 4096  # lines
_URL = 3  # words of a witness's line without its address


@dataclass(frozen=True, slots=True)
class Group:
    """So many of these names."""

    least: int
    names: tuple[str, ...]


@dataclass(slots=True)
class Policy:
    """The logs whose notes count, the witnesses by name, the groups, and whose word is needed."""

    logs: list[PublicKey] = field(default_factory=list)
    witnesses: dict[str, PublicKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = ""

    def reached(self, signed: AbstractSet[str]) -> bool:
        """Whether the witnesses who signed are enough."""
        return self.quorum == _NONE or self._holds(self.quorum, signed)

    def _holds(self, name: str, signed: AbstractSet[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in signed
        return sum(self._holds(member, signed) for member in group.names) >= group.least

    @property
    def wanted(self) -> str:
        """What the quorum asks for, for people."""
        group = self.groups.get(self.quorum)
        if group is None:
            return "no witness" if self.quorum == _NONE else f"the witness {self.quorum}"
        return f"{group.least} of {', '.join(group.names)}"


def parse_policy(raw: bytes) -> Policy:
    """A policy file; UsageError says in which line what is wrong."""
    policy, used = Policy(), set[str]()
    lines = raw.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) > _MOST:
        raise UsageError(f"the policy has more than {_MOST:,} lines")
    for number, line in enumerate(lines, 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            _KINDS.get(words[0], _unknown)(policy, words, used)
        except (ValueError, UsageError) as error:
            raise UsageError(f"line {number} of the policy: {error}") from None
    if not policy.quorum:
        raise UsageError("the policy has no line `quorum NAME` (or `quorum none`)")
    return policy


def _unknown(_policy: Policy, words: Sequence[str], _used: set[str]) -> None:
    raise ValueError(f"{words[0]!r} is not log, witness, group or quorum")


def _log(policy: Policy, words: Sequence[str], _used: set[str]) -> None:
    if len(words) not in {2, 3}:
        raise ValueError("`log KEY [URL]` is wanted")
    key = parse_key(words[1])
    if key.kind != ED25519:
        raise ValueError(f"{key.name} is a witness's key, and a log's is wanted")
    if any(key.raw == other.raw for other in policy.logs):
        raise ValueError(f"the key of {key.name} stands there twice")
    policy.logs.append(key)


def _witness(policy: Policy, words: Sequence[str], _used: set[str]) -> None:
    if len(words) not in {_URL, _URL + 1}:
        raise ValueError("`witness NAME KEY [URL]` is wanted")
    key = parse_key(words[2])
    if key.kind != COSIGNATURE:
        raise ValueError(f"{key.name} is a log's key, and a witness's is wanted")
    if any(key.raw == other.raw for other in policy.witnesses.values()):
        raise ValueError(f"the key of {key.name} stands there twice")
    policy.witnesses[_new(policy, words[1])] = key


def _new(policy: Policy, name: str) -> str:
    if name == _NONE or name in policy.witnesses or name in policy.groups:
        raise ValueError(f"the name {name} is taken")
    return name


def _group(policy: Policy, words: Sequence[str], used: set[str]) -> None:
    if len(words) <= _URL:
        raise ValueError("`group NAME all|any|COUNT NAME...` is wanted")
    _, name, least, *names = words
    for member in names:
        if member not in policy.witnesses and member not in policy.groups:
            raise ValueError(f"{member} is no witness or group of a line before")
        if member in used:
            raise ValueError(f"{member} is in a group already")
        used.add(member)
    count = {"all": len(names), "any": 1}.get(least)
    if count is None:
        count = whole_number(least) or 0
    if not 1 <= count <= len(names):
        raise ValueError(f"{least!r} of {len(names)} is neither all, any, nor a count of them")
    policy.groups[_new(policy, name)] = Group(count, tuple(names))


def _quorum(policy: Policy, words: Sequence[str], _used: set[str]) -> None:
    if len(words) != 2 or policy.quorum:
        raise ValueError("one line `quorum NAME` is wanted")
    name = words[1]
    if name != _NONE and name not in policy.witnesses and name not in policy.groups:
        raise ValueError(f"{name} is no witness or group of a line before")
    policy.quorum = name


_KINDS: dict[str, Callable[[Policy, Sequence[str], set[str]], None]] = {
    "log": _log, "witness": _witness, "group": _group, "quorum": _quorum,
}  # fmt: skip
