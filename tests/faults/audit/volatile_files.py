"""Files, and beside them every state that a disk may be in after a loss of power.

What was synced is there. Of what was not, anything may be: each write of a file whole, lost, torn, or with zeros where a sector
is missing, whatever became of the others; new names and replacements likewise. The file `hashes` is never synced.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.hash_store import HASHES

SECTOR_BYTES = 512
TORN_BYTES = 64
"""A write may end at every multiple of it."""
PATTERNS_MAX = 64
"""How many patterns of missing sectors are looked at."""
Image = dict[str, bytes]
"""Content of a directory by file name."""


@dataclass
class _Content:
    """A file, whatever its name."""

    synced: bytes = b""
    unsynced: list[bytes] = field(default_factory=list)
    """Appended one after the other."""

    def sync(self, *, lying: bool) -> None:
        written = b"".join(self.unsynced)
        if lying:
            self.unsynced = [written]
        else:
            self.synced, self.unsynced = self.synced + written, []

    def states(self) -> set[bytes]:
        return {self.synced + b"".join(rest) for rest in itertools.product(*map(_torn, self.unsynced))}


@dataclass(frozen=True)
class Moment:
    """What may be found if power is lost now."""

    synced_names: dict[str, int]
    renamed: tuple[tuple[str, str | None, int], ...]
    """Changes of names that are not synced: new name, old name if any, content."""
    contents: dict[int, frozenset[bytes]]
    """What each may hold."""
    hashes: bytes
    acknowledged: int

    def images(self) -> Iterator[Image]:
        """Yield every state of the directory."""
        for done in itertools.product((False, True), repeat=len(self.renamed)):
            names = dict(self.synced_names)
            for (new, old, content), happened in zip(self.renamed, done, strict=True):
                if happened:
                    names[new] = content
                    if old is not None:
                        names.pop(old, None)
            for held in itertools.product(*(sorted(self.contents[content]) for content in names.values())):
                yield dict(zip(names, held, strict=True))


class VolatileFiles:
    """Real files that remember at every moment what a loss of power could leave.

    Args:
        directory: The log's; what is in it now counts as synced.
        lying: A disk that says it has synced segments that it has not.
    """

    def __init__(self, directory: Path, *, lying: bool = False) -> None:
        self.moments: list[Moment] = []
        self.acknowledged = 0
        self._directory = directory
        self._files = OsFiles()
        self._lying = lying
        self._lock = threading.RLock()
        self._contents = {
            number: _Content(synced=path.read_bytes()) for number, path in enumerate(sorted(directory.glob("*")))
        }
        self._names = {path.name: number for number, path in enumerate(sorted(directory.glob("*")))}
        self._synced_names = dict(self._names)
        self._renamed: list[tuple[str, str | None, int]] = []
        self._open: dict[int, Path] = {}

    def open(self, path: Path, flags: int) -> int:
        with self._lock:
            descriptor = self._files.open(path, flags)
            self._open[descriptor] = path
            if flags & os.O_CREAT and path.name not in self._names:
                self._names[path.name] = len(self._contents)
                self._contents[len(self._contents)] = _Content()
                self._renamed.append((path.name, None, self._names[path.name]))
            elif flags & os.O_TRUNC:
                self._contents[self._names[path.name]] = _Content()
            self._remember()
            return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        with self._lock:
            written = self._files.write(descriptor, data)
            if self._open[descriptor].name != HASHES:
                self._contents[self._names[self._open[descriptor].name]].unsynced.append(data[:written])
            self._remember()
            return written

    def sync(self, descriptor: int) -> None:
        with self._lock:
            self._files.sync(descriptor)
            path = self._open[descriptor]
            if path == self._directory:
                self._synced_names = dict(self._names)
                self._renamed.clear()
            elif path.parent == self._directory:
                self._contents[self._names[path.name]].sync(lying=self._lying and path.suffix == ".log")
            self._remember()

    def replace(self, source: Path, target: Path) -> None:
        with self._lock:
            self._files.replace(source, target)
            content = self._names.pop(source.name)
            self._names[target.name] = content
            self._renamed.append((target.name, source.name, content))
            self._remember()

    def _remember(self) -> None:
        hashes = self._directory / HASHES
        self.moments.append(
            Moment(
                synced_names={name: content for name, content in self._synced_names.items() if name != HASHES},
                renamed=tuple(change for change in self._renamed if change[0] != HASHES),
                contents={number: frozenset(content.states()) for number, content in self._contents.items()},
                hashes=hashes.read_bytes() if hashes.exists() else b"",
                acknowledged=self.acknowledged,
            )
        )


def hashes_states(hashes: bytes) -> Sequence[bytes | None]:
    """Return what may be found of a file that is never synced; None when it is missing."""
    half = len(hashes) // 2
    return (hashes, None, b"", hashes[:half], hashes[: half + 7], bytes(len(hashes)), hashes[:half] + bytes(half))


def _torn(data: bytes) -> list[bytes]:
    """Return what may be there of one write: a beginning, or all of it with sectors missing or none."""
    cuts = {0, 1, 5, len(data) - 1, *range(TORN_BYTES, len(data), TORN_BYTES)}
    sectors = [data[at : at + SECTOR_BYTES] for at in range(0, len(data), SECTOR_BYTES)]
    missing = itertools.islice(itertools.product((False, True), repeat=len(sectors)), PATTERNS_MAX)
    holes = [
        b"".join(bytes(len(sector)) if gone else sector for sector, gone in zip(sectors, pattern, strict=True))
        for pattern in missing
    ]
    return [*(data[:cut] for cut in cuts), *holes]
