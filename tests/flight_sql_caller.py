"""A Flight SQL client for tests: says exactly what it is told to say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.flight as flight
from google.protobuf.message import Message

from gateway.client import Profile
from gateway.doors.flight_sql.commands import pack, unpack
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

Prepared = flight_sql_pb2.ActionCreatePreparedStatementResult


class _Received(flight.ClientMiddlewareFactory):
    """Keeps the cookie that came last."""

    def __init__(self) -> None:
        super().__init__()
        self.cookie = ""

    def start_call(self, info: object) -> flight.ClientMiddleware:
        return _Middleware(self)


class _Middleware(flight.ClientMiddleware):
    def __init__(self, received: _Received) -> None:
        super().__init__()
        self._received = received

    def received_headers(self, headers: dict[str, list[str]]) -> None:
        self._received.cookie = "".join(headers.get("set-cookie", [])) or self._received.cookie


class Caller:
    """Calls the door as one requester, with the same headers each time."""

    def __init__(self, profile: Profile, **headers: str) -> None:
        self.received = _Received()
        endpoint = profile.endpoint.replace("grpc://", "grpc+tcp://")
        self._client = flight.FlightClient(endpoint, middleware=[self.received])
        named = {"authorization": f"Bearer {profile.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        encoded = [(name.encode(), value.encode()) for name, value in named.items()]
        self._options = flight.FlightCallOptions(headers=encoded, timeout=100)

    def close(self) -> None:
        self._client.close()

    def act(self, kind: str, body: bytes) -> bytes:
        """Do one action and return the body of its result."""
        (result,) = self._client.do_action(flight.Action(kind, body), self._options)
        return result.body.to_pybytes()

    def prepare(self, sql: str) -> Prepared:
        request = flight_sql_pb2.ActionCreatePreparedStatementRequest(query=sql)
        made = unpack(self.act("CreatePreparedStatement", pack(request)), Prepared)
        assert made is not None
        return made

    def bind(self, handle: bytes, values: pa.Table) -> None:
        command = flight_sql_pb2.CommandPreparedStatementQuery(prepared_statement_handle=handle)
        descriptor = flight.FlightDescriptor.for_command(pack(command))
        writer, reader = self._client.do_put(descriptor, values.schema, self._options)
        with writer:
            writer.write_table(values)
            writer.done_writing()
            answered = reader.read()
        result = flight_sql_pb2.DoPutPreparedStatementResult.FromString(answered.to_pybytes())
        assert result.prepared_statement_handle == handle

    def info(self, command: Message | str) -> flight.FlightInfo:
        data = command.encode() if isinstance(command, str) else pack(command)
        return self._client.get_flight_info(flight.FlightDescriptor.for_command(data), self._options)

    def prepared_info(self, handle: bytes) -> flight.FlightInfo:
        return self.info(flight_sql_pb2.CommandPreparedStatementQuery(prepared_statement_handle=handle))

    def schema(self, command: Message | str) -> pa.Schema:
        data = command.encode() if isinstance(command, str) else pack(command)
        return self._client.get_schema(flight.FlightDescriptor.for_command(data), self._options).schema

    def open(self, ticket: flight.Ticket) -> flight.FlightStreamReader:
        return self._client.do_get(ticket, self._options)

    def fetch(self, ticket: flight.Ticket) -> pa.Table:
        return self.open(ticket).read_all()

    def execute(self, handle: bytes, *values: object) -> pa.Table:
        """Bind values of Python's types, when there are any, and return the result."""
        if values:
            self.bind(handle, row(*values))
        return self.fetch(self.prepared_info(handle).endpoints[0].ticket)

    def cookie(self, **options: str) -> str:
        """Set options of the session and return the cookie that came for them."""
        values = {name: flight_pb2.SessionOptionValue(string_value=value) for name, value in options.items()}
        request = flight_pb2.SetSessionOptionsRequest(session_options=values)
        result = self.act("SetSessionOptions", request.SerializeToString())
        assert not flight_pb2.SetSessionOptionsResult.FromString(result).errors
        return self.received.cookie

    def cancel(self, info: flight.FlightInfo) -> int:
        """Return the CancelStatus."""
        request = flight_pb2.CancelFlightInfoRequest(info=flight_pb2.FlightInfo.FromString(info.serialize()))
        body = self.act("CancelFlightInfo", request.SerializeToString())
        return flight_pb2.CancelFlightInfoResult.FromString(body).status


def row(*values: object) -> pa.Table:
    """Return one row of values of Python's types."""
    return pa.table({f"parameter_{number}": [value] for number, value in enumerate(values, start=1)})


@contextmanager
def calling(profile: Profile, **headers: str) -> Iterator[Caller]:
    """Give a caller and close it."""
    caller = Caller(profile, **headers)
    try:
        yield caller
    finally:
        caller.close()
