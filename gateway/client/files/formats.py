"""Write a result to a file: complete under its name, or not at all."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from catalog.dataset import Text
from gateway.client.files.cells import csv_cell, safe_cell, xlsx_cell
from gateway.client.files.cover_sheet import cover_lines, terms_of, write_cover

RECEIPT_KEY = "sharing.receipt"
"""Metadata of a Parquet file that holds the receipt."""
XLSX_ROWS_MAX = 1_048_575
"""Rows of a sheet below its heading."""
DATA_SHEET, COVER_SHEET = "数据 data", "说明 about"
Receipt = Callable[[], Mapping[str, Any]]
"""Returns the gateway's receipt once the last batch was read."""
Replacing = Callable[[Path], object]
"""Is told a path right before what stands there is replaced."""
_Write = Callable[[pa.RecordBatch], None]
_WRAPPED = {"valign": "top", "text_wrap": True}
_ROWS_OF_A_GROUP, _BYTES_OF_A_GROUP = 1 << 17, 32 << 20


class Arriving(Protocol):
    """A result as it arrives, such as `gateway.client.result.Result`."""

    @property
    def schema(self) -> pa.Schema:
        """Of every batch, with the terms (keys `sharing.…`) in its metadata."""
        ...

    @property
    def receipt(self) -> Mapping[str, Any]:
        """The gateway's receipt; known when every batch was read."""
        ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches, once."""
        ...


class FileProblem(ValueError):
    """A result cannot be written as asked; `text` says why and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.text = Text(zh=zh, en=en)


def write_result(result: Arriving, *, path: Path, replacing: Replacing = lambda path: None) -> int:
    """Write a result to `path`, whose ending names the format, and return the number of rows.

    The file appears as `appearing` says. Its receipt stands in the metadata of a Parquet file (key `sharing.receipt`), and
    beside any other file (`receipt_beside`), together with its terms.

    Raises:
        FileProblem: The ending names no format, or the rows do not fit it.
        OSError: The file cannot be written.
    """
    return _write(
        result.batches(), schema=result.schema, path=path, receipt=lambda: result.receipt, replacing=replacing
    )


def write_rows(
    batches: Iterator[pa.RecordBatch], *, schema: pa.Schema, path: Path, replacing: Replacing = lambda path: None
) -> int:
    """Write rows that are no delivery, and have no receipt, in the way of `write_result`."""
    return _write(batches, schema=schema, path=path, receipt=None, replacing=replacing)


@contextmanager
def appearing(path: Path, *, beside: Callable[[], Mapping[str, Any] | None], replacing: Replacing) -> Iterator[Path]:
    """Yield where to write what appears under `path` at the end: complete and on the disk, or not at all.

    It is its owner's alone from the first moment. What another process left unfinished under this name is deleted.

    Args:
        path: The name.
        beside: Returns, once all is written, the receipt that appears beside it at the same time.
        replacing: Is told of it before.
    """
    delete_unfinished(path)
    data, told = (path.with_name(f".{path.name}.{os.getpid()}{ending}.part") for ending in ("", ".receipt"))
    try:
        write_private(data, "")
        yield data
        _to_disk(data)
        if (receipt := beside()) is not None:
            write_private(told, json.dumps(receipt, ensure_ascii=False, sort_keys=True))
            _to_disk(told)
        replacing(path)
        os.replace(data, path)
        if receipt is not None:
            os.replace(told, receipt_beside(path))
    finally:
        data.unlink(missing_ok=True)
        told.unlink(missing_ok=True)


