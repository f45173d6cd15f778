"""Send a result and count what was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from gateway.deliver.flight_data import FlightMessage, batch_message, schema_message, slices
from gateway.model.result import ReleasableResult

MESSAGE_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What left the gateway."""

    rows: int
    bytes_sent: int
    """Header and body bytes of the Arrow messages."""
    content_sha256: str
    """Hex SHA-256 over header and body bytes of the schema message and every batch message with rows, in order."""


class Delivery:
    """Counts and hashes what is sent."""

    def __init__(self) -> None:
        self.rows = 0
        self.bytes_sent = 0
        self._digest = hashlib.sha256()

    @property
    def delivered(self) -> Delivered:
        """What was sent so far."""
        return Delivered(rows=self.rows, bytes_sent=self.bytes_sent, content_sha256=self._digest.hexdigest())

    def add(self, message: FlightMessage, *, rows: int = 0) -> bytes:
        """Count one message and return its wire form."""
        self.rows += rows
        for part in (message.header, message.body):
            if part is not None:
                self._digest.update(part)
                self.bytes_sent += part.size
        return message.wire


def deliver(
    released: ReleasableResult, *, delivery: Delivery, receipt: Callable[[Delivered], bytes]
) -> Iterator[bytes]:
    """Yield the stream as serialised `FlightData` messages.

    Args:
        released: What may leave.
        delivery: Counts what was sent; the caller reads it when the stream is cut.
        receipt: Called once, after the last row was sent and before the end; returns the receipt for the recipient.

    Yields:
        The schema, batches of at most about 1 MiB, and at last a batch without rows whose `app_metadata` is the receipt.
    """
    schema = released.stream.schema
    yield delivery.add(schema_message(schema))
    for batch in released.stream.batches:
        for piece in slices(batch, bytes_max=MESSAGE_BYTES_MAX):
            yield delivery.add(batch_message(piece), rows=piece.num_rows)
    closing = batch_message(pa.RecordBatch.from_pylist([], schema=schema), app_metadata=receipt(delivery.delivered))
    yield closing.wire
