"""A tree as files that any web server can serve (C2SP tlog-tiles).

Lives here: which files there are, and their bytes; whoever writes them does so in this order,
so that the head comes last. Must not know: folders, keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from automaton.digests.merkle import leaf_hash, root
from automaton.errors import UsageError
from automaton.proofs.commit_tree import Commits
from automaton.proofs.notes import Note

WIDTH = 256  # hashes of a full tile
_DIGITS = 1000  # names are of three digits each
_LONGEST = (1 << 16) - 1  # bytes of an entry


def tile_files(commits: Commits, note: Note) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every file of a log's tree, up to the size that the note states."""
    size = int(note.text.split("\n")[1])
    hashes: list[bytes] = []
    for first in range(0, size, WIDTH):
        count = min(WIDTH, size - first)
        entries = [_entry(commits, first + k) for k in range(count)]
        name = path_of("entries", first // WIDTH, count)
        yield name, b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
        hashes += map(leaf_hash, entries)
    level = 0
    while hashes:
        above = []
        for first in range(0, len(hashes), WIDTH):
            tile = hashes[first : first + WIDTH]
            yield path_of(str(level), first // WIDTH, len(tile)), b"".join(tile)
            if len(tile) == WIDTH:
                above.append(root(tile))
        hashes, level = above, level + 1
    yield "checkpoint", str(note).encode()


def path_of(level: str, number: int, width: int = WIDTH) -> str:
    """Where a tile stands; one that is not full says how wide it is."""
    parts = [f"{number % _DIGITS:03}"]
    while number >= _DIGITS:
        number //= _DIGITS
        parts.insert(0, f"x{number % _DIGITS:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def _entry(commits: Commits, number: int) -> bytes:
    line = commits.commit_line(number + 1).removesuffix(b"\n")
    if len(line) > _LONGEST:
        raise UsageError(
            f"commit {number + 1:,} has {len(line):,} bytes, and an entry of a tile has "
            f"{_LONGEST:,} at most: its automaton has a very long id"
        )
    return line
