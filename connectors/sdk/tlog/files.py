"""Port: the file operations whose failure must stop the log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """Operations that change the log's directory. Each raises OSError and never lies about durability."""

    def open(self, path: Path, flags: int) -> int:
        """Open `path` and return its descriptor, which the caller closes."""

    def write(self, descriptor: int, data: bytes) -> int:
        """Write a prefix of `data`, at least one byte, and return its length."""

    def sync(self, descriptor: int) -> None:
        """Return when what was written, or a directory's names, survives a loss of power."""

    def replace(self, source: Path, target: Path) -> None:
        """Give `source` the name `target` in one step."""


class OsFiles:
    """The operating system's files."""

    def open(self, path: Path, flags: int) -> int:
        """Open `path`; new files belong to the owner alone."""
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: bytes) -> int:
        """Write a prefix of `data`."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Call fsync."""
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Call rename."""
        source.replace(target)


def write_fully(files: Files, *, descriptor: int, data: bytes) -> None:
    """Write all of `data`.

    Raises:
        OSError: A write failed; a prefix may have been written.
    """
    written = 0
    while written < len(data):
        written += files.write(descriptor, data[written:] if written else data)


def replace_file(files: Files, *, path: Path, data: bytes, durable: bool) -> None:
    """Replace the content of `path` in one step: readers see the old or the new, never a mixture.

    Args:
        files: The operations.
        path: File to make or replace; `<path>.new` is overwritten on the way.
        data: New content.
        durable: Whether the new content also survives a loss of power when this returns.

    Raises:
        OSError: Something failed; `path` holds the old or the new content.
    """
    new = path.with_name(path.name + ".new")
    descriptor = files.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_fully(files, descriptor=descriptor, data=data)
        if durable:
            files.sync(descriptor)
    finally:
        os.close(descriptor)
    files.replace(new, path)
    if durable:
        sync_directory(files, directory=path.parent)


def sync_directory(files: Files, *, directory: Path) -> None:
    """Make the names in `directory` survive a loss of power.

    Raises:
        OSError: It failed.
    """
    descriptor = files.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        files.sync(descriptor)
    finally:
        os.close(descriptor)
