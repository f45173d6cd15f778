"""Questions over a whole log: sealed segments by their Parquet files, the rest by what the log says.

A Parquet file is believed only when the log has its SHA-256. The newest segments are read from the log itself, so the
hashes of the older ones are found from the newest back: each file that is believed may hold the hashes of older files.
"""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import io
import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.sdk.access_log.rows import connect, entry_rows
from connectors.sdk.access_log.sealed import parquet_beside, segment_rows, write_rows
from connectors.sdk.tlog.entry import Entry, decode_entry, leaf_hash
from connectors.sdk.tlog.files import OsFiles, replace_file
from connectors.sdk.tlog.hash_store import StoredHashes
from connectors.sdk.tlog.merkle import HashReader
from connectors.sdk.tlog.note import parse_checkpoint
from connectors.sdk.tlog.segments import Segment, read_leaf
from connectors.sdk.tlog.tombstone import live_segments
from connectors.sdk.tlog.verify import read_checkpoint_file

_CHUNKS_MAX = 64
_SEALED_COLUMNS = ["sealed_first", "parquet_sha256"]

Parameter = object
"""A value that DuckDB can bind."""
_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Rows of a closed segment in a file that was checked, or made by this process."""

    path: Path
    stamp: _Stamp | None
    """Of the file when it was checked; another stamp means another file."""
    hashes: tuple[tuple[int, str], ...]
    """First sequence and SHA-256 of the Parquet files that entries of this segment record."""
    recorded: bool
    """Whether the log has the file's SHA-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tail:
    """Rows of the last segment, as far as it was read."""

    first_sequence: int
    inode: int
    bytes_seen: int
    rows: pa.Table


class EntryIndex:
    """Answers questions about the entries of one log directory, which another process may be writing. Thread-safe.

    Args:
        directory: The log. It need not exist before the first question.
        segments: `LogWriter.segments` in the writer's process, so that nothing is found that is not durable. Without it
            what another process has written is found, durable or not.
    """

    def __init__(self, directory: Path, *, segments: Callable[[], list[Segment]] | None = None) -> None:
        self.directory = directory
        self._list_segments = segments or self._live_segments
        self._lock = threading.Lock()
        self._segments: list[Segment] = []
        self._closed: dict[int, _Rows] = {}
        self._tail: _Tail | None = None
        self._own_files = tempfile.TemporaryDirectory(prefix="entry-index-")
        self._database = connect()
        self._no_rows = entry_rows([], database=self._database)

    def close(self) -> None:
        """Drop everything that was read."""
        self._database.close()
        self._own_files.cleanup()

    def query(self, sql: str, parameters: Sequence[Parameter] = (), *, views: str = "", after: int = 0) -> EntryQuery:
        """Start a query over the table `entries` (`entry_rows`), which holds every durable entry.

        Args:
            sql: One SELECT of this project's own; never a requester's text.
            parameters: Values of its `$1`, `$2`, ….
            views: Statements to run before, which make temporary views of `entries`.
            after: A sequence up to which nothing is wanted: what holds older entries only is not even opened.

        Raises:
            OSError: The log cannot be read.
            ValueError: The log is damaged.
        """
        with self._lock:
            files, tail = self._refresh()
            following = (segment.first_sequence for segment in self._segments[1:])
            files = [file for file, next_ in zip(files, following, strict=True) if next_ > after + 1]
        cursor = self._database.cursor()
        cursor.register("tail", tail)
        sources = ["SELECT * FROM tail"]
        if files:
            listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
            sources.insert(0, f"SELECT * FROM read_parquet([{listed}])")  # noqa: S608 - own files
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW entries AS {' UNION ALL BY NAME '.join(sources)}")
        if views:
            cursor.execute(views)
        return EntryQuery(cursor, sql=sql, parameters=parameters)

    def entries(
        self, where: str, parameters: Sequence[Parameter] = (), *, newest: int | None = None
    ) -> Iterator[Entry]:
        """Yield the entries for which a condition holds, oldest first, read from the log itself.

        Args:
            where: A condition of this project's own over the columns of `entries`.
            parameters: Its values.
            newest: At most so many, the newest; None for all.

        Raises:
            OSError: The log cannot be read.
            ValueError: The log is damaged.
        """
        order = "ORDER BY sequence" if newest is None else f"ORDER BY sequence DESC LIMIT {int(newest)}"
        sql = f"SELECT sequence, place FROM entries WHERE {where} {order}"  # noqa: S608 - own condition
        with self.query(sql, parameters) as found:
            places = found.fetch_all()
        if newest is not None:
            places.reverse()
        with self._lock:
            segments = list(self._segments)
        firsts = [segment.first_sequence for segment in segments]
        stored = StoredHashes(self.directory)
        for sequence, place in places:
            segment = segments[bisect.bisect_right(firsts, sequence) - 1]
            entry = decode_entry(read_leaf(segment.path, offset=place))
            if entry.sequence != sequence or not (segment is segments[-1] or _is_stored(entry, hashes=stored)):
                raise ValueError(f"{segment.path.name} is damaged: it has another entry at byte {place}")
            yield entry

    def unsealed(self) -> tuple[Segment, ...]:
        """Return the closed segments whose Parquet file is missing, or is not the one that the log records; oldest first.

        Raises:
            OSError: The log cannot be read.
            ValueError: The log is damaged.
        """
        with self._lock:
            self._refresh()
            return tuple(s for s in self._segments[:-1] if not self._closed[s.first_sequence].recorded)

    def publish(self, segment: Segment) -> dict[str, str | int]:
        """Put the rows of an unsealed segment beside it, durably, and return what an entry of kind `sealed` says of them.

        Raises:
            OSError: The file cannot be written.
        """
        data = self._closed[segment.first_sequence].path.read_bytes()
        replace_file(OsFiles(), path=parquet_beside(segment.path), data=data, durable=True)
        return {
            "segment": segment.path.name,
            "first": segment.first_sequence,
            "last": segment.first_sequence + pq.read_metadata(io.BytesIO(data)).num_rows - 1,
            "parquet_sha256": hashlib.sha256(data).hexdigest(),
        }

    def _refresh(self) -> tuple[list[Path], pa.Table]:
        """Read what is new and return the believed files, oldest first, and the rows of the last segment."""
        note = read_checkpoint_file(self.directory)  # first: what it counts is in the segments
        self._segments = self._list_segments()
        tail = self._read_tail(self._segments[-1]) if self._segments else self._no_rows
        last = self._segments[-1].first_sequence - 1 + tail.num_rows if self._segments else 0
        if note is not None and parse_checkpoint(note)[0].size > last:
            raise ValueError(f"the log is damaged: it can be read up to entry {last}, and more are signed")
        hashes: dict[int, str] = {}
        _add_hashes(hashes, _hashes_in(tail))
        for segment, following in reversed(list(itertools.pairwise(self._segments))):
            first = segment.first_sequence
            rows = self._closed.get(first)
            if rows is None or _stamp(rows.path) != rows.stamp or not (rows.recorded or first not in hashes):
                rows = self._closed[first] = self._checked(
                    segment, next_sequence=following.first_sequence, sha256=hashes.get(first)
                )
            _add_hashes(hashes, rows.hashes)
        kept = [segment.first_sequence for segment in self._segments[:-1]]
        self._closed = {first: self._closed[first] for first in kept}
        return [self._closed[first].path for first in kept], tail

    def _live_segments(self) -> list[Segment]:
        return live_segments(self.directory) if self.directory.is_dir() else []

    def _read_tail(self, segment: Segment) -> pa.Table:
        status = segment.path.stat()
        end = status.st_size if segment.end is None else segment.end
        tail = self._tail
        if tail is None or (tail.first_sequence, tail.inode) != (segment.first_sequence, status.st_ino):
            tail = _Tail(first_sequence=segment.first_sequence, inode=status.st_ino, bytes_seen=0, rows=self._no_rows)
        if tail.bytes_seen != end:
            last = tail.rows["place"][-1].as_py() if tail.rows.num_rows else 0
            new = segment_rows(segment, database=self._database, start=last)[min(1, tail.rows.num_rows) :]
            rows = pa.concat_tables([tail.rows, new])
            if rows["place"].num_chunks > _CHUNKS_MAX:
                rows = rows.combine_chunks()
            tail = _Tail(first_sequence=tail.first_sequence, inode=tail.inode, bytes_seen=end, rows=rows)
        self._tail = tail
        return tail.rows

    def _checked(self, segment: Segment, *, next_sequence: int, sha256: str | None) -> _Rows:
        """Return the file beside the segment when it has this SHA-256, otherwise one of this process's own."""
        path = parquet_beside(segment.path)
        own = Path(self._own_files.name) / path.name
        recorded = sha256 is not None and path.is_file() and _sha256(path) == sha256
        if recorded:
            own.unlink(missing_ok=True)
        else:
            path = own
            if not own.exists():
                write_rows(segment, next_sequence=next_sequence, target=own, database=self._database)
        hashes = tuple(_hashes_in(pq.read_table(path, columns=_SEALED_COLUMNS)))
        return _Rows(path=path, stamp=_stamp(path), hashes=hashes, recorded=recorded)


