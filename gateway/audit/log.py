"""The access log: a transparency log whose intents are closed when it is opened again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.cosigning import Witnessing
from connectors.sdk.tlog.evidence import Evidence
from connectors.sdk.tlog.files import Files
from connectors.sdk.tlog.note import VerificationKey, parse_checkpoint
from connectors.sdk.tlog.pending import LogUnavailable
from connectors.sdk.tlog.retention import retire
from connectors.sdk.tlog.segments import CHECKPOINT, Segment
from connectors.sdk.tlog.tombstone import Tombstone
from connectors.sdk.tlog.writer import (
    APPEND_SECONDS_MAX,
    PUBLISH_SECONDS,
    SEGMENT_BYTES_MAX,
    LogWriter,
)
from gateway.audit.recovery import unknown_receipts
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind, JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """How a log stands, as its last published checkpoint says."""

    entries: int
    """What the checkpoint counts."""
    published_micros: int
    """When the checkpoint's file was written, in microseconds since 1970-01-01 UTC; 0 when it cannot be read."""
    witnesses: int
    """How many are asked to cosign."""
    cosigned: int
    """How many cosigned this checkpoint."""
    stopped: bool
    """Whether no entries are accepted."""


class AuditLog:
    """An open access log; `open` makes it, any thread may append.

    Args:
        log: The open log; belongs to this one.
    """

    def __init__(self, log: LogWriter) -> None:
        self._log = log

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        signing_key: Ed25519PrivateKey,
        key_name: str,
        clock_micros: Callable[[], int],
        new_entry_id: Callable[[], str],
        files: Files | None = None,
        witnessing: Witnessing | None = None,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        append_seconds_max: float = APPEND_SECONDS_MAX,
        publish_seconds: float = PUBLISH_SECONDS,
    ) -> AuditLog:
        """Verify the log in `directory`, or start one, and open it for its only writer; see `LogWriter.open`.

        Records what was found, and a receipt with an unknown outcome for every intent that nothing closed.

        Raises:
            Unavailable: The log has another writer, cannot be written, or is not what was signed and witnessed.
        """
        with _unavailable():
            log = LogWriter.open(
                directory,
                signing_key=signing_key,
                name=key_name,
                clock_micros=clock_micros,
                new_entry_id=new_entry_id,
                files=files,
                witnessing=witnessing or Witnessing(),
                segment_bytes_max=segment_bytes_max,
                append_seconds_max=append_seconds_max,
                publish_seconds=publish_seconds,
            )
            try:
                receipts = _unknown_receipts(log)
                found = {
                    "entries": log.recovered.tree.end,
                    "root": log.recovered.root.hex(),
                    "torn_bytes": log.recovered.torn_bytes,
                    "open_intents": len(receipts),
                }
                log.append_many([(EntryKind.OPENED, found), *((EntryKind.RECEIPT, body) for body in receipts)])
            except BaseException:
                log.close()
                raise
        return cls(log)

    @property
    def directory(self) -> Path:
        """Where it is."""
        return self._log.directory

    @property
    def verification_key(self) -> VerificationKey:
        """What an auditor needs to verify it."""
        return self._log.verification_key

    @property
    def available(self) -> bool:
        """Whether the log accepts entries now."""
        return self._log.available

    @property
    def checkpoint(self) -> bytes:
        """The checkpoint last published, with the cosignatures of the witnesses."""
        return self._log.checkpoint

    @property
    def state(self) -> LogState:
        """How it stands now."""
        checkpoint, signatures = parse_checkpoint(self.checkpoint)
        try:
            written_ns = (self.directory / CHECKPOINT).stat().st_mtime_ns
        except OSError:
            written_ns = 0
        return LogState(
            entries=checkpoint.size,
            published_micros=written_ns // 1_000,
            witnesses=self._log.witnesses,
            cosigned=len(signatures) - 1,
            stopped=not self.available,
        )

    def append(self, kind: EntryKind, body: Mapping[str, Any]) -> AuditEntry:
        """Return the entry once it is durable and a signed checkpoint counts it.

        Raises:
            Unavailable: It is not known to be durable; the caller must not release anything.
            ValueError: The body is not canonical JSON or is too large; the log goes on.
        """
        with _unavailable():
            return self._log.append(kind, body)

    def append_many(self, items: Sequence[tuple[EntryKind, Mapping[str, Any]]]) -> list[AuditEntry]:
        """Append several entries one directly after the other, in one commit.

        Raises:
            Unavailable: They are not all known to be durable.
            ValueError: A body is not canonical JSON or is too large; nothing was appended.
        """
        with _unavailable():
            return self._log.append_many(items)

    def segments(self) -> list[Segment]:
        """Return the segments of the log, up to the end of the last durable commit; see `LogWriter.segments`.

        Raises:
            OSError: The directory cannot be read.
        """
        return self._log.segments()

    def evidence(self, entry: AuditEntry) -> Evidence:
        """Return the proof that an entry is in the log; see `LogWriter.evidence`.

        Raises:
            Unavailable: It cannot be proven.
        """
        with _unavailable():
            return self._log.evidence(entry)

    def checkpoint_since(self, old_size: int) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the checkpoint last published and the proof that it continues an older one; see `LogWriter`.

        Raises:
            Unavailable: The stored hashes are damaged.
        """
        with _unavailable():
            return self._log.checkpoint_since(old_size)

    def retire(self, *, kept_years: int, now_micros: int, requester: str, reason: str) -> Tombstone | None:
        """Remove the segments whose retention has ended; see `connectors.sdk.tlog.retention.retire`.

        Raises:
            Unavailable: It could not be recorded; nothing was removed.
            ValueError: The retention is too short, or the log is damaged; nothing was removed.
            OSError: A file could not be read, written or removed.
        """
        with _unavailable():
            return retire(
                self._log,
                kept_years=kept_years,
                now_micros=now_micros,
                requester=requester,
                reason=reason,
                record=lambda body: self.append(EntryKind.RETENTION, body),
            )

    def close(self) -> None:
        """Write what is waiting, publish the newest checkpoint and let go of the log. May be called again."""
        self._log.close()

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unknown_receipts(log: LogWriter) -> list[dict[str, JsonValue]]:
    try:
        return unknown_receipts(log.segments())
    except (OSError, ValueError) as error:
        raise LogUnavailable(f"the log in {log.directory} cannot be read: {error}") from error


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except LogUnavailable as error:
        raise Unavailable(Reason.AUDIT_UNAVAILABLE, internal=error.internal) from error
