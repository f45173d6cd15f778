"""A complete result as a file to take along, written as the command line writes it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.dataset import Text
from gateway.client.files.formats import XLSX_ROWS_MAX, FileProblem, receipt_beside, write_private, write_result
from gateway.doors.console.results.columns import Column, texts
from gateway.doors.console.runs.run import Run
from gateway.doors.console.runs.spool import SpoolClosed
from gateway.doors.console.visit import CITY_TIME, Language

MEDIA_TYPES: Mapping[str, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "receipt": "application/json",
}
"""By what the page calls the format."""
TOO_MANY_ROWS = Text(
    zh=f"这个结果超过 Excel 文件最多容纳的 {XLSX_ROWS_MAX:,} 行。请下载 CSV 或 Parquet，或加上筛选条件后重新查询。",
    en=f"This result has more rows than an Excel file can hold ({XLSX_ROWS_MAX:,}). Download CSV or Parquet, or ask again "
    "with filters.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A complete result as the writers of files take it."""

    schema: pa.Schema
    receipt: Mapping[str, Any]
    rows: Iterator[pa.RecordBatch]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows. Raises SpoolClosed when they are not kept any more."""
        return self.rows


def file_name(run: Run, kind: str) -> str:
    """Return as which a file is saved: by title and day."""
    day = datetime.datetime.fromtimestamp(run.started_at, CITY_TIME)
    stem = f"{run.question.title or run.question.purpose} {day:%Y-%m-%d}"
    return f"{stem}.csv.receipt.json" if kind == "receipt" else f"{stem}.{kind}"


def _for_people(whole: Whole, *, columns: Sequence[Column], language: Language) -> Whole:
    """Return a result headed by titles, with words where codes, masked dates or truth values stood."""
    shows = [column.worded(language) for column in columns]
    fields = [
        pa.field(column.heading(language), pa.string() if show else column.type)
        for column, show in zip(columns, shows, strict=True)
    ]
    schema = pa.schema(fields, whole.schema.metadata)

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in whole.batches():
            arrays = [
                pa.array(texts(values, show), pa.string()) if show else values
                for values, show in zip(batch.columns, shows, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return replace(whole, schema=schema, rows=rows())


def writer(run: Run, kind: str, *, columns: Sequence[Column], language: Language) -> Callable[[Path], object]:
    """Return what writes the file to a path.

    Args:
        run: Complete.
        kind: One of `MEDIA_TYPES`.
        columns: Of the result.
        language: Of the headings and words in XLSX, which people read; the other formats keep names and codes.

    Raises:
        FileProblem: It does not fit the format.
        SpoolClosed: The rows are not kept, or not any more while it writes.
    """
    if run.schema is None:
        raise SpoolClosed
    if kind == "xlsx" and run.spool.rows > XLSX_ROWS_MAX:
        raise FileProblem(TOO_MANY_ROWS.zh, TOO_MANY_ROWS.en)
    if kind == "receipt":
        told = json.dumps({**run.receipt, "terms": run.terms()}, ensure_ascii=False, sort_keys=True)
        return lambda path: write_private(path, told)

    whole = Whole(schema=run.schema, receipt=run.receipt, rows=run.batches())
    if kind == "xlsx":
        whole = _for_people(whole, columns=columns, language=language)

    def write(path: Path) -> None:
        if write_result(whole, path=path) != run.receipt["rows"]:
            raise SpoolClosed
        receipt_beside(path).unlink(missing_ok=True)

    return write
