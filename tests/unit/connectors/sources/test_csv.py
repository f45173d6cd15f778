"""What only CSV files do: no types, headers, encodings, quotes."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors.sdk.config import CsvSettings
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.source import SourceCode, SourceError, SourceScan
from connectors.sources.csv import CsvSource
from tests.unit.connectors.conftest import DATASET, NAME, mapped

EVERY_ROW = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.IS_NULL, column="id"),))
HEADER = ",".join(DATASET.schema.names)


def opened(folder: Path, *lines: str, encoding: str = "utf-8") -> CsvSource:
    (folder / "t.csv").write_bytes("\r\n".join(lines).encode(encoding))
    plain = "gb18030" if encoding == "gb18030" else "utf-8"
    settings = CsvSettings.model_validate({"kind": "csv", "path": folder, "encoding": plain})
    return CsvSource(settings, tables=mapped(DATASET, table="t"))


def read(source: CsvSource, *columns: str) -> list[dict[str, Any]]:
    request = SourceScan(dataset=NAME, columns=columns, predicate=EVERY_ROW, rows_max=None, batch_rows=10)
    with source.scan(request) as stream:
        return [row for batch in stream for row in batch.to_pylist()]


def line(**values: str) -> str:
    return ",".join({"id": "1", "division": "310101002003", **values}.get(name, "") for name in DATASET.schema.names)


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("label", "", None),
        ("label", '""', ""),
        ("label", '"a ""b"", c\r\nd"', 'a "b", c\r\nd'),
        ("label", "NULL", "NULL"),
        ("label", "007", "007"),
        ("small", '""', None),
        ("small", "-7", -7),
        ("flag", "TRUE", True),
        ("flag", "0", False),
        ("day", "2024-02-29", datetime.date(2024, 2, 29)),
        ("moment", "2024-01-01 08:00:00.25", datetime.datetime(2024, 1, 1, 0, 0, 0, 250_000, tzinfo=datetime.UTC)),
        ("moment", "2024-01-01T08:00:00+08:00", datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
    ],
)
def test_a_text_is_read_as_the_catalogued_type(tmp_path: Path, column: str, text: str, expected: object) -> None:
    """An empty field is null, a quoted one the empty text; a time without a zone is Shanghai's."""
    assert read(opened(tmp_path, HEADER, line(**{column: text})), column) == [{column: expected}]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("small", "7x"),
        ("small", "70000"),
        ("day", "2024/2/29"),
        ("day", "2023-02-29"),
        ("flag", "是"),
        ("small", "7,8"),
    ],
)
def test_a_text_of_another_type_ends_the_scan(tmp_path: Path, column: str, text: str) -> None:
    """Nothing is guessed: the department's log names the column, never the value."""
    with pytest.raises(SourceError) as caught:
        read(opened(tmp_path, HEADER, line(**{column: text})), column)
    assert caught.value.code is SourceCode.DRIFT
    assert text not in caught.value.detail


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_of_chinese_office_programs_are_read(tmp_path: Path, encoding: str) -> None:
    """A byte order mark is no part of the first name, and GBK text arrives as it was."""
    source = opened(tmp_path, HEADER, line(label="王小明"), encoding=encoding)
    assert source.describe() == {NAME: DATASET.schema}
    assert read(source, "label") == [{"label": "王小明"}]


def test_a_wrong_encoding_is_drift(tmp_path: Path) -> None:
    """Bytes that are no text end the scan instead of travelling on."""
    source = opened(tmp_path, HEADER, line(label="王小明"))
    (tmp_path / "t.csv").write_bytes(f"{HEADER}\r\n{line(label='王小明')}".encode("gb18030"))
    with pytest.raises(SourceError) as caught:
        read(source, "label")
    assert caught.value.code is SourceCode.DRIFT


def test_every_file_of_a_table_must_have_the_columns(tmp_path: Path) -> None:
    """A column that one file lacks, or a header has twice, is missing; so is a dataset without any file."""
    source = opened(tmp_path, HEADER, "")
    assert read(source, "id") == []
    (tmp_path / "t").mkdir()
    assert source.describe() == {}
    (tmp_path / "t" / "1.csv").write_text(HEADER, "utf-8")
    (tmp_path / "t" / "2.csv").write_text(HEADER.replace("label", "day"), "utf-8")
    assert [name for name in DATASET.schema.names if name not in source.describe()[NAME].names] == ["label", "day"]
    with pytest.raises(SourceError) as caught:
        read(source, "id")
    assert caught.value.code is SourceCode.DRIFT


def test_as_of_is_when_the_file_was_written(tmp_path: Path) -> None:
    """Files tell how old their data is."""
    request = SourceScan(dataset=NAME, columns=("id",), predicate=EVERY_ROW, rows_max=None, batch_rows=10)
    with opened(tmp_path, HEADER).scan(request) as stream:
        assert stream.as_of == int((tmp_path / "t.csv").stat().st_mtime)


def test_types_are_guessed_for_a_draft(tmp_path: Path) -> None:
    """Long numbers and those that begin with zero stay text, as identifiers are."""
    source = opened(tmp_path, "a,b,c,d,e,f", "7,007,11010519491231002,2024-02-29,2024-02-29 10:00:00,7.5")
    arrow_types = [pa.int64(), pa.string(), pa.string(), pa.date32(), pa.timestamp("us", tz="UTC"), pa.float64()]
    assert source.own_schema("t") == pa.schema(list(zip("abcdef", arrow_types, strict=True)))
