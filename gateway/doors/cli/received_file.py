"""Prove, without the gateway, that a file is what was delivered; and read the texts of a copy."""

from __future__ import annotations

import base64
import csv
import importlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataset import Text
from connectors.sdk.content_hash import RECEIPT_KEY, ContentHash
from connectors.sdk.tlog.entry import Entry
from connectors.sdk.tlog.evidence import Evidence, EvidenceProblem, EvidenceRefused
from connectors.sdk.tlog.note import VerificationKey
from gateway.client.files.cells import plain_text
from gateway.client.files.formats import COVER_SHEET, receipt_beside
from gateway.model.audit import EntryKind, Outcome

_ARROW_MAGIC_BYTES = 8
"""With padding; after it an Arrow file is an Arrow stream, and then a footer."""
_CONTENT_UNREADABLE = Text(
    zh="不是可读的 .parquet 或 .arrow 文件：{detail}。其他格式不保存类型，无法证明内容；请使用以 --output F.parquet 保存的文件。",
    en="not a readable .parquet or .arrow file: {detail}. Other formats lose the types, so their content cannot be proven;"
    " use a file saved with --output F.parquet.",
)
_COPY_UNREADABLE = Text(
    zh="不是可读的 .parquet .arrow .csv .xlsx 文件：{detail}。请转换为其中一种格式。",
    en="not a readable .parquet .arrow .csv .xlsx file: {detail}. Convert it to one of them.",
)
_NO_PARTS = Text(
    zh="目录是空的。请给出 gateway query --output 所写的目录或文件。",
    en="The folder is empty. Give a folder or file that gateway query --output wrote.",
)
_NO_RECEIPT = Text(
    zh="文件没有回执。请用 gateway audit receipt 领取，并以 --receipt 给出。",
    en="The file has no receipt. Fetch it with 'gateway audit receipt' and give it with --receipt.",
)
_NO_DELIVERY = Text(
    zh="所证明的日志条目不是一次完整交付的回执。请用 gateway audit receipt 重新领取。",
    en="The entry that is proven is no receipt of a complete delivery. Fetch it again with 'gateway audit receipt'.",
)
_OTHER_ROWS = Text(
    zh="交付了 {delivered:,} 行，文件有 {found:,} 行：文件被删改，不是当时交付的数据。请使用原文件。",
    en="{delivered:,} rows were delivered and the file has {found:,}: it is not what was delivered. Use the original file.",
)
_OTHER_CONTENT = Text(
    zh="单元格、列或说明（sharing.* 元数据）与交付时不同：文件被改动。请使用原文件。",
    en="Cells, columns or terms (the sharing.* metadata) are not as delivered: the file was changed. Use the original file.",
)
_EVIDENCE: Mapping[EvidenceProblem, Text] = {
    EvidenceProblem.MALFORMED: Text(
        zh="回执已损坏。请用 gateway audit receipt 重新领取。",
        en="The receipt is damaged. Fetch it again with 'gateway audit receipt'.",
    ),
    EvidenceProblem.CHECKPOINT_FORGED: Text(
        zh="回执不是由该日志的密钥签名。请核对 --key；若无误，则回执系伪造。",
        en="The receipt is not signed with this log's key. Check --key; if it is right, the receipt is forged.",
    ),
    EvidenceProblem.NOT_INCLUDED: Text(
        zh="签名的日志中没有该条目：回执被改动。请用 gateway audit receipt 重新领取。",
        en="The signed log does not hold this entry: the receipt was changed. Fetch it again with 'gateway audit receipt'.",
    ),
}


class FileRefused(Exception):
    """It is not proven that the file is what was delivered; `text` says why and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def files_of(path: Path) -> list[Path]:
    """Return the files of a folder of parts, or the one file.

    Raises:
        FileRefused: The folder is empty.
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    if not files:
        raise FileRefused(_NO_PARTS)
    return files


def check_file(path: Path, *, receipt: Path | None, key: VerificationKey) -> Entry:
    """Return the receipt entry of the delivery that the file holds, unchanged.

    Args:
        path: .parquet or .arrow.
        receipt: JSON of the receipt; None takes it from the Parquet file, or from beside the file.
        key: Of the log.

    Raises:
        FileRefused: That is not proven.
    """
    with _readable(_CONTENT_UNREADABLE):
        views = _views(path)
        entry = _delivery(_receipt(path, given=receipt, schema=views[0][0]), key=key)
        sent = entry.body["sent"]
        for schema, batches in views:
            content = ContentHash(str(sent["content_hash"]).partition(":")[0], schema=schema)
            for batch in batches:
                content.add(batch)
            if content.rows != sent["rows"]:
                raise FileRefused(_filled(_OTHER_ROWS, delivered=sent["rows"], found=content.rows))
            if content.text != sent["content_hash"]:
                raise FileRefused(_OTHER_CONTENT)
    return entry


