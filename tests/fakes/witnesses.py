"""A log of numbered leaves, without files, and witnesses that are called directly."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.cosigning import WitnessDisagrees, WitnessUnavailable
from connectors.sdk.tlog.merkle import CompactRange, read_root
from connectors.sdk.tlog.note import SignatureType, VerificationKey, sign_checkpoint
from connectors.sdk.tlog.witness import AnotherHistoryError, SizeMismatchError, Witness

LOG_NAME = "sharing.example/audit"


class MemoryTree:
    """A tree whose leaves are known; a `HashReader`, and its log's checkpoints.

    Args:
        leaf_hashes: 32 bytes each.
    """

    def __init__(self, leaf_hashes: Sequence[bytes] = ()) -> None:
        self.signing_key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        self.public_key = VerificationKey(name=LOG_NAME, key=self.signing_key.public_key())
        self.leaf_hashes = list(leaf_hashes)

    def read_hash(self, level: int, index: int) -> bytes:
        leaves = self.leaf_hashes[index << level : (index + 1) << level]
        if len(leaves) != 1 << level:
            raise LookupError
        tree = CompactRange()
        for leaf_hash in leaves:
            tree.append(leaf_hash)
        return tree.root

    def checkpoint(self, size: int | None = None) -> bytes:
        """Return the signed checkpoint of the first `size` leaves."""
        size = len(self.leaf_hashes) if size is None else size
        root = read_root(self, size=size)
        return sign_checkpoint(name=LOG_NAME, size=size, root=root, signing_key=self.signing_key)


class LocalWitness:
    """A `WitnessClient` without a network.

    Args:
        witness: What answers.
        key: Its verification key.
    """

    def __init__(self, witness: Witness, *, key: VerificationKey) -> None:
        self.witness = witness
        self.key = key
        self.reachable = True
        self.answering = threading.Event()
        """Cleared, it hangs."""
        self.answering.set()
        self.asked = 0

    def add_checkpoint(self, note: bytes, *, old_size: int, proof: Sequence[bytes]) -> bytes:
        self.asked += 1
        self.answering.wait()
        if not self.reachable:
            raise WitnessUnavailable("unreachable")
        try:
            return self.witness.add_checkpoint(note, old_size=old_size, proof=proof)
        except (SizeMismatchError, AnotherHistoryError) as error:
            raise WitnessDisagrees(error.newest) from None

    def close(self) -> None:
        pass


class LyingWitness:
    """A `WitnessClient` that answers with whatever it was made with, and never cosigns.

    Args:
        shown: What it shows as its newest checkpoint.
    """

    def __init__(self, shown: bytes, *, name: str = "liar.example/witness") -> None:
        self.key = VerificationKey(
            name=name, key=Ed25519PrivateKey.generate().public_key(), signature_type=SignatureType.COSIGNATURE
        )
        self._shown = shown

    def add_checkpoint(self, note: bytes, *, old_size: int, proof: Sequence[bytes]) -> bytes:
        raise WitnessDisagrees(self._shown)

    def close(self) -> None:
        pass
