"""Arrow Flight and Flight SQL over the one gRPC port, for reading."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError

from gateway.doors.call import header, request_context, seconds_left
from gateway.doors.rpc_errors import errors_as_status
from gateway.doors.tickets import TicketStore
from gateway.errors import GatewayError, InvalidQuery, TooLarge, Unauthenticated, Unsupported
from gateway.messages import Reason
from gateway.model.cancellation import Cancellation
from gateway.model.requester import RequestContext, Requester
from gateway.query_path import QueryPath
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

SERVICE = "arrow.flight.protocol.FlightService"
CHANNEL = "flight_sql"
STALLED_SECONDS = 0.3
"""How long a reader may take to notice that the query was stopped."""
_TYPE_PREFIX = "type.googleapis.com/"


class FlightSqlDoor:
    """GetFlightInfo decides a query, DoGet decides it anew and runs it. Everything else of Flight is refused.

    Args:
        path: The path of one query.
        tickets: Allowed queries between GetFlightInfo and DoGet.
        streams_max: Results delivered at the same time.
    """

    def __init__(self, *, path: QueryPath, tickets: TicketStore, streams_max: int) -> None:
        self._path = path
        self._tickets = tickets
        self._streams = threading.BoundedSemaphore(streams_max)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the gRPC handler of the Flight service. DoGet sends bytes that are framed already."""
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "GetFlightInfo": grpc.unary_unary_rpc_method_handler(
                self.get_flight_info,
                request_deserializer=flight_pb2.FlightDescriptor.FromString,
                response_serializer=flight_pb2.FlightInfo.SerializeToString,
            ),
            "DoGet": grpc.unary_stream_rpc_method_handler(
                self.do_get, request_deserializer=flight_pb2.Ticket.FromString, response_serializer=None
            ),
        }
        for name in ("GetSchema", "PollFlightInfo"):
            methods[name] = grpc.unary_unary_rpc_method_handler(self.refuse)
        for name in ("ListFlights", "DoAction", "ListActions"):
            methods[name] = grpc.unary_stream_rpc_method_handler(self.refuse_stream)
        for name in ("Handshake", "DoPut", "DoExchange"):
            methods[name] = grpc.stream_stream_rpc_method_handler(self.refuse_stream)
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def get_flight_info(
        self, descriptor: flight_pb2.FlightDescriptor, context: grpc.ServicerContext
    ) -> flight_pb2.FlightInfo:
        """Decide a statement and return the ticket for its result."""
        with errors_as_status(context):
            requester, asked = self._who_asks(context)
            plan = self._path.plan(_statement(descriptor), requester=requester, context=asked)
            handle = self._tickets.issue(plan.resolved, requester=requester, context=asked)
            ticket = any_pb2.Any()
            ticket.Pack(flight_sql_pb2.TicketStatementQuery(statement_handle=handle), type_url_prefix=_TYPE_PREFIX)
            return flight_pb2.FlightInfo(
                flight_descriptor=descriptor,
                endpoint=[flight_pb2.FlightEndpoint(ticket=flight_pb2.Ticket(ticket=ticket.SerializeToString()))],
                total_records=-1,
                total_bytes=-1,
            )
        raise AssertionError

    def do_get(self, ticket: flight_pb2.Ticket, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Run a decided query and stream its result."""
        with errors_as_status(context):
            requester, asked = self._who_asks(context)
            try:
                pending = self._tickets.redeem(_statement_handle(ticket), requester=requester)
                self._take_stream()
            except GatewayError as error:
                self._path.record_refusal(error, requester=requester, context=asked)
            seconds = seconds_left(context, seconds_max=self._path.query_seconds_max)
            cancellation = Cancellation()
            cancellation.add(lambda: _end_soon(context, cancellation=cancellation))
            end_of_time = threading.Timer(seconds + 1, context.cancel)  # for a reader who stopped reading
            try:
                end_of_time.start()
                if not context.add_callback(cancellation.cancel):
                    cancellation.cancel()
                yield from self._path.run(
                    pending.resolved,
                    requester=requester,
                    context=pending.context,
                    seconds_max=seconds,
                    cancellation=cancellation,
                )
            finally:
                end_of_time.cancel()
                self._streams.release()

    def refuse(self, request: object, context: grpc.ServicerContext) -> object:
        """Refuse what this server does not offer, to requesters it knows."""
        with errors_as_status(context):
            self._who_asks(context)
            raise Unsupported(Reason.NOT_IMPLEMENTED)  # not recorded: drivers try, and go on with what is offered

    def refuse_stream(self, request: object, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Refuse a streaming call likewise."""
        self.refuse(request, context)
        yield from ()

    def _take_stream(self) -> None:
        if not self._streams.acquire(blocking=False):
            raise TooLarge(Reason.BUSY)

    def _who_asks(self, context: grpc.ServicerContext) -> tuple[Requester, RequestContext]:
        requester = self._path.authenticate(header(context, "authorization"))
        return requester, request_context(context, channel=CHANNEL, now=self._path.clock_seconds())


def _end_soon(context: grpc.ServicerContext, *, cancellation: Cancellation) -> None:
    """End the call of a reader who has stopped reading and so does not notice that the query was stopped."""
    if cancellation.cause is not None:
        timer = threading.Timer(STALLED_SECONDS, context.cancel)
        timer.daemon = True
        timer.start()


def _statement(descriptor: flight_pb2.FlightDescriptor) -> str:
    """Return the SQL of a Flight SQL statement query, or of a plain Flight command that is SQL text."""
    command = any_pb2.Any()
    try:
        command.ParseFromString(descriptor.cmd)
        if command.type_url.startswith(_TYPE_PREFIX):
            statement = flight_sql_pb2.CommandStatementQuery()
            if not command.Unpack(statement) or statement.HasField("transaction_id"):
                raise Unsupported(Reason.NOT_IMPLEMENTED)
            return statement.query
    except DecodeError:
        pass
    try:
        return descriptor.cmd.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidQuery(Reason.QUERY_SYNTAX, "UTF-8") from error


def _statement_handle(ticket: flight_pb2.Ticket) -> bytes:
    packed, statement = any_pb2.Any(), flight_sql_pb2.TicketStatementQuery()
    try:
        packed.ParseFromString(ticket.ticket)
        if packed.Unpack(statement):
            return statement.statement_handle
    except DecodeError:
        pass
    raise Unauthenticated(Reason.TICKET_INVALID)
