"""CSV files: only the needed columns are read, one block at a time.

A file has no types, so values are read as the catalogue's or the scan fails. An empty field is null; for text a quoted
one is the empty text.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from connectors.sdk.config import CsvSettings
from connectors.sdk.source import MappedColumn, MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import converted, described_tables
from connectors.sources.stream import Batches, ScanStream, kept

_BLOCK_BYTES = 1 << 20
"""No row is longer."""
_GUESSES = (pa.int64(), pa.float64(), pa.date32(), pa.timestamp("us", tz="UTC"), pa.bool_())


class CsvSource:
    """Folders or files of one root folder; see `connectors.sdk.source.Source`."""

    def __init__(self, settings: CsvSettings, *, tables: Mapping[str, MappedTable]) -> None:
        self._root = settings.path
        self._encoding = settings.encoding
        self._tables = tables

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        return described_tables(self._tables, describe=self._described)

    def own_schema(self, table: str) -> pa.Schema:
        """See `connectors.sources.opening.OwnTables`. Types are guessed from the first rows."""
        first, *_ = files = self._files(table)
        try:
            batch = next(self._read(first, tuple(sorted(self._columns(files)))), None)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(SourceCode.DRIFT, detail=type(error).__name__) from None
        fields = [] if batch is None else [(name, _guess(batch.column(name))) for name in batch.schema.names]
        return pa.schema(fields)

    def scan(self, request: SourceScan) -> ScanStream:
        """See `Source.scan`."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        columns = table.needed(request)
        files = self._files(table.table)
        if not {column.own_name for column in table.columns} <= self._columns(files):
            raise SourceError(SourceCode.DRIFT, detail=f"a column of '{table.dataset}' is missing")
        return ScanStream(
            self._batches(request, columns=columns, files=files),
            schema=table.projected(request.columns),
            request=request,
            as_of=max(int(file.stat().st_mtime) for file in files),
        )

    def close(self) -> None:
        """See `Source.close`."""

    def _described(self, table: MappedTable) -> pa.Schema:
        own = self._columns(self._files(table.table))
        return pa.schema([column.field for column in table.columns if column.own_name in own])

    def _files(self, table: str) -> tuple[Path, ...]:
        folder = self._root / table
        files = sorted(folder.glob("*.csv")) if folder.is_dir() else [self._root / f"{table}.csv"]
        if not files or not files[0].is_file():
            raise SourceError(SourceCode.DRIFT, detail=f"the files of '{table}' do not exist")
        return tuple(files)

    def _columns(self, files: tuple[Path, ...]) -> set[str]:
        """Return the names that every header has once."""
        headers = [self._header(file) for file in files]
        return set.intersection(*({name for name in header if header.count(name) == 1} for header in headers))

    def _header(self, file: Path) -> list[str]:
        try:
            with file.open(encoding=self._encoding.replace("utf-8", "utf-8-sig"), newline="") as lines:
                return next(csv.reader(lines, strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise SourceError(SourceCode.DRIFT, detail=type(error).__name__) from None
        except OSError as error:
            raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None

    def _read(self, file: Path, own_names: tuple[str, ...]) -> Batches:
        """Yield the named columns as text."""
        options = pyarrow.csv.ConvertOptions(
            include_columns=own_names,
            column_types=dict.fromkeys(own_names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        with pyarrow.csv.open_csv(
            file,
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES, encoding=self._encoding, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=options,
        ) as batches:
            yield from batches

    def _batches(self, request: SourceScan, *, columns: tuple[MappedColumn, ...], files: tuple[Path, ...]) -> Batches:
        try:
            for file in files:
                for batch in self._read(file, tuple(column.own_name for column in columns)):
                    arrays = [_parsed(batch.column(column.own_name), column.field) for column in columns]
                    named = pa.RecordBatch.from_arrays(arrays, names=[column.field.name for column in columns])
                    yield kept(named, request)
        except FileNotFoundError as error:
            raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None
        except (pa.ArrowException, OSError) as error:
            raise SourceError(SourceCode.DRIFT, detail=type(error).__name__) from None


def _parsed(texts: pa.StringArray, field: pa.Field) -> pa.Array:
    """Return the values that the texts are; times without a zone are Shanghai's.

    Raises:
        SourceError: A text is no value of the field's type.
    """
    try:
        return _as_type(texts, field.type)
    except pa.ArrowInvalid:
        raise SourceError(SourceCode.DRIFT, detail=f"a text in '{field.name}' is not of type {field.type}") from None


def _as_type(texts: pa.StringArray, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_string(wanted):
        return texts
    values = pc.replace_with_mask(texts, pc.equal(texts, ""), pa.scalar(None, pa.string()))
    if not pa.types.is_timestamp(wanted):
        return values.cast(wanted)
    try:
        return values.cast(wanted)
    except pa.ArrowInvalid:
        return converted(values.cast(pa.timestamp("us")), wanted)


def _guess(texts: pa.StringArray) -> pa.DataType:
    """Return the first type that all texts have; numbers that text would lose nothing by stay text, as IDs do."""
    values = texts.drop_null()
    if not len(values) or pc.any(pc.match_substring_regex(values, r"^0[0-9]|^[0-9]{11,}$")).as_py():
        return pa.string()
    for guess in _GUESSES:
        try:
            _as_type(values, guess)
        except pa.ArrowInvalid:
            continue
        return guess
    return pa.string()