def write_private(path: Path, content: str) -> None:
    """Write a new file that only its owner may ever read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)


def receipt_beside(path: Path) -> Path:
    """Return where the receipt of a file stands that cannot hold it."""
    return path.with_name(f"{path.name}.receipt.json")


def delete_unfinished(path: Path) -> None:
    """Delete what a process that was killed has written of a file. One that still writes fails at its end."""
    for left in path.parent.iterdir():
        if left.name.startswith(f".{path.name}.") and left.suffix == ".part":
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink(missing_ok=True)


def check_file_name(path: Path) -> None:
    """Raise FileProblem when the ending names no format, or the folder does not exist."""
    if path.suffix not in _WRITERS:
        endings = " ".join(_WRITERS)
        raise FileProblem(
            f"{path.name}：文件名须以 {endings} 之一结尾；没有后缀的名称是分片目录",
            f"{path.name}: the name ends with one of {endings}; without an ending it is a folder of parts",
        )
    if not path.parent.is_dir():
        raise FileProblem(f"没有文件夹 {path.parent}，请先创建", f"there is no folder {path.parent}; make it first")


def _write(
    batches: Iterator[pa.RecordBatch], *, schema: pa.Schema, path: Path, receipt: Receipt | None, replacing: Replacing
) -> int:
    check_file_name(path)

    def beside() -> Mapping[str, Any] | None:
        if receipt is None or path.suffix == ".parquet":
            return None
        return {**receipt(), "terms": terms_of(schema)}

    rows = 0
    with (
        appearing(path, beside=beside, replacing=replacing) as unfinished,
        _WRITERS[path.suffix](unfinished, schema, receipt) as write,
    ):
        for batch in batches:
            write(batch)
            rows += batch.num_rows
    return rows


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _parquet(path: Path, schema: pa.Schema, receipt: Receipt | None) -> Iterator[_Write]:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        group: list[pa.RecordBatch] = []

        def flush() -> None:
            if group:
                writer.write_table(pa.Table.from_batches(group, schema))
                group.clear()

        def write(batch: pa.RecordBatch) -> None:
            group.append(batch)
            if sum(b.num_rows for b in group) >= _ROWS_OF_A_GROUP or sum(b.nbytes for b in group) >= _BYTES_OF_A_GROUP:
                flush()

        yield write
        flush()
        if receipt is not None:
            writer.add_key_value_metadata({RECEIPT_KEY: json.dumps(receipt())})


@contextmanager
def _arrow(path: Path, schema: pa.Schema, _: Receipt | None) -> Iterator[_Write]:
    with pa.ipc.new_file(path, schema) as writer:
        yield writer.write_batch


@contextmanager
def _csv(path: Path, schema: pa.Schema, _: Receipt | None) -> Iterator[_Write]:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(
            file, quoting=csv.QUOTE_NONNUMERIC
        )  # or a text after a number may end a formula that it begins
        writer.writerow([csv_cell(name) for name in schema.names])

        def write(batch: pa.RecordBatch) -> None:
            columns = [column.to_pylist() for column in batch.columns]
            writer.writerows([csv_cell(cell) for cell in row] for row in zip(*columns, strict=True))

        yield write


@contextmanager
def _xlsx(path: Path, schema: pa.Schema, receipt: Receipt | None) -> Iterator[_Write]:
    rows_so_far = path.with_suffix(".rows.part")
    rows_so_far.mkdir(mode=0o700)
    options = {
        "tmpdir": str(rows_so_far),
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd",
    }
    try:
        with xlsxwriter.Workbook(path, options) as book:
            cover = None if receipt is None else book.add_worksheet(COVER_SHEET)
            sheet = book.add_worksheet(DATA_SHEET)
            sheet.activate()
            write, rows = _sheet_writer(sheet, schema, heading=book.add_format({"bold": True}))
            yield write
            if cover is not None and receipt is not None:
                label, value = (book.add_format(_WRAPPED | {"bold": bold}) for bold in (True, False))
                lines = cover_lines(terms_of(schema), receipt=receipt(), rows=rows())
                write_cover(cover, lines, label=label, value=value)
    finally:
        shutil.rmtree(rows_so_far)


def _sheet_writer(sheet: Worksheet, schema: pa.Schema, *, heading: Format) -> tuple[_Write, Callable[[], int]]:
    """Write the headings; return what writes rows below them, and what counts those."""
    sheet.write_row(0, 0, [safe_cell(name) for name in schema.names], heading)
    sheet.freeze_panes(1, 0)
    number = 0

    def write(batch: pa.RecordBatch) -> None:
        nonlocal number
        if number + batch.num_rows > XLSX_ROWS_MAX:
            raise FileProblem(
                "行数超过 XLSX 上限，请用 .parquet 或 .csv", "too many rows for .xlsx; use .parquet or .csv"
            )
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            for i, cell in enumerate(row):
                if sheet.write(number, i, xlsx_cell(cell)) != 0:
                    raise FileProblem(
                        "文本或列数超过 XLSX 上限，请用 .parquet 或 .csv",
                        "a text is too long for .xlsx, or there are too many columns; use .parquet or .csv",
                    )

    return write, lambda: number


_WRITERS: dict[str, Callable[[Path, pa.Schema, Receipt | None], AbstractContextManager[_Write]]] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".csv": _csv,
    ".xlsx": _xlsx,
}
