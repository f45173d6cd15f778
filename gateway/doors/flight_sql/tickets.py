"""Tickets: what is kept between GetFlightInfo and DoGet, to be decided anew then."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.message import Message

from gateway.doors.flight_sql.commands import pack, unpack
from gateway.model.cancellation import Cancellation
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext
from gateway.model.rows import RowBudget
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

TICKET_SECONDS = 60
TICKETS_PER_REQUESTER_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingQuery:
    """A query, or a part of one, that waits to be fetched."""

    resolved: ResolvedQuery
    context: RequestContext
    part: str = ""
    """Key of the part; empty for the whole result."""
    rows: RowBudget | None = None
    """Shared by all parts of one result."""
    cancellation: Cancellation = field(default_factory=Cancellation)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingMetadata:
    """A question about the catalogue that waits for its answer."""

    command: Message
    context: RequestContext


Ticket = PendingQuery | PendingMetadata


def ticket_of(handle: bytes) -> flight_pb2.Ticket:
    """Return the ticket that names a handle."""
    return flight_pb2.Ticket(ticket=pack(flight_sql_pb2.TicketStatementQuery(statement_handle=handle)))


def ticket_handle(ticket: flight_pb2.Ticket) -> bytes | None:
    """Return the handle that a ticket names, None when it is no ticket of this server."""
    statement = unpack(ticket.ticket, flight_sql_pb2.TicketStatementQuery)
    return statement.statement_handle if statement else None
