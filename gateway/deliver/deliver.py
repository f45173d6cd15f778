"""Send a result and count what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from connectors.sdk.content_hash import ContentHash, HashName
from gateway.deliver.flight_data import FlightMessage, batch_message, schema_message, slices
from gateway.errors import Bug
from gateway.model.result import ReleasableResult

MESSAGE_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What left the gateway."""

    rows: int
    bytes_sent: int
    """Header and body bytes of the Arrow messages."""
    content_hash: str
    """`sha256:` or `sm3:` and hex of the columns, rows and terms (see `ContentHash`); empty when nothing was sent."""


class Delivery:
    """Counts and hashes what is sent."""

    def __init__(self, *, hash_name: HashName) -> None:
        self.bytes_sent = 0
        self._hash_name = hash_name
        self._content: ContentHash | None = None

    @property
    def rows(self) -> int:
        """Rows sent so far."""
        return self._content.rows if self._content else 0

    @property
    def delivered(self) -> Delivered:
        """What was sent so far."""
        text = self._content.text if self._content else ""
        return Delivered(rows=self.rows, bytes_sent=self.bytes_sent, content_hash=text)

    def begin(self, schema: pa.Schema) -> bytes:
        """Count the first message and return its wire form. What was counted before was not sent and does not count."""
        self.bytes_sent = 0
        self._content = ContentHash(self._hash_name, schema=schema)
        return self._wire(schema_message(schema))

    def add(self, batch: pa.RecordBatch) -> bytes:
        """Count a batch and return its wire form."""
        if self._content is None:
            raise Bug("a batch was sent before its schema")
        self._content.add(batch)
        return self._wire(batch_message(batch))

    def _wire(self, message: FlightMessage) -> bytes:
        self.bytes_sent += message.header.size + (message.body.size if message.body else 0)
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
    yield delivery.begin(schema)
    for batch in released.stream.batches:
        for piece in slices(batch, bytes_max=MESSAGE_BYTES_MAX):
            yield delivery.add(piece)
    closing = batch_message(pa.RecordBatch.from_pylist([], schema=schema), app_metadata=receipt(delivery.delivered))
    yield closing.wire
