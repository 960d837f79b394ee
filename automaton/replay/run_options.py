"""The options that a log was run with, and the record that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from automaton.errors import UsageError
from automaton.format.options import OF_ISLANDS, UNSET, Options, from_record
from automaton.log import Log, LogReader


def options_for(log: Log, given: Mapping[str, Any]) -> Options:
    """The log's own options (the defaults for a new log) with the given ones in their place."""
    _check_machine(given)
    if log.run is None:
        return replace(Options().updated(given), graph=log.reading.graph)
    inherited = from_record(log.run.options)
    options = inherited.updated(given)
    if options.max_objects != inherited.max_objects and len(log.commits):
        message = (
            f"--max-objects {options.max_objects}: this log was begun with "
            f"{inherited.max_objects}, and its places depend on it; leave the option away, "
            "or begin a new log"
        )
        raise UsageError(message)
    return options


def refuse_island(log: LogReader, given: Mapping[str, Any]) -> None:
    """Refuses to append to an island's log from outside its archipelago.

    Its ticks take in migrants at their time, so a tick of anybody else would make it a
    log that no archipelago wrote.
    """
    own = {} if log.run is None else from_record(log.run.options).record(log.format)
    ours = {name: own.get(name) for name in OF_ISLANDS}
    if ours == {name: given.get(name) for name in OF_ISLANDS} or not len(log.commits):
        return
    if ours["archipelago"] is None:
        raise UsageError(
            f"{log.path} was run alone, so it is no island; take it as a beginning with "
            "`islands init DIR --from LOG`"
        )
    if given.get("archipelago") is None:
        raise UsageError(
            f"{log.path} is island {ours['island']} of an archipelago, whose ticks take in "
            "migrants: go on with `islands run` of its folder, or `fork` it to a log that runs "
            "alone"
        )
    raise UsageError(
        f"{log.path} is island {ours['island']} of the archipelago "
        f"{ours['archipelago']}, and not island {given['island']} of {given['archipelago']}; "
        "logs of different archipelagos are never mixed"
    )


def record_for(log: LogReader, given: str | None) -> str:
    """What is written of a batch: as given, or as the log was begun; it cannot be changed."""
    begun = log.record
    if given not in {None, "full", "commits"}:
        raise UsageError(f"--record {given}: give full, or commits")
    if begun is None or given in {None, begun}:
        return begun or given or "full"
    whole = f"write it whole with `replay LOG --to {len(log.commits)} --out FILE` and go on there"
    way = whole if begun == "commits" else "begin a new log"
    raise UsageError(
        f"--record {given}: this log was begun with --record {begun} and goes on so; leave the "
        f"option away, or {way}"
    )


def _check_machine(given: Mapping[str, Any]) -> None:
    """An operator runs without a machine, so a dimension cannot be asked for beside it."""
    for name in ("lock_dimension", "focus_dimension"):
        if not {given.get("operator"), given.get(name)} & {None, UNSET}:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} needs the machine, and --operator runs without; leave one")
