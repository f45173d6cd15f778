"""The access log: append-only, durable before acknowledged, stopped by its first failed write."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.canonical import encode_canonical
from gateway.audit.chain import EMPTY, ENTRY_ID, LINE_BYTES_MAX, ChainHead, encode_line, hash_line
from gateway.audit.checkpoint import VerificationKey, sign_checkpoint
from gateway.audit.files import Files, OsFiles, replace_file, sync_directory
from gateway.audit.problems import ProblemKind, Verification
from gateway.audit.recovery import OpenIntents, opened_body
from gateway.audit.segments import (
    CHECKPOINT,
    SegmentWriter,
    list_segments,
    lock_directory,
    read_checkpoint_file,
    rewrite_segment,
)
from gateway.audit.verify import verify_files
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind

SEGMENT_BYTES_MAX = 64 << 20
APPEND_SECONDS_MAX = 5.0
_BODY_BYTES_MAX = LINE_BYTES_MAX - 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    kind: EntryKind
    body: Mapping[str, Any]
    body_json: bytes
    entry_id: str


@dataclass(slots=True)
class _Batch:
    """Drafts that share one fsync."""

    drafts: list[_Draft] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)
    """Filled once they are durable; stays empty when they are not known to be."""
    done: threading.Event = field(default_factory=threading.Event)


class AuditLog:
    """An open log; `open` makes it, one thread writes it, any thread may append.

    Whatever fails while writing stops the log for good: nothing of that batch is acknowledged, every later append is
    refused, and only opening it anew, which verifies it, starts it again.
    """

    def __init__(
        self,
        directory: Path,
        *,
        signing_key: Ed25519PrivateKey,
        key_name: str,
        clock_micros: Callable[[], int],
        new_entry_id: Callable[[], str],
        files: Files,
        segment_bytes_max: int,
        append_seconds_max: float,
    ) -> None:
        self.directory = directory
        self.public_key = VerificationKey(name=key_name, key=signing_key.public_key())
        self._signing_key = signing_key
        self._clock_micros = clock_micros
        self._new_entry_id = new_entry_id
        self._files = files
        self._append_seconds_max = append_seconds_max
        self._segments = SegmentWriter(directory, files=files, segment_bytes_max=segment_bytes_max)
        self._head = EMPTY
        self._pending = _Batch()
        self._state = threading.Condition()
        self._closing = False
        self._stopped_by = "not open"
        self._thread = threading.Thread(target=self._run, name="audit-log", daemon=True)
        self._lock = -1

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
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        append_seconds_max: float = APPEND_SECONDS_MAX,
    ) -> AuditLog:
        """Verify the log in `directory`, or start one, and open it for its only writer.

        Records what was found, and a receipt with an unknown outcome for every intent that nothing closed.

        Args:
            directory: Made when missing.
            signing_key: Signs the checkpoints.
            key_name: Name of the log; no white space, no `+`.
            clock_micros: Microseconds since 1970-01-01 UTC.
            new_entry_id: Unique; letters, digits, `.`, `_`, `-`, at most 64.
            files: File operations; the operating system's by default.
            segment_bytes_max: Size at which a new segment is started.
            append_seconds_max: How long an append waits for a disk that stalls.

        Raises:
            Unavailable: The log has another writer, cannot be written, or is not what its checkpoint signs.
        """
        log = cls(
            directory,
            signing_key=signing_key,
            key_name=key_name,
            clock_micros=clock_micros,
            new_entry_id=new_entry_id,
            files=files or OsFiles(),
            segment_bytes_max=segment_bytes_max,
            append_seconds_max=append_seconds_max,
        )
        try:
            log._start()
        except BlockingIOError:
            raise _unavailable(f"another process writes the log in {directory}") from None
        except (OSError, ValueError) as error:
            log.close()
            raise _unavailable(f"the log in {directory} cannot be opened: {error}") from error
        except Unavailable:
            log.close()
            raise
        return log

    @property
    def available(self) -> bool:
        """Whether the log still accepts entries."""
        return not self._stopped_by

    def append(self, kind: EntryKind, body: Mapping[str, Any]) -> AuditEntry:
        """Return the entry once it is durable and a signed checkpoint counts it.

        Raises:
            Unavailable: It is not known to be durable; the caller must not release anything.
            ValueError: The body is not canonical JSON or is too large; the log goes on.
        """
        return self.append_many([(kind, body)])[0]

    def append_many(self, items: Sequence[tuple[EntryKind, Mapping[str, Any]]]) -> list[AuditEntry]:
        """Append several entries one directly after the other, in one batch.

        Raises:
            Unavailable: They are not all known to be durable.
            ValueError: A body is not canonical JSON or is too large; nothing was appended.
        """
        if not items:
            return []
        drafts = [self._draft(kind, body) for kind, body in items]
        with self._state:
            if self._stopped_by:
                raise _unavailable(self._stopped_by)
            batch = self._pending
            first = len(batch.drafts)
            batch.drafts.extend(drafts)
            if first == 0:
                self._state.notify()
        if not batch.done.wait(self._append_seconds_max):
            raise _unavailable(f"an entry was not durable after {self._append_seconds_max} s")
        if not batch.entries:
            raise _unavailable(self._stopped_by)
        return batch.entries[first : first + len(drafts)]

    def close(self) -> None:
        """Write what is waiting, make the checkpoint durable and let go of the log. May be called again."""
        with self._state:
            self._closing = True
            self._state.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._segments.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _draft(self, kind: EntryKind, body: Mapping[str, Any]) -> _Draft:
        entry_id = self._new_entry_id()
        body_json = encode_canonical(dict(body))
        if not ENTRY_ID.fullmatch(entry_id) or len(body_json) > _BODY_BYTES_MAX:
            raise ValueError("the entry's id is malformed or its body too large")
        return _Draft(kind=kind, body=body, body_json=body_json, entry_id=entry_id)

    def _start(self) -> None:
        self._prepare_directory()
        intents = OpenIntents()
        found = verify_files(self.directory, public_key=self.public_key, signed_only=False, observe=intents.observe)
        for problem in found.problems:
            if problem.kind is not ProblemKind.UNSIGNED:
                raise _unavailable(f"{problem.place}: entry {problem.sequence}: {problem.text.en}")
        self._repair_tail(found)
        self._head = ChainHead(size=found.entries, sha256=found.head)
        self._stopped_by = ""
        self._thread.start()
        receipts = intents.receipts()
        opened = (EntryKind.OPENED, opened_body(found, open_intents=len(receipts)))
        self.append_many([opened, *((EntryKind.RECEIPT, body) for body in receipts)])

    def _prepare_directory(self) -> None:
        if not self.directory.is_dir():
            self.directory.mkdir(mode=0o700, parents=True)
            sync_directory(self._files, directory=self.directory.parent)
        self._lock = lock_directory(self.directory)
        if read_checkpoint_file(self.directory) is None and not list_segments(self.directory):
            self._write_checkpoint(EMPTY, durable=True)

    def _repair_tail(self, found: Verification) -> None:
        segments = list_segments(self.directory)
        if not segments:
            return
        last = segments[-1]
        if found.torn_bytes or found.entries > found.signed_entries:
            kept = last.path.stat().st_size - found.torn_bytes
            rewrite_segment(last, files=self._files, bytes_kept=kept)
        self._segments.open_last(last)

    def _run(self) -> None:
        stopped_by = "the writer ended unexpectedly"
        batch: _Batch | None = None
        try:
            while batch := self._next_batch():
                self._commit(batch)
                batch.done.set()
            self._write_checkpoint(self._head, durable=True)
            stopped_by = "closed"
        except OSError as error:
            stopped_by = f"the log was stopped by a failed write: {error}"
        finally:
            self._stop(stopped_by, batch=batch)

    def _next_batch(self) -> _Batch | None:
        with self._state:
            self._state.wait_for(lambda: self._pending.drafts or self._closing)
            batch, self._pending = self._pending, _Batch()
        return batch if batch.drafts else None

    def _commit(self, batch: _Batch) -> None:
        head = self._head
        lines: list[bytes] = []
        entries: list[AuditEntry] = []
        for draft in batch.drafts:
            time_micros = self._clock_micros()
            line = encode_line(
                draft.body_json, entry_id=draft.entry_id, kind=draft.kind, after=head, time_micros=time_micros
            )
            head = ChainHead(size=head.size + 1, sha256=hash_line(line))
            lines.append(line)
            entries.append(_entry(draft, head=head, time_micros=time_micros))
        self._segments.append(b"".join(lines), first_sequence=self._head.size + 1)
        self._write_checkpoint(head, durable=False)
        self._head = head
        batch.entries = entries

    def _write_checkpoint(self, head: ChainHead, *, durable: bool) -> None:
        note = sign_checkpoint(head, key_name=self.public_key.name, signing_key=self._signing_key)
        replace_file(self._files, path=self.directory / CHECKPOINT, data=note, durable=durable)

    def _stop(self, stopped_by: str, *, batch: _Batch | None) -> None:
        with self._state:
            self._stopped_by = stopped_by
            self._pending.done.set()
        if batch:
            batch.done.set()


def _entry(draft: _Draft, *, head: ChainHead, time_micros: int) -> AuditEntry:
    return AuditEntry(
        sequence=head.size,
        entry_id=draft.entry_id,
        kind=draft.kind,
        time_micros=time_micros,
        body=draft.body,
        sha256=head.sha256,
    )


def _unavailable(internal: str) -> Unavailable:
    return Unavailable(Reason.AUDIT_UNAVAILABLE, internal=internal)
