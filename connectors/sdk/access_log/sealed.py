"""The Parquet file beside a segment that is closed: `segment-000000000001.parquet`, one row per entry."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.sdk.access_log.rows import entry_rows
from connectors.sdk.tlog.segments import Segment, read_placed_leaves

_UNIQUE_COLUMNS = ("sequence", "entry_id", "place", "body", "decision_id", "intent")
"""A dictionary of their values would be as large as the values."""


def parquet_beside(segment: Path) -> Path:
    """Return where the rows of a segment stand."""
    return segment.with_suffix(".parquet")


def write_rows(segment: Segment, *, next_sequence: int, target: Path, database: duckdb.DuckDBPyConnection) -> None:
    """Write the rows of a closed segment to a new file.

    Args:
        segment: The segment.
        next_sequence: First of the segment after it.
        target: The file.
        database: Does the work (`connect`).

    Raises:
        OSError: A file cannot be read or written.
        ValueError: The segment is damaged.
    """
    rows = segment_rows(segment, database=database)
    expected = range(segment.first_sequence, next_sequence)
    if rows.num_rows != len(expected) or rows["sequence"].to_pylist() != list(expected):
        raise ValueError(f"{segment.path.name} has not all entries before {next_sequence}: it is damaged")
    by_dictionary = [name for name in rows.column_names if name not in _UNIQUE_COLUMNS]
    unfinished = target.with_suffix(".new")
    pq.write_table(rows, unfinished, compression="zstd", use_dictionary=by_dictionary)
    unfinished.replace(target)


def segment_rows(segment: Segment, *, database: duckdb.DuckDBPyConnection, start: int = 0) -> pa.Table:
    """Return the rows of a segment, from the frame at byte `start`.

    Raises:
        OSError: It cannot be read.
        ValueError: It is damaged.
    """
    placed = list(read_placed_leaves(segment, start=start))
    places = [place for place, _ in placed]
    return entry_rows([leaf for _, leaf in placed], database=database, places=places)
