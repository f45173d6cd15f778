"""A log written frame by frame, as many segments as wanted, without a writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.entry import encode_entry, leaf_hash
from connectors.sdk.tlog.segments import checkpoint_frame, entry_frame

START = 1_700_000_000
"""Seconds since 1970-01-01 UTC of entry 0; each entry is a second after the one before."""
Item = tuple[str, Mapping[str, Any]]


class WrittenLog:
    """A log below `directory`; each `commit` is one commit."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.entries = 0
        self._segment: Path | None = None
        directory.mkdir()

    def roll(self) -> None:
        """Close the segment; the next commit starts another."""
        self._segment = None

    def commit(self, *items: Item) -> None:
        """Append entries and a checkpoint, whose signature nobody here checks."""
        self._open()
        self.append(b"".join(self.frames(*items)) + checkpoint_frame(b"log\n1\nAAAA\n\n\xe2\x80\x94 log AAAA\n"))

    def frames(self, *items: Item) -> Sequence[bytes]:
        """Return the frames of the next entries."""
        frames = []
        for kind, body in items:
            self.entries += 1
            leaf = encode_entry(
                encode_canonical(dict(body)),
                sequence=self.entries,
                entry_id=f"entry-{self.entries}",
                kind=kind,
                time_micros=(START + self.entries) * 1_000_000,
            )
            frames.append(entry_frame(leaf, hash_=leaf_hash(leaf)))
        return frames

    def append(self, data: bytes) -> None:
        """Append bytes to the open segment."""
        with self._open().open("ab") as file:
            file.write(data)

    def _open(self) -> Path:
        if self._segment is None:
            self._segment = self.directory / f"segment-{self.entries + 1:012d}.log"
        return self._segment
