"""What only Parquet files do: many files, many ways to store a type, statistics."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sdk.config import ParquetSettings
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.source import SourceCode, SourceError, SourceScan
from connectors.sources.parquet import ParquetSource
from tests.unit.connectors.conftest import DATASET, NAME, ROWS, mapped

EVERY_ROW = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.IS_NULL, column="id"),))


def opened(folder: Path) -> ParquetSource:
    return ParquetSource(ParquetSettings(kind="parquet", path=folder), tables=mapped(DATASET, table="t"))


def read(source: ParquetSource, *columns: str, predicate: Predicate = EVERY_ROW) -> list[dict[str, Any]]:
    request = SourceScan(dataset=NAME, columns=columns, predicate=predicate, rows_max=None, batch_rows=10)
    with source.scan(request) as stream:
        return [row for batch in stream for row in batch.to_pylist()]


def with_column(name: str, array: pa.Array) -> pa.Table:
    table = pa.Table.from_batches([ROWS.slice(0, len(array))])
    return table.set_column(table.schema.get_field_index(name), name, array)


@pytest.mark.parametrize(
    ("name", "stored", "expected"),
    [
        ("label", pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        ("label", pa.array(["a", None], pa.large_string()), ["a", None]),
        ("label", pa.array([5, None]), ["5", None]),
        ("small", pa.array([7, None], pa.int64()), [7, None]),
        ("ratio", pa.array([decimal.Decimal("1.25"), None]), [1.25, None]),
        ("ratio", pa.array([7, None], pa.int32()), [7.0, None]),
        (
            "moment",
            pa.array([datetime.datetime(2024, 1, 1, 8), None], pa.timestamp("ms")),
            [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), None],
        ),
        (
            "moment",
            pa.array([datetime.datetime(2024, 1, 1, 8)], pa.timestamp("ns", tz="Asia/Shanghai")),
            [datetime.datetime(2024, 1, 1, 8, tzinfo=datetime.UTC)],
        ),
    ],
)
def test_a_stored_type_is_read_as_the_catalogued_one(
    tmp_path: Path, name: str, stored: pa.Array, expected: list[Any]
) -> None:
    """Values and filters see the catalogue's type; a time without a zone is Shanghai's."""
    pq.write_table(with_column(name, stored), tmp_path / "t.parquet")
    source = opened(tmp_path)
    assert source.describe() == {NAME: DATASET.schema}
    assert [row[name] for row in read(source, name)] == expected
    equal = Predicate(op=PredicateOp.EQ, column=name, values=(expected[0],))
    assert len(read(source, "id", predicate=equal)) == expected.count(expected[0])


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("small", pa.array(["7"])),
        ("flag", pa.array([1])),
        ("day", pa.array(["2024-01-01"])),
        ("label", pa.array([1.5])),
    ],
)
def test_a_type_that_needs_interpretation_is_not_converted(tmp_path: Path, name: str, stored: pa.Array) -> None:
    """`describe` shows it as it is, and scans of the table fail."""
    pq.write_table(with_column(name, stored), tmp_path / "t.parquet")
    assert opened(tmp_path).describe()[NAME].field(name).type == stored.type
    with pytest.raises(SourceError) as caught:
        read(opened(tmp_path), "id")
    assert caught.value.code is SourceCode.DRIFT


@pytest.mark.parametrize(
    ("name", "stored"), [("small", pa.array([99_999])), ("division", pa.array([None], pa.string()))]
)
def test_a_value_that_does_not_fit_is_drift(tmp_path: Path, name: str, stored: pa.Array) -> None:
    """Too wide an integer, and null where the catalogue has none."""
    pq.write_table(with_column(name, stored), tmp_path / "t.parquet")
    with pytest.raises(SourceError) as caught:
        read(opened(tmp_path), name)
    assert caught.value.code is SourceCode.DRIFT


def test_row_groups_without_matching_rows_are_not_read(tmp_path: Path) -> None:
    """Statistics rule out a damaged row group that no matching row can be in."""
    table = pa.Table.from_batches([ROWS])
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=100, compression="none")
    second = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(1)
    data = bytearray((tmp_path / "t.parquet").read_bytes())
    for number in range(second.num_columns):
        column = second.column(number)
        start = column.dictionary_page_offset or column.data_page_offset
        data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    (tmp_path / "t.parquet").write_bytes(data)
    source = opened(tmp_path)
    high = Predicate(op=PredicateOp.GE, column="id", values=(200,))
    low = Predicate(op=PredicateOp.BETWEEN, column="id", values=(5, 90))
    either = Predicate(op=PredicateOp.OR, operands=(high, low))
    assert len(read(source, "id", "label", predicate=either)) == 286
    with pytest.raises(SourceError) as caught:
        read(source, "id", predicate=Predicate(op=PredicateOp.EQ, column="id", values=(150,)))
    assert caught.value.code is SourceCode.DRIFT


def test_missing_or_broken_files_are_told_apart(tmp_path: Path) -> None:
    """A dataset without a file is missing; a file that is no Parquet is unavailable."""
    assert opened(tmp_path).describe() == {}
    (tmp_path / "t.parquet").write_bytes(b"no parquet")
    with pytest.raises(SourceError) as caught:
        opened(tmp_path).describe()
    assert caught.value.code is SourceCode.UNAVAILABLE


def test_as_of_is_when_the_newest_file_was_written(tmp_path: Path) -> None:
    """Files tell how old their data is."""
    pq.write_table(pa.Table.from_batches([ROWS]), tmp_path / "t.parquet")
    request = SourceScan(dataset=NAME, columns=("id",), predicate=EVERY_ROW, rows_max=None, batch_rows=10)
    with opened(tmp_path).scan(request) as stream:
        assert stream.as_of == int((tmp_path / "t.parquet").stat().st_mtime)
