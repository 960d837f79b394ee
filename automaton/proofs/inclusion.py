"""A proof of one line: from its page to its commit, and from the commit to a head.

The file is a C2SP tlog-proof, whose entry is the commit's line; what is needed to come from
a line to it stands in `extra`. Lives here: that file written and read, and what follows
from it alone. Must not know: keys, logs, files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from automaton.digests import merkle
from automaton.digests.batch_digest import PAGE, PageTree, page_at
from automaton.digests.merkle import leaf_hash
from automaton.errors import MismatchError
from automaton.proofs.notes import Note, decoded, encoded, parse_note
from automaton.proofs.tree_heads import TreeHead, head_in

FIRST_LINE = "c2sp.org/tlog-proof@v1"
#: Bytes of a proof that are read: a page may end with a line of 16 MiB.
LONGEST = 24 << 20
_PLACE = re.compile(rb"page (0|[1-9][0-9]{0,12}) line (0|[1-9][0-9]{0,6})")
_HEADS = re.compile("[^\n]*\nextra ([A-Za-z0-9+/]*={0,2})\nindex (0|[1-9][0-9]{0,17})")
_HASHES = 64  # in a path, at most


class Batch(NamedTuple):
    """What a commit's line says of its batch."""

    tick: int
    length: int  # bytes
    digest: bytes


#: How a commit's line is read; None: it is no commit.
ReadCommit = Callable[[bytes], Batch | None]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a batch, the line in it that is meant, and the path to the batch's digest."""

    number: int
    line: int  # from 0
    path: tuple[bytes, ...]
    text: bytes

    @property
    def proved(self) -> bytes:
        """The line that is meant, without its newline."""
        return self.text.split(b"\n")[self.line]


@dataclass(frozen=True, slots=True)
class LineProof:
    """All that leads from a line to a head; without a page it is the commit that is proved."""

    commit: bytes  # its line, without the newline
    path: tuple[bytes, ...]
    note: Note
    page: Page | None = None

    @property
    def line(self) -> bytes:
        """The line that is proved."""
        return self.page.proved if self.page else self.commit


def page_of(batch: memoryview, begin: int) -> Page:
    """The page in which the line stands that begins at this byte of its batch."""
    tree, number = PageTree(), begin // PAGE
    tree.update(batch)
    leaves = tree.leaves()
    first, stop = page_at(batch, number)
    text = bytes(batch[first:stop])
    path = merkle.inclusion(number, len(leaves), merkle.subtree_of(leaves))
    return Page(number, text.count(b"\n", 0, begin - first), tuple(path), text)


def to_text(proof: LineProof, tick: int) -> str:
    """The file."""
    extra, page = proof.commit + b"\n", proof.page
    if page is not None:
        place = b"page %d line %d\n" % (page.number, page.line)
        hashes = b"".join(encoded(part).encode() + b"\n" for part in page.path)
        extra += place + hashes + b"\n" + page.text
    lines = [FIRST_LINE, f"extra {encoded(extra)}", f"index {tick - 1}"]
    return "\n".join([*lines, *map(encoded, proof.path), "", str(proof.note)])


def is_one(raw: bytes) -> bool:
    """Whether a file is a proof of this kind, by its first line."""
    return raw.startswith(FIRST_LINE.encode() + b"\n")


def parse(raw: bytes) -> tuple[LineProof, int]:
    """The proof of a file, and the number of its entry; ValueError."""
    head, gap, rest = raw.partition(b"\n\n")
    if len(raw) > LONGEST or not gap:
        raise ValueError("the proof is cut short, or too long")
    first, *hashes = _split(head)
    match = _HEADS.fullmatch(first)
    if match is None or not is_one(raw):
        raise ValueError("the proof does not begin as one of a line does")
    commit, page = _parse_extra(decoded(match[1]))
    return LineProof(commit, _path(hashes), parse_note(rest), page), int(match[2])


def _split(head: bytes) -> list[str]:
    """The three first lines as one text, and the others."""
    lines = head.decode("ascii", "replace").split("\n")
    return ["\n".join(lines[:3]), *lines[3:]]


def _path(lines: Sequence[str]) -> tuple[bytes, ...]:
    path = tuple(map(decoded, lines))
    if len(path) > _HASHES or any(len(part) != len(merkle.EMPTY) for part in path):
        raise ValueError("a path is at most 64 hashes of 32 bytes")
    return path


def _parse_extra(extra: bytes) -> tuple[bytes, Page | None]:
    commit, gap, rest = extra.partition(b"\n")
    if not gap:
        raise ValueError("the commit is cut short")
    if not rest:
        return commit, None
    head, gap, text = rest.partition(b"\n\n")
    place, *hashes = head.split(b"\n")
    match = _PLACE.fullmatch(place)
    if match is None or not gap:
        raise ValueError("the page does not begin as one does")
    path = _path([line.decode("ascii", "replace") for line in hashes])
    page = Page(int(match[1]), int(match[2]), path, text)
    if page.line >= text.count(b"\n") or not text.endswith(b"\n"):
        raise ValueError(f"the page has no line {page.line}")
    return commit, page


def follows(proof: LineProof, index: int, read: ReadCommit) -> tuple[Batch, TreeHead]:
    """What the proof is about, where everything in it fits; MismatchError where not."""
    try:
        head, batch = head_in(proof.note), _batch(proof, index, read)
        leaf = leaf_hash(proof.commit)
        leads = merkle.root_of_inclusion(leaf, index, head.size, proof.path) == head.root
    except ValueError as error:
        raise MismatchError(f"the proof does not hold: {error}") from None
    if not leads:
        raise MismatchError("the proof does not hold: its commit does not lead to the head's root")
    return batch, head


def _batch(proof: LineProof, index: int, read: ReadCommit) -> Batch:
    """What the commit says of its batch, to which the page leads; ValueError."""
    batch, page = read(proof.commit), proof.page
    if batch is None or batch.tick != index + 1:
        raise ValueError(f"the entry is not the line of commit {index + 1}")
    if page is not None:
        count = -(-batch.length // PAGE)
        top = merkle.root_of_inclusion(leaf_hash(page.text), page.number, count, page.path)
        if top != batch.digest:
            raise ValueError("the page does not lead to the digest that the commit states")
    return batch
