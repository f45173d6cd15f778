"""Client side of the services, over plain gRPC."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf import any_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from gateway.doors.call import CASE_HEADER, PARTIAL_ALLOWED, PARTIAL_HEADER, PURPOSE_HEADER
from gateway.doors.cli.profile import Profile
from sharing_stubs.arrow.flight import flight_pb2, flight_pb2_grpc
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

MESSAGE_BYTES_MAX = 16 << 20
_CONTINUATION = b"\xff\xff\xff\xff"
_END_OF_STREAM = _CONTINUATION + bytes(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReason:
    """One reason of a failed call, in both languages."""

    code: str
    texts: dict[str, str]
    """Keys `message_zh`, `message_en`, `remedy_zh`, `remedy_en`, and for denials `legal_basis_zh`, `legal_basis_en`."""


class RemoteError(Exception):
    """A call failed with a status."""

    def __init__(self, status: grpc.StatusCode, text: str, reasons: tuple[ErrorReason, ...]) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.reasons = reasons


@contextmanager
def remote_errors() -> Iterator[None]:
    """Turn gRPC errors raised inside into RemoteError."""
    try:
        yield
    except grpc.RpcError as error:
        raise remote_error(error) from error


def remote_error(error: grpc.RpcError) -> RemoteError:
    """Read the status and its details."""
    if not isinstance(error, grpc.Call):
        return RemoteError(grpc.StatusCode.UNKNOWN, str(error), ())
    status = rpc_status.from_call(error)
    reasons = []
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            reasons.append(ErrorReason(code=info.reason, texts=dict(info.metadata)))
    return RemoteError(error.code(), error.details() or "", tuple(reasons))


class Remote:
    """A connection to the gateway as one recipient."""

    def __init__(self, profile: Profile) -> None:
        scheme, _, target = profile.endpoint.partition("://")
        options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
        if scheme == "grpc+tls":
            roots = profile.ca_certificate.read_bytes() if profile.ca_certificate else None
            self.channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options=options)
        else:
            self.channel = grpc.insecure_channel(target, options=options)
        self._authorization = ("authorization", f"Bearer {profile.token}")

    def headers(self, *, purpose: str = "", case: str = "", partial: bool = False) -> tuple[tuple[str, str], ...]:
        """Return the headers of a call."""
        allowed = PARTIAL_ALLOWED if partial else ""
        declared = ((PURPOSE_HEADER, purpose), (CASE_HEADER, case), (PARTIAL_HEADER, allowed))
        return (self._authorization, *((name, value) for name, value in declared if value))

    def query(self, sql: str, *, purpose: str, case: str, partial: bool = False) -> RemoteResult:
        """Decide a statement and open its result, with `partial` also when departments are down.

        Raises:
            RemoteError: Denied, invalid or unavailable.
        """
        stub = flight_pb2_grpc.FlightServiceStub(self.channel)
        command = any_pb2.Any()
        command.Pack(flight_sql_pb2.CommandStatementQuery(query=sql))
        descriptor = flight_pb2.FlightDescriptor(type=flight_pb2.FlightDescriptor.CMD, cmd=command.SerializeToString())
        headers = self.headers(purpose=purpose, case=case, partial=partial)
        with remote_errors():
            info = stub.GetFlightInfo(descriptor, metadata=headers, wait_for_ready=False)
            source = _IpcSource(stub.DoGet(info.endpoint[0].ticket, metadata=headers))
            try:
                return RemoteResult(source=source, reader=pa.ipc.open_stream(source))
            except pa.ArrowInvalid as error:
                raise RemoteError(grpc.StatusCode.DATA_LOSS, str(error), ()) from error

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteResult:
    """A result as it arrives."""

    source: _IpcSource
    reader: pa.RecordBatchReader

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema with the `sharing.*` metadata."""
        return self.reader.schema

    @property
    def receipt(self) -> dict[str, Any]:
        """The gateway's receipt; known when every batch was read."""
        return self.source.receipt

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches.

        Raises:
            RemoteError: The stream did not end complete; what was read is not the whole result.
        """
        with remote_errors():
            for batch in self.reader:
                if batch.num_rows:
                    yield batch


@dataclass
class _IpcSource(io.RawIOBase):
    """A Flight stream as the bytes of an Arrow IPC stream. It ends only when the receipt has come."""

    messages: Iterator[flight_pb2.FlightData]
    receipt: dict[str, Any] = field(default_factory=dict)
    _rest: bytes = b""
    _ended: bool = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - the protocol of io.RawIOBase
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
                raise RemoteError(grpc.StatusCode.DATA_LOSS, "the stream ended without a receipt", ())
            self._ended = True
            return _END_OF_STREAM
        if message.app_metadata:
            self.receipt = json.loads(message.app_metadata)
        padding = -len(message.data_header) % 8
        length = (len(message.data_header) + padding).to_bytes(4, "little")
        return b"".join((_CONTINUATION, length, message.data_header, bytes(padding), message.data_body))
