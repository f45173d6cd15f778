"""Write a result to a file: complete under its name, or not at all."""

from __future__ import annotations

import csv
import datetime
import math
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from connectors.sdk.content_hash import RECEIPT_KEY

BatchWriter = Callable[[pa.RecordBatch], None]
Receipt = Callable[[], bytes]
"""Returns the gateway's receipt, JSON, once the last batch was read."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_EXCEL_ROWS_MAX = 1_048_575
_EXCEL_DIGITS_MAX = 15


def write_result(batches: Iterator[pa.RecordBatch], *, schema: pa.Schema, path: Path, receipt: Receipt | None) -> int:
    """Write every batch to `path`, whose ending names the format, and return the number of rows.

    The file appears under its name only when the last batch is written. Its receipt, when it has one, stands in the metadata of
    a Parquet file (key `sharing.receipt`), and beside any other file (`receipt_beside`).

    Raises:
        ValueError: The ending is not .parquet, .arrow, .csv or .xlsx, or the rows do not fit the format.
    """
    check_output(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    rows = 0
    try:
        with _WRITERS[path.suffix](unfinished, schema, receipt) as write:
            for batch in batches:
                write(batch)
                rows += batch.num_rows
        if receipt is not None and path.suffix != ".parquet":
            receipt_beside(path).write_bytes(receipt())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def receipt_beside(path: Path) -> Path:
    """Return where the receipt of a file stands that cannot hold it."""
    return path.with_name(f"{path.name}.receipt.json")


def check_output(path: Path) -> None:
    """Raise ValueError when the ending names no format, FileNotFoundError when the folder does not exist."""
    if path.suffix not in _WRITERS:
        raise ValueError(f"{path.suffix or path.name}: {' '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(path.parent)


def safe_cell(value: object) -> object:
    """Return a value as a spreadsheet cell: null, number, date or text.

    Text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if value is None or isinstance(value, int | float | Decimal | datetime.date):
        return value
    text = str(value)
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def plain_text(cell: str) -> str:
    """Return a text as it was before `safe_cell`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS) else cell


def _xlsx_cell(value: object) -> object:
    """Return a cell that XLSX holds as it is: numbers it would round and dates it does not know become text."""
    cell = safe_cell(value)
    if isinstance(cell, float):
        exact = math.isfinite(cell)
    elif isinstance(cell, int | Decimal):
        exact = len(Decimal(cell).as_tuple().digits) <= _EXCEL_DIGITS_MAX
    else:
        exact = not isinstance(cell, datetime.date) or cell.year >= 1900
    return cell if exact else str(cell)


@contextmanager
def _parquet(path: Path, schema: pa.Schema, receipt: Receipt | None) -> Iterator[BatchWriter]:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        yield writer.write_batch
        if receipt is not None:
            writer.add_key_value_metadata({RECEIPT_KEY: receipt()})


@contextmanager
def _arrow(path: Path, schema: pa.Schema, _: Receipt | None) -> Iterator[BatchWriter]:
    with pa.ipc.new_file(path, schema) as writer:
        yield writer.write_batch


@contextmanager
def _csv(path: Path, schema: pa.Schema, _: Receipt | None) -> Iterator[BatchWriter]:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([safe_cell(name) for name in schema.names])

        def write(batch: pa.RecordBatch) -> None:
            columns = [column.to_pylist() for column in batch.columns]
            writer.writerows([safe_cell(cell) for cell in row] for row in zip(*columns, strict=True))

        yield write


@contextmanager
def _xlsx(path: Path, schema: pa.Schema, _: Receipt | None) -> Iterator[BatchWriter]:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options | {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [safe_cell(name) for name in schema.names], book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        row_number = 0

        def write(batch: pa.RecordBatch) -> None:
            nonlocal row_number
            if row_number + batch.num_rows > _EXCEL_ROWS_MAX:
                raise ValueError("行数超过 XLSX 上限 / too many rows for .xlsx: .parquet .csv")
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                row_number += 1
                for i, cell in enumerate(row):
                    if sheet.write(row_number, i, _xlsx_cell(cell)) != 0:
                        raise ValueError("文本或列数超过 XLSX 上限 / a text is too long for .xlsx: .parquet .csv")

        yield write


_WRITERS: dict[str, Callable[[Path, pa.Schema, Receipt | None], AbstractContextManager[BatchWriter]]] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".csv": _csv,
    ".xlsx": _xlsx,
}
