"""Result files: whole or not at all, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
import os
import re
import stat
import string
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.files.cells import plain_text
from gateway.client.files.formats import (
    COVER_SHEET,
    DATA_SHEET,
    FileProblem,
    check_file_name,
    delete_unfinished,
    receipt_beside,
    write_result,
    write_rows,
)
from tests.fakes.arriving import RECEIPT, TERMS, ArrivedTable, with_terms
from tests.unit.gateway.client.files.test_cells import FORMULAS

ENDINGS = [".parquet", ".arrow", ".csv", ".xlsx"]
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
    return write_result(ArrivedTable(table=with_terms(table)), path=path)


def csv_rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def xlsx_rows(path: Path) -> list[tuple[object, ...]]:
    return list(openpyxl.load_workbook(path)[DATA_SHEET].iter_rows(values_only=True))


def test_arrow_and_parquet_keep_everything(tmp_path: Path) -> None:
    """Both formats hold the same values, types and metadata as the result."""
    table = with_terms(TABLE)
    assert write(TABLE, tmp_path / "r.parquet") == 3
    assert write(TABLE, tmp_path / "r.arrow") == 3
    with pa.ipc.open_file(tmp_path / "r.arrow") as file:
        assert file.read_all().equals(table, check_metadata=True)
    read = pq.read_table(tmp_path / "r.parquet")
    assert read.equals(table)
    assert {key.encode(): value.encode() for key, value in TERMS.items()}.items() <= read.schema.metadata.items()


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
    assert [[plain_text(cell) for cell in row] for row in csv_rows(tmp_path / "r.csv")] == [[text]] * 2
    assert all(cell.startswith("'") for row in csv_rows(tmp_path / "r.csv") for cell in row)
    cells = list(openpyxl.load_workbook(tmp_path / "r.xlsx")[DATA_SHEET].iter_rows())
    assert [[cell.data_type for cell in row] for row in cells] == [["s"], ["s"]]
    assert all(str(cell.value).startswith("'") for row in cells for cell in row)
    naive = io.StringIO(newline="")
    csv.writer(naive).writerow([text])
    assert next(csv.reader(io.StringIO(naive.getvalue(), newline=""))) == [text]


SIGNS = tuple("=+-@＝＋－＠")
_CELLS = st.tuples(
    st.integers(-9, 9),
    st.text("x1 '\";\t\r\n,=-@＝\u3000", max_size=12),
    st.decimals(-9, 9, places=1),
    st.text("=;\"' "),
)


def fields(written: str) -> Iterator[str]:
    """Yield what any spreadsheet takes for a field, but a number in front of its line: with quotes heeded, or not."""
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            yield from row
    yield from re.split("[;\t\r\n]", written)


def formulas(written: str) -> list[str]:
    """Return the fields that begin with a formula sign after quotes and blanks, and are no numbers."""
    found = [
        field for field in fields(written) if field.strip('"\ufeff' + string.whitespace + "\u3000").startswith(SIGNS)
    ]
    return [field for field in found if not re.fullmatch(r'-[0-9.]+(,".*)?', field.strip(), re.DOTALL)]


@given(rows=st.lists(_CELLS, min_size=1, max_size=3))
def test_no_field_of_a_csv_file_begins_a_formula(rows: list[tuple[object, ...]]) -> None:
    """Cut at commas, semicolons or tabs, quotes heeded or not; a number is a number, and nothing follows it but text."""
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    table = pa.table(columns, names=["n", "=text", "sum", "t"])
    with tempfile.TemporaryDirectory() as folder:
        write(table, path := Path(folder, "r.csv"))
        assert formulas(path.read_bytes().decode("utf-8-sig")) == []
        assert [(row[0], row[2]) for row in csv_rows(path)[1:]] == [(str(row[0]), str(row[2])) for row in rows]


@pytest.mark.parametrize("text", ['x;"=1+1;y', "x; =1+1", "x;=1+1", "=1", "x\t' -1"])
def test_the_search_for_formulas_finds_them(text: str) -> None:
    """Twin: the same rows written without the apostrophes begin formulas."""
    naive = io.StringIO(newline="")
    csv.writer(naive).writerow(["1", text])
    found = formulas(naive.getvalue())
    assert found or "'" in text


@pytest.mark.parametrize("ending", ENDINGS)
def test_people_s_data_are_for_the_owner_only(tmp_path: Path, ending: str) -> None:
    """From the first row on, and the receipt too, whatever the umask; twin: a plain file is for everybody."""
    path = tmp_path / f"r{ending}"
    seen: set[int] = set()

    def watching() -> Iterator[pa.RecordBatch]:
        for batch in TABLE.to_batches(1):
            seen.update(stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir() if file.is_file())
            yield batch

    before = os.umask(0)
    try:
        write_rows(watching(), schema=TABLE.schema, path=path)
        write(TABLE, path)
        (tmp_path / "plain").touch()
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert (seen, modes.pop("plain"), set(modes.values())) == ({0o600}, 0o666, {0o600})


@pytest.mark.parametrize("ending", [".arrow", ".csv", ".xlsx"])
def test_rows_and_receipt_are_replaced_together(tmp_path: Path, ending: str) -> None:
    """Until a file is complete the older one keeps its own receipt, also when the writer fails at the very end."""
    path = tmp_path / f"r{ending}"
    write(TABLE, path)
    older = {file: file.read_bytes() for file in tmp_path.iterdir()}

    def fails(_: Path) -> None:
        assert {file: file.read_bytes() for file in older} == older
        raise ConnectionError

    newer = ArrivedTable(table=with_terms(TABLE.slice(1)), receipt=RECEIPT | {"entry": "entry-2"})
    with pytest.raises(ConnectionError):
        write_result(newer, path=path, replacing=fails)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == older
    write_result(newer, path=path)
    assert json.loads(receipt_beside(path).read_bytes())["entry"] == "entry-2"


def test_text_is_never_taken_for_a_link_or_an_array_formula(tmp_path: Path) -> None:
    """XLSX cells of text are text, whatever they look like."""
    texts = ["http://example.org", "internal:Sheet1!A1", "{=1+1}", "mailto:x@y", "TRUE", "007"]
    write(pa.table({"t": texts}), tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx")[DATA_SHEET]
    assert [(row[0].data_type, row[0].value, row[0].hyperlink) for row in list(sheet.iter_rows())[1:]] == [
        ("s", text, None) for text in texts
    ]


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
        write_rows(iter([batch]), schema=batch.schema, path=tmp_path / "r.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_result_that_breaks_off_leaves_no_file(tmp_path: Path, ending: str, error: type[BaseException]) -> None:
    """Neither a partial file nor a temporary one stays, and an older result under the name is kept."""
    (tmp_path / f"old{ending}").write_text("older result")

    for name in ("new", "old"):
        with pytest.raises(error):
            write_result(ArrivedTable(table=TABLE, rows_max=2, error=error), path=tmp_path / f"{name}{ending}")
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

    write_rows(watching(), schema=TABLE.schema, path=path)
    first = path.stat().st_ino
    write(TABLE, path)
    assert path.stat().st_ino != first
    receipts = [] if ending == ".parquet" else [receipt_beside(path)]
    assert sorted(tmp_path.iterdir()) == [path, *receipts]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_a_killed_process_left_is_deleted_by_the_next(tmp_path: Path, ending: str) -> None:
    """Unfinished rows do not stay on the disk for ever, and files of other names are not touched."""
    left, other = tmp_path / f".r{ending}.4711.part", tmp_path / f".rr{ending}.4711.part"
    for path in (left, other):
        path.write_bytes(b"rows")
    (tmp_path / f".r{ending}.4711.rows.part").mkdir()
    write(TABLE, tmp_path / f"r{ending}")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == [other.name]


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".csv"])
def test_two_writers_never_mix(tmp_path: Path, ending: str) -> None:
    """Whoever comes later takes over, and the first fails at its end; XLSX is written in one go, at the end."""
    path = tmp_path / f"r{ending}"

    def overtaken() -> Iterator[pa.RecordBatch]:
        yield from TABLE.to_batches()
        delete_unfinished(path)

    with pytest.raises(FileNotFoundError):
        write_rows(overtaken(), schema=TABLE.schema, path=path)
    assert list(tmp_path.iterdir()) == []


def test_small_batches_make_large_row_groups(tmp_path: Path) -> None:
    """A stream of many little messages is a file that other programs read fast, in bounded memory."""
    table = pa.table({"n": pa.array(range(300_000), pa.int32())})
    write_rows(iter(table.to_batches(1_000)), schema=table.schema, path=tmp_path / "r.parquet")
    groups = pq.ParquetFile(tmp_path / "r.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [132_000, 132_000, 36_000]
    assert pq.read_table(tmp_path / "r.parquet").equals(table)


def test_a_spreadsheet_opens_with_its_rows_and_has_a_cover(tmp_path: Path) -> None:
    """The cover comes first and the rows are what one sees; rows without a receipt have no cover."""
    write(TABLE, tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert (book.sheetnames, book.active.title) == ([COVER_SHEET, DATA_SHEET], DATA_SHEET)
    write_rows(iter(TABLE.to_batches()), schema=TABLE.schema, path=tmp_path / "plain.xlsx")
    assert openpyxl.load_workbook(tmp_path / "plain.xlsx").sheetnames == [DATA_SHEET]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_file_has_its_receipt(tmp_path: Path, ending: str) -> None:
    """A Parquet file holds the receipt itself; beside any other file stands one of the same name, with the terms."""
    path = tmp_path / f"r{ending}"
    write(TABLE, path)
    if ending == ".parquet":
        assert json.loads(pq.read_metadata(path).metadata[b"sharing.receipt"]) == RECEIPT
    else:
        assert json.loads((tmp_path / f"r{ending}.receipt.json").read_bytes()) == RECEIPT | {"terms": TERMS}


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
    with pytest.raises(FileProblem, match=r"\.parquet \.arrow \.csv \.xlsx"):
        write_rows(batches, schema=TABLE.schema, path=tmp_path / name)
    assert next(batches).num_rows == 3
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """Where there is no folder nothing can be written; it is told before the query runs."""
    with pytest.raises(FileProblem, match="missing"):
        check_file_name(tmp_path / "missing" / "r.csv")
