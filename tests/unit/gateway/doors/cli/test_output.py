"""Result files: whole or not at all, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.doors.cli.output import check_output, plain_text, receipt_beside, safe_cell, write_result

RECEIPT = b'{"rows": 3}'
ENDINGS = [".parquet", ".arrow", ".csv", ".xlsx"]
FORMULAS = [
    "=cmd|' /C calc'!A0",
    "=1+1",
    "+86 21",
    "-1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
]
TABLE = pa.table(
    {
        "姓名": ["张*", None, '欧阳"**", x'],
        "sum": pa.array([Decimal("-12.50"), None, Decimal(7)], pa.decimal128(20, 2)),
        "n": pa.array([-5, None, 2**31 - 1], pa.int64()),
        "real": pa.array([-0.5, None, 1e300]),
        "flag": [True, None, False],
        "day": pa.array([datetime.date(1949, 10, 1), None, datetime.date(2024, 2, 29)]),
        "moment": pa.array(
            [datetime.datetime(2024, 1, 1, 16, tzinfo=datetime.UTC), None, None], pa.timestamp("us", tz="Asia/Shanghai")
        ),
    }
)


def write(table: pa.Table, path: Path) -> int:
    return write_result(iter(table.to_batches(2)), schema=table.schema, path=path, receipt=lambda: RECEIPT)


def csv_rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def xlsx_rows(path: Path) -> list[tuple[object, ...]]:
    return list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))


def test_arrow_and_parquet_keep_everything(tmp_path: Path) -> None:
    """Both formats hold the same values, types and metadata as the result."""
    table = TABLE.replace_schema_metadata({"sharing.purpose": "elderly-care-visits"})
    assert write(table, tmp_path / "r.parquet") == 3
    assert write(table, tmp_path / "r.arrow") == 3
    with pa.ipc.open_file(tmp_path / "r.arrow") as file:
        assert file.read_all().equals(table, check_metadata=True)
    read = pq.read_table(tmp_path / "r.parquet")
    assert read.equals(table)
    assert read.schema.metadata[b"sharing.purpose"] == b"elderly-care-visits"


def test_csv_is_utf8_with_a_mark_and_plain_values(tmp_path: Path) -> None:
    """Excel sees from the mark that it is UTF-8; nulls are empty, numbers plain, dates ISO 8601."""
    assert write(TABLE, tmp_path / "r.csv") == 3
    assert (tmp_path / "r.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert csv_rows(tmp_path / "r.csv") == [
        ["姓名", "sum", "n", "real", "flag", "day", "moment"],
        ["张*", "-12.50", "-5", "-0.5", "True", "1949-10-01", "2024-01-02T00:00:00+08:00"],
        ["", "", "", "", "", "", ""],
        ['欧阳"**", x', "7.00", "2147483647", "1e+300", "False", "2024-02-29", ""],
    ]


def test_xlsx_holds_numbers_as_numbers_and_dates_as_dates(tmp_path: Path) -> None:
    """A spreadsheet can calculate with what it gets; time stamps are ISO 8601 text with their zone."""
    assert write(TABLE, tmp_path / "r.xlsx") == 3
    assert xlsx_rows(tmp_path / "r.xlsx") == [
        ("姓名", "sum", "n", "real", "flag", "day", "moment"),
        ("张*", -12.5, -5, -0.5, True, datetime.datetime(1949, 10, 1), "2024-01-02T00:00:00+08:00"),
        (None,) * 7,
        ('欧阳"**", x', 7, 2**31 - 1, 1e300, False, datetime.datetime(2024, 2, 29), None),
    ]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run_is_defused(tmp_path: Path, text: str) -> None:
    """In CSV and XLSX such text starts with an apostrophe, also as a column name; twin: plain `csv` writes the formula."""
    table = pa.table({text: [text]})
    for ending in (".csv", ".xlsx"):
        write(table, tmp_path / f"r{ending}")
    assert csv_rows(tmp_path / "r.csv") == [["'" + text], ["'" + text]]
    cells = list(openpyxl.load_workbook(tmp_path / "r.xlsx").active.iter_rows())
    assert [[cell.data_type for cell in row] for row in cells] == [["s"], ["s"]]
    assert all(str(cell.value).startswith("'") for row in cells for cell in row)
    naive = io.StringIO(newline="")
    csv.writer(naive).writerow([text])
    assert naive.getvalue().lstrip('"').startswith(text[0])


@pytest.mark.parametrize("text", ["", "'=1", " =1", "a=1", "1-2", "南京", "{=1+1}", "http://example.org"])
def test_other_text_is_left_as_it_is(text: str) -> None:
    """Only what would be run is changed."""
    assert safe_cell(text) == text


def test_text_is_never_taken_for_a_link_or_an_array_formula(tmp_path: Path) -> None:
    """XLSX cells of text are text, whatever they look like."""
    texts = ["http://example.org", "internal:Sheet1!A1", "{=1+1}", "mailto:x@y", "TRUE", "007"]
    write(pa.table({"t": texts}), tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx").active
    assert [(row[0].data_type, row[0].value, row[0].hyperlink) for row in list(sheet.iter_rows())[1:]] == [
        ("s", text, None) for text in texts
    ]


@pytest.mark.parametrize("value", [-1, -1.5, Decimal("-1.5"), True, None, datetime.date(2024, 1, 1), 0])
def test_numbers_and_dates_stay_what_they_are(value: object) -> None:
    """A negative number is no formula."""
    assert safe_cell(value) is value


def test_numbers_that_a_spreadsheet_would_round_become_text(tmp_path: Path) -> None:
    """XLSX numbers have 15 digits and no infinity: what does not fit is written digit by digit."""
    table = pa.table(
        {
            "n": [10**15 - 1, 10**15, -(2**62)],
            "sum": pa.array([Decimal(2**70), Decimal(-1), None], pa.decimal128(38, 0)),
            "real": [math.nan, math.inf, -math.inf],
            "day": [datetime.date(1899, 12, 31), datetime.date(1900, 3, 1), None],
        }
    )
    write(table, tmp_path / "r.xlsx")
    assert xlsx_rows(tmp_path / "r.xlsx")[1:] == [
        (10**15 - 1, str(2**70), "nan", "1899-12-31"),
        (str(10**15), -1, "inf", datetime.datetime(1900, 3, 1)),
        (str(-(2**62)), None, "-inf", None),
    ]


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_values_of_other_types_are_written_as_text(tmp_path: Path, ending: str) -> None:
    """Times, intervals, lists and bytes do not break an export, and are defused like text."""
    table = pa.table(
        {
            "time": pa.array([datetime.time(8, 30)]),
            "length": pa.array([datetime.timedelta(days=-1)]),
            "list": [["=1"]],
            "bytes": [b"=1"],
        }
    )
    write(table, tmp_path / f"r{ending}")
    rows = csv_rows(tmp_path / "r.csv") if ending == ".csv" else xlsx_rows(tmp_path / "r.xlsx")
    assert list(rows[1]) == ["08:30:00", "'-1 day, 0:00:00", "['=1']", "b'=1'"]


def test_text_that_xlsx_would_cut_is_refused(tmp_path: Path) -> None:
    """A cell holds 32,767 letters: a longer text fails the export, and is not silently shortened."""
    write(pa.table({"t": ["字" * 32_767]}), tmp_path / "fits.xlsx")
    assert xlsx_rows(tmp_path / "fits.xlsx")[1] == ("字" * 32_767,)
    with pytest.raises(ValueError, match=r"too long for \.xlsx"):
        write(pa.table({"t": ["字" * 32_768]}), tmp_path / "r.xlsx")
    assert not list(tmp_path.glob("*r.xlsx*"))


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path: Path) -> None:
    """A sheet has 1,048,576 rows with its heading: more fail the export before anything is written under its name."""
    batch = pa.record_batch({"n": pa.nulls(1_048_576, pa.int8())})
    with pytest.raises(ValueError, match=r"too many rows for \.xlsx"):
        write_result(iter([batch]), schema=batch.schema, path=tmp_path / "r.xlsx", receipt=lambda: RECEIPT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_result_that_breaks_off_leaves_no_file(tmp_path: Path, ending: str, error: type[BaseException]) -> None:
    """Neither a partial file nor a temporary one stays, and an older result under the name is kept."""
    (tmp_path / f"old{ending}").write_text("older result")

    def breaking() -> Iterator[pa.RecordBatch]:
        yield from TABLE.to_batches(1)
        raise error

    for name in ("new", "old"):
        with pytest.raises(error):
            write_result(breaking(), schema=TABLE.schema, path=tmp_path / f"{name}{ending}", receipt=lambda: RECEIPT)
    assert [path.name for path in tmp_path.iterdir()] == [f"old{ending}"]
    assert (tmp_path / f"old{ending}").read_text() == "older result"


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_name_appears_with_the_last_row(tmp_path: Path, ending: str) -> None:
    """While rows come there is no file of that name; at the end it replaces an older one."""
    path = tmp_path / f"r{ending}"

    def watching() -> Iterator[pa.RecordBatch]:
        for batch in TABLE.to_batches(1):
            assert not path.exists()
            yield batch

    write_result(watching(), schema=TABLE.schema, path=path, receipt=lambda: RECEIPT)
    first = path.stat().st_ino
    write(TABLE, path)
    assert path.stat().st_ino != first
    receipts = [] if ending == ".parquet" else [receipt_beside(path)]
    assert sorted(tmp_path.iterdir()) == [path, *receipts]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_file_has_its_receipt(tmp_path: Path, ending: str) -> None:
    """A Parquet file holds the receipt itself; beside any other file stands one of the same name."""
    path = tmp_path / f"r{ending}"
    write(TABLE, path)
    if ending == ".parquet":
        assert pq.read_metadata(path).metadata[b"sharing.receipt"] == RECEIPT
    else:
        assert (tmp_path / f"r{ending}.receipt.json").read_bytes() == RECEIPT


@pytest.mark.parametrize("text", [*FORMULAS, "张*", "", "'", "it's"])
def test_a_text_is_read_back_from_its_cell(text: str) -> None:
    """The apostrophe that keeps a text from being a formula is taken off again."""
    assert plain_text(str(safe_cell(text))) == text


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_result_is_a_file_with_columns(tmp_path: Path, ending: str) -> None:
    """No rows still make a file that opens."""
    assert write(TABLE.slice(0, 0), tmp_path / f"r{ending}") == 0
    if ending == ".csv":
        assert csv_rows(tmp_path / "r.csv") == [TABLE.column_names]
    elif ending == ".xlsx":
        assert xlsx_rows(tmp_path / "r.xlsx") == [tuple(TABLE.column_names)]
    elif ending == ".parquet":
        assert pq.read_table(tmp_path / "r.parquet").schema.names == TABLE.column_names


def test_equal_column_names_are_kept_apart(tmp_path: Path) -> None:
    """Two columns of one name are two columns."""
    table = pa.table([[1], [2]], names=["n", "n"])
    write(table, tmp_path / "r.csv")
    write(table, tmp_path / "r.xlsx")
    assert csv_rows(tmp_path / "r.csv") == [["n", "n"], ["1", "2"]]
    assert xlsx_rows(tmp_path / "r.xlsx") == [("n", "n"), (1, 2)]


@pytest.mark.parametrize("name", ["r", "r.txt", "r.csv.gz", ".csv", "r.CSV", "r."])
def test_an_unknown_ending_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    """The four endings are named, and no batch is taken."""
    batches = iter(TABLE.to_batches())
    with pytest.raises(ValueError, match=r"\.parquet \.arrow \.csv \.xlsx"):
        write_result(batches, schema=TABLE.schema, path=tmp_path / name, receipt=lambda: RECEIPT)
    assert next(batches).num_rows == 3
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """Where there is no folder nothing can be written; it is told before the query runs."""
    with pytest.raises(FileNotFoundError):
        check_output(tmp_path / "missing" / "r.csv")
