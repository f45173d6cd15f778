"""Arrow IPC messages framed as `FlightData` by hand, so that a batch is copied once on its way out.

Wire format: protobuf `arrow.flight.protocol.FlightData`, fields 2 (data_header), 3 (app_metadata), 1000 (data_body), and the
Arrow columnar format's encapsulated messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

_TAG_DATA_HEADER = b"\x12"
_TAG_APP_METADATA = b"\x1a"
_TAG_DATA_BODY = b"\xc2\x3e"


@dataclass(frozen=True, kw_only=True)
class FlightMessage:
    """One message of a Flight stream."""

    header: pa.Buffer
    """Flatbuffer of the IPC message."""
    body: pa.Buffer | None
    app_metadata: bytes = b""

    @cached_property
    def wire(self) -> bytes:
        """The serialised `FlightData`."""
        parts: list[bytes | memoryview] = [_TAG_DATA_HEADER, _varint(self.header.size), memoryview(self.header)]
        if self.app_metadata:
            parts += [_TAG_APP_METADATA, _varint(len(self.app_metadata)), self.app_metadata]
        if self.body is not None and self.body.size:
            parts += [_TAG_DATA_BODY, _varint(self.body.size), memoryview(self.body)]
        return b"".join(parts)


def schema_message(schema: pa.Schema) -> FlightMessage:
    """Return the first message of a stream."""
    message = pa.ipc.read_message(schema.serialize())
    return FlightMessage(header=message.metadata, body=None)


def batch_message(batch: pa.RecordBatch, *, app_metadata: bytes = b"") -> FlightMessage:
    """Return the message of one batch."""
    message = pa.ipc.read_message(batch.serialize())
    return FlightMessage(header=message.metadata, body=message.body, app_metadata=app_metadata)


def slices(batch: pa.RecordBatch, *, bytes_max: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch into pieces of at most `bytes_max` bytes, or one row; a batch without rows gives none."""
    if batch.num_rows > 1 and batch.nbytes > bytes_max:
        half = batch.num_rows // 2
        yield from slices(batch.slice(0, half), bytes_max=bytes_max)
        yield from slices(batch.slice(half), bytes_max=bytes_max)
    elif batch.num_rows:
        yield batch


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
