"""Entries of the access log as a file for people: one row an entry, in words, with the codes beside them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from pathlib import Path

import pyarrow as pa

from catalog.dataset import Text
from gateway.client.files.formats import write_rows
from gateway.doors.console.audit.entries import Listed, codes_of, listed
from gateway.doors.console.audit.titles import Titles
from gateway.doors.console.visit import CITY_TIME, Language, words

_BATCH_ROWS = 5_000


class TooManyEntries(Exception):
    """More entries match than a file may hold."""


class FormatName(StrEnum):
    """What an export may be; also the ending of its name."""

    XLSX = "xlsx"
    CSV = "csv"


FORMATS: Mapping[FormatName, str] = {
    FormatName.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FormatName.CSV: "text/csv; charset=utf-8",
}
_COLUMNS: tuple[tuple[Text, pa.DataType], ...] = (
    (Text(zh="序号", en="no."), pa.int64()),
    (Text(zh="时间", en="time"), pa.string()),
    (Text(zh="类别", en="kind"), pa.string()),
    (Text(zh="结果", en="result"), pa.string()),
    (Text(zh="单位", en="office"), pa.string()),
    (Text(zh="单位代码", en="office id"), pa.string()),
    (Text(zh="请求人", en="requester"), pa.string()),
    (Text(zh="用途", en="purpose"), pa.string()),
    (Text(zh="用途代码", en="purpose id"), pa.string()),
    (Text(zh="事项编号", en="case"), pa.string()),
    (Text(zh="数据集", en="datasets"), pa.string()),
    (Text(zh="行数", en="rows"), pa.int64()),
    (Text(zh="原因代码", en="reason codes"), pa.string()),
    (Text(zh="条目编号", en="entry id"), pa.string()),
    (Text(zh="条目哈希", en="leaf hash"), pa.string()),
    (Text(zh="语句（不含取值）", en="statement without values"), pa.string()),
    (Text(zh="全文 JSON", en="body as JSON"), pa.string()),
)
_CELL_CHARACTERS_MAX = 32_000
"""A cell of XLSX holds 32,767."""


def write_entries(leaves: Iterable[bytes], *, path: Path, titles: Titles, language: Language) -> int:
    """Write entries to a file whose ending names the format, and return how many there were.

    Args:
        leaves: The entries as the log's tree holds them, in the order of the log.
        path: Where to.
        titles: Of offices, purposes and datasets.
        language: Of the headings and words.

    Raises:
        ValueError: A leaf is no entry.
        OSError: It cannot be written.
    """
    schema = pa.schema([(words(title, language), type_) for title, type_ in _COLUMNS])
    rows = (_row(listed(leaf), titles=titles, language=language) for leaf in leaves)
    return write_rows(_batches(rows, schema=schema), schema=schema, path=path)


def at_most(leaves: Iterable[bytes], *, entries_max: int) -> Iterator[bytes]:
    """Yield the entries as they come.

    Raises:
        TooManyEntries: There are more than `entries_max`: a file that was cut would pass for the whole.
    """
    for number, leaf in enumerate(leaves):
        if number >= entries_max:
            raise TooManyEntries
        yield leaf


def _batches(rows: Iterator[tuple[object, ...]], *, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        columns = zip(*batch, strict=True)
        yield pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
        )


def _row(one: Listed, *, titles: Titles, language: Language) -> tuple[object, ...]:
    entry, body = one.entry, one.body

    def title(what: str, id_: str) -> str:
        known = titles.get((what, id_))
        return words(known, language) if known else id_

    return (
        entry.sequence,
        f"{datetime.datetime.fromtimestamp(one.seconds, CITY_TIME):%Y-%m-%d %H:%M:%S}",
        words(one.kind, language),
        words(one.result, language),
        title("office", one.office),
        one.office,
        one.requester,
        title("purpose", one.purpose),
        one.purpose,
        str(body.get("case") or ""),
        ", ".join(one.datasets),
        one.rows,
        ", ".join(codes_of(entry)),
        entry.entry_id,
        entry.sha256,
        str(body.get("sql") or "")[:_CELL_CHARACTERS_MAX],
        json.dumps(dict(body), ensure_ascii=False, sort_keys=True)[:_CELL_CHARACTERS_MAX],
    )
