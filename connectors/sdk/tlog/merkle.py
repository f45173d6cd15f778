"""Merkle trees of RFC 9162, section 2.1: root, inclusion proof and consistency proof, from few stored hashes.

A complete subtree is named by its level (0 for leaves) and its index among those of its level: (level, index) covers the
leaves [index << level, (index + 1) << level). Every hash is 32 bytes; leaf hashes come from `entry.leaf_hash`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""
_NODE_PREFIX = b"\x01"


class ProofInvalid(ValueError):
    """A proof does not show what it should."""


class HashReader(Protocol):
    """The hashes of a tree's complete subtrees."""

    def read_hash(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree.

        Raises:
            LookupError: It is not there.
            OSError: It cannot be read.
        """


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 over 0x01 and its children."""
    return hashlib.sha256(_NODE_PREFIX + left + right).digest()


class CompactRange:
    """The leaves [begin, end) of a tree, as the hashes of the fewest complete subtrees that cover them.

    With `begin` 0 it is a whole tree that grows, in memory that grows with the logarithm of its size. Ranges of one tree that
    lie side by side can be made apart from each other and merged.

    Args:
        begin: First leaf.
        end: Leaf after the last.
        hashes: From left to right, as `hashes` of such a range gives them.

    Raises:
        ValueError: There are more or fewer hashes than such a range has.
    """

    __slots__ = ("_hashes", "begin", "end")

    def __init__(self, *, begin: int = 0, end: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(list(subtrees(begin, end))) != len(hashes) or not _are_hashes(hashes):
            raise ValueError("these are not the hashes of such a range")
        self.begin = begin
        self.end = end
        self._hashes = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Hashes of the complete subtrees, from left to right; `subtrees(begin, end)` are their names."""
        return tuple(self._hashes)

    @property
    def root(self) -> bytes:
        """Root of the tree of the leaves [0, end).

        Raises:
            ValueError: The range does not begin with the first leaf.
        """
        if self.begin:
            raise ValueError("the range does not begin with the first leaf")
        return _fold(self._hashes)

    def append(self, leaf_hash: bytes) -> list[bytes]:
        """Add a leaf.

        Returns:
            The hashes of the complete subtrees that the leaf completes, itself first; what `HashStore.append` takes.
        """
        return self._append(leaf_hash, level=0)

    def merge(self, right: CompactRange) -> None:
        """Add the leaves of the range that begins where this one ends.

        Raises:
            ValueError: It begins elsewhere.
        """
        if right.begin != self.end:
            raise ValueError("the ranges do not lie side by side")
        for (level, _), subtree in zip(subtrees(right.begin, right.end), right.hashes, strict=True):
            self._append(subtree, level=level)

    def copy(self) -> CompactRange:
        """Return the same range, which grows apart from this one."""
        return CompactRange(begin=self.begin, end=self.end, hashes=self._hashes)

    def _append(self, subtree: bytes, *, level: int) -> list[bytes]:
        index, stack, completed = self.end >> level, self._hashes, [subtree]
        self.end += 1 << level
        while index & 1 and (index - 1) << level >= self.begin:
            subtree = node_hash(stack.pop(), subtree)
            completed.append(subtree)
            index, level = index >> 1, level + 1
        stack.append(subtree)
        return completed


def subtrees(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield level and index of the fewest complete subtrees that cover the leaves [begin, end), from left to right."""
    while begin < end:
        level = (end - begin).bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        yield level, begin >> level
        begin += 1 << level


def read_range(hashes: HashReader, *, end: int, begin: int = 0) -> CompactRange:
    """Return the range of the leaves [begin, end), for example to let a stored tree grow.

    Raises:
        LookupError: A hash is not there.
        OSError: A hash cannot be read.
    """
    return CompactRange(begin=begin, end=end, hashes=[hashes.read_hash(*name) for name in subtrees(begin, end)])


def read_root(hashes: HashReader, *, size: int) -> bytes:
    """Return the root of the tree of the first `size` leaves.

    Raises:
        LookupError: A hash is not there.
        OSError: A hash cannot be read.
    """
    return _subtree_root(hashes, begin=0, end=size)


def inclusion_proof(hashes: HashReader, *, index: int, size: int) -> tuple[bytes, ...]:
    """Return the path of the leaf `index` in the tree of the first `size` leaves (RFC 9162, 2.1.3.1).

    Raises:
        ValueError: The tree has no such leaf.
        LookupError: A hash is not there.
        OSError: A hash cannot be read.
    """
    if not 0 <= index < size:
        raise ValueError("the tree has no such leaf")
    path, begin, end = [], 0, size
    while end - begin > 1:
        middle = begin + _left_size(end - begin)
        if index < middle:
            path.append(_subtree_root(hashes, begin=middle, end=end))
            end = middle
        else:
            path.append(_subtree_root(hashes, begin=begin, end=middle))
            begin = middle
    return tuple(reversed(path))


def consistency_proof(hashes: HashReader, *, old_size: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of `size` leaves continues that of `old_size` (RFC 9162, 2.1.4.1).

    Empty when the sizes are equal and for an old tree without leaves.

    Raises:
        ValueError: The old tree is the larger one.
        LookupError: A hash is not there.
        OSError: A hash cannot be read.
    """
    if not 0 <= old_size <= size:
        raise ValueError("a tree does not continue a larger one")
    proof: list[bytes] = []
    if old_size == 0:
        return ()
    begin, end = 0, size
    while old_size != end:
        middle = begin + _left_size(end - begin)
        if old_size <= middle:
            proof.append(_subtree_root(hashes, begin=middle, end=end))
            end = middle
        else:
            proof.append(_subtree_root(hashes, begin=begin, end=middle))
            begin = middle
    if begin:
        proof.append(_subtree_root(hashes, begin=begin, end=end))
    return tuple(reversed(proof))


def verify_inclusion(leaf_hash: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that the tree of `size` leaves with this root has the leaf at `index` (RFC 9162, 2.1.3.2).

    Raises:
        ProofInvalid: It is not shown.
    """
    if not 0 <= index < size or not _are_hashes(path):
        raise ProofInvalid("the tree has no such leaf, or the path is malformed")
    at, last, found = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            raise ProofInvalid("the path is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            at, last = _climb(at, last)
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last or found != root:
        raise ProofInvalid("the path does not lead to the root")


def verify_consistency(*, old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `size` leaves continues the one of `old_size`, each with its root (RFC 9162, 2.1.4.2).

    Raises:
        ProofInvalid: It is not shown.
    """
    if old_size in (0, size):
        if proof or (old_size == size and old_root != root) or (old_size == 0 and old_root != EMPTY_ROOT):
            raise ProofInvalid("trees of one size have one root, and neither they nor an empty one need a proof")
        return
    if not 0 < old_size < size or not proof or not _are_hashes(proof):
        raise ProofInvalid("a tree does not continue a larger one, or the proof is malformed")
    if old_size & (old_size - 1) == 0:
        proof = [old_root, *proof]
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_found = found = proof[0]
    for subtree in proof[1:]:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if at & 1 or at == last:
            old_found, found = node_hash(subtree, old_found), node_hash(subtree, found)
            at, last = _climb(at, last)
        else:
            found = node_hash(found, subtree)
        at, last = at >> 1, last >> 1
    if last or old_found != old_root or found != root:
        raise ProofInvalid("the proof does not lead from one root to the other")


def _are_hashes(proof: Sequence[bytes]) -> bool:
    return all(len(given) == HASH_BYTES for given in proof)


def _climb(at: int, last: int) -> tuple[int, int]:
    """Skip the levels at which a node is the last one and has no sibling."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def _left_size(size: int) -> int:
    """Return the largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtree_root(hashes: HashReader, *, begin: int, end: int) -> bytes:
    return _fold([hashes.read_hash(*name) for name in subtrees(begin, end)])


def _fold(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root
