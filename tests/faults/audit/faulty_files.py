"""File operations that can be made to fail."""

from __future__ import annotations

import threading
from pathlib import Path

from connectors.sdk.tlog.files import OsFiles


class FaultyFiles:
    """Real files, of which one operation fails.

    Args:
        fails_at: Number of the failing operation, from 1; 0 for none.
        error: What it raises.
        only: Name of the operations that count; all when empty.
        torn: Whether a failing write has written half.
    """

    def __init__(self, fails_at: int = 0, *, error: OSError | None = None, only: str = "", torn: bool = False) -> None:
        self._files = OsFiles()
        self._fails_at = fails_at
        self._error = error or OSError(5, "Input/output error")
        self._only = only
        self._torn = torn
        self.operations = 0
        self.resume = threading.Event()
        self.resume.set()

    @property
    def failed(self) -> bool:
        return 0 < self._fails_at <= self.operations

    def fail_next(self) -> None:
        self._fails_at = self.operations + 1

    def open(self, path: Path, flags: int) -> int:
        self._count("open")
        return self._files.open(path, flags)

    def write(self, descriptor: int, data: bytes) -> int:
        if self._torn and self.operations + 1 == self._fails_at and self._only in ("", "write"):
            self._files.write(descriptor, data[: len(data) // 2])
        self._count("write")
        return self._files.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.resume.wait(100)
        self._count("sync")
        self._files.sync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._count("replace")
        self._files.replace(source, target)

    def _count(self, operation: str) -> None:
        if self._only in ("", operation):
            self.operations += 1
            if self.operations == self._fails_at:
                raise self._error
