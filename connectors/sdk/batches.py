"""Record batches on the wire: encapsulated, uncompressed Arrow IPC messages without dictionaries or schema.

Arriving bytes are hostile: the message's own metadata is read here, with every offset checked, before Arrow decodes
them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from connectors.sdk.calendar_range import is_in_calendar

_CONTINUATION = 0xFFFFFFFF
_METADATA_VERSION_5 = 4
_HEADER_RECORD_BATCH = 3
_METADATA_BYTES_MAX = 1 << 20
_ROUNDING_BYTES = 8


class BatchCode(StrEnum):
    """Why a batch is refused."""

    TOO_LARGE = "TOO_LARGE"
    MALFORMED = "MALFORMED"
    COMPRESSED = "COMPRESSED"
    SCHEMA = "SCHEMA"
    INVALID = "INVALID"
    NULLS = "NULLS"


class BatchRefused(Exception):
    """Arriving bytes are not a batch that may be used; `code` says why."""

    def __init__(self, code: BatchCode) -> None:
        super().__init__(code)
        self.code = code


def encode_batch(batch: pa.RecordBatch) -> bytes:
    """Return the batch as one encapsulated, uncompressed IPC message.

    Rows that share their buffers with others are copied first: Arrow pads every buffer with what stands behind it in memory, and
    that may be a value that was not granted.
    """
    if batch.get_total_buffer_size() > batch.nbytes + _ROUNDING_BYTES * batch.num_columns:
        columns = [pa.concat_arrays([column]) for column in batch.columns]
        batch = pa.RecordBatch.from_arrays(columns, schema=batch.schema)
    encoded: bytes = batch.serialize().to_pybytes()
    return encoded


def decode_batch(data: bytes | memoryview, *, schema: pa.Schema, bytes_max: int) -> pa.RecordBatch:
    """Return the batch that `encode_batch` made; it keeps `data` alive and shares its memory.

    Args:
        data: What arrived. It must not be changed as long as the batch lives.
        schema: Schema that the batch must have, with nullability: fixed-width types, text and nulls.
        bytes_max: Largest acceptable message.

    Raises:
        BatchRefused: Any doubt, with its code. No bytes, however broken, raise anything else.
    """
    if len(data) > bytes_max:
        raise BatchRefused(BatchCode.TOO_LARGE)
    _check_metadata(memoryview(data), schema=schema)
    try:
        batch = pa.ipc.read_record_batch(pa.py_buffer(data), schema)
        batch.validate(full=True)
    except (pa.ArrowException, OSError, ValueError):
        raise BatchRefused(BatchCode.INVALID) from None
    if any(column.null_count for column, field in zip(batch.columns, schema, strict=True) if not field.nullable):
        raise BatchRefused(BatchCode.NULLS)
    if not all(is_in_calendar(column) for column in batch.columns):
        raise BatchRefused(BatchCode.INVALID)
    return batch


def _check_metadata(data: memoryview, *, schema: pa.Schema) -> None:
    """Check the message's frame and header without decoding the body."""
    try:
        continuation, metadata_bytes = struct.unpack_from("<Ii", data, 0)
        if continuation != _CONTINUATION or not 0 < metadata_bytes <= min(len(data) - 8, _METADATA_BYTES_MAX):
            raise BatchRefused(BatchCode.MALFORMED)
        message = _Table.root(data[8 : 8 + metadata_bytes])
        _check_message(message, body_bytes=len(data) - 8 - metadata_bytes, schema=schema)
    except struct.error:
        raise BatchRefused(BatchCode.MALFORMED) from None


def _check_message(message: _Table, *, body_bytes: int, schema: pa.Schema) -> None:
    """Fields of `Message` (Message.fbs): version, header_type, header, bodyLength, custom_metadata."""
    version, header_type, body_length = message.number(0, "<h"), message.number(1, "<B"), message.number(3, "<q")
    header = message.table(2)
    if (version, header_type) != (_METADATA_VERSION_5, _HEADER_RECORD_BATCH) or header is None or message.has(4):
        raise BatchRefused(BatchCode.MALFORMED)
    if body_length != body_bytes:
        raise BatchRefused(BatchCode.MALFORMED)
    # Fields of `RecordBatch`: length, nodes, buffers, compression, variadicBufferCounts.
    if header.has(3):
        raise BatchRefused(BatchCode.COMPRESSED)
    buffers = sum(_buffers(field.type) for field in schema)
    if (header.count(1), header.count(2)) != (len(schema), buffers) or header.has(4) or header.number(0, "<q") < 0:
        raise BatchRefused(BatchCode.SCHEMA)


def _buffers(kind: pa.DataType) -> int:
    return 3 if pa.types.is_string(kind) else 0 if pa.types.is_null(kind) else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One FlatBuffers table. Reading outside the buffer raises struct.error."""

    data: memoryview
    position: int

    @classmethod
    def root(cls, data: memoryview) -> _Table:
        return cls(data=data, position=_unpack("<I", data, 0))

    def _offset(self, field: int) -> int:
        """Return where the field is, or 0 when it is absent."""
        vtable = self.position - _unpack("<i", self.data, self.position)
        if 4 + 2 * field >= _unpack("<H", self.data, vtable):
            return 0
        offset = _unpack("<H", self.data, vtable + 4 + 2 * field)
        return self.position + offset if offset else 0

    def has(self, field: int) -> bool:
        return self._offset(field) != 0

    def number(self, field: int, form: str) -> int:
        offset = self._offset(field)
        return _unpack(form, self.data, offset) if offset else 0

    def table(self, field: int) -> _Table | None:
        offset = self._offset(field)
        return _Table(data=self.data, position=offset + _unpack("<I", self.data, offset)) if offset else None

    def count(self, field: int) -> int:
        """Return the length of a vector."""
        offset = self._offset(field)
        return _unpack("<I", self.data, offset + _unpack("<I", self.data, offset)) if offset else 0


def _unpack(form: str, data: memoryview, offset: int) -> int:
    if offset < 0:
        raise struct.error("before the buffer")
    value: int = struct.unpack_from(form, data, offset)[0]
    return value
