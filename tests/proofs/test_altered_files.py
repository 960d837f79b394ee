"""Notes and policies of which bytes were changed at random: none is believed in another meaning."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sealing import LOG_KEY, WITNESSES

from automaton.errors import MismatchError, UsageError
from automaton.proofs.checking import Trust, believe
from automaton.proofs.notes import Note, parse_note
from automaton.proofs.policy import parse_policy

TEXT = f"{LOG_KEY.name}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
NOTE = str(Note(TEXT, (LOG_KEY.sign(TEXT), *(w.cosign(TEXT, 9) for w in WITNESSES)))).encode()
KEYS = "".join(f"witness {w.name[:2]} {w.public}\n" for w in WITNESSES)
NAMES = " ".join(w.name[:2] for w in WITNESSES)
POLICY = f"log {LOG_KEY.public}\n{KEYS}group g all {NAMES}\nquorum g\n".encode()


def altered(whole: bytes) -> Iterator[bytes]:
    """A thousand changes of one to three bytes, put in, left out or exchanged."""
    draw, count = random.Random(19), 0
    while count < 1000:
        changed = bytearray(whole)
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(changed))
            other = [bytes([draw.randrange(256)]), b"", changed[at : at + 1] + b"\n"]
            changed[at : at + 1] = other[draw.randrange(3)]
        if changed != whole:
            count += 1
            yield bytes(changed)


def test_a_thousand_random_changes_of_a_note_are_refused() -> None:
    trust = Trust(policy=parse_policy(POLICY))
    assert believe(parse_note(NOTE), trust).head.size == 0
    for changed in altered(NOTE):
        with pytest.raises((MismatchError, UsageError, ValueError)):
            believe(parse_note(changed), trust)


def test_a_thousand_random_changes_of_a_policy_are_refused_or_change_no_meaning() -> None:
    due, same = parse_policy(POLICY), 0
    for changed in altered(POLICY):
        try:
            found = parse_policy(changed)
            believe(parse_note(NOTE), Trust(policy=found))
        except (MismatchError, UsageError):
            continue
        assert found == due, changed
        same += 1  # a space more, an empty line
    assert same < 20
