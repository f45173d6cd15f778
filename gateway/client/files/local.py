"""What was delivered to this machine, where it lies, until when it may be kept, and what became of it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from glob import escape
from pathlib import Path
from typing import Any

from gateway.client.files.directory import delete_directory, end_replacing
from gateway.client.files.formats import delete_unfinished, receipt_beside
from gateway.client.files.held import held_entries

_TABLE = """
CREATE TABLE IF NOT EXISTS deliveries (
  entry TEXT PRIMARY KEY,
  path TEXT NOT NULL,
  profile TEXT NOT NULL,
  request TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  complete INTEGER NOT NULL DEFAULT 0,
  rows INTEGER NOT NULL DEFAULT 0,
  moved INTEGER NOT NULL DEFAULT 0,
  destroyed TEXT
)
"""
"""One row for each delivery whose destruction is not in the gateway's log.

`moved`: it was complete, and something else came under its name after it had gone from there. `destroyed` says how it was
destroyed; the statement, which may name people, is gone then.
"""
_REPLACED = "由新数据覆盖 / replaced by a newer delivery"
_EXPIRED = "到期删除文件 / file deleted at its expiry"


class DatasetState(StrEnum):
    """What may be done with a dataset."""

    CURRENT = "current"
    EXPIRED = "expired"
    UNFINISHED = "unfinished"
    """Its delivery broke off; what is there lies beside the name, not under it."""
    GONE = "gone"
    """Somebody moved or deleted it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for."""

    sql: str
    purpose: str = ""
    case: str = ""
    partial: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDataset:
    """A file, or a folder of parts, with all deliveries that it is made of."""

    path: Path
    profile: Path
    """Of the recipient."""
    request: Request
    entries: tuple[str, ...]
    """Audit entries of its deliveries."""
    rows: int
    received_at: int
    """First of them, in seconds since 1970-01-01 UTC."""
    expires_at: int
    """Soonest of them, in seconds since 1970-01-01 UTC."""
    complete: bool
    moved: bool
    """What stands under the path now is something else."""

    def state(self, *, now: float) -> DatasetState:
        """Return its state at a time in seconds since 1970-01-01 UTC."""
        if self.moved or (self.complete and not self.path.exists()):
            return DatasetState.GONE
        if self.expires_at <= now:
            return DatasetState.EXPIRED
        return DatasetState.CURRENT if self.complete else DatasetState.UNFINISHED

    def is_there(self) -> bool:
        """Return whether any of it lies under its path, or unfinished beside it."""
        beside = f".{escape(self.path.name)}.*"
        return not self.moved and (self.path.exists() or any(self.path.parent.glob(beside)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroyed:
    """A delivery that is destroyed here, which the gateway's log does not say yet."""

    entry: str
    profile: Path
    method: str


