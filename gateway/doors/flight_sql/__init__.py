"""Arrow Flight and Flight SQL over the one gRPC port, for reading."""

from gateway.doors.flight_sql.door import SERVICE, FlightSqlDoor
from gateway.doors.flight_sql.handles import HandleStore
from gateway.doors.flight_sql.prepared import STATEMENT_SECONDS, STATEMENTS_PER_REQUESTER_MAX
from gateway.doors.flight_sql.tickets import TICKET_SECONDS, TICKETS_PER_REQUESTER_MAX

__all__ = [
    "SERVICE",
    "STATEMENTS_PER_REQUESTER_MAX",
    "STATEMENT_SECONDS",
    "TICKETS_PER_REQUESTER_MAX",
    "TICKET_SECONDS",
    "FlightSqlDoor",
    "HandleStore",
]
