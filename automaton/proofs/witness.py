"""A witness: cosigns heads that go on from those it saw, and keeps what shows a fork.

Its folder has one folder for each log: the log's key, the note that was cosigned last, and
the notes of forks. Lives here: when a head is cosigned, and that folder. Must not know: how
ticks are computed again (it is handed whoever does), the clock, the terminal.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from automaton.errors import FileError, LockedError, MismatchError, UsageError
from automaton.proofs import consistency
from automaton.proofs.commit_tree import Commits, CommitTree
from automaton.proofs.keys import SecretKey, signed_by
from automaton.proofs.notes import LONGEST, Note, PublicKey, parse_key
from automaton.proofs.prover import known_head
from automaton.proofs.signing import replace
from automaton.proofs.tree_heads import TreeHead, parse_head

_NAME = 16  # hexadecimal digits of a log's folder
_OTHERS = "the head begins with other commits than were cosigned"
#: Computes the ticks behind the first number up to the second again, or raises.
Recompute = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class WitnessRequest:
    """What a witness is shown: a note, and what is to prove that it goes on from the last."""

    head: TreeHead
    note: Note
    proof: consistency.ConsistencyProof | None = None


@dataclass(frozen=True, slots=True)
class WitnessedLog:
    """The log itself, where the witness has it."""

    commits: Commits
    tree: CommitTree
    recompute: Recompute | None = None


def parse_shown(raw: bytes) -> WitnessRequest:
    """A note, or a proof of consistency, which holds one; UsageError."""
    try:
        if consistency.is_one(raw):
            proof = consistency.parse(raw)
            head, note = parse_head(str(proof.new).encode())
            return WitnessRequest(head, note, proof)
        return WitnessRequest(*parse_head(raw))
    except ValueError as error:
        raise UsageError(f"neither a note of a head nor a proof of consistency: {error}") from None


class Witness:
    """The folder of a witness, locked while it is open."""

    def __init__(self, folder: Path, key: SecretKey) -> None:
        self._folder, self._key = folder, key

    def cosign(
        self,
        shown: WitnessRequest,
        time: int,
        log_key: PublicKey | None = None,
        log: WitnessedLog | None = None,
    ) -> Note:
        """The note with this witness's signature; a head that it may not sign is an error."""
        place = self._folder / sha256(shown.head.origin.encode()).hexdigest()[:_NAME]
        key = _key_of(place, shown.head.origin, log_key)
        if signed_by(shown.note, key) is None:
            raise MismatchError(f"the note is not signed by the log's key {key.name}")
        last = _last(place)
        if log is not None:
            known_head(log.commits, log.tree, str(shown.note).encode())
        if last is not None:
            _CosignedHead(place, *last).hold(shown, log)
        if log is not None and log.recompute is not None:
            log.recompute(last[0].size if last else 0, shown.head.size)
        note = shown.note.signed([self._key.cosign(shown.note.text, time)])
        place.mkdir(parents=True, exist_ok=True)
        replace(place / "key", f"{key}\n".encode())
        replace(place / "latest", str(note).encode())  # durable before it is handed out
        return note


@contextmanager
def opened(folder: Path, key: SecretKey) -> Iterator[Witness]:
    """The witness of a folder, which is made where it is not there; one process at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise LockedError(f"another process is this witness now ({folder}/lock)") from None
    try:
        yield Witness(folder, key)
    finally:
        os.close(fd)


def _key_of(place: Path, origin: str, given: PublicKey | None) -> PublicKey:
    """The key of a log: the one that was given first counts."""
    try:
        known = parse_key((place / "key").read_text())
    except FileNotFoundError:
        known = None
    if known is None and given is None:
        raise UsageError(
            f"this witness does not know {origin}: give the log's public key (--log-key), once"
        )
    if known is not None and given is not None and known != given:
        raise UsageError(f"{origin} is known here by another key ({place}/key): {known.name}")
    found = known or given
    assert found is not None
    if found.name != origin:
        raise UsageError(f"the key is that of {found.name}, and the note is of {origin}")
    return found


def _last(place: Path) -> tuple[TreeHead, Note] | None:
    """What was cosigned last."""
    try:
        with (place / "latest").open("rb") as file:
            return parse_head(file.read(LONGEST))
    except FileNotFoundError:
        return None
    except ValueError:
        raise FileError(
            f"{place}/latest, what this witness cosigned last, was altered: without it nothing can "
            "be cosigned; take a copy back"
        ) from None


@dataclass(frozen=True, slots=True)
class _CosignedHead:
    """What a witness has of a log that it cosigned before."""

    place: Path  # the log's folder
    head: TreeHead
    note: Note

    def hold(self, shown: WitnessRequest, log: WitnessedLog | None) -> None:
        """Raise where a head does not go on from the last one."""
        old, new = self.head, shown.head
        if new.size == old.size and new.root != old.root:
            raise self._fork(shown.note, "two roots after the same commits")
        if new.size < old.size:
            raise UsageError(
                f"the head is of {new.size:,} commits, and one of {old.size:,} was cosigned: it is "
                "an older one, or the log was cut; only what goes on is cosigned"
            )
        if new.size > old.size and log is None:
            self._hold_to_proof(shown)
        elif log is not None and not log.tree.had(old.size, old.root):
            raise self._fork(shown.note, _OTHERS, self._proof_of_others(shown, log))

    def _proof_of_others(
        self, shown: WitnessRequest, log: WitnessedLog
    ) -> consistency.ConsistencyProof:
        """That the head which is shown begins with other commits than were cosigned."""
        old = TreeHead(self.head.origin, self.head.size, log.tree.root(self.head.size))
        path = tuple(log.tree.consistency(old.size, shown.head.size))
        return consistency.ConsistencyProof(Note(str(old)), shown.note, path)

    def _hold_to_proof(self, shown: WitnessRequest) -> None:
        """Raise where no proof leads from the last head to the one that is shown."""
        proof, size = shown.proof, self.head.size
        how = f"prove LOG --from {self.place}/latest --to NOTE"
        if proof is None:
            raise UsageError(
                f"what shows that {shown.head.size:,} commits go on from {size:,}? Give the log "
                f"(--log), or a proof: {how}"
            )
        old, _ = consistency.follows(proof)
        if old.size != size:
            raise UsageError(
                f"the proof begins at {old.size:,} commits, and {size:,} were cosigned last: {how}"
            )
        if old.root != self.head.root:  # and the log signed what begins so
            raise self._fork(shown.note, _OTHERS, proof)

    def _fork(
        self, shown: Note, what: str, proof: consistency.ConsistencyProof | None = None
    ) -> MismatchError:
        """Keep both notes, and what shows that they do not go together, once; and say so."""
        files = {"cosigned": str(self.note), "shown": str(shown)}
        if proof is not None:
            files["proof"] = consistency.to_text(proof)
        number = 1
        while (kept := self.place / f"fork-{number}").exists() and not _holds(kept, files):
            number += 1
        kept.mkdir(exist_ok=True)
        for name, text in files.items():
            replace(kept / name, text.encode())
        also = ", and the proof between them" if proof else ""
        return MismatchError(
            f"a fork: {what}; nothing was cosigned. Both notes are kept in {kept}, each signed by "
            f"the log{also}: whoever sees them sees that it showed two histories"
        )


def _holds(folder: Path, files: dict[str, str]) -> bool:
    """Whether these very files are kept already."""
    try:
        return all((folder / name).read_text() == text for name, text in files.items())
    except OSError:
        return False
