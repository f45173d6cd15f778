"""What DoAction does: statements, cancellation and session options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from catalog.vocabulary import Role
from gateway.doors.flight_sql.asked import Asked, recorded
from gateway.doors.flight_sql.commands import pack, unpack
from gateway.doors.flight_sql.descriptions import Descriptions
from gateway.doors.flight_sql.handles import HandleStore
from gateway.doors.flight_sql.prepared import PreparedStatement, creation_result
from gateway.doors.flight_sql.sessions import change, session_values, set_cookie
from gateway.doors.flight_sql.tickets import PendingQuery, Ticket, ticket_handle
from gateway.errors import Cancelled, InvalidQuery, Unsupported
from gateway.messages import Reason
from gateway.query_path import QueryPath
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

_Kind = TypeVar("_Kind", bound=Message)
_Action = Callable[[bytes, Asked], bytes]


class Actions:
    """The actions of Flight and Flight SQL that a server for reading has."""

    def __init__(
        self,
        *,
        path: QueryPath,
        descriptions: Descriptions,
        tickets: HandleStore[Ticket],
        statements: HandleStore[PreparedStatement],
    ) -> None:
        self._path = path
        self._descriptions = descriptions
        self._tickets = tickets
        self._statements = statements
        self._by_type: Mapping[str, _Action] = {
            "CreatePreparedStatement": self._create,
            "ClosePreparedStatement": self._close,
            "CancelFlightInfo": self._cancel_flight_info,
            "CancelQuery": self._cancel_query,
            "SetSessionOptions": self._set_session,
            "GetSessionOptions": self._get_session,
            "CloseSession": self._close_session,
        }

    def do(self, action: flight_pb2.Action, asked: Asked) -> bytes:
        """Do one action and return the body of its result.

        Raises:
            Unsupported: This server does not have it.
            GatewayError: It is refused.
        """
        act = self._by_type.get(action.type)
        if act is None:
            raise Unsupported(Reason.NOT_IMPLEMENTED)
        self._path.require_role(asked.requester, *Role)
        return act(action.body, asked)

    def _create(self, body: bytes, asked: Asked) -> bytes:
        request = _packed(body, flight_sql_pb2.ActionCreatePreparedStatementRequest)
        if request.transaction_id:
            raise Unsupported(Reason.NOT_IMPLEMENTED)
        prepared = self._path.prepare(request.query, requester=asked.requester, context=asked.context)
        statement = PreparedStatement(
            sql=request.query,
            parameter_types=prepared.parameter_types,
            schema=self._descriptions.schema(prepared.plan, asked),
            bound=None if prepared.parameter_types else prepared.plan.resolved,
        )
        with recorded(asked, path=self._path):
            (handle,) = self._statements.issue(statement, requester=asked.requester)
        return pack(creation_result(handle, statement=statement))

    def _close(self, body: bytes, asked: Asked) -> bytes:
        request = _packed(body, flight_sql_pb2.ActionClosePreparedStatementRequest)
        self._statements.drop(request.prepared_statement_handle, requester=asked.requester)
        return b""

    def _cancel_flight_info(self, body: bytes, asked: Asked) -> bytes:
        ended = self._cancel(_plain(body, flight_pb2.CancelFlightInfoRequest).info, asked)
        status = flight_pb2.CANCEL_STATUS_CANCELLED if ended else flight_pb2.CANCEL_STATUS_NOT_CANCELLABLE
        return flight_pb2.CancelFlightInfoResult(status=status).SerializeToString()

    def _cancel_query(self, body: bytes, asked: Asked) -> bytes:
        info = _packed(body, flight_sql_pb2.ActionCancelQueryRequest).info
        ended = self._cancel(_plain(info, flight_pb2.FlightInfo), asked)
        answer = flight_sql_pb2.ActionCancelQueryResult
        return pack(answer(result=answer.CANCEL_RESULT_CANCELLED if ended else answer.CANCEL_RESULT_NOT_CANCELLABLE))

    def _cancel(self, info: flight_pb2.FlightInfo, asked: Asked) -> bool:
        """End what waits or runs for any of a result's tickets; tell whether anything did."""
        ended = False
        for endpoint in info.endpoint:
            handle = ticket_handle(endpoint.ticket)
            held = None if handle is None else self._tickets.drop(handle, requester=asked.requester)
            if isinstance(held, PendingQuery):
                held.cancellation.cancel(Cancelled(Reason.QUERY_CANCELLED))
            ended = ended or held is not None
        return ended

    def _set_session(self, body: bytes, asked: Asked) -> bytes:
        options, result = change(asked.session, _plain(body, flight_pb2.SetSessionOptionsRequest))
        asked.call.send_initial_metadata((set_cookie(options),))
        return result.SerializeToString()

    def _get_session(self, body: bytes, asked: Asked) -> bytes:
        _plain(body, flight_pb2.GetSessionOptionsRequest)
        return session_values(asked.session).SerializeToString()

    def _close_session(self, body: bytes, asked: Asked) -> bytes:
        _plain(body, flight_pb2.CloseSessionRequest)
        asked.call.send_initial_metadata((set_cookie({}),))
        return flight_pb2.CloseSessionResult(status=flight_pb2.CloseSessionResult.CLOSED).SerializeToString()


def _packed(body: bytes, kind: type[_Kind]) -> _Kind:
    request = unpack(body, kind)
    if request is None:
        raise InvalidQuery(Reason.QUERY_SYNTAX, kind.DESCRIPTOR.name)
    return request


def _plain(body: bytes, kind: type[_Kind]) -> _Kind:
    request = kind()
    try:
        request.ParseFromString(body)
    except DecodeError:
        raise InvalidQuery(Reason.QUERY_SYNTAX, kind.DESCRIPTOR.name) from None
    return request
