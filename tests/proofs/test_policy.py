"""Policies: whose word counts and how many of them, and every line that cannot be meant."""

from __future__ import annotations

from itertools import combinations

import pytest
from sealing import LOG_KEY, WITNESSES

from automaton.errors import MismatchError, UsageError
from automaton.proofs.checking import Trust, believe
from automaton.proofs.notes import Note
from automaton.proofs.policy import parse_policy

KEYS = "".join(f"witness {k.name[:2]} {k.public}\n" for k in WITNESSES)
TEXT = f"{LOG_KEY.name}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def note(names: tuple[str, ...], key: object = LOG_KEY) -> Note:
    """A head signed by the log and by some witnesses."""
    signers = [w.cosign(TEXT, 9) for w in WITNESSES if w.name[:2] in names]
    own = [LOG_KEY.sign(TEXT)] if key is LOG_KEY else []
    return Note(TEXT, (*own, *signers))


@pytest.mark.parametrize(
    ("rule", "enough"),
    [
        ("quorum none", lambda _: True),
        ("quorum w2", lambda names: "w2" in names),
        ("group g 2 w1 w2 w3\nquorum g", lambda names: len(names) >= 2),
        ("group g any w1 w3\nquorum g", lambda names: bool({"w1", "w3"} & names)),
        ("group g all w1 w3\nquorum g", lambda names: names >= {"w1", "w3"}),
        ("group a any w1 w2\ngroup b all a w3\nquorum b",
         lambda names: "w3" in names and bool(names & {"w1", "w2"})),
    ],
)  # fmt: skip
def test_a_head_is_believed_when_the_quorum_signed(rule: str, enough: object) -> None:
    policy = parse_policy(f"# who\nlog {LOG_KEY.public} https://x\n\n{KEYS}{rule}\n".encode())
    for count in range(4):
        for names in combinations(("w1", "w2", "w3"), count):
            if enough(set(names)):  # type: ignore[operator]
                assert believe(note(names), Trust(policy=policy)).head.size == 0
            else:
                with pytest.raises(MismatchError, match="too few witnesses"):
                    believe(note(names), Trust(policy=policy))


def test_a_head_that_no_log_of_the_policy_signed_is_not_believed() -> None:
    policy = parse_policy(f"log {LOG_KEY.public}\nquorum none\n".encode())
    with pytest.raises(MismatchError, match="not signed by a log"):
        believe(note((), key=None), Trust(policy=policy))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no line `quorum"),
        ("quorum w9", "line 1 .* w9 is no witness"),
        ("quorum none\nquorum none", "line 2"),
        ("what", "line 1 .* is not log"),
        ("log", "line 1"),
        (f"log {WITNESSES[0].public}", "a witness's key"),
        (f"witness a {LOG_KEY.public}", "a log's key"),
        (f"log {LOG_KEY.public}\nlog {LOG_KEY.public}", "twice"),
        (f"{KEYS}witness w1 {LOG_KEY.public}", "a log's key"),
        (f"{KEYS}witness x {WITNESSES[0].public}", "twice"),
        (f"{KEYS}group w1 all w2", "is taken"),
        (f"{KEYS}group none all w2", "is taken"),
        (f"{KEYS}group g 0 w1", "neither all"),
        (f"{KEYS}group g 2 w1", "neither all"),
        (f"{KEYS}group g two w1 w2", "neither all"),
        (f"{KEYS}group g 1 w1 w9", "w9 is no witness"),
        (f"{KEYS}group g 1 w1\ngroup h 1 w1", "in a group already"),
        (f"{KEYS}group g all", "is wanted"),
        ("\n" * 5000, "more than"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_policy(text.encode())


def test_without_anything_to_trust_nothing_is_believed() -> None:
    with pytest.raises(UsageError, match="nothing to check it with"):
        believe(note(()), Trust())
