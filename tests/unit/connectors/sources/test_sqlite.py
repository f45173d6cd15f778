"""What only SQLite does: it types values, not columns."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk.config import SqliteSettings
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.source import SourceCode, SourceError, SourceScan
from connectors.sources.sqlite import SqliteSource
from tests.unit.connectors.conftest import DATASET, NAME, mapped

EVERY_ROW = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.IS_NULL, column="id"),))
FREE = "id, division, label, small, middle, large, ratio, flag, day, moment"


def stored(folder: Path, columns: str, *rows: tuple[Any, ...]) -> SqliteSource:
    with sqlite3.connect(folder / "x.db") as connection:
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute(f"CREATE TABLE t ({columns})")
        for row in rows:
            connection.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", row)
    return SqliteSource(SqliteSettings(kind="sqlite", path=folder / "x.db"), tables=mapped(DATASET, table="t"))


def read(source: SqliteSource, *columns: str, predicate: Predicate = EVERY_ROW) -> list[dict[str, Any]]:
    request = SourceScan(dataset=NAME, columns=columns, predicate=predicate, rows_max=None, batch_rows=10)
    with source.scan(request) as stream:
        return [row for batch in stream for row in batch.to_pylist()]


def row(**values: Any) -> tuple[Any, ...]:
    return tuple({"id": 1, "division": "310101002003", **values}.get(name) for name in FREE.split(", "))


def test_a_type_is_not_guessed_from_the_first_rows(tmp_path: Path) -> None:
    """Text after thousands of nulls is still text."""
    source = stored(tmp_path, FREE, *(row(id=n, label="x" if n == 5_000 else None) for n in range(5_001)))
    assert [found["label"] for found in read(source, "label") if found["label"]] == ["x"]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("label", 310101, "310101"),
        ("label", b"\x00\xff", None),
        ("small", "7", 7),
        ("small", "7x", None),
        ("small", 7.5, None),
        ("ratio", 7, 7.0),
        ("ratio", "7", None),
        ("flag", 1, True),
        ("flag", "False", False),
        ("flag", 2, None),
        ("day", "2024-02-29", datetime.date(2024, 2, 29)),
        ("day", "2024-02-29 10:00:00", datetime.date(2024, 2, 29)),
        ("day", "2024-02-31", None),
        ("day", "now", None),
        ("day", 20240229, None),
        ("day", "0000-01-01", None),
        ("moment", 86_400, datetime.datetime(1970, 1, 2, tzinfo=datetime.UTC)),
        ("moment", "2024-01-01 08:00:00", datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
        ("moment", "2024-01-01T00:00:00Z", datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
        ("moment", "2024-01-01T00:00:00.25Z", datetime.datetime(2024, 1, 1, 0, 0, 0, 250_000, tzinfo=datetime.UTC)),
        ("moment", "2024-01-01T05:30:00.000001+05:30", datetime.datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=datetime.UTC)),
        ("moment", "1969-12-31T19:00:00.5-05:00", datetime.datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=datetime.UTC)),
        ("moment", "yesterday afternoon", None),
    ],
)
def test_a_stored_value_is_read_as_its_catalogued_type_or_null(
    tmp_path: Path, column: str, value: Any, expected: Any
) -> None:
    """Whatever SQLite stored, a scan and a filter agree on what it is."""
    source = stored(tmp_path, FREE, row(**{column: value}))
    assert read(source, column) == [{column: expected}]
    is_null = Predicate(op=PredicateOp.IS_NULL, column=column)
    assert len(read(source, "id", predicate=is_null)) == (expected is None)
    if expected is not None:
        equal = Predicate(op=PredicateOp.EQ, column=column, values=(expected,))
        assert len(read(source, "id", predicate=equal)) == 1


def test_declared_types_and_collations_do_not_change_the_answer(tmp_path: Path) -> None:
    """A numeric id column is text to the catalogue; NOCASE compares by code point."""
    source = stored(
        tmp_path,
        FREE.replace("label", "label TEXT COLLATE NOCASE").replace("division", "division INTEGER"),
        row(label="a"),
    )
    assert read(source, "division") == [{"division": "310101002003"}]
    prefix = Predicate(op=PredicateOp.PREFIX, column="division", values=("310101002",))
    assert len(read(source, "id", predicate=prefix)) == 1
    for op in (PredicateOp.EQ, PredicateOp.IN, PredicateOp.PREFIX):
        assert read(source, "id", predicate=Predicate(op=op, column="label", values=("A",))) == []


def test_text_that_is_no_utf8_is_drift(tmp_path: Path) -> None:
    """Broken bytes in a text column end the scan instead of travelling on."""
    source = stored(tmp_path, FREE)
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("INSERT INTO t (id, label) VALUES (1, CAST(x'ff41' AS TEXT))")
    with pytest.raises(SourceError) as caught:
        read(source, "label")
    assert caught.value.code is SourceCode.DRIFT


def test_an_index_answers_a_filter(tmp_path: Path) -> None:
    """The conditions of a text column are ranges that SQLite's planner can use."""
    source = stored(tmp_path, FREE.replace("division", "division TEXT"), row())
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE INDEX by_division ON t (division)")
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT id FROM t WHERE TYPEOF(division) = 'text' "
            "AND division COLLATE BINARY >= ? AND division COLLATE BINARY < ?",
            ("310101002", "310101003"),
        ).fetchall()
    assert "by_division" in str(plan)
    prefix = Predicate(op=PredicateOp.PREFIX, column="division", values=("310101002",))
    assert len(read(source, "id", predicate=prefix)) == 1


def test_a_missing_file_table_or_column_is_told_apart(tmp_path: Path) -> None:
    """No database is unavailable and is not created; a dataset without its table or column is not as catalogued."""
    missing = SqliteSource(SqliteSettings(kind="sqlite", path=tmp_path / "no.db"), tables=mapped(DATASET, table="t"))
    with pytest.raises(SourceError) as caught:
        missing.describe()
    assert (caught.value.code, (tmp_path / "no.db").exists()) == (SourceCode.UNAVAILABLE, False)
    source = stored(tmp_path, FREE.replace(", label", ""))
    assert "label" not in source.describe()[NAME].names
    with pytest.raises(SourceError) as caught:
        read(source, "id")
    assert caught.value.code is SourceCode.DRIFT
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("DROP TABLE t")
    assert source.describe() == {}


def test_the_file_is_opened_read_only(tmp_path: Path) -> None:
    """A path with characters of a URI is still only a path, and no option in it opens it for writing."""
    folder = tmp_path / "a?mode=rwc&b#c %20"
    folder.mkdir()
    source = stored(folder, FREE, row())
    assert read(source, "id") == [{"id": 1}]
