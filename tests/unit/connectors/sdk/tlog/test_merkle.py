"""pymerkle, an independent implementation, is the oracle."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from connectors.sdk.tlog.entry import leaf_hash
from connectors.sdk.tlog.merkle import (
    EMPTY_ROOT,
    CompactRange,
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    node_hash,
    read_range,
    read_root,
    verify_consistency,
    verify_inclusion,
)
from tests.fakes.witnesses import MemoryTree

LEAVES = [b"%d" % number for number in range(33)]
TREE = MemoryTree([leaf_hash(leaf) for leaf in LEAVES])
ROOTS = [read_root(TREE, size=size) for size in range(len(LEAVES) + 1)]
SIZES = st.integers(min_value=0, max_value=len(LEAVES))


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries(LEAVES)
    return tree


def test_hashes_are_those_of_the_standard() -> None:
    """A leaf is hashed after 0x00, a node after 0x01, nothing as nothing (RFC 9162, 2.1.1)."""
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT == ROOTS[0]
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert node_hash(ROOTS[1], EMPTY_ROOT) == hashlib.sha256(b"\x01" + ROOTS[1] + EMPTY_ROOT).digest()


def test_roots_agree_with_another_implementation(oracle: InmemoryTree) -> None:
    """Every tree of up to 33 leaves has the root that pymerkle finds."""
    assert [oracle.get_root(size) for size in range(len(LEAVES) + 1)] == ROOTS


def test_inclusion_proofs_agree_with_another_implementation(oracle: InmemoryTree) -> None:
    """Every leaf of every tree has the path that pymerkle finds, and it verifies."""
    for size in range(1, len(LEAVES) + 1):
        for index in range(size):
            path = inclusion_proof(TREE, index=index, size=size)
            assert [leaf_hash(LEAVES[index]), *path] == oracle.prove_inclusion(index + 1, size).path
            verify_inclusion(TREE.leaf_hashes[index], index=index, size=size, path=path, root=ROOTS[size])


def test_consistency_proofs_verify() -> None:
    """Every tree is shown to continue every earlier one."""
    for size in range(len(LEAVES) + 1):
        for old_size in range(size + 1):
            proof = consistency_proof(TREE, old_size=old_size, size=size)
            verify_consistency(old_size=old_size, old_root=ROOTS[old_size], size=size, root=ROOTS[size], proof=proof)


def test_consistency_proofs_are_those_of_the_standard() -> None:
    """The examples of RFC 9162, 2.1.5: from 3, 4 and 6 leaves to 7."""

    def of(begin: int, end: int) -> bytes:
        tree = CompactRange()
        for hash_ in TREE.leaf_hashes[begin:end]:
            tree.append(hash_)
        return tree.root

    c, d, g, h, i, j, k, l_ = of(2, 3), of(3, 4), of(0, 2), of(2, 4), of(4, 6), of(6, 7), of(0, 4), of(4, 7)
    assert consistency_proof(TREE, old_size=3, size=7) == (c, d, g, l_)
    assert consistency_proof(TREE, old_size=4, size=7) == (l_,)
    assert consistency_proof(TREE, old_size=6, size=7) == (i, j, k)
    assert inclusion_proof(TREE, index=0, size=7) == (of(1, 2), h, l_)
    assert inclusion_proof(TREE, index=3, size=7) == (c, g, l_)
    assert inclusion_proof(TREE, index=4, size=7) == (of(5, 6), j, k)
    assert inclusion_proof(TREE, index=6, size=7) == (i, k)


@given(st.data())
def test_a_changed_inclusion_proof_shows_nothing(data: st.DataObject) -> None:
    """No other leaf, place, size, root or path verifies."""
    size = data.draw(st.integers(min_value=1, max_value=len(LEAVES)))
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    path = list(inclusion_proof(TREE, index=index, size=size))
    claim = {"leaf": index, "index": index, "size": size, "root": size}
    changed = data.draw(st.sampled_from([*claim, "longer", *(["shorter", "bit"] if path else [])]))
    match changed:
        case "longer":
            path.insert(data.draw(st.integers(0, len(path))), ROOTS[1])
        case "shorter":
            path.pop(data.draw(st.integers(0, len(path) - 1)))
        case "bit":
            at = data.draw(st.integers(0, len(path) - 1))
            path[at] = bytes((path[at][0] ^ 1,)) + path[at][1:]
        case "leaf":
            claim["leaf"] = data.draw(st.integers(0, len(LEAVES) - 1).filter(lambda other: other != index))
        case "root":
            claim["root"] = data.draw(SIZES.filter(lambda other: other != size))
        case "index":
            claim["index"] = data.draw(st.integers(-1, size).filter(lambda other: other != index))
        case "size":
            other_sizes = SIZES.filter(lambda other: inclusion_shape(index, other) != inclusion_shape(index, size))
            claim["size"] = data.draw(other_sizes)
    with pytest.raises(ProofInvalid):
        verify_inclusion(
            TREE.leaf_hashes[claim["leaf"]],
            index=claim["index"],
            size=claim["size"],
            path=path,
            root=ROOTS[claim["root"]],
        )


def inclusion_shape(index: int, size: int) -> list[bool] | None:
    """Return on which sides the siblings stand; trees of the same shape are told apart by their signed size only."""
    if not 0 <= index < size:
        return None
    at, last, sides = index, size - 1, []
    while last:
        if at & 1 or at != last:
            sides.append(bool(at & 1))
        at, last = at >> 1, last >> 1
    return sides


@given(st.data())
def test_a_changed_consistency_proof_shows_nothing(data: st.DataObject) -> None:
    """No other old root, root or proof verifies."""
    old_size = data.draw(st.integers(min_value=1, max_value=len(LEAVES) - 1))
    size = data.draw(st.integers(min_value=old_size + 1, max_value=len(LEAVES)))
    proof = list(consistency_proof(TREE, old_size=old_size, size=size))
    old_root, root = ROOTS[old_size], ROOTS[size]
    match data.draw(st.sampled_from(["old root", "root", "longer", "shorter", "bit", "short hash"])):
        case "old root":
            old_root = ROOTS[data.draw(SIZES.filter(lambda other: other != old_size))]
        case "root":
            root = ROOTS[data.draw(SIZES.filter(lambda other: other != size))]
        case "longer":
            proof.insert(data.draw(st.integers(0, len(proof))), ROOTS[1])
        case "shorter":
            proof.pop(data.draw(st.integers(0, len(proof) - 1)))
        case "bit":
            at = data.draw(st.integers(0, len(proof) - 1))
            proof[at] = bytes((proof[at][0] ^ 1,)) + proof[at][1:]
        case "short hash":
            proof[-1] = proof[-1][1:]
    with pytest.raises(ProofInvalid):
        verify_consistency(old_size=old_size, old_root=old_root, size=size, root=root, proof=proof)


@pytest.mark.parametrize(
    ("old_size", "old_root_of", "size", "root_of", "proof_hashes"),
    [
        (2, 2, 1, 1, 0),
        (2, 2, 2, 3, 0),
        (2, 2, 2, 2, 1),
        (0, 0, 2, 2, 1),
        (0, 1, 2, 2, 0),
        (0, 0, 0, 1, 0),
        (-1, 0, 2, 2, 1),
        (2, 2, 5, 5, 0),
    ],
)
def test_what_is_no_continuation_is_refused(
    old_size: int, old_root_of: int, size: int, root_of: int, proof_hashes: int
) -> None:
    """A log can neither shrink, nor differ at the same size, nor grow without a proof."""
    with pytest.raises(ProofInvalid):
        verify_consistency(
            old_size=old_size,
            old_root=ROOTS[old_root_of],
            size=size,
            root=ROOTS[root_of],
            proof=[ROOTS[1]] * proof_hashes,
        )


def test_proofs_of_what_is_not_there_are_refused() -> None:
    """There is no proof for a leaf outside the tree, or from a larger tree."""
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_proof(TREE, index=3, size=3)
    with pytest.raises(ValueError, match="larger"):
        consistency_proof(TREE, old_size=4, size=3)


@given(st.tuples(SIZES, SIZES, SIZES).map(sorted))
def test_ranges_made_apart_are_merged(bounds: list[int]) -> None:
    """Ranges of one tree that lie side by side give the same range as one that saw all leaves."""
    begin, middle, end = bounds
    left, right = CompactRange(begin=begin, end=begin), CompactRange(begin=middle, end=middle)
    for hash_ in TREE.leaf_hashes[begin:middle]:
        left.append(hash_)
    for hash_ in TREE.leaf_hashes[middle:end]:
        right.append(hash_)
    left.merge(right)
    assert left.hashes == read_range(TREE, begin=begin, end=end).hashes
    assert (left.begin, left.end) == (begin, end)
    if begin == 0:
        assert left.root == ROOTS[end]


def test_a_range_grows_apart_from_its_copy() -> None:
    """A copy does not see what is appended to the original."""
    tree = read_range(TREE, end=3)
    before = tree.copy()
    tree.append(TREE.leaf_hashes[3])
    assert (before.root, tree.root) == (ROOTS[3], ROOTS[4])


def test_a_range_that_cannot_be_is_refused() -> None:
    """Hashes must fit the range, ranges must touch, and only a whole tree has a root."""
    with pytest.raises(ValueError, match="such a range"):
        CompactRange(end=3, hashes=[ROOTS[1]])
    with pytest.raises(ValueError, match="such a range"):
        CompactRange(end=1, hashes=[b"short"])
    with pytest.raises(ValueError, match="side by side"):
        read_range(TREE, end=3).merge(read_range(TREE, begin=4, end=5))
    with pytest.raises(ValueError, match="first leaf"):
        _ = read_range(TREE, begin=1, end=3).root
