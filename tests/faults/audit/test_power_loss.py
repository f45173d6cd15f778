"""Loss of power after any file operation: only what was synced survives, and it holds everything acknowledged."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gateway.audit.chain import read_entry
from gateway.audit.checkpoint import VerificationKey
from gateway.audit.files import OsFiles
from gateway.audit.log import AuditLog
from gateway.audit.segments import CHECKPOINT, list_segments, read_lines
from gateway.audit.verify import verify
from gateway.model.audit import AuditEntry, EntryKind

OpenLog = Callable[..., AuditLog]
Image = dict[str, bytes]


class VolatileFiles:
    """Real files, and beside them what a disk would hold that keeps nothing before it is told to.

    Content survives from the last sync of the file, names from the last sync of the directory. Only the checkpoint is
    replaced without a sync: there the file system must order data before a rename, as journalling ones do.
    """

    def __init__(self, directory: Path, *, after_operation: Callable[[Image], None]) -> None:
        self._files = OsFiles()
        self._directory = directory
        self._after_operation = after_operation
        self._identities: dict[str, int] = {}
        self._content: dict[int, bytes] = {}
        self._durable_names: dict[str, int] = {}
        self._paths: dict[int, Path] = {}
        for path in directory.glob("*"):
            self._identities[path.name] = len(self._content)
            self._content[len(self._content)] = path.read_bytes()
        self._durable_names = dict(self._identities)

    def open(self, path: Path, flags: int) -> int:
        if flags & os.O_CREAT:
            self._identities[path.name] = len(self._content)
            self._content[len(self._content)] = b""
        descriptor = self._files.open(path, flags)
        self._paths[descriptor] = path
        return self._done(descriptor)

    def write(self, descriptor: int, data: bytes) -> int:
        return self._done(self._files.write(descriptor, data))

    def sync(self, descriptor: int) -> None:
        self._files.sync(descriptor)
        path = self._paths[descriptor]
        if path == self._directory:
            self._durable_names = dict(self._identities)
        elif path.parent == self._directory:
            self._content[self._identities[path.name]] = path.read_bytes()
        self._done(0)

    def replace(self, source: Path, target: Path) -> None:
        if target.name == CHECKPOINT:
            self._content[self._identities[source.name]] = source.read_bytes()
        self._identities[target.name] = self._identities.pop(source.name)
        self._files.replace(source, target)
        self._done(0)

    def _done(self, result: int) -> int:
        self._after_operation({name: self._content[identity] for name, identity in self._durable_names.items()})
        return result


def entries(directory: Path) -> list[AuditEntry]:
    return [read_entry(line) for segment in list_segments(directory) for line in read_lines(segment.path)]


def session(open_log: OpenLog, directory: Path) -> list[tuple[Image, int]]:
    """Return what the disk held after each operation of a session, and how many appends were acknowledged by then."""
    moments: list[tuple[Image, int]] = []
    acknowledged = 0
    files = VolatileFiles(directory, after_operation=lambda image: moments.append((image, acknowledged)))
    with open_log(directory, files=files, segment_bytes_max=700) as log:
        for number in range(8):
            log.append(EntryKind.DENIAL, {"number": number})
            acknowledged += 1
    assert {acknowledged for _, acknowledged in moments} == set(range(9))
    assert len({name for image, _ in moments for name in image if name.startswith("segment-")}) > 2
    return moments


def numbers_after(image: Image, *, directory: Path, open_log: OpenLog, public_key: VerificationKey) -> list[int]:
    """Open what the disk held and return the numbers of the session's entries that are there."""
    directory.mkdir()
    for name, content in image.items():
        (directory / name).write_bytes(content)
    with open_log(directory):
        pass
    assert verify(directory, public_key=public_key).intact
    return [entry.body["number"] for entry in entries(directory) if "number" in entry.body]


def test_acknowledged_entries_survive(tmp_path: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """After a loss of power at any moment the log opens, is intact and holds every acknowledged entry."""
    for moment, (image, acknowledged) in enumerate(session(open_log, tmp_path / "log")):
        directory = tmp_path / f"after-{moment}"
        numbers = numbers_after(image, directory=directory, open_log=open_log, public_key=public_key)
        assert numbers[:acknowledged] == list(range(acknowledged)), moment


def test_recovery_survives(tmp_path: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """Recovering a torn log may itself be cut short at any moment and loses nothing of what was there before."""
    with open_log(tmp_path / "log") as log:
        log.append(EntryKind.FAILURE, {"before": True})
    with (tmp_path / "log" / "segment-000000000001.jsonl").open("ab") as file:
        file.write(b'{"body":{"half')
    for moment, (image, acknowledged) in enumerate(session(open_log, tmp_path / "log")):
        directory = tmp_path / f"after-{moment}"
        numbers = numbers_after(image, directory=directory, open_log=open_log, public_key=public_key)
        assert numbers[:acknowledged] == list(range(acknowledged)), moment
        assert entries(directory)[1].body == {"before": True}
