"""A log's side of witnessing: ask a witness to cosign, and see when it knows another history.

What a witness says stops the log only when it shows a checkpoint that the log itself signed: a witness that lies is as good as one
that does not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from connectors.sdk.tlog.merkle import HashReader, consistency_proof, read_root
from connectors.sdk.tlog.note import (
    Checkpoint,
    SignatureType,
    VerificationKey,
    parse_checkpoint,
    read_checkpoint,
    verify_cosignature,
)

_ATTEMPTS = 2
"""The first tells the witness's size to a log that was started anew."""


class WitnessUnavailable(Exception):
    """A witness did not answer, or not with what it should."""


class WitnessDisagrees(Exception):
    """A witness does not cosign, because its newest checkpoint is another one."""

    def __init__(self, newest: bytes) -> None:
        super().__init__("the witness has another checkpoint")
        self.newest = newest
        """What it shows as its newest checkpoint; nothing of it is checked yet."""


class HistoryConflict(Exception):
    """A witness has a checkpoint, signed by this log, that is no earlier state of it: the log was put back or rewritten."""


class WitnessClient(Protocol):
    """Port: one witness."""

    @property
    def key(self) -> VerificationKey:
        """What verifies its cosignatures."""

    def add_checkpoint(self, note: bytes, *, old_size: int, proof: Sequence[bytes]) -> bytes:
        """Return the cosignature, in bounded time; see `Witness.add_checkpoint`.

        Raises:
            WitnessUnavailable: There is no answer.
            WitnessDisagrees: Its newest checkpoint has another size or history.
        """

    def close(self) -> None:
        """Let go of the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessing:
    """By whom a log is witnessed, and how strictly."""

    clients: tuple[WitnessClient, ...] = ()
    witnesses_min: int = 0
    """So many must cosign a checkpoint."""
    grace_seconds: float = 60.0
    """So long the log goes on without; 0 acknowledges nothing that is not cosigned."""

    def __post_init__(self) -> None:
        keys = [client.key for client in self.clients]
        if any(key.signature_type is not SignatureType.COSIGNATURE for key in keys):
            raise ValueError(
                "见证方的公钥须由 connector witness-key 给出 / take a witness's key from connector witness-key"
            )
        if len({key.name for key in keys}) < len(keys) or self.witnesses_min > len(keys):
            raise ValueError("见证方重复或不足 / a witness is named twice, or there are fewer than must cosign")


class Cosigner:
    """One witness of one log, as far as the log knows it. One thread asks it.

    Args:
        client: The witness.
        public_key: The log's.
        tree: The log's tree.
    """

    def __init__(self, client: WitnessClient, *, public_key: VerificationKey, tree: HashReader) -> None:
        self.name = client.key.name
        self._client = client
        self._public_key = public_key
        self._tree = tree
        self._size = 0
        """Of the witness's newest checkpoint, as far as is known."""
        self._failing = ""
        """Why it did not cosign the last time; empty when it did."""

    def cosign(self, note: bytes) -> bytes | None:
        """Return the witness's cosignature of a checkpoint, or None when it gives none.

        Raises:
            HistoryConflict: It shows that the log was put back or rewritten.
            OSError: The tree cannot be read.
        """
        checkpoint, _ = parse_checkpoint(note)
        reason = "it keeps disagreeing"
        for _ in range(_ATTEMPTS):
            try:
                proof = consistency_proof(self._tree, old_size=self._size, size=checkpoint.size)
                line = self._client.add_checkpoint(note, old_size=self._size, proof=proof)
                verify_cosignature(line, checkpoint=checkpoint, witness_key=self._client.key)
            except WitnessDisagrees as answer:
                try:
                    self._size = self._earlier_size(answer.newest, now=checkpoint)
                except (ValueError, LookupError) as error:
                    reason = f"what it shows as its newest checkpoint cannot be used: {error}"
            except (WitnessUnavailable, ValueError, LookupError) as error:
                reason = str(error)
                break
            else:
                self._size, self._failing = checkpoint.size, ""
                return line
        if reason != self._failing:
            self._failing = reason
            structlog.get_logger().warning(
                "witness does not cosign", witness=self.name, size=checkpoint.size, reason=reason
            )
        return None

    def close(self) -> None:
        """Let go of the witness; a call under way ends. May be called again."""
        self._client.close()

    def _earlier_size(self, newest: bytes, *, now: Checkpoint) -> int:
        """Return the size of the witness's newest checkpoint, after checking that it is an earlier state of this log."""
        if not newest:
            return 0
        seen = read_checkpoint(newest, public_key=self._public_key)
        if seen.size > now.size:
            raise HistoryConflict(
                f"witness {self.name} saw {seen.size} entries, the log has {now.size}: it was put back"
            )
        if seen.root != read_root(self._tree, size=seen.size):
            raise HistoryConflict(f"witness {self.name} saw other entries before number {seen.size + 1}: rewritten")
        return seen.size
