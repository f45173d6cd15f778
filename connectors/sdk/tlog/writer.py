"""An open log: durable before acknowledged, signed with every commit, stopped for good by its first failed write."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.cosigning import HistoryConflict, Witnessing
from connectors.sdk.tlog.entry import ENTRY_ID, KIND, LEAF_BYTES_MAX, Entry, leaf_hash
from connectors.sdk.tlog.evidence import Evidence
from connectors.sdk.tlog.files import Files, OsFiles, sync_directory
from connectors.sdk.tlog.hash_store import HASHES, HashStore
from connectors.sdk.tlog.merkle import (
    CompactRange,
    HashReader,
    consistency_proof,
    inclusion_proof,
    read_root,
    verify_consistency,
    verify_inclusion,
)
from connectors.sdk.tlog.note import VerificationKey, parse_checkpoint, sign_checkpoint
from connectors.sdk.tlog.pending import Batch, Draft, LogUnavailable, Pending
from connectors.sdk.tlog.publisher import Publisher
from connectors.sdk.tlog.recovery import Recovered, recover
from connectors.sdk.tlog.segments import Segment, SegmentWriter, checkpoint_frame, entry_frame, lock_directory
from connectors.sdk.tlog.tombstone import live_segments

SEGMENT_BYTES_MAX = 64 << 20
APPEND_SECONDS_MAX = 5.0
PUBLISH_SECONDS = 1.0
_BODY_BYTES_MAX = LEAF_BYTES_MAX - 1024
_UNWITNESSED = Witnessing()


class LogWriter:
    """An open log; `open` makes it, one thread writes it, any thread may append.

    Whatever fails while writing stops the log for good: nothing of that batch is acknowledged, every later append is
    refused, and only opening it anew, which verifies it, starts it again.
    """

    def __init__(
        self,
        directory: Path,
        *,
        signing_key: Ed25519PrivateKey,
        name: str,
        clock_micros: Callable[[], int],
        new_entry_id: Callable[[], str],
        files: Files,
        witnessing: Witnessing,
        segment_bytes_max: int,
        append_seconds_max: float,
        publish_seconds: float,
    ) -> None:
        self.directory = directory
        self.verification_key = VerificationKey(name=name, key=signing_key.public_key())
        self.signing_key = signing_key
        self.retired = 0
        """Entries that were removed when their retention ended."""
        self._lock = -1
        self._hashes = HashStore(directory / HASHES, files=files)
        self._clock_micros = clock_micros
        self._new_entry_id = new_entry_id
        self._append_seconds_max = append_seconds_max
        self._segments = SegmentWriter(directory, files=files, segment_bytes_max=segment_bytes_max)
        self._publisher = Publisher(
            directory,
            files=files,
            public_key=self.verification_key,
            tree=self._hashes,
            witnessing=witnessing,
            publish_seconds=publish_seconds,
            monotonic=time.monotonic,
        )
        self._files = files
        self._tree = CompactRange()
        self._note = b""
        self._pending = Batch()
        self._state = threading.Condition()
        self._closing = False
        self._stopped_by = "not open"
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self.recovered: Recovered
        """What it held when it was opened."""

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        signing_key: Ed25519PrivateKey,
        name: str,
        clock_micros: Callable[[], int],
        new_entry_id: Callable[[], str],
        files: Files | None = None,
        witnessing: Witnessing = _UNWITNESSED,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        append_seconds_max: float = APPEND_SECONDS_MAX,
        publish_seconds: float = PUBLISH_SECONDS,
    ) -> LogWriter:
        """Verify the log in `directory`, or start one, and open it for its only writer.

        Args:
            directory: Made when missing.
            signing_key: Signs the checkpoints.
            name: Name of the log; no white space, no `+`.
            clock_micros: Microseconds since 1970-01-01 UTC.
            new_entry_id: Unique; letters, digits, `.`, `_`, `-`, at most 64.
            files: File operations; the operating system's by default.
            witnessing: By whom it is witnessed; nobody by default.
            segment_bytes_max: Size at which a new segment is started.
            append_seconds_max: How long an append waits for a disk that stalls.
            publish_seconds: Pause between two checkpoints in the file `checkpoint` and at the witnesses.

        Raises:
            LogUnavailable: The log has another writer, cannot be written, or is not what was signed and witnessed.
        """
        log = cls(
            directory,
            signing_key=signing_key,
            name=name,
            clock_micros=clock_micros,
            new_entry_id=new_entry_id,
            files=files or OsFiles(),
            witnessing=witnessing,
            segment_bytes_max=segment_bytes_max,
            append_seconds_max=append_seconds_max,
            publish_seconds=publish_seconds,
        )
        log._start()
        return log

    @property
    def hashes(self) -> HashReader:
        """The hashes of its tree."""
        return self._hashes

    @property
    def available(self) -> bool:
        """Whether the log accepts entries now."""
        return not self._refusal

    @property
    def checkpoint(self) -> bytes:
        """The checkpoint last published, with the cosignatures of the witnesses."""
        return self._publisher.published

    @property
    def witnesses(self) -> int:
        """How many witnesses are asked to cosign."""
        return self._publisher.witnesses

    def append(self, kind: str, body: Mapping[str, Any]) -> Entry:
        """Return the entry once it is durable and a signed checkpoint counts it.

        Raises:
            LogUnavailable: It is not known to be durable; the caller must not release anything.
            ValueError: The body is not canonical JSON or is too large; the log goes on.
        """
        return self.submit([(kind, body)]).wait()[0]

    def append_many(self, items: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Entry]:
        """Append several entries one directly after the other, in one commit.

        Raises:
            LogUnavailable: They are not all known to be durable.
            ValueError: A body is not canonical JSON or is too large; nothing was appended.
        """
        return self.submit(items).wait() if items else []

    def submit(self, items: Sequence[tuple[str, Mapping[str, Any]]]) -> Pending:
        """Append at least one entry and do not wait; otherwise as `append_many`.

        Raises:
            LogUnavailable: The log does not accept entries.
            ValueError: A body is not canonical JSON or is too large; nothing was appended.
        """
        drafts = [self._draft(kind, body) for kind, body in items]
        with self._state:
            if refusal := self._refusal:
                raise LogUnavailable(refusal)
            batch = self._pending
            first = len(batch.drafts)
            batch.drafts.extend(drafts)
            if first == 0:
                self._state.notify()
            return Pending(batch, first=first, count=len(drafts), seconds_max=self._append_seconds_max)

    def segments(self) -> list[Segment]:
        """Return the segments of the log, up to the end of the last durable commit, oldest first.

        For whoever reads the log in the writer's process. Another process has only the files: it may see a commit before it
        is durable, and one whose fsync failed until the log is opened anew.

        Raises:
            OSError: The directory cannot be read.
        """
        last = self._segments.durable
        if last is None:
            return []
        live = live_segments(self.directory, retired=self.retired)
        return [*(segment for segment in live if segment.first_sequence < last.first_sequence), last]

    def evidence(self, entry: Entry) -> Evidence:
        """Return the proof that a durable entry is in the log.

        It leads to the published checkpoint, or to that of the newest commit when the published one is too old.

        Raises:
            LogUnavailable: It cannot be proven: it was removed when its retention ended, or is not what the log signed, or
                the stored hashes are damaged; then the next opening verifies everything.
        """
        index = entry.sequence - 1
        if index < self.retired:
            raise LogUnavailable(f"entry {entry.sequence} was removed when its retention ended")
        note = self._publisher.published
        if parse_checkpoint(note)[0].size <= index:
            note = self._note
        signed = parse_checkpoint(note)[0]
        try:
            path = inclusion_proof(self._hashes, index=index, size=signed.size)
            verify_inclusion(leaf_hash(entry.leaf), index=index, size=signed.size, path=path, root=signed.root)
        except (LookupError, OSError, ValueError) as error:
            self._hashes.doubt()
            raise LogUnavailable(f"entry {entry.sequence} cannot be proven: {error}") from error
        return Evidence(leaf=entry.leaf, index=index, tree_size=signed.size, path=path, checkpoint=note)

    def checkpoint_since(self, old_size: int) -> tuple[bytes, tuple[bytes, ...]]:
        """Return the checkpoint last published and the proof that it continues the one with `old_size` entries.

        The proof (RFC 9162, 2.1.4) is empty when there is none: the log is shorter, or what the proof needs was removed
        when its retention ended.

        Raises:
            LogUnavailable: The stored hashes are damaged; the next opening verifies everything.
        """
        note = self._publisher.published
        new = parse_checkpoint(note)[0]
        if not 0 <= old_size <= new.size:
            return note, ()
        try:
            proof = consistency_proof(self._hashes, old_size=old_size, size=new.size)
            old_root = read_root(self._hashes, size=old_size)
            verify_consistency(old_size=old_size, old_root=old_root, size=new.size, root=new.root, proof=proof)
        except (LookupError, OSError, ValueError) as error:
            if old_size < self.retired:
                return note, ()
            self._hashes.doubt()
            raise LogUnavailable(f"the stored hashes are damaged: {error}") from error
        return note, proof

    def close(self) -> None:
        """Write what is waiting, publish the newest checkpoint and let go of the log. May be called again."""
        with self._state:
            self._closing = True
            self._state.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._publisher.close()
        self._segments.close()
        self._hashes.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _refusal(self) -> str:
        return self._stopped_by or self._publisher.refusal

    def _draft(self, kind: str, body: Mapping[str, Any]) -> Draft:
        entry_id = self._new_entry_id()
        body_json = encode_canonical(dict(body))
        if not ENTRY_ID.fullmatch(entry_id) or not KIND.fullmatch(kind) or len(body_json) > _BODY_BYTES_MAX:
            raise ValueError("the entry's id or kind is malformed or its body too large")
        return Draft(kind=kind, body=body, body_json=body_json, entry_id=entry_id)

    def _start(self) -> None:
        try:
            with ExitStack() as undo:
                undo.callback(self.close)
                self._recover()
                undo.pop_all()
        except BlockingIOError:
            raise LogUnavailable(f"another process writes the log in {self.directory}") from None
        except (OSError, ValueError, HistoryConflict) as error:
            raise LogUnavailable(f"the log in {self.directory} cannot be opened: {error}") from error

    def _recover(self) -> None:
        self._lock = _locked(self.directory, files=self._files)
        self._hashes.open()
        found = recover(self.directory, public_key=self.verification_key, hashes=self._hashes, files=self._files)
        if found.segment:
            self._segments.open_last(found.segment)
        self._tree, self.retired = found.tree.copy(), found.retired
        self._note = self._signed(found.tree.end, root=found.root)
        try:
            self._publisher.start(self._note)
        except HistoryConflict:
            self._hashes.doubt()
            raise
        self.recovered = found
        self._stopped_by = ""
        self._thread.start()

    def _run(self) -> None:
        stopped_by = "the writer ended unexpectedly"
        batch: Batch | None = None
        try:
            while batch := self._next_batch():
                self._commit(batch)
                batch.finish()
            stopped_by = "closed"
        except OSError as error:
            stopped_by = f"the log was stopped by a failed write: {error}"
        finally:
            self._stop(stopped_by, batch=batch)

    def _next_batch(self) -> Batch | None:
        with self._state:
            self._state.wait_for(lambda: self._pending.drafts or self._closing)
            batch, self._pending = self._pending, Batch()
        return batch if batch.drafts else None

    def _commit(self, batch: Batch) -> None:
        if self._segments.full:
            self._hashes.mark()  # opening takes them up to where the next segment begins
        before = self._tree.end
        frames: list[bytes] = []
        entries: list[Entry] = []
        completed: list[bytes] = []
        for sequence, draft in enumerate(batch.drafts, before + 1):
            entry = draft.finish(sequence, time_micros=self._clock_micros())
            hash_ = leaf_hash(entry.leaf)
            completed += self._tree.append(hash_)
            frames.append(entry_frame(entry.leaf, hash_=hash_))
            entries.append(entry)
        size = before + len(entries)
        note = self._signed(size, root=self._tree.root)
        self._segments.append(frames, checkpoint=checkpoint_frame(note), first_sequence=before + 1)
        self._hashes.append(completed, size=size)
        self._note = note
        self._publisher.offer(note)
        if self._publisher.wait_acknowledgeable(size, seconds_max=self._append_seconds_max):
            batch.entries = entries
        else:
            batch.refusal = self._publisher.refusal or "no witness cosigned in time"

    def _signed(self, size: int, *, root: bytes) -> bytes:
        return sign_checkpoint(name=self.verification_key.name, size=size, root=root, signing_key=self.signing_key)

    def _stop(self, stopped_by: str, *, batch: Batch | None) -> None:
        with self._state:
            self._stopped_by = stopped_by
        for left in (batch, self._pending):
            if left:
                left.refusal = stopped_by
                left.finish()


def _locked(directory: Path, *, files: Files) -> int:
    if not directory.is_dir():
        directory.mkdir(mode=0o700, parents=True)
        sync_directory(files, directory=directory.parent)
    return lock_directory(directory)
