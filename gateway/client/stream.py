"""A Flight stream as Arrow IPC bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

from gateway.client.errors import IncompleteResult
from sharing_stubs.arrow.flight import flight_pb2

_CONTINUATION = b"\xff\xff\xff\xff"
_END_OF_STREAM = _CONTINUATION + bytes(4)


@dataclass
class FlightStream(io.RawIOBase):
    """The bytes of an Arrow IPC stream. It ends only when the receipt has come."""

    messages: Iterator[flight_pb2.FlightData]
    receipt: dict[str, Any] = field(default_factory=dict)
    """Empty until the stream has ended."""
    _rest: bytes = b""
    _ended: bool = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - the protocol of io.RawIOBase
        """Fill the buffer with what is there and return its size.

        Raises:
            IncompleteResult: The stream has ended without a receipt.
            grpc.RpcError: The call has failed.
        """
        while not self._rest and not self._ended:
            self._rest = self._next()
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _next(self) -> bytes:
        message = next(self.messages, None)
        if message is None:
            if not self.receipt:
                raise IncompleteResult(grpc.StatusCode.DATA_LOSS, "the stream ended without a receipt")
            self._ended = True
            return _END_OF_STREAM
        if message.app_metadata:
            self.receipt = json.loads(message.app_metadata)
        padding = -len(message.data_header) % 8
        length = (len(message.data_header) + padding).to_bytes(4, "little")
        return b"".join((_CONTINUATION, length, message.data_header, bytes(padding), message.data_body))
