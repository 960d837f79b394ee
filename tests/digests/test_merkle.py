"""Trees of RFC 6962: roots that others publish, and proofs of every leaf and pair of sizes."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automaton.digests.merkle import (
    EMPTY,
    consistency,
    inclusion,
    is_consistent,
    leaf_hash,
    root,
    root_of_inclusion,
    split,
    subtree_of,
)

#: Leaves and roots that implementations of Certificate Transparency are tested with.
LEAVES = [
    b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57", bytes(range(0x60, 0x70)),
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHED = [leaf_hash(data) for data in LEAVES]
MOST = 34  # leaves of the trees whose every proof is tried


def textbook(leaves: list[bytes]) -> bytes:
    """MTH of the RFC, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + textbook(leaves[:k]) + textbook(leaves[k:])).digest()


def test_roots_are_those_of_certificate_transparency() -> None:
    assert [root(HASHED[:count]).hex() for count in range(9)] == ROOTS
    assert root([]) == EMPTY


def test_an_inclusion_proof_of_seven_leaves_is_that_of_the_rfcs_example() -> None:
    tree = subtree_of(HASHED[:7])
    a, b, c, d = HASHED[0], HASHED[1], HASHED[2], HASHED[3]
    e, f, j = HASHED[4], HASHED[5], HASHED[6]
    assert inclusion(0, 7, tree) == [b, root([c, d]), root([e, f, j])]
    assert inclusion(3, 7, tree) == [c, root([a, b]), root([e, f, j])]
    assert inclusion(4, 7, tree) == [f, j, root([a, b, c, d])]
    assert inclusion(6, 7, tree) == [root([e, f]), root([a, b, c, d])]


def test_a_consistency_proof_of_seven_leaves_is_that_of_the_rfcs_example() -> None:
    tree = subtree_of(HASHED[:7])
    c, d, j = HASHED[2], HASHED[3], HASHED[6]
    g, k, low = root(HASHED[:2]), root(HASHED[4:6]), root(HASHED[4:7])
    assert consistency(3, 7, tree) == [c, d, g, low]
    assert consistency(4, 7, tree) == [low]
    assert consistency(6, 7, tree) == [k, j, root(HASHED[:4])]


@given(st.lists(st.binary(max_size=9), max_size=70))
def test_a_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert root([leaf_hash(leaf) for leaf in leaves]) == textbook(leaves)


def test_every_leaf_of_every_tree_is_proved_and_no_other_place_or_root_is() -> None:
    leaves = [leaf_hash(bytes([k])) for k in range(MOST)]
    for size in range(1, MOST):
        tree, top = subtree_of(leaves), root(leaves[:size])
        for index in range(size):
            path = inclusion(index, size, tree)
            assert len(path) <= max(0, size - 1).bit_length()
            assert root_of_inclusion(leaves[index], index, size, path) == top
            other = (index + 1) % size
            if other != index:
                try:
                    assert root_of_inclusion(leaves[index], other, size, path) != top
                except ValueError:
                    assert len(inclusion(other, size, tree)) != len(path)


def test_every_pair_of_sizes_is_consistent_and_no_other_beginning_is() -> None:
    leaves = [leaf_hash(bytes([k])) for k in range(MOST)]
    wrong = sha256(b"another").digest()
    for new in range(MOST):
        for old in range(new + 1):
            path = consistency(old, new, subtree_of(leaves))
            first, second = root(leaves[:old]), root(leaves[:new])
            assert is_consistent((old, first), (new, second), path)
            assert not is_consistent((old, wrong), (new, second), path)
            assert not is_consistent((new + 1, second), (new, second), path)
            assert not is_consistent((old, first), (new, second), [*path, wrong])
            if old > 0:
                assert not is_consistent((old, first), (new, wrong), path)
            if path:
                assert not is_consistent((old, first), (new, second), path[:-1])
                changed = [wrong, *path[1:]]
                assert not is_consistent((old, first), (new, second), changed)


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_a_leaf_that_a_tree_does_not_have_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="not in a tree of 3"):
        inclusion(index, 3, subtree_of(HASHED))
    with pytest.raises(ValueError, match="not in a tree of 3"):
        root_of_inclusion(HASHED[0], index, 3, [])


def test_a_path_of_another_length_leads_to_no_root() -> None:
    path = inclusion(2, 8, subtree_of(HASHED))
    with pytest.raises(ValueError, match="too short"):
        root_of_inclusion(HASHED[2], 2, 8, path[:-1])
    with pytest.raises(ValueError, match="too long"):
        root_of_inclusion(HASHED[2], 2, 8, [*path, EMPTY])


def test_a_tree_is_split_at_the_largest_power_of_two_below_its_size() -> None:
    assert [split(size) for size in (2, 3, 4, 5, 8, 9)] == [1, 2, 2, 4, 4, 8]


def test_the_end_of_a_tree_is_not_the_beginning_of_a_smaller_one() -> None:
    with pytest.raises(ValueError, match="not the beginning"):
        consistency(5, 4, subtree_of(HASHED))
