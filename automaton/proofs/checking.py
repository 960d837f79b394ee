"""Whether a note is to be believed: by a key, by a policy, or by a head that is known.

Lives here: what a checker trusts, held against a note; and proof files checked with it,
without a log. Must not know: logs, who asks, the terminal.
"""

from __future__ import annotations

from dataclasses import dataclass

from automaton.errors import MismatchError, UsageError
from automaton.proofs import consistency, inclusion
from automaton.proofs.inclusion import Batch, LineProof, ReadCommit
from automaton.proofs.keys import signed_by
from automaton.proofs.notes import Note, PublicKey
from automaton.proofs.policy import Policy
from automaton.proofs.tree_heads import TreeHead, head_in


@dataclass(frozen=True, slots=True)
class Trust:
    """What the checker knows from elsewhere; all that is given must hold."""

    keys: tuple[PublicKey, ...] = ()
    policy: Policy | None = None
    head: TreeHead | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to hold a note against."""
        return bool(self.keys or self.policy or self.head)


@dataclass(frozen=True, slots=True)
class HeadEvidence:
    """A head, and why it is believed: whose signatures were checked, with a witness's time."""

    head: TreeHead
    signers: tuple[tuple[str, int], ...]  # name, seconds since 1970 (0: no time)


def believe(note: Note, trust: Trust) -> HeadEvidence:
    """Hold a note against what is trusted; MismatchError says what is missing."""
    try:
        head = head_in(note)
    except ValueError as error:
        raise MismatchError(f"the note is no head of a log: {error}") from None
    if not trust:
        raise UsageError("nothing to check it with: give --key, --policy or --head")
    signers: dict[str, int] = {}
    for key in trust.keys:
        time = signed_by(note, key)
        if time is None:
            raise MismatchError(f"the note is not signed by {key.name} ({key.id.hex()})")
        signers[key.name] = time
    if trust.policy is not None:
        signers |= _by_policy(note, head, trust.policy)
    if trust.head is not None and head != trust.head:
        raise MismatchError(f"the head is not the one that was given: it is {head.shown}")
    return HeadEvidence(head, tuple(signers.items()))


def _by_policy(note: Note, head: TreeHead, policy: Policy) -> dict[str, int]:
    """Who of a policy signed, where that is enough."""
    if not policy.logs and policy.reached(frozenset()):
        raise UsageError(
            "the policy asks for nobody's signature, so that every note would pass: give it a "
            "line `log KEY`, or a quorum of witnesses"
        )
    signers: dict[str, int] = {}
    ours = [key for key in policy.logs if key.name == head.origin]
    times = {key.name: signed_by(note, key) for key in ours}
    if policy.logs and not any(time is not None for time in times.values()):
        raise MismatchError(f"the note of {head.origin} is not signed by a log of the policy")
    signers |= {name: time for name, time in times.items() if time is not None}
    seen = set()
    for name, key in policy.witnesses.items():
        time = signed_by(note, key)
        if time is not None:
            seen.add(name)
            signers[key.name] = time
    if not policy.reached(seen):
        raise MismatchError(
            f"too few witnesses: {policy.wanted} must have signed, and "
            f"{', '.join(sorted(seen)) or 'nobody'} has"
        )
    return signers


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """A line that is in a log, and the head that says so."""

    proof: LineProof
    batch: Batch
    by: HeadEvidence


@dataclass(frozen=True, slots=True)
class CheckedHeads:
    """A head that is a beginning of another, both believed."""

    old: HeadEvidence
    new: HeadEvidence


def check_file(raw: bytes, trust: Trust, read: ReadCommit) -> CheckedLine | CheckedHeads:
    """What a proof file proves to somebody who trusts this; MismatchError: nothing."""
    try:
        if inclusion.is_one(raw):
            proof, index = inclusion.parse(raw)
        elif consistency.is_one(raw):
            return _heads(consistency.parse(raw), trust)
        else:
            raise ValueError("it begins like no proof; prove writes one")  # noqa: TRY301
    except ValueError as error:
        raise MismatchError(f"this is no proof: {error}") from None
    batch, _ = inclusion.follows(proof, index, read)
    return CheckedLine(proof, batch, believe(proof.note, trust))


def _heads(proof: consistency.ConsistencyProof, trust: Trust) -> CheckedHeads:
    """Both heads are believed by the keys; a head that is given is the newer one."""
    consistency.follows(proof)
    older = Trust(trust.keys, trust.policy)
    new = believe(proof.new, trust)
    old = believe(proof.old, older) if older else HeadEvidence(head_in(proof.old), ())
    return CheckedHeads(old, new)
