"""Proof that an entry is in a log, for somebody who has only the log's verification key."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum

from connectors.sdk.tlog.entry import Entry, decode_entry, leaf_hash
from connectors.sdk.tlog.merkle import ProofInvalid, verify_inclusion
from connectors.sdk.tlog.note import (
    CHECKPOINT_BYTES_MAX,
    ForgedCheckpointError,
    VerificationKey,
    read_checkpoint,
)

_PATH_MAX = 64


class EvidenceProblem(StrEnum):
    """Why evidence proves nothing."""

    MALFORMED = "malformed"
    """It is no evidence, or its parts contradict each other."""
    CHECKPOINT_FORGED = "checkpoint_forged"
    """The checkpoint is not signed with the log's key."""
    NOT_INCLUDED = "not_included"
    """The log that the checkpoint signs does not hold this entry at this place."""


class EvidenceRefused(Exception):
    """The evidence proves nothing; `problem` says why."""

    def __init__(self, problem: EvidenceProblem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An entry with its inclusion proof (RFC 9162, 2.1.3) and the signed checkpoint to which it leads."""

    leaf: bytes
    index: int
    """The leaf's place in the tree, from 0: one less than the entry's sequence."""
    tree_size: int
    """Entries that the checkpoint counts."""
    path: tuple[bytes, ...]
    """32 bytes each, from the leaf's sibling upwards."""
    checkpoint: bytes
    """Signed note."""

    def verify(self, key: VerificationKey) -> Entry:
        """Return the entry after checking that the log with this key holds it.

        Raises:
            EvidenceRefused: That is not proven.
        """
        try:
            entry = decode_entry(self.leaf)
            signed = read_checkpoint(self.checkpoint, public_key=key)
            if (entry.sequence, self.tree_size) != (self.index + 1, signed.size):
                raise EvidenceRefused(EvidenceProblem.MALFORMED)
            verify_inclusion(leaf_hash(self.leaf), index=self.index, size=signed.size, path=self.path, root=signed.root)
        except ForgedCheckpointError:
            raise EvidenceRefused(EvidenceProblem.CHECKPOINT_FORGED) from None
        except ProofInvalid:
            raise EvidenceRefused(EvidenceProblem.NOT_INCLUDED) from None
        except ValueError:
            raise EvidenceRefused(EvidenceProblem.MALFORMED) from None
        return entry

    def to_json(self) -> dict[str, str | int | list[str]]:
        """Return a JSON object: bytes in base64, the checkpoint as text."""
        return {
            "leaf": _encode(self.leaf),
            "index": self.index,
            "tree_size": self.tree_size,
            "path": [_encode(sibling) for sibling in self.path],
            "checkpoint": self.checkpoint.decode(),
        }

    @classmethod
    def from_json(cls, value: object) -> Evidence:
        """Read what `to_json` returned; nothing is proven yet.

        Raises:
            EvidenceRefused: It is something else.
        """
        match value:
            case {
                "leaf": str(leaf),
                "index": int(index),
                "tree_size": int(tree_size),
                "path": list(path),
                "checkpoint": str(checkpoint),
            } if len(path) <= _PATH_MAX and len(checkpoint) <= CHECKPOINT_BYTES_MAX:
                return cls(
                    leaf=_decode(leaf),
                    index=index,
                    tree_size=tree_size,
                    path=tuple(_decode(sibling) for sibling in path),
                    checkpoint=checkpoint.encode(errors="replace"),
                )
        raise EvidenceRefused(EvidenceProblem.MALFORMED)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise EvidenceRefused(EvidenceProblem.MALFORMED) from None