def text_columns(path: Path) -> Iterator[pa.StringArray]:
    """Yield the text columns of a copy: .parquet, .arrow, .csv or .xlsx.

    Raises:
        FileRefused: It cannot be read.
    """
    with _readable(_COPY_UNREADABLE):
        if path.suffix in _TABLES:
            for cells in zip_longest(*_TABLES[path.suffix](path)):
                yield pa.array([plain_text(cell) for cell in cells if isinstance(cell, str)], pa.string())
            return
        schema, batches = _views(path)[0]
        table = pa.Table.from_batches(batches, schema=schema)
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            yield column.cast(pa.string()).combine_chunks()


@contextmanager
def _readable(otherwise: Text) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, duckdb.Error, OSError, ValueError, KeyError, csv.Error, zipfile.BadZipFile) as error:
        raise FileRefused(_filled(otherwise, detail=str(error))) from error


def _views(path: Path) -> list[tuple[pa.Schema, Iterable[pa.RecordBatch]]]:
    """Return the content in every way that readers take it: an Arrow file by its footer, and from its beginning."""
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        return [(_as_every_reader_sees(file, path=path), file.iter_batches())]
    footer, stream = pa.ipc.open_file(path), pa.ipc.open_stream(_after_magic(path))
    batches = (footer.get_batch(index) for index in range(footer.num_record_batches))
    return [(_unambiguous(footer.schema), _validated(batches)), (_unambiguous(stream.schema), _validated(stream))]


def _as_every_reader_sees(file: pq.ParquetFile, *, path: Path) -> pa.Schema:
    """Return the schema with the file's metadata. Both may stand in the file twice, and readers take either."""
    keys = [key for (key,) in duckdb.execute("SELECT key FROM parquet_kv_metadata(?)", [escape(str(path))]).fetchall()]
    schema, stored = _unambiguous(file.schema_arrow), dict(file.metadata.metadata or {})
    if (told := stored.pop(b"ARROW:schema", None)) is not None:
        arrow = _unambiguous(pa.ipc.read_schema(pa.py_buffer(base64.b64decode(told))))
        if not arrow.equals(schema) or _parquet_columns(file) != _parquet_columns(_written(arrow)):
            raise FileRefused(_OTHER_CONTENT)
    if len(set(keys)) < len(keys) or any(stored.get(key) != value for key, value in (schema.metadata or {}).items()):
        raise FileRefused(_OTHER_CONTENT)
    return schema.with_metadata(stored)


def _parquet_columns(file: pq.ParquetFile) -> list[tuple[str, str, str]]:
    columns = (file.schema.column(index) for index in range(len(file.schema)))
    return [(column.path, column.physical_type, str(column.logical_type)) for column in columns]


def _written(schema: pa.Schema) -> pq.ParquetFile:
    """Return an empty file of this schema."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    return pq.ParquetFile(pa.BufferReader(sink.getvalue()))


def _unambiguous(schema: pa.Schema) -> pa.Schema:
    """Return the schema unless a key of its metadata occurs twice."""
    if not schema.with_metadata(schema.metadata).equals(schema, check_metadata=True):
        raise FileRefused(_OTHER_CONTENT)
    return schema


def _after_magic(path: Path) -> pa.NativeFile:
    file = pa.OSFile(str(path))
    file.seek(_ARROW_MAGIC_BYTES)
    return file


def _validated(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        batch.validate(full=True)
        yield batch


def _receipt(path: Path, *, given: Path | None, schema: pa.Schema) -> bytes:
    inside = (schema.metadata or {}).get(RECEIPT_KEY)
    if given is None and inside is not None:
        return bytes(inside)
    beside = given or receipt_beside(path)
    if not beside.is_file():
        raise FileRefused(_NO_RECEIPT)
    return beside.read_bytes()


def _delivery(receipt: bytes, *, key: VerificationKey) -> Entry:
    """Return the proven receipt entry; nothing else that the receipt says is believed."""
    try:
        told = json.loads(receipt)
        entry = Evidence.from_json(told.get("evidence") if isinstance(told, dict) else None).verify(key)
    except (ValueError, RecursionError):
        raise FileRefused(_EVIDENCE[EvidenceProblem.MALFORMED]) from None
    except EvidenceRefused as refused:
        raise FileRefused(_EVIDENCE[refused.problem]) from None
    if entry.kind != EntryKind.RECEIPT or entry.body["outcome"] != Outcome.DELIVERED:
        raise FileRefused(_NO_DELIVERY)
    return entry


def _filled(text: Text, **values: object) -> Text:
    return Text(zh=text.zh.format(**values), en=text.en.format(**values))


def _csv_rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file)


def _xlsx_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    openpyxl = importlib.import_module("openpyxl")  # takes half a second, which other commands need not wait
    for sheet in openpyxl.load_workbook(path, read_only=True).worksheets:
        if sheet.title != COVER_SHEET:
            yield from sheet.iter_rows(values_only=True)


_TABLES: Mapping[str, Callable[[Path], Iterable[Iterable[object]]]] = {".csv": _csv_rows, ".xlsx": _xlsx_rows}
