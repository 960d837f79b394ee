"""SHA-256 of leaves and nodes as hashlib computes it, in both forms of the bodies."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from targets import FORMS, Array, Body, fenced, intact

from automaton.digests.merkle import leaf_hash, root
from kernels.hashing import batch_pages, sha_instructions
from kernels.hashing.sha256 import BLOCK, DIGEST

CPUINFO = Path("/proc/cpuinfo")
FEW = settings(deadline=None, max_examples=12)
#: Lengths at which padding takes another block, and others.
SIZES = st.integers(0, 3 * BLOCK) | st.sampled_from([54, 55, 62, 63, 64, 118, 119, 126, 127, 128])


def scratch() -> list[Array]:
    """States, words and room."""
    return [
        fenced(16, np.uint32).reshape(2, 8),
        fenced(16, np.uint64),
        fenced(batch_pages.ROOM, np.uint8),
    ]


def leaves(form: Body, data: bytes, spans: list[tuple[int, int]]) -> bytes:
    """The hashes of leaves by the kernel."""
    found, rest = fenced(DIGEST * len(spans), np.uint8), [fenced(len(spans), np.int64), *scratch()]
    places = np.array(spans, np.int64).reshape(-1, 2)
    order = np.random.default_rng(len(data)).permutation(len(spans))
    form(batch_pages.hash_spans)(np.frombuffer(data, np.uint8), places, order, found, *rest)
    assert intact(found, rest[0], *rest[2:])
    assert rest[0].tolist() == [data[a:b].count(b"\n") for a, b in spans]
    return found.tobytes()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@FEW
@given(st.lists(SIZES, max_size=5))
def test_leaves_have_the_hashes_of_hashlib_whatever_their_lengths(
    form: Body, sizes: list[int]
) -> None:
    data = np.random.default_rng(sum(sizes)).integers(0, 16, sum(sizes), np.uint8).tobytes()
    ends = np.cumsum([0, *sizes]).tolist()
    spans = list(pairwise(ends))
    assert leaves(form, data, spans) == b"".join(leaf_hash(data[a:b]) for a, b in spans)


def test_every_length_up_to_four_blocks_is_padded_as_it_should_be() -> None:
    data = bytes(range(256)) + b"0123456789abcdef"
    spans = [(at, at + size) for size in range(4 * BLOCK + 1) for at in (0, size % 7)]
    due = b"".join(sha256(b"\0" + data[a:b]).digest() for a, b in spans)
    assert leaves(FORMS["compiled"], data, spans) == due


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@FEW
@given(st.lists(st.integers(0, 40), min_size=1), st.booleans(), st.integers(1, 20))
def test_pages_are_the_lines_that_begin_in_one_block(
    form: Body, sizes: list[int], torn: bool, block: int
) -> None:
    data = b"".join(b"x" * size + b"\n" for size in sizes) + b"torn" * torn
    due = [b""] * -(-len(data) // block)
    at = 0
    for line in data.splitlines(keepends=True):
        due[at // block] += line
        at += len(line)
    spans = fenced(2 * len(due), np.int64)
    starts, stops = np.zeros(1, np.int64), np.full(1, len(data))
    array = np.frombuffer(data, np.uint8)
    count = form(batch_pages.batch_spans)(starts, stops, array, block, spans.reshape(-1, 2))
    assert intact(spans)
    assert [data[a:b] for a, b in spans.reshape(-1, 2).tolist()] == due
    assert count == len(due)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_trees_of_any_size_have_the_roots_of_rfc_6962(form: Body) -> None:
    sizes = [1, 2, 3, 5, 8] if form is FORMS["python"] else list(range(1, 40))
    each = [[sha256(b"%d %d" % (size, k)).digest() for k in range(size)] for size in sizes]
    nodes = np.frombuffer(b"".join(map(b"".join, each)), np.uint8).copy()
    found, sums, rest = (
        fenced(DIGEST * len(sizes), np.uint8),
        fenced(len(sizes), np.int64),
        scratch(),
    )
    lines = np.arange(sum(sizes))
    form(batch_pages.fold_batches)(np.array(sizes, np.int64), nodes, lines, found, sums, *rest)
    assert intact(found, sums, *rest[1:])
    ends = np.cumsum([0, *sizes])
    assert sums.tolist() == [lines[a:b].sum() for a, b in pairwise(ends)]
    assert found.tobytes() == b"".join(map(root, each))


@pytest.mark.skipif(not CPUINFO.exists(), reason="the system does not say what its processor can")
def test_the_instructions_are_used_where_the_processor_has_them() -> None:
    flags = CPUINFO.read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0].split()
    assert ("sha_ni" in flags) == sha_instructions.PRESENT