class EntryQuery:
    """A running query. Closing it, which a `with` block does, ends it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, *, sql: str, parameters: Sequence[Parameter]) -> None:
        self._cursor = cursor
        self._relation = cursor.sql(sql, params=list(parameters))

    def fetch_all(self) -> list[tuple[Any, ...]]:
        """Return every row."""
        return self._relation.fetchall()

    def reader(self, batch_rows: int) -> pa.RecordBatchReader:
        """Return the rows as they are found."""
        return self._relation.to_arrow_reader(batch_rows)

    def interrupt(self) -> None:
        """Stop it now, from any thread; nothing when it is closed."""
        with contextlib.suppress(duckdb.ConnectionException):
            self._cursor.interrupt()

    def close(self) -> None:
        """End it."""
        self._cursor.close()

    def __enter__(self) -> EntryQuery:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def _hashes_in(rows: pa.Table) -> Iterator[tuple[int, str]]:
    """Yield what the rows record of sealed segments, newest first."""
    sealed = rows.select(_SEALED_COLUMNS).filter(pc.is_valid(rows["sealed_first"]))
    for row in reversed(sealed.to_pylist()):
        yield row["sealed_first"], row["parquet_sha256"]


def _add_hashes(hashes: dict[int, str], older: Iterable[tuple[int, str]]) -> None:
    """Add hashes, newest first; what is there is newer."""
    for first, sha256 in older:
        hashes.setdefault(first, sha256)


def _is_stored(entry: Entry, *, hashes: HashReader) -> bool:
    """Tell whether the log's stored hashes have this entry; where they do not reach, nothing can be said against it."""
    try:
        return hashes.read_hash(0, entry.sequence - 1) == leaf_hash(entry.leaf)
    except LookupError:
        return True


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
