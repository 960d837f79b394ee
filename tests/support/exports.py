"""Logs to be exported, and the program as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from small import Members, automaton, ran, rich, term, written

#: Ids that other formats could take for something else.
ODD = ['say "λ"\\', "0010", "12e5", "a\tb\nc", "<b>&amp;</b>", "-->", "ünï", "a,b;c|d:e"]


def program(*words: object, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    """The program, with these words."""
    command = [sys.executable, "-m", "automaton", *map(str, words)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done


def odd_objects() -> list[Members]:
    """An automaton, and terms under ids that need care."""
    names = enumerate(ODD)
    return [automaton("0D"), *(term(name, "λx." * (k % 3 + 1) + "x") for k, name in names)]


def streamed(path: Path, ticks: int = 12, **given: Any) -> Path:
    """A log in which streams compete and terms die."""
    written(path, [*rich(), *odd_objects()[1:]])
    ran(path, ticks, parallel=16, max_objects=40, streams="all,uniform", **given)
    return path


def winners_in(path: Path) -> list[Members]:
    """The winner lines as Python's own JSON reads them, each with its tick."""
    lines = map(json.loads, path.read_bytes().splitlines())
    found = [members for members in lines if members.get("type") == "modification"]
    for members in found:
        tick, _, slot = members["id"].rpartition("m")[2].partition(".")
        members |= {"tick": int(tick), "slot": int(slot)}
    return found
