"""A statement whose parameters travel as values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import grpc
import pyarrow as pa
from google.protobuf import any_pb2
from google.protobuf.message import Message

from gateway.client.profile import Headers
from sharing_stubs.arrow.flight import flight_pb2, flight_pb2_grpc
from sharing_stubs.arrow.flight.sql import flight_sql_pb2


def descriptor(command: Message) -> flight_pb2.FlightDescriptor:
    """Return a Flight SQL command as a Flight descriptor."""
    return flight_pb2.FlightDescriptor(type=flight_pb2.FlightDescriptor.CMD, cmd=_packed(command))


@contextmanager
def prepared(
    sql: str, *, parameters: Sequence[object], flight: flight_pb2_grpc.FlightServiceStub, headers: Headers
) -> Iterator[flight_pb2.FlightDescriptor]:
    """Prepare a statement, bind the values of its `?` in order, and close it at the end.

    Raises:
        pa.ArrowException: A value has no Arrow type.
        grpc.RpcError: Denied, invalid or unavailable.
    """
    values = _row(parameters)  # first: it may take long to import what Arrow needs
    created = flight_sql_pb2.ActionCreatePreparedStatementResult()
    request = flight_sql_pb2.ActionCreatePreparedStatementRequest(query=sql)
    for answer in flight.DoAction(_action("CreatePreparedStatement", request), metadata=headers):
        any_pb2.Any.FromString(answer.body).Unpack(created)
    handle = created.prepared_statement_handle
    try:
        statement = descriptor(flight_sql_pb2.CommandPreparedStatementQuery(prepared_statement_handle=handle))
        values[0].flight_descriptor.CopyFrom(statement)
        for _ in flight.DoPut(iter(values), metadata=headers):
            pass
        yield statement
    finally:
        close = flight_sql_pb2.ActionClosePreparedStatementRequest(prepared_statement_handle=handle)
        with suppress(grpc.RpcError):  # the gateway forgets it by itself
            for _ in flight.DoAction(_action("ClosePreparedStatement", close), metadata=headers):
                pass


def _row(parameters: Sequence[object]) -> list[flight_pb2.FlightData]:
    """Return one row of values as Flight messages: the schema and a batch."""
    columns = [pa.array([value]) for value in parameters]
    batch = pa.record_batch(columns, names=[str(number) for number in range(1, len(columns) + 1)])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return [
        flight_pb2.FlightData(
            data_header=message.metadata.to_pybytes(), data_body=message.body.to_pybytes() if message.body else b""
        )
        for message in pa.ipc.MessageReader.open_stream(sink.getvalue())
    ]


def _action(kind: str, request: Message) -> flight_pb2.Action:
    return flight_pb2.Action(type=kind, body=_packed(request))


def _packed(message: Message) -> bytes:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed.SerializeToString()
