"""Publishes a log's checkpoints: to the file `checkpoint`, then to the witnesses, whose cosignatures are added to the file.

No witness is waited for: each is asked by a thread of its own, so that one that hangs delays neither the file nor the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.sdk.tlog.cosigning import Cosigner, HistoryConflict, Witnessing
from connectors.sdk.tlog.files import Files, replace_file
from connectors.sdk.tlog.merkle import HashReader
from connectors.sdk.tlog.note import VerificationKey, add_signatures, parse_checkpoint
from connectors.sdk.tlog.segments import CHECKPOINT

_PATIENCE_SECONDS = 1.5
"""So long a log that opens or closes waits for witnesses that it can do without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Published:
    note: bytes
    size: int
    at: float
    """When it was taken for publication: whatever it does not count was offered later."""


class Publisher:
    """Publishes the newest checkpoint when there is one, and then pauses.

    The writer gives it every checkpoint with `offer` once it is durable in the segment, asks `refusal` before it accepts
    entries, and `wait_acknowledgeable` before it acknowledges them.

    Args:
        directory: The log's.
        files: The operations.
        public_key: The log's.
        tree: The log's tree; holds the leaves of every checkpoint offered.
        witnessing: By whom the log is witnessed.
        publish_seconds: Pause between two publications, and before a witness that did not cosign is asked again.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        directory: Path,
        *,
        files: Files,
        public_key: VerificationKey,
        tree: HashReader,
        witnessing: Witnessing,
        publish_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._path = directory / CHECKPOINT
        self._files = files
        self._witnessing = witnessing
        self._cosigners = [Cosigner(client, public_key=public_key, tree=tree) for client in witnessing.clients]
        self._publish_seconds = publish_seconds
        self._monotonic = monotonic
        self._writing = threading.Lock()
        """Held while the file is written; taken before `_state`."""
        self._written = b""
        self._state = threading.Condition()
        self._newest = b""
        self._published = _Published(note=b"", size=-1, at=0.0)
        self._cosigned_note = b""
        """What is published, with the cosignatures it got."""
        self._vouched: dict[str, _Published] = {}
        """By witness: the last that it cosigned, and with it everything before."""
        self._failing: set[str] = set()
        """Witnesses that did not cosign the last time."""
        self._cosigned_size = -1
        self._behind_since: float | None = None
        """When the first checkpoint was offered that not enough witnesses cosigned."""
        self._conflict: HistoryConflict | None = None
        self._stopped_by = ""
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self, note: bytes) -> None:
        """Publish the checkpoint with which the log is opened, ask the witnesses, then go on in the background.

        Raises:
            HistoryConflict: A witness shows that the log was put back or rewritten.
            OSError: The file cannot be written.
        """
        self.offer(note)
        self._publish()
        for cosigner in self._cosigners:
            threading.Thread(target=self._ask, args=(cosigner,), name=f"witness {cosigner.name}", daemon=True).start()
        with self._state:
            self._state.wait_for(lambda: self._stopped_by or self._is_cosigned or self._too_few)
        self._collect()
        if self._conflict:
            raise self._conflict
        self._thread.start()

    @property
    def published(self) -> bytes:
        """The checkpoint last published, with the cosignatures it got."""
        return self._cosigned_note

    @property
    def witnesses(self) -> int:
        """How many witnesses are asked."""
        return len(self._cosigners)

    @property
    def refusal(self) -> str:
        """Why the log must not accept entries now; empty when it may."""
        with self._state:
            since, grace_seconds = self._behind_since, self._witnessing.grace_seconds
            if self._too_few and since is not None and self._monotonic() - since >= grace_seconds:
                return self._stopped_by or f"too few witnesses cosign, for more than {grace_seconds} s"
            return self._stopped_by

    def offer(self, note: bytes) -> None:
        """Take a checkpoint that is durable in its segment. Does not wait."""
        with self._state:
            self._newest = note
            if self._behind_since is None:
                self._behind_since = self._monotonic()
            self._state.notify_all()

    def wait_acknowledgeable(self, size: int, *, seconds_max: float) -> bool:
        """Return whether the first `size` entries may be acknowledged: at once, or with grace 0 when they are cosigned."""
        if self._witnessing.grace_seconds > 0 or self._witnessing.witnesses_min == 0:
            return True
        with self._state:
            self._state.wait_for(lambda: self._cosigned_size >= size or self._too_few or self._stopped_by, seconds_max)
            return self._cosigned_size >= size

    def close(self) -> None:
        """Publish the newest checkpoint and end, within a moment even when a witness hangs. May be called again."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._stop("closed")
        with self._writing:  # from now on a late answer changes nothing
            pass
        for cosigner in self._cosigners:
            cosigner.close()

    @property
    def _is_cosigned(self) -> bool:
        return self._cosigned_size >= self._published.size or self._witnessing.witnesses_min == 0

    @property
    def _too_few(self) -> bool:
        return len(self._cosigners) - len(self._failing) < self._witnessing.witnesses_min

    def _collect(self) -> None:
        """Give every witness a moment to cosign what is published."""

        def answered(name: str) -> bool:
            return name in self._failing or self._vouched.get(name) is self._published

        with self._state:
            self._state.wait_for(
                lambda: self._stopped_by or all(answered(cosigner.name) for cosigner in self._cosigners),
                _PATIENCE_SECONDS,
            )
        with self._writing:
            self._write(self._cosigned_note)

    def _run(self) -> None:
        with self._stopping():
            while self._wait():
                self._publish()
            if self._newest != self._published.note:
                self._publish()
            self._collect()

    def _wait(self) -> bool:
        """Pause, then wait for something to publish; False when the log closes."""
        with self._state:
            hurry = self._witnessing.grace_seconds == 0 and not self._too_few
            self._state.wait_for(lambda: self._closing or self._stopped_by, 0 if hurry else self._publish_seconds)
            self._state.wait_for(lambda: self._closing or self._stopped_by or self._newest != self._published.note)
            return not self._closing and not self._stopped_by

    def _publish(self) -> None:
        with self._state:
            note, at = self._newest, self._monotonic()
        published = _Published(note=note, size=parse_checkpoint(note)[0].size, at=at)
        with self._writing:
            self._write(note)
            with self._state:
                self._published, self._cosigned_note = published, note
                self._state.notify_all()

    def _ask(self, cosigner: Cosigner) -> None:
        """Ask a witness about every checkpoint that is published, at its own pace."""
        seen: _Published | None = None
        with self._stopping():
            while True:
                with self._state:
                    self._state.wait_for(lambda: self._stopped_by or self._published is not seen)  # noqa: B023 - called at once
                    if self._stopped_by:
                        return
                    asked = self._published
                if line := cosigner.cosign(asked.note):
                    seen = asked
                    self._add_cosignature(line, of=asked, witness=cosigner.name)
                else:
                    with self._state:
                        self._failing.add(cosigner.name)
                        self._state.notify_all()
                        self._state.wait_for(lambda: self._stopped_by, self._publish_seconds)

    def _add_cosignature(self, line: bytes, *, of: _Published, witness: str) -> None:
        with self._state:
            self._failing.discard(witness)
            self._vouched[witness] = of
            self._count()
            if self._published is of:
                self._cosigned_note = add_signatures(self._cosigned_note, lines=[line])
            self._state.notify_all()
        with self._writing:
            if not self._stopped_by and self._published is of:
                self._write(self._cosigned_note)

    def _count(self) -> None:
        """See how far enough witnesses have cosigned; a checkpoint's cosignature is one of all that it continues."""
        by_size = sorted(self._vouched.values(), key=lambda published: published.size, reverse=True)
        witnesses_min = self._witnessing.witnesses_min
        if not 0 < witnesses_min <= len(by_size):
            return
        last = by_size[witnesses_min - 1]
        if last.size > self._cosigned_size:
            self._cosigned_size = last.size
            self._behind_since = None if self._newest == last.note else last.at

    def _write(self, note: bytes) -> None:
        if note != self._written:
            replace_file(self._files, path=self._path, data=note, durable=True)
            self._written = note

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Stop the log when what runs in it ends otherwise than it should."""
        try:
            yield
        except OSError as error:
            self._stop(f"the log was stopped by a failed write: {error}")
        except HistoryConflict as conflict:
            self._conflict = conflict
            self._stop(f"the log was stopped by a witness: {conflict}")
        except BaseException:
            self._stop("the publisher ended unexpectedly")
            raise

    def _stop(self, stopped_by: str) -> None:
        with self._state:
            self._stopped_by = self._stopped_by or stopped_by
            self._state.notify_all()
