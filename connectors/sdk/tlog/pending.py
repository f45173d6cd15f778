"""Entries on their way to the disk."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.sdk.tlog.entry import Entry, encode_entry


class LogUnavailable(Exception):
    """The log cannot be opened, or an entry is not known to be durable."""

    def __init__(self, internal: str) -> None:
        super().__init__(internal)
        self.internal = internal
        """Why, for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry without its place."""

    kind: str
    body: Mapping[str, Any]
    body_json: bytes
    entry_id: str

    def finish(self, sequence: int, *, time_micros: int) -> Entry:
        """Return the entry."""
        leaf = encode_entry(
            self.body_json, sequence=sequence, entry_id=self.entry_id, kind=self.kind, time_micros=time_micros
        )
        return Entry(
            sequence=sequence,
            entry_id=self.entry_id,
            kind=self.kind,
            time_micros=time_micros,
            body=self.body,
            leaf=leaf,
        )


@dataclass(slots=True)
class Batch:
    """Drafts that share one commit."""

    drafts: list[Draft] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    """Filled once they may be acknowledged; stays empty when they are not known to be durable."""
    refusal: str = ""
    """Why they are not."""
    waiting: list[threading.Lock] = field(default_factory=list)
    """Held until there is an answer, one for each `Pending`: with one event for all of them they would wake each other."""

    def finish(self) -> None:
        """Let those who wait go on."""
        while self.waiting:
            self.waiting.pop().release()


class Pending:
    """Entries that somebody has submitted.

    Args:
        batch: What they are part of, before it is written.
        first: The first of them in it.
        count: How many they are.
        seconds_max: How long `wait` waits for a disk that stalls.
    """

    def __init__(self, batch: Batch, *, first: int, count: int, seconds_max: float) -> None:
        self._batch = batch
        self._answered = threading.Lock()
        self._answered.acquire()
        batch.waiting.append(self._answered)
        self._first = first
        self._count = count
        self._seconds_max = seconds_max

    def wait(self) -> list[Entry]:
        """Return the entries once they are durable and a signed checkpoint counts them.

        Raises:
            LogUnavailable: They are not known to be durable; the caller must not release anything.
        """
        if not self._answered.acquire(timeout=self._seconds_max):
            raise LogUnavailable(f"an entry was not durable after {self._seconds_max} s")
        self._answered.release()
        if not self._batch.entries:
            raise LogUnavailable(self._batch.refusal)
        return self._batch.entries[self._first : self._first + self._count]
