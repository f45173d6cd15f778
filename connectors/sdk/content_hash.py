r"""The hash of a result: of its columns, rows and terms, not of the messages or the file that carry them.

    nulls      per column: digest of the positions of nulls, 8 bytes each, from 0
    lengths    per column: digest of the lengths of texts in bytes, 4 bytes each
    values     per column: digest of the values one after another: UTF-8 of texts, 1 byte of booleans, the Arrow form of others
    content    digest of "sharing-content-v1\n", canonical JSON of {"columns": [[name, type, nullable], …], "rows",
               "terms": {"sharing.…": text, …}}, and for every column nulls, lengths and values

Numbers are little-endian; a null has length 0 and a value of zeros, but of the type null only nulls are hashed. How rows are
cut into batches changes nothing.
"""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sdk.tlog.canonical import JsonValue, encode_canonical

HashName = Literal["sha256", "sm3"]
RECEIPT_KEY = b"sharing.receipt"
"""Schema metadata that is about the content and no part of it."""
_TERMS = b"sharing."
_CONTEXT = b"sharing-content-v1\n"
_BITS_OF_A_BYTE = 8


class ContentHash:
    """Hashes a result, batch by batch.

    Args:
        name: `sha256` (FIPS 180-4) or `sm3` (GB/T 32905-2016).
        schema: Of every batch. Its metadata with keys `sharing.…` is UTF-8 and hashed too; other metadata is not.

    Raises:
        ValueError: The algorithm is unknown, the metadata is no UTF-8, or a column is neither text nor of fixed width.
    """

    def __init__(self, name: str, *, schema: pa.Schema) -> None:
        if name not in get_args(HashName):
            raise ValueError(f"unknown hash '{name}'")
        self.rows = 0
        self._name = name
        metadata = schema.metadata or {}
        self._head: dict[str, JsonValue] = {
            "columns": [[field.name, str(field.type), field.nullable] for field in schema],
            "terms": {
                key.decode(): value.decode()
                for key, value in metadata.items()
                if key.startswith(_TERMS) and key != RECEIPT_KEY
            },
        }
        self._columns = [_ColumnHash(name, type=field.type) for field in schema]

    def add(self, batch: pa.RecordBatch) -> None:
        """Hash the next rows."""
        for column, values in zip(self._columns, batch.columns, strict=True):
            column.add(values, rows_before=self.rows)
        self.rows += batch.num_rows

    @property
    def text(self) -> str:
        """`sha256:<hex>` or `sm3:<hex>` of what was added so far."""
        digest = hashlib.new(self._name, _CONTEXT + encode_canonical(self._head | {"rows": self.rows}))
        for column in self._columns:
            digest.update(column.digests)
        return f"{self._name}:{digest.hexdigest()}"


class _ColumnHash:
    def __init__(self, name: str, *, type: pa.DataType) -> None:
        self._nulls, self._lengths, self._values = (hashlib.new(name) for _ in range(3))
        self._is_text = pa.types.is_string(type)
        self._width = 0 if self._is_text else _width(type)

    @property
    def digests(self) -> bytes:
        return b"".join(part.digest() for part in (self._nulls, self._lengths, self._values))

    def add(self, values: pa.Array, *, rows_before: int) -> None:
        if not len(values):
            return
        nulls = None
        if values.null_count:
            nulls = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))
            self._nulls.update((nulls + rows_before).astype("<u8").data)
        if self._is_text:
            self._add_texts(values if nulls is None else pc.fill_null(values, ""))
        elif self._width:
            self._values.update(_cells(values, width=self._width, nulls=nulls).data)

    def _add_texts(self, values: pa.StringArray) -> None:
        _, offsets_buffer, data = values.buffers()
        offsets = np.frombuffer(offsets_buffer, "<i4")[values.offset : values.offset + len(values) + 1]
        self._lengths.update((offsets[1:] - offsets[:-1]).data)
        if data is not None:
            self._values.update(memoryview(data)[offsets[0] : offsets[-1]])


def _width(type_: pa.DataType) -> int:
    """Return the bytes of a value; 0 for the type that has none."""
    if pa.types.is_null(type_):
        return 0
    if pa.types.is_boolean(type_):
        return 1
    if pa.types.is_primitive(type_) or pa.types.is_decimal(type_):
        return int(type_.bit_width) // _BITS_OF_A_BYTE
    raise ValueError(f"there is no content hash of {type_}")


def _cells(values: pa.Array, *, width: int, nulls: npt.NDArray[np.intp] | None) -> npt.NDArray[np.uint8]:
    """Return the values' bytes, shape (rows, width)."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    cells = np.frombuffer(values.buffers()[1], np.uint8)[values.offset * width : (values.offset + len(values)) * width]
    cells = cells.reshape(-1, width)
    if nulls is not None:
        cells = cells.copy()
        cells[nulls] = 0
    return cells
