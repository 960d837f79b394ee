"""Pages of a batch: the lines that begin in one block, however the bytes arrive."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import write

from automaton.digests import page_hashing
from automaton.digests.batch_digest import PAGE, PageTree, batch_digest, digests, page_at
from automaton.digests.merkle import leaf_hash, root
from automaton.format.versions import FIRST, NEWEST, Format
from automaton.log import Log, integrity_windows

#: Lines about as long as a block, or short, or far longer than several blocks.
LENGTHS = st.sampled_from([0, 1, 60, PAGE - 2, PAGE - 1, PAGE, 2 * PAGE, 3 * PAGE + 7])
BATCHES = st.lists(LENGTHS, max_size=9).map(
    lambda sizes: b"".join(bytes([97 + k]) * size + b"\n" for k, size in enumerate(sizes))
)


def pages(batch: bytes) -> list[bytes]:
    """The pages by their definition, a line at a time."""
    found = [b""] * -(-len(batch) // PAGE)
    at = 0
    for line in batch.splitlines(keepends=True):
        found[at // PAGE] += line
        at += len(line)
    return found


#: Batches that are long enough to be hashed many pages at a time.
LONG = st.lists(LENGTHS, max_size=4).map(
    lambda sizes: b"".join(
        bytes([97 + k]) * size + b"\n" + b"60\n" * 9000 for k, size in enumerate(sizes)
    )
)


@given(BATCHES | LONG, st.lists(st.integers(0, 1 << 17), max_size=6), st.booleans(), st.booleans())
def test_a_digest_is_the_root_over_pages_wherever_the_bytes_are_cut(
    batch: bytes, cuts: list[int], copied: bool, at_once: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_hashing, "AT_ONCE", at_once)
        tree, at = PageTree(), 0
        for cut in [*sorted(cuts), len(batch)]:
            tree.update(batch[at:cut])
            at = max(at, min(cut, len(batch)))
            tree = tree.copy() if copied else tree
        due = [leaf_hash(page) for page in pages(batch)]
        assert tree.leaves() == due
        assert tree.digest() == root(due) == batch_digest(NEWEST, [batch])


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("form", [FIRST, NEWEST])
@given(st.lists(BATCHES | LONG, max_size=4))
def test_batches_that_are_hashed_together_have_the_digests_of_each(
    form: Format, at_once: bool, batches: list[bytes]
) -> None:
    data = np.frombuffer(b"?" + b"?".join([*batches, b""]), np.uint8)
    sizes = np.array([len(batch) for batch in batches], np.int64)
    stops = np.cumsum(sizes + 1, dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_hashing, "AT_ONCE", at_once)
        found = digests(form, data, stops - sizes, stops)
    assert found[0] == b"".join(batch_digest(form, [batch]) for batch in batches)
    assert found[1].tolist() == [batch.count(b"\n") for batch in batches]


@given(BATCHES)
def test_a_page_is_found_without_those_before_it(batch: bytes) -> None:
    due = pages(batch)
    spans = [page_at(batch, number) for number in range(len(due))]
    assert [batch[first:stop] for first, stop in spans] == due


def test_a_batch_in_format_1_has_the_digest_of_its_bytes() -> None:
    batch = b"line\n" * 5000
    assert batch_digest(FIRST, [batch[:7], batch[7:]]) == sha256(batch).digest()


def test_a_batch_without_a_last_newline_has_a_digest_of_its_own() -> None:
    for batch in (b"torn", b"x" * PAGE, b"line\n" * 3000 + b"torn"):
        others = [batch + b"\n", batch[:-1]]
        assert batch_digest(NEWEST, [batch]) not in {batch_digest(NEWEST, [x]) for x in others}


def test_a_log_is_checked_by_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity_windows, "WINDOW", 1 << 12)
    path = tmp_path / "log.jsonl"
    data = write(path, 40)
    with Log.open(path, write=False) as log:
        rows = [log.commits.row(tick) for tick in (9, 31)]
        assert {log.verify_chain(threads=threads).ok for threads in (1, 2, 5)} == {True}
    wrong = bytearray(data)
    for row in rows:
        wrong[row.batch_start + 9] ^= 1
    path.write_bytes(wrong)
    with Log.open(path, write=False) as log:
        found = [log.verify_chain(threads=threads).first_bad for threads in (1, 2, 5)]
    assert {fault.tick for fault in found if fault} == {9}
    assert len(found) == 3
