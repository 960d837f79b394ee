"""The arms of an ablation: what of a log's program can be off, and the log's lines without it.

A stream is off by the options, a rule or veto by its object, which stays and says nothing
any more, so that the terms that live are the same. Reads an opened log. Must not know: how
runs are made, what they come to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from automaton.errors import UsageError
from automaton.format import json_edit, stream_options
from automaton.format.graphs import Reading
from automaton.format.objects import Object, object_type, parse_line
from automaton.format.options import Options
from automaton.log import LogReader
from automaton.program.definitions import Program
from automaton.replay import MalformedLines, genesis_objects

#: All on; all on, and a member more that nothing reads; all on, under other seeds.
WHOLE, LABEL, SEEDS = "whole", "placebo:label", "placebo:seeds"
PLACEBOS = (LABEL, SEEDS)
#: Members by which a rule or a veto says what it does.
_SAYING = ("match", "pattern", "replacement")
_KINDS = frozenset({"rule", "veto"})
_PATTERN = 40  # characters of a term that are shown


class Arm(NamedTuple):
    """One thing that is off, or a placebo."""

    name: str  # stream:NAME, memory, rule:ID, veto:ID, or one of the three above
    what: str  # it does, for people
    settings: dict[str, Any]  # deciding options in which it differs from the whole
    identity: str = ""  # of the object that says nothing
    idle: str = ""  # why it makes no difference in any run; "": it may


def arms_of(log: LogReader, options: Options) -> list[Arm]:
    """All that can be off in runs of the log's genesis under these options."""
    program = Program(options.max_size, graph=options.graph)
    said: dict[str, dict[str, Any]] = {}
    for named in genesis_objects(log, MalformedLines()):
        program.learn(named.id, named.members)
        if object_type(named.members) in _KINDS:
            said[named.id] = named.members
    return [*_stream_arms(options), *_object_arms(program, said, options)]


def _stream_arms(options: Options) -> Iterator[Arm]:
    streams = stream_options.parse_streams(options.streams)
    for stream in streams:
        what = stream_options.POLICIES[stream.policy]
        yield _without(options, f"stream:{stream.name}", what, [stream.name])
    weights = stream_options.parse_salience(options.salience)
    novelty = weights[stream_options.FEATURES.index("novelty")]
    recalling = [stream.name for stream in streams if stream.policy == "memory"]
    if streams and novelty:
        what = "the window of what lost: nothing is drawn from it, and novelty weighs nothing"
        arm = _without(options, "memory", what, recalling)
        salience = stream_options.salience_without(options.salience, "novelty")
        yield arm._replace(settings={**arm.settings, "salience": salience})


def _without(options: Options, name: str, what: str, off: Sequence[str]) -> Arm:
    """An arm without some streams."""
    left = stream_options.streams_without(options.streams, off)
    idle = ""
    try:
        stream_options.initial_weights(stream_options.parse_streams(left))
    except UsageError:
        idle = "what is left has no weight"
    if left == "none":
        idle = "it is the only stream: without it nothing competes"
    return Arm(name, what, {"streams": left}, idle=idle)


def _object_arms(
    program: Program, said: dict[str, dict[str, Any]], options: Options
) -> Iterator[Arm]:
    streams = stream_options.parse_streams(options.streams)
    reasons = any(stream.policy == "reason" for stream in streams)
    competing = bool(streams) or options.updating == "sequential"
    for identity in program.rules:
        yield Arm(f"rule:{identity}", f"an operator where {said[identity]['match']}", {}, identity)
    for identity in program.rewritings:
        members = said[identity]
        what = f"rewrites {members['pattern']:.{_PATTERN}} to {members['replacement']:.{_PATTERN}}"
        idle = "" if reasons else "rules rewrite in the stream reason alone, which is not there"
        yield Arm(f"rule:{identity}", what, {}, identity, idle)
    for identity in program.vetoes:
        what = f"forbids what is {said[identity]['match']}"
        idle = "" if competing else "vetoes forbid nothing where every candidate wins its round"
        yield Arm(f"veto:{identity}", what, {}, identity, idle)


class GenesisLines:
    """The lines of a genesis, and what they are in an arm."""

    def __init__(self, genesis: bytes, reading: Reading, arms: Sequence[Arm]) -> None:
        self._lines = genesis.split(b"\n")
        wanted = {arm.identity for arm in arms if arm.identity}
        self._found: dict[str, list[int]] = {}
        objects: list[int] = []
        for at, raw in enumerate(self._lines):
            line = parse_line(raw)
            if not isinstance(line, Object):
                continue
            identity = reading.identity(line.members) or f"line:{at + 1}"
            if identity in wanted:
                self._found.setdefault(identity, []).append(at)
            elif not objects:
                objects.append(at)
        # The placebo touches the same lines, where there are any.
        self._labelled = sorted(at for own in self._found.values() for at in own) or objects

    def of(self, arm: Arm) -> bytes:
        """The genesis of an arm: each version of its object without what it says."""
        changed: dict[int, bytes] = {}
        if arm.name == LABEL:
            for at in self._labelled:
                raw = self._lines[at]
                changed[at] = json_edit.replace_member(raw, ("placebo",), b"true")
        for at in self._found.get(arm.identity, ()):
            raw = self._lines[at]
            line = parse_line(raw)
            assert isinstance(line, Object)
            for name in _SAYING:
                if name in line.members:
                    raw = json_edit.replace_member(raw, (name,), b"null")
            changed[at] = raw
        return b"\n".join(changed.get(at, raw) for at, raw in enumerate(self._lines))
