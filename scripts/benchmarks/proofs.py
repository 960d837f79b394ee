"""What proofs cost: pages of several sizes, a tree over a million commits, a seal.

The commits of the tree are made up, 700 bytes each, but for the one that is proved, which
seals a batch of 2 MB; the proof is checked before anything is timed. Whole runs and checks
are compared with another revision by --against.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from scripts.benchmarks.common import (
    Benchmark,
    Command,
    Figures,
    cpu_seconds,
    in_turn,
    lines_of,
    must,
    ratio,
    wall_seconds,
    write_run,
)

if TYPE_CHECKING:
    from automaton.proofs.inclusion import Batch

PAGES = [1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15]  # bytes
HASHED = 1 << 24  # bytes that are hashed by pages of each size
LINE = b'{"n":12345678,"level":"info","message":"' + b"x" * 257 + b'"}\n'  # of 300 bytes


class MadeUpCommits:
    """So many commits, of which one seals a batch of so many winner lines."""

    def __init__(self, folder: Path, count: int, proved: int, winners: int) -> None:
        from automaton.digests.batch_digest import batch_digest
        from automaton.format.records import OUTCOMES, CommitFields, commit_line
        from automaton.format.versions import NEWEST

        self.path, self.last_tick, self._proved = str(folder / "log.jsonl"), count, proved
        lines = [
            b'{"id":"m%d.%d","type":"modification","dimensionalLevel":2,"parents":["2-pair",'
            b'"m3.46","m13.17"],"beta":2,"size":36,"term":"\xce\xbb0 (\xce\xbb0 (0 (1 1)))"}\n'
            % (proved, slot)
            for slot in range(winners)
        ]
        self._batch = b"".join(lines)
        self.begin = len(b"".join(lines[: winners // 2]))
        outcomes = dict.fromkeys(OUTCOMES, 0) | {"normal": winners}
        fields = CommitFields(proved, outcomes, 2, {"automaton": "x" * 500}, 0)
        digest = batch_digest(NEWEST, [self._batch])
        self._line = commit_line("", fields, winners, len(self._batch), digest, b"")[0]
        self._pad = b"y" * 650

    def commit_line(self, tick: int) -> bytes:
        """A commit's line, its newline included."""
        return self._line if tick == self._proved else b'{"tick":%d,"%s"}\n' % (tick, self._pad)

    def chain_at(self, tick: int) -> bytes:
        """The chain after a commit."""
        return hashlib.sha256(b"%d" % tick).digest()

    def batch(self, _tick: int) -> memoryview:
        """The bytes that the one commit seals."""
        return memoryview(self._batch)

    def read_commit(self, line: bytes) -> Batch | None:
        """What a commit's line says of its batch."""
        from automaton.proofs.prover import read_commit

        return read_commit(line)

    def place(self, _name: str) -> tuple[int, int | None]:
        """A line in the middle of that batch."""
        return self._proved, self.begin


def pages(turns: int) -> dict[str, float]:
    """Processor time of hashing by pages over that of one SHA-256, by bytes of a page; and ours."""
    from automaton.digests.pages import batch_digest

    from automaton.format.versions import NEWEST

    data = memoryview(bytes(range(256)) * (HASHED >> 8))

    def by(page: int) -> float:
        def hashed() -> None:
            for at in range(0, len(data), page):
                leaf = hashlib.sha256(b"\0")
                leaf.update(data[at : at + page])
                leaf.digest()

        return cpu_seconds(hashed)

    works: dict[str, Callable[[], float]] = {str(page): partial(by, page) for page in PAGES}
    works["whole"] = lambda: cpu_seconds(lambda: hashlib.sha256(data).digest())
    works["batch"] = lambda: cpu_seconds(lambda: batch_digest(NEWEST, [data]))
    found = in_turn(works, turns)
    return {name: round(ratio(found[name], found["whole"]), 3) for name in works}