class LocalDatasets:
    """The list of deliveries, in a database that only its owner may read. Safe from several processes.

    Args:
        folder: Of the user's data; made when it is not there.
        clock_seconds: Seconds since 1970-01-01 UTC.
    """

    def __init__(self, folder: Path, *, clock_seconds: Callable[[], float]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = folder / "datasets.db"
        self._clock_seconds = clock_seconds
        self._replaced: dict[Path, frozenset[str]] = {}
        os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
        self._file.chmod(0o600)  # the file may have been there
        with self._changing() as database:
            database.execute(_TABLE)

    def begin(self, *entries: str, path: Path, profile: Path, request: Request, expires_at: int) -> None:
        """Remember deliveries from their first row on: what a killed process leaves is found by it."""
        row = (str(path), str(profile), json.dumps(request.to_json()), int(self._clock_seconds()), expires_at)
        with self._changing() as database:
            database.executemany(
                "INSERT OR REPLACE INTO deliveries (entry, path, profile, request, received_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [(entry, *row) for entry in entries],
            )

    def replacing(self, path: Path) -> None:
        """Look at what is about to be replaced: only what it holds is destroyed by that."""
        self._replaced[path] = held_entries(path)

    def finish(self, path: Path, *, rows: Mapping[str, int]) -> None:
        """Remember that a dataset is complete, of how many rows by entry.

        Destroyed by it is what the replaced file held, and what earlier deliveries of its name had left unfinished. A complete
        one that it did not hold was moved.
        """
        replaced = self._replaced.pop(path, frozenset())
        with self._changing() as database:
            for entry, count in rows.items():
                database.execute("UPDATE deliveries SET complete = 1, rows = ? WHERE entry = ?", (count, entry))
            of_its_name = "SELECT entry, complete FROM deliveries WHERE destroyed IS NULL AND moved = 0 AND path = ?"
            others = {entry: done for entry, done in database.execute(of_its_name, (str(path),)) if entry not in rows}
            moved = [entry for entry, done in others.items() if done and entry not in replaced]
            database.executemany("UPDATE deliveries SET moved = 1 WHERE entry = ?", [(entry,) for entry in moved])
            _mark_destroyed(database, others.keys() - set(moved), method=_REPLACED)

    def recover(self, path: Path) -> None:
        """End what a process began that was killed while it replaced a folder of parts."""
        if not path.suffix:
            destroyed = end_replacing(path)
            with self._changing() as database:
                _mark_destroyed(database, destroyed, method=_REPLACED)

    def datasets(self) -> Sequence[LocalDataset]:
        """Return all that may still lie on this machine, by path."""
        for row in self._read("SELECT DISTINCT path FROM deliveries WHERE destroyed IS NULL"):
            with suppress(OSError):  # of a disk that may only be read; the next time, or another command, does it
                self.recover(Path(row["path"]))
        kept: dict[tuple[str, bool], list[sqlite3.Row]] = {}
        for row in self._read("SELECT * FROM deliveries WHERE destroyed IS NULL ORDER BY path, received_at, entry"):
            kept.setdefault((row["path"], row["moved"]), []).append(row)
        return [_dataset(rows) for rows in kept.values()]

    def destroy(self, dataset: LocalDataset) -> None:
        """Delete a dataset and what unfinished deliveries left of it.

        Raises:
            OSError: It cannot be deleted.
            FileProblem: It is a folder that holds something else too.
        """
        if dataset.path.suffix:
            dataset.path.unlink(missing_ok=True)
            receipt_beside(dataset.path).unlink(missing_ok=True)
            if dataset.path.parent.is_dir():
                delete_unfinished(dataset.path)
        else:
            delete_directory(dataset.path)
        with self._changing() as database:
            _mark_destroyed(database, dataset.entries, method=_EXPIRED)

    def destroyed(self) -> Sequence[Destroyed]:
        """Return what is destroyed here and not yet recorded by the gateway."""
        rows = self._read("SELECT entry, profile, destroyed FROM deliveries WHERE destroyed IS NOT NULL ORDER BY entry")
        return [Destroyed(entry=row["entry"], profile=Path(row["profile"]), method=row["destroyed"]) for row in rows]

    def forget(self, entry: str) -> None:
        """Strike a delivery off the list, because the gateway's log says that it is destroyed."""
        with self._changing() as database:
            database.execute("DELETE FROM deliveries WHERE entry = ?", (entry,))

    def _read(self, sql: str) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self._file)) as database:
            database.row_factory = sqlite3.Row
            return database.execute(sql).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file)) as database, database:
            database.execute("PRAGMA secure_delete = ON")
            yield database


def _mark_destroyed(database: sqlite3.Connection, entries: Iterable[str], *, method: str) -> None:
    marks = [(method, entry) for entry in entries]
    database.executemany("UPDATE deliveries SET destroyed = ?, request = '' WHERE entry = ?", marks)


def _dataset(rows: Sequence[sqlite3.Row]) -> LocalDataset:
    newest = rows[-1]
    return LocalDataset(
        path=Path(newest["path"]),
        profile=Path(newest["profile"]),
        request=Request(**json.loads(newest["request"])),
        entries=tuple(row["entry"] for row in rows),
        rows=sum(row["rows"] for row in rows),
        received_at=min(row["received_at"] for row in rows),
        expires_at=min(row["expires_at"] for row in rows),
        complete=any(row["complete"] for row in rows),
        moved=bool(newest["moved"]),
    )
