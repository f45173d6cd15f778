"""The Flight service: which call does what."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf.message import Message

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway import headers
from gateway.deliver.deliver import MESSAGE_BYTES_MAX
from gateway.deliver.flight_data import batch_message, schema_message, slices
from gateway.doors.call import declared, header, request_context, seconds_left
from gateway.doors.flight_sql import metadata
from gateway.doors.flight_sql.actions import Actions
from gateway.doors.flight_sql.asked import Asked, recorded
from gateway.doors.flight_sql.commands import read_command
from gateway.doors.flight_sql.descriptions import Descriptions
from gateway.doors.flight_sql.handles import HandleStore
from gateway.doors.flight_sql.prepared import PreparedStatement, bound_query, read_row
from gateway.doors.flight_sql.sessions import read_session
from gateway.doors.flight_sql.tickets import PendingMetadata, PendingQuery, Ticket, ticket_handle, ticket_of
from gateway.doors.offers import offers_to
from gateway.doors.rpc_errors import errors_as_status
from gateway.doors.turns import Turns
from gateway.errors import Cancelled, InvalidQuery, TooLarge, TooSlow, Unauthenticated, Unsupported
from gateway.messages import Reason
from gateway.model.cancellation import Cancellation
from gateway.model.order import Order
from gateway.model.plan import EnforcedPlan
from gateway.model.requester import Requester
from gateway.model.rows import RowBudget
from gateway.parse import Parameter
from gateway.query_path import QueryPath
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

SERVICE = "arrow.flight.protocol.FlightService"
CHANNEL = "flight_sql"
STALLED_SECONDS = 0.3
"""How long a reader may take to notice that the query was stopped."""
BIND_SECONDS_MAX = 5.0
"""How long a client may take to send the values of a statement."""
BINDS_MAX = 4
"""Of them at the same time: each holds a thread."""
REQUESTER_BINDS_MAX = 2
METADATA_BYTES_MAX = 4096
"""Of a question about the catalogue, which is kept until it is answered."""


class FlightSqlDoor:
    """GetFlightInfo decides a query, DoGet decides it anew and runs it. What writes is refused.

    Args:
        path: The path of one query.
        tickets: What waits between GetFlightInfo and DoGet.
        statements: Prepared statements.
        streams_max: Results delivered at the same time.
    """

    def __init__(
        self,
        *,
        path: QueryPath,
        tickets: HandleStore[Ticket],
        statements: HandleStore[PreparedStatement],
        streams_max: int,
    ) -> None:
        self._path = path
        self._tickets = tickets
        self._statements = statements
        self._descriptions = Descriptions(path)
        self._actions = Actions(path=path, descriptions=self._descriptions, tickets=tickets, statements=statements)
        self._streams = threading.BoundedSemaphore(streams_max)
        self._binds = Turns(all_max=BINDS_MAX, own_max=REQUESTER_BINDS_MAX)
        self._readers = ThreadPoolExecutor(BINDS_MAX)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the gRPC handler of the Flight service. DoGet sends bytes that are framed already."""
        unary, streamed = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        both = grpc.stream_stream_rpc_method_handler
        descriptor, empty = flight_pb2.FlightDescriptor.FromString, flight_pb2.Empty.FromString
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Handshake": both(self.handshake),
            "GetFlightInfo": unary(self.get_flight_info, descriptor, flight_pb2.FlightInfo.SerializeToString),
            "GetSchema": unary(self.get_schema, descriptor, flight_pb2.SchemaResult.SerializeToString),
            "PollFlightInfo": unary(self.refuse),
            "DoGet": streamed(self.do_get, flight_pb2.Ticket.FromString),
            "DoPut": both(self.do_put, flight_pb2.FlightData.FromString, flight_pb2.PutResult.SerializeToString),
            "DoExchange": both(self.refuse_stream),
            "DoAction": streamed(self.do_action, flight_pb2.Action.FromString, flight_pb2.Result.SerializeToString),
            "ListActions": streamed(self.list_actions, empty, flight_pb2.ActionType.SerializeToString),
            "ListFlights": streamed(
                self.list_flights, flight_pb2.Criteria.FromString, flight_pb2.FlightInfo.SerializeToString
            ),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def get_flight_info(
        self, descriptor: flight_pb2.FlightDescriptor, context: grpc.ServicerContext
    ) -> flight_pb2.FlightInfo:
        """Decide a statement and return the tickets for its result; also of a prepared statement or of metadata."""
        with errors_as_status(context):
            asked = self._who_asks(context)
            command = self._command(descriptor, asked)
            if isinstance(command, flight_sql_pb2.CommandStatementQuery):
                return self._statement_info(command, descriptor=descriptor, asked=asked)
            info = flight_pb2.FlightInfo(flight_descriptor=descriptor, total_records=-1, total_bytes=-1)
            pending: Ticket
            if isinstance(command, flight_sql_pb2.CommandPreparedStatementQuery):
                with recorded(asked, path=self._path):
                    query = bound_query(self._prepared(command, asked.requester))
                pending = PendingQuery(resolved=query, context=asked.context)
            else:
                info.schema = self._metadata_schema(command, asked).serialize().to_pybytes()
                pending = PendingMetadata(command=command, context=asked.context)
            self._issue(info, {"": pending}, asked)
            return info
        raise AssertionError

    def get_schema(
        self, descriptor: flight_pb2.FlightDescriptor, context: grpc.ServicerContext
    ) -> flight_pb2.SchemaResult:
        """Return the columns of a result; a statement is decided for it."""
        with errors_as_status(context):
            asked = self._who_asks(context)
            command = self._command(descriptor, asked)
            if isinstance(command, flight_sql_pb2.CommandStatementQuery):
                schema = self._descriptions.schema(self._plan(command, asked), asked)
            elif isinstance(command, flight_sql_pb2.CommandPreparedStatementQuery):
                with recorded(asked, path=self._path):
                    schema = self._prepared(command, asked.requester).schema
            else:
                schema = self._metadata_schema(command, asked)
            return flight_pb2.SchemaResult(schema=schema.serialize().to_pybytes())
        raise AssertionError

    def do_get(self, ticket: flight_pb2.Ticket, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Run a decided query and stream its result, or answer a question about the catalogue."""
        with errors_as_status(context):
            asked = self._who_asks(context)
            with recorded(asked, path=self._path):
                handle = ticket_handle(ticket)
                if handle is None:
                    raise Unauthenticated(Reason.TICKET_INVALID)
                pending = self._tickets.take(handle, requester=asked.requester)
            try:
                if isinstance(pending, PendingQuery):
                    yield from self._run(pending, asked)
                else:
                    yield from self._answer(pending, asked)
            finally:
                self._tickets.drop(handle, requester=asked.requester)

    def do_put(
        self, messages: Iterator[flight_pb2.FlightData], context: grpc.ServicerContext
    ) -> Iterator[flight_pb2.PutResult]:
        """Take the values of a prepared statement. Everything else that puts data is refused."""
        with errors_as_status(context):
            asked = self._who_asks(context)
            result = flight_sql_pb2.DoPutPreparedStatementResult(prepared_statement_handle=self._bind(messages, asked))
            yield flight_pb2.PutResult(app_metadata=result.SerializeToString())

    def do_action(self, action: flight_pb2.Action, context: grpc.ServicerContext) -> Iterator[flight_pb2.Result]:
        """Prepare and close statements, cancel, and set options of the session."""
        with errors_as_status(context):
            yield flight_pb2.Result(body=self._actions.do(action, self._who_asks(context)))

    def list_actions(self, _: flight_pb2.Empty, context: grpc.ServicerContext) -> Iterator[flight_pb2.ActionType]:
        """List what `do_action` does."""
        with errors_as_status(context):
            self._path.require_role(self._who_asks(context).requester, *Role)
            yield from metadata.list_actions()

    def list_flights(
        self, criteria: flight_pb2.Criteria, context: grpc.ServicerContext
    ) -> Iterator[flight_pb2.FlightInfo]:
        """List what the requester may ask for."""
        with errors_as_status(context):
            asked = self._who_asks(context)
            self._path.require_role(asked.requester, *Role)
            offers = offers_to(asked.requester, path=self._path)
            yield from metadata.list_flights(offers, purpose=asked.context.purpose, expression=criteria.expression)

    def handshake(self, _: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Tell a driver whether its token is good; there is no other login."""
        with errors_as_status(context):
            self._path.require_role(self._who_asks(context).requester, *Role)
        yield from ()

    def refuse(self, request: object, context: grpc.ServicerContext) -> object:
        """Refuse what this server does not offer, to requesters it knows."""
        with errors_as_status(context):
            self._who_asks(context)
            raise Unsupported(Reason.NOT_IMPLEMENTED)  # not recorded: see `recorded`

    def refuse_stream(self, request: object, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Refuse a streaming call likewise."""
        self.refuse(request, context)
        yield from ()

    def _statement_info(
        self, command: flight_sql_pb2.CommandStatementQuery, *, descriptor: flight_pb2.FlightDescriptor, asked: Asked
    ) -> flight_pb2.FlightInfo:
        info = flight_pb2.FlightInfo(flight_descriptor=descriptor, total_records=-1, total_bytes=-1)
        plan = self._plan(command, asked)
        wanted = declared(asked.call, headers.PARTS, otherwise=asked.session.get("parts", ""))
        parts = list(self._path.split(plan)) if wanted == headers.ALLOW else []
        rows = RowBudget(plan.rows_max) if parts else None
        pending = {
            part: PendingQuery(resolved=plan.resolved, context=asked.context, part=part, rows=rows)
            for part in parts or [""]
        }
        self._issue(info, pending, asked)
        return info

    def _issue(self, info: flight_pb2.FlightInfo, pending: Mapping[str, Ticket], asked: Asked) -> None:
        """Give a result one endpoint for each of its parts, by their keys."""
        with recorded(asked, path=self._path):
            handles = self._tickets.issue(*pending.values(), requester=asked.requester)
        for part, handle in zip(pending, handles, strict=True):
            place = json.dumps({"part": part, "parts": len(pending)}).encode()
            info.endpoint.add(ticket=ticket_of(handle), app_metadata=place)

    def _run(self, pending: PendingQuery, asked: Asked) -> Iterator[bytes]:
        """Run a query while there is a free stream, its reader reads, and nobody cancels it."""
        with recorded(asked, path=self._path):
            if not self._streams.acquire(blocking=False):
                raise TooLarge(Reason.BUSY)
        call, cancellation = asked.call, pending.cancellation
        seconds = seconds_left(call, seconds_max=self._path.query_seconds_max)
        end_of_time = threading.Timer(seconds + 1, call.cancel)  # for a reader who stopped reading
        try:
            cancellation.add(lambda: _end_soon(call, cancellation=cancellation))
            end_of_time.start()
            if not call.add_callback(cancellation.cancel):
                cancellation.cancel()
            order = Order(
                resolved=pending.resolved,
                requester=asked.requester,
                context=pending.context,
                seconds_max=seconds,
                cancellation=cancellation,
                part=pending.part,
                rows=pending.rows,
            )
            yield from self._path.run(order)
        finally:
            end_of_time.cancel()
            self._streams.release()

    def _answer(self, pending: PendingMetadata, asked: Asked) -> Iterator[bytes]:
        self._path.require_role(asked.requester, *Role)
        offers = offers_to(asked.requester, path=self._path)
        table = metadata.answer(pending.command, offers=offers, purpose=pending.context.purpose)
        yield schema_message(table.schema).wire
        for batch in table.to_batches():
            for piece in slices(batch, bytes_max=MESSAGE_BYTES_MAX):
                yield batch_message(piece).wire

    def _bind(self, messages: Iterator[flight_pb2.FlightData], asked: Asked) -> bytes:
        """Put values into a prepared statement and return its handle. The client may take a few seconds to send them."""
        requester = asked.requester
        with recorded(asked, path=self._path), self._binds.take(requester.subject):
            reading = self._readers.submit(self._read_values, messages, requester)  # ends with the call
            try:
                handle, statement, values = reading.result(timeout=BIND_SECONDS_MAX)
            except TimeoutError:
                seconds = f"{BIND_SECONDS_MAX:g}"
                late = Text(zh=f"值未在 {seconds} 秒内送达", en=f"the values did not arrive within {seconds} s")
                raise TooSlow(Reason.PARAMETERS_INVALID, late) from None
            except grpc.RpcError:  # the client went away
                raise Cancelled(Reason.QUERY_CANCELLED) from None
        bound = self._path.bind(statement.sql, parameters=values, requester=requester, context=asked.context)
        with recorded(asked, path=self._path):
            self._statements.put(handle, replace(statement, bound=bound), requester=requester)
        return handle

    def _read_values(
        self, messages: Iterator[flight_pb2.FlightData], requester: Requester
    ) -> tuple[bytes, PreparedStatement, tuple[Parameter, ...]]:
        """Return the handle and statement that a client names, and the values that it sends."""
        first = next(messages, flight_pb2.FlightData())
        command = read_command(first.flight_descriptor.cmd)
        if not isinstance(command, flight_sql_pb2.CommandPreparedStatementQuery):
            raise Unsupported(Reason.NOT_IMPLEMENTED)
        statement = self._prepared(command, requester)
        return command.prepared_statement_handle, statement, read_row(chain((first,), messages))

    def _prepared(
        self, command: flight_sql_pb2.CommandPreparedStatementQuery, requester: Requester
    ) -> PreparedStatement:
        return self._statements.look_up(command.prepared_statement_handle, requester=requester)

    def _metadata_schema(self, command: Message, asked: Asked) -> pa.Schema:
        self._path.require_role(asked.requester, *Role)
        with recorded(asked, path=self._path):
            if command.ByteSize() > METADATA_BYTES_MAX:
                raise InvalidQuery(Reason.QUERY_TOO_COMPLEX, f"bytes > {METADATA_BYTES_MAX}")
        return metadata.schema_of(command)

    def _command(self, descriptor: flight_pb2.FlightDescriptor, asked: Asked) -> Message:
        with recorded(asked, path=self._path):
            return read_command(descriptor.cmd)
        raise AssertionError

    def _plan(self, command: flight_sql_pb2.CommandStatementQuery, asked: Asked) -> EnforcedPlan:
        if command.transaction_id:
            raise Unsupported(Reason.NOT_IMPLEMENTED)
        return self._path.plan(command.query, requester=asked.requester, context=asked.context)

    def _who_asks(self, call: grpc.ServicerContext) -> Asked:
        requester, session = self._path.authenticate(header(call, headers.AUTHORIZATION)), read_session(call)
        now = self._path.clock_seconds()
        context = request_context(call, channel=CHANNEL, now=now, session=session)
        return Asked(requester=requester, context=context, session=session, call=call)


def _end_soon(context: grpc.ServicerContext, *, cancellation: Cancellation) -> None:
    """End the call of a reader who has stopped reading and so does not notice that the query was stopped."""
    if cancellation.cause is not None:
        timer = threading.Timer(STALLED_SECONDS, context.cancel)
        timer.daemon = True
        timer.start()