def tree(count: int, winners: int, turns: int) -> Figures:
    """The index made, and both kinds of proofs from it when it is warm."""
    from automaton.proofs import consistency, inclusion
    from automaton.proofs.commit_tree import commit_tree
    from automaton.proofs.notes import Note
    from automaton.proofs.prover import head_of, prove_heads, prove_line, read_commit
    from automaton.proofs.tree_heads import TreeHead

    with tempfile.TemporaryDirectory() as name:
        commits = MadeUpCommits(Path(name), count, count // 2, winners)
        begun = time.perf_counter()
        with commit_tree(commits) as made:
            head = head_of(commits, made)
        index_s = time.perf_counter() - begun
        note = Note(str(head))

        def proved() -> str:
            with commit_tree(commits) as warm:
                return inclusion.to_text(*prove_line(commits, warm, "", note))

        text = proved().encode()

        def checked() -> None:
            inclusion.follows(*inclusion.parse(text), read_commit)

        checked()
        with commit_tree(commits) as warm:
            old = TreeHead(head.origin, count // 3, warm.root(count // 3))
            proof = prove_heads(warm, (old, Note(str(old))), (head, note))
        must(consistency.follows(proof)[1] == head, "the heads are not proved")
        found = in_turn(
            {"prove": lambda: wall_seconds(proved), "check": lambda: wall_seconds(checked)}, turns
        )
        return {
            "commits": count, "index_s": round(index_s, 2),
            "index_bytes": Path(f"{commits.path}.tree").stat().st_size,
            "prove_ms": round(statistics.median(found["prove"]) * 1e3, 3),
            "check_ms": round(statistics.median(found["check"]) * 1e3, 3),
            "proof_bytes": len(text), "heads_bytes": len(consistency.to_text(proof)),
        }  # fmt: skip


def sealed(lines: int, turns: int) -> Figures:
    """Lines of 300 bytes a second of processor time, sealed from a file in the page cache."""
    from automaton.seals.seal_follower import Follower, SealSchedule
    from automaton.seals.seal_writer import SealWriter

    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "app.jsonl"
        file.write_bytes(LINE * lines)

        def once() -> float:
            Path(f"{file}.seal").unlink(missing_ok=True)
            writer = SealWriter(file)
            seconds = cpu_seconds(
                lambda: Follower(file, writer, SealSchedule(), Event()).follow(once=True)
            )
            must(writer.lines == lines, "not all lines are sealed")
            writer.close()
            return seconds

        found = in_turn({"seal": once}, turns)["seal"]
        size = Path(f"{file}.seal").stat().st_size
    return {
        "lines": lines, "lines_per_cpu_s": round(lines / statistics.median(found)),
        "seal_share": round(size / (lines * len(LINE)), 4),
    }  # fmt: skip


def measure(asked: argparse.Namespace) -> Figures:
    """Everything."""
    count, lines = (20_000, 50_000) if asked.quick else (1_000_000, 1_000_000)
    return {
        "pages_over_whole": pages(asked.turns),
        "tree": tree(count, 2_000 if asked.quick else 13_107, asked.turns),
        "seal": sealed(lines, asked.turns),
    }


def show(found: Figures) -> None:
    """The figures beside their goals."""
    tree_, seal = found["tree"], found["seal"]
    ratios = found["pages_over_whole"]
    rows = [
        (f"pages of {page} B by hashlib, to all at once", f"{ratios[str(page)]:.2f}", "")
        for page in PAGES
    ]
    rows += [("the digest of a batch, to all at once", f"{ratios['batch']:.2f}", "")]
    rows += [
        (f"index of {tree_['commits']:,} commits, made", f"{tree_['index_s']:.1f} s", ""),
        ("proof of a line, from a warm index", f"{tree_['prove_ms']:.2f} ms", "10 ms"),
        ("its check", f"{tree_['check_ms']:.2f} ms", "1 ms"),
        ("its size", f"{tree_['proof_bytes']:,} B", "16,000 B"),
        ("proof of two heads", f"{tree_['heads_bytes']:,} B", "2,000 B"),
        ("lines sealed a second of one core", f"{seal['lines_per_cpu_s']:,}", "500,000"),
        ("the seal's share of the file", f"{seal['seal_share']:.2%}", ""),
    ]
    print(lines_of(rows))


_RUN = "run log.jsonl --ticks {{n}} --parallel {} --interval 0"
_MADE = partial(write_run, words="--ticks 100 --parallel 1024 --interval 0")
BENCHMARK = Benchmark(
    measure,
    show,
    {
        "run, 1,024 rounds": Command(_RUN.format(1024), n=300, quick=5),
        "run, 16,384 rounds": Command(_RUN.format(16384), n=40, quick=2),
        "check --chain": Command("check log.jsonl --chain", log=_MADE),
        "verify --replay none": Command("verify log.jsonl --replay none", log=_MADE),
    },
)
