"""What one session of an auditor keeps: keys to verify with, what was verified, titles. It ends with the session."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog.dataset import Bilingual
from connectors.sdk.tlog.note import Checkpoint, SignatureType, VerificationKey
from gateway.doors.console.audit.verifying import Verifying

KEY_BYTES_MAX = 4096
"""Longest file of keys."""


class KeyRefused(ValueError):
    """It is no file of verification keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the auditor brought to verify with; nothing of it comes from the gateway or the console."""

    log: VerificationKey
    witnesses: tuple[VerificationKey, ...] = ()

    @classmethod
    def read(cls, text: str) -> Keys:
        """Read the log's key and those of any witnesses, one a line (C2SP `name+hash+key`).

        Raises:
            KeyRefused: A line is no key, or not exactly one is a log's.
        """
        try:
            keys = [VerificationKey.from_text(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise KeyRefused(str(error)) from error
        logs = [key for key in keys if key.signature_type is SignatureType.ED25519]
        if len(logs) != 1:
            raise KeyRefused("not exactly one key of a log")
        return cls(log=logs[0], witnesses=tuple(key for key in keys if key is not logs[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A checkpoint that this session has verified, against which the next one is held."""

    note: bytes
    checkpoint: Checkpoint


@dataclass(slots=True)
class AuditWork:
    """Of one session."""

    keys: Keys | None = None
    kept: Kept | None = None
    """Verified last."""
    verifying: Verifying | None = None
    """The verification that runs, or that ended last."""
    titles: Mapping[tuple[str, str], Bilingual] = field(default_factory=dict)
    """By what they name and id; none before `titles_of` has asked for them."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    """Held while keys, checkpoint and verification change, or are read together."""

    def use(self, keys: Keys) -> None:
        """Verify with these keys from now on; what others found or kept is forgotten."""
        with self.lock:
            self.close()
            self.keys, self.kept, self.verifying = keys, None, None

    def close(self) -> None:
        """End what runs."""
        if self.verifying is not None:
            self.verifying.cancel()
