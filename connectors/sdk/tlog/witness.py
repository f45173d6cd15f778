"""A witness of logs: it remembers the newest checkpoint of each and cosigns only what continues it (C2SP tlog-witness).

So a log whose witness is somebody else can neither be put back to an older state nor show different people different entries.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.signing_key import signing_key
from connectors.sdk.tlog.files import Files, replace_file
from connectors.sdk.tlog.merkle import EMPTY_ROOT, verify_consistency
from connectors.sdk.tlog.note import (
    Checkpoint,
    SignatureType,
    VerificationKey,
    cosign_checkpoint,
    parse_checkpoint,
    read_checkpoint,
)

_KEY = "key.pem"


class UnknownLogError(Exception):
    """The witness does not witness this log."""


class SizeMismatchError(Exception):
    """The witness's newest checkpoint has another size than the proof starts from."""

    def __init__(self, *, size: int, newest: bytes) -> None:
        super().__init__(f"the newest checkpoint has size {size}")
        self.size = size
        self.newest = newest
        """The newest checkpoint, as the log signed it; empty when there is none."""


class AnotherHistoryError(Exception):
    """The checkpoint does not continue the newest one."""

    def __init__(self, *, newest: bytes) -> None:
        super().__init__("the checkpoint does not continue the newest one")
        self.newest = newest
        """The newest checkpoint, as the log signed it."""


class Witness:
    """The newest checkpoint of every witnessed log, one file each, durable before a cosignature is given.

    Args:
        directory: Where the checkpoints and the witness's key are; made when missing, locked against a second witness.
        name: Of the witness, on its signature lines.
        log_keys: The logs to witness.
        clock_seconds: Seconds since 1970-01-01 UTC.
        files: The operations.

    Raises:
        OSError: The directory cannot be used, or another witness uses it.
        ValueError: What is there is no key, or not the log's checkpoint.
    """

    def __init__(
        self,
        directory: Path,
        *,
        name: str,
        log_keys: Iterable[VerificationKey],
        clock_seconds: Callable[[], float],
        files: Files,
    ) -> None:
        self._name = name
        self._signing_key = _signing_key(directory)
        self._clock_seconds = clock_seconds
        self._files = files
        self._log_keys = {key.name: key for key in log_keys}
        self._paths = {log: directory / f"{quote(log, safe='')}.checkpoint" for log in self._log_keys}
        self._turn = threading.Lock()
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._newest = {log: _stored(path) for log, path in self._paths.items()}
            for log in self._newest:
                self._read(log)
        except BaseException:
            self.close()
            raise

    def add_checkpoint(self, note: bytes, *, old_size: int, proof: Sequence[bytes]) -> bytes:
        """Cosign a checkpoint that continues the newest one, and remember it.

        Args:
            note: The checkpoint with the log's signature.
            old_size: Size of the newest checkpoint, 0 when there is none.
            proof: RFC 9162 consistency proof from there to this one.

        Returns:
            The cosignature: a signature line with its line feed.

        Raises:
            MalformedCheckpointError: It is no checkpoint.
            UnknownLogError: It is not of a log that is witnessed here.
            ForgedCheckpointError: The log did not sign it.
            SizeMismatchError: The newest checkpoint has another size.
            AnotherHistoryError: It does not continue the newest checkpoint.
            OSError: It cannot be remembered.
        """
        key = self._log_keys.get(parse_checkpoint(note)[0].origin)
        if key is None:
            raise UnknownLogError
        checkpoint = read_checkpoint(note, public_key=key)
        with self._turn:
            newest, newest_note = self._read(key.name), self._newest[key.name]
            if old_size != newest.size:
                raise SizeMismatchError(size=newest.size, newest=newest_note)
            try:
                verify_consistency(
                    old_size=newest.size, old_root=newest.root, size=checkpoint.size, root=checkpoint.root, proof=proof
                )
            except ValueError:
                raise AnotherHistoryError(newest=newest_note) from None
            if checkpoint != newest or not newest_note:
                replace_file(self._files, path=self._paths[key.name], data=note, durable=True)
                self._newest[key.name] = note
        time_seconds = int(self._clock_seconds())
        return cosign_checkpoint(note, name=self._name, time_seconds=time_seconds, signing_key=self._signing_key)

    def close(self) -> None:
        """Let go of the directory. May be called again."""
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1

    def _read(self, log: str) -> Checkpoint:
        note = self._newest[log]
        if not note:
            return Checkpoint(origin=log, size=0, root=EMPTY_ROOT)
        return read_checkpoint(note, public_key=self._log_keys[log])


def witness_key(directory: Path, *, name: str) -> VerificationKey:
    """Return what verifies the cosignatures of the witness `name` in `directory`; both are made when missing.

    Raises:
        OSError: The directory cannot be used.
        ValueError: What is there is no key.
    """
    key = _signing_key(directory).public_key()
    return VerificationKey(name=name, key=key, signature_type=SignatureType.COSIGNATURE)


def _signing_key(directory: Path) -> Ed25519PrivateKey:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return signing_key(directory / _KEY)


def _stored(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
