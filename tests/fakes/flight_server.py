"""A gateway that answers Flight calls as told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pyarrow as pa

from gateway.client import Profile
from gateway.deliver.flight_data import batch_message, schema_message
from gateway.doors.rpc_errors import errors_as_status
from gateway.errors import GatewayError
from sharing_stubs.arrow.flight import flight_pb2

TERMS = {
    "sharing.entry": "e-1",
    "sharing.treatment": json.dumps({"a.b": {"x": "clear", "y": "phone"}}),
    "sharing.missing": "[]",
    "sharing.expires_at": "86400",
}
SCHEMA = pa.schema([("x", pa.int64()), ("y", pa.string())], metadata=TERMS)
RECEIPT = {"entry": "e-1", "rows": 6, "datasets": {"a.b": {"as_of": 60, "late": False, "missing": False}}}
Step = Callable[[grpc.ServicerContext], Any]


def batch(first: int) -> pa.RecordBatch:
    """Return three rows."""
    rows = range(first, first + 3)
    return pa.record_batch([list(rows), [str(row) for row in rows]], schema=SCHEMA)


def whole() -> list[bytes]:
    """Return the messages of a complete result of six rows."""
    end = batch_message(pa.RecordBatch.from_pylist([], schema=SCHEMA), app_metadata=json.dumps(RECEIPT).encode())
    return [schema_message(SCHEMA).wire, batch_message(batch(0)).wire, batch_message(batch(3)).wire, end.wire]


def cut(messages: Sequence[bytes], *, status: grpc.StatusCode | None = grpc.StatusCode.UNAVAILABLE) -> Step:
    """Send some messages, then end with a status of the network's; None ends well, without a receipt."""

    def step(context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from messages
        if status is not None:
            context.abort(status, "connection reset")

    return step


def refused(error: GatewayError, *, after: Sequence[bytes] = ()) -> Step:
    """Send some messages, then end with an error of the gateway's."""

    def step(context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from after
        with errors_as_status(context):
            raise error

    return step


@dataclass
class FakeGateway:
    """Takes the next step of `infos` for a GetFlightInfo and of `streams` for a DoGet, and answers well when there is none."""

    infos: list[Step] = field(default_factory=list)
    streams: list[Step] = field(default_factory=list)
    keys: Sequence[str] = ("",)
    calls: list[str] = field(default_factory=list)

    def get_flight_info(
        self, descriptor: flight_pb2.FlightDescriptor, context: grpc.ServicerContext
    ) -> flight_pb2.FlightInfo:
        self.calls.append("ask")
        if self.infos:
            list(self.infos.pop(0)(context))
        endpoints = [
            flight_pb2.FlightEndpoint(
                ticket=flight_pb2.Ticket(ticket=key.encode()),
                app_metadata=json.dumps({"part": key, "parts": len(self.keys)}).encode(),
            )
            for key in self.keys
        ]
        return flight_pb2.FlightInfo(endpoint=endpoints)

    def do_get(self, ticket: flight_pb2.Ticket, context: grpc.ServicerContext) -> Iterator[bytes]:
        self.calls.append(f"get {ticket.ticket.decode()}".strip())
        yield from self.streams.pop(0)(context) if self.streams else whole()


@contextmanager
def serving(gateway: FakeGateway) -> Iterator[Profile]:
    """Serve on a free port; yield a profile."""
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "GetFlightInfo": grpc.unary_unary_rpc_method_handler(
            gateway.get_flight_info,
            request_deserializer=flight_pb2.FlightDescriptor.FromString,
            response_serializer=flight_pb2.FlightInfo.SerializeToString,
        ),
        "DoGet": grpc.unary_stream_rpc_method_handler(
            gateway.do_get, request_deserializer=flight_pb2.Ticket.FromString
        ),
    }
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("arrow.flight.protocol.FlightService", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield Profile(endpoint=f"grpc://127.0.0.1:{port}", token="t", expires_at="", office="o")
    finally:
        server.stop(0).wait()
