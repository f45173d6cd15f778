"""The file `hashes`: every complete subtree of a log's Merkle tree, 32 bytes each, in the order in which they are completed.

The order is that of Go's sumdb/tlog (StoredHashIndex): after the hash of each leaf those of the subtrees that it completes. The
file is no evidence. Beside it `hashes.synced` says of how many leaves it was synced, and the SHA-256 of it up to there: what
opening takes from it was synced and is as it was then. The rest, or all of it, is made anew from the entries.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from connectors.sdk.tlog.files import Files, replace_file, write_fully
from connectors.sdk.tlog.merkle import HASH_BYTES, CompactRange, subtrees

HASHES = "hashes"
SYNCED = "hashes.synced"
_UNKNOWN = bytes(HASH_BYTES)
_MARK = re.compile(r"([0-9]{1,18}) ([0-9a-f]{64})\n", re.ASCII)
_PIECE_BYTES = 1 << 20


class HashStore:
    """The stored hashes; a `HashReader` once it is open. One thread changes it, any thread reads what was appended before.

    Args:
        path: The file; made when missing.
        files: The operations.
    """

    def __init__(self, path: Path, *, files: Files) -> None:
        self._path = path
        self._mark = path.with_name(SYNCED)
        self._new = path.with_name(f"{HASHES}.new")
        self._files = files
        self._descriptor = -1
        self._size = 0
        self._digest = hashlib.sha256()
        self._restarted = False
        self._doubted = False

    @property
    def size(self) -> int:
        """Leaves whose hashes are stored and can be relied on."""
        return self._size

    def open(self) -> None:
        """Open the file and keep what was synced of it; nothing if that has changed since.

        Raises:
            OSError: It cannot be opened.
        """
        self._descriptor = self._files.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        size, sha256 = self._synced()
        digest = self._digest_of(size)
        if digest.hexdigest() == sha256:
            self._size, self._digest = size, digest

    def append(self, completed: Iterable[bytes], *, size: int) -> None:
        """Store what `CompactRange.append` returned, for one leaf after the other.

        Args:
            completed: The hashes.
            size: Leaves of the tree with them.

        Raises:
            OSError: It failed; part of it may have been written.
        """
        data = b"".join(completed)
        write_fully(self._files, descriptor=self._descriptor, data=data)
        self._digest.update(data)
        self._size = size

    def mark(self) -> None:
        """Make what is stored durable and what the next opening takes.

        Raises:
            OSError: It failed.
        """
        if self._doubted:
            return
        self._files.sync(self._descriptor)
        if self._restarted:
            self._files.replace(self._new, self._path)
            self._restarted = False
        data = f"{self._size} {self._digest.hexdigest()}\n".encode()
        replace_file(self._files, path=self._mark, data=data, durable=True)

    def doubt(self) -> None:
        """Let the next opening make everything anew. May be called from any thread."""
        self._doubted = True
        with contextlib.suppress(OSError):
            self._mark.unlink(missing_ok=True)

    def read_hash(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree.

        Raises:
            LookupError: It is not stored, or was forgotten with the entries before a tombstone.
            OSError: It cannot be read.
        """
        return _known(os.pread(self._descriptor, HASH_BYTES, stored_index(level, index) * HASH_BYTES))

    def truncate(self, size: int) -> None:
        """Forget all leaves after the first `size`.

        Raises:
            OSError: It failed.
        """
        os.ftruncate(self._descriptor, stored_index(0, size) * HASH_BYTES)
        if size != self._size:
            self._size, self._digest = size, self._digest_of(size)

    def restart(self, start: CompactRange) -> None:
        """Begin a new file with a tree of which only its compact range is known; `mark` puts it in the place of the old one.

        Args:
            start: A range from leaf 0; an empty one to begin from nothing, that of a tombstone otherwise.

        Raises:
            OSError: It failed.
        """
        self.close()
        self._descriptor = self._files.open(self._new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        self._restarted, self._size = True, -1
        for (level, index), subtree in zip(subtrees(0, start.end), start.hashes, strict=True):
            os.ftruncate(self._descriptor, stored_index(level, index) * HASH_BYTES)
            write_fully(self._files, descriptor=self._descriptor, data=subtree)
        self.truncate(start.end)

    def close(self) -> None:
        """Let go of the file. May be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _synced(self) -> tuple[int, str]:
        try:
            match = _MARK.fullmatch(self._mark.read_text("latin-1"))
        except FileNotFoundError:
            match = None
        return (int(match[1]), match[2]) if match else (0, "")

    def _digest_of(self, size: int) -> hashlib._Hash:
        """Return the SHA-256 of the hashes of the first `size` leaves, as far as they are in the file."""
        digest, at, end = hashlib.sha256(), 0, stored_index(0, size) * HASH_BYTES
        while piece := os.pread(self._descriptor, min(_PIECE_BYTES, end - at), at):
            digest.update(piece)
            at += len(piece)
        return digest


class StoredHashes:
    """The file `hashes` of a log that somebody else writes; it may be missing.

    Args:
        directory: The log's.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / HASHES

    def read_hash(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree.

        Raises:
            LookupError: It is not there.
            OSError: It cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(stored_index(level, index) * HASH_BYTES)
                return _known(file.read(HASH_BYTES))
        except FileNotFoundError:
            raise LookupError("there are no stored hashes") from None


def stored_index(level: int, index: int) -> int:
    """Return the position of a subtree's hash in the file, in hashes; for level 0 also the hashes of `index` leaves."""
    last_leaf = (index + 1 << level) - 1
    return 2 * last_leaf - last_leaf.bit_count() + level


def _known(found: bytes) -> bytes:
    if len(found) != HASH_BYTES or found == _UNKNOWN:
        raise LookupError("a hash of the tree is not stored")
    return found
