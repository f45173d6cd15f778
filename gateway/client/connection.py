"""A connection to the gateway as one recipient."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import grpc

from gateway import headers
from gateway.client.answer_deadline import AnswerDeadline
from gateway.client.catalog import Catalog
from gateway.client.errors import IncompleteResult
from gateway.client.explanation import Explanation
from gateway.client.persistence import Sleep, persist
from gateway.client.prepared import descriptor, prepared
from gateway.client.profile import Headers, Profile
from gateway.client.result import OnProgress, Result, open_result
from sharing_stubs.arrow.flight import flight_pb2, flight_pb2_grpc
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

_Answer = TypeVar("_Answer")
OnCall = Callable[[Callable[[], object]], object]
"""Is told how to cancel the call that brings the rows, before the first of them is there."""
_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.keepalive_time_ms", 330_000),  # more often than every 300 s counts as abuse
    ("grpc.initial_reconnect_backoff_ms", 100),
)


def connect(profile: Profile | Path | str, *, answer_seconds_max: float | None = None) -> Connection:
    """Open a connection as the recipient of a profile, or of the file that holds it.

    Args:
        profile: The recipient's.
        answer_seconds_max: As of Connection.

    Raises:
        ValueError: The file is not a profile.
        OSError: The profile, or the CA's certificate, cannot be read.
    """
    loaded = profile if isinstance(profile, Profile) else Profile.load(Path(profile))
    return Connection(loaded, answer_seconds_max=answer_seconds_max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A statement and what is declared with it."""

    sql: str
    parameters: Sequence[object]
    headers: Headers = field(repr=False)
    on_progress: OnProgress | None
    on_call: OnCall | None = None


class Connection:
    """A connection to the gateway as one recipient. Safe from any thread.

    Args:
        profile: The recipient's.
        sleep: Waits so many seconds.
        answer_seconds_max: A call with one answer that sets no timeout of its own ends after so long; None for never. Streams
            take as long as they bring something.
    """

    def __init__(self, profile: Profile, *, sleep: Sleep = time.sleep, answer_seconds_max: float | None = None) -> None:
        scheme, _, target = profile.endpoint.partition("://")
        if scheme == "grpc+tls":
            roots = profile.ca_certificate.read_bytes() if profile.ca_certificate else None
            self.channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options=_OPTIONS)
        else:
            self.channel = grpc.insecure_channel(target, options=_OPTIONS)
        if answer_seconds_max is not None:
            self.channel = grpc.intercept_channel(self.channel, AnswerDeadline(answer_seconds_max))
        self._authorization = (headers.AUTHORIZATION, f"Bearer {profile.token}")
        self._flight = flight_pb2_grpc.FlightServiceStub(self.channel)
        self._sleep = sleep
        self.catalog = Catalog(self.channel, headers=self.headers(), sleep=sleep)
        """What may be asked for."""

    def __enter__(self) -> Connection:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def headers(self, *, purpose: str = "", case: str = "", partial: bool = False) -> Headers:
        """Return the headers of a call, for a stub of one's own on `channel`."""
        allowed = headers.ALLOW if partial else ""
        declared = ((headers.PURPOSE, purpose), (headers.CASE, case), (headers.PARTIAL, allowed))
        return (self._authorization, *((name, value) for name, value in declared if value))

    def query(
        self,
        sql: str,
        *,
        purpose: str = "",
        case: str = "",
        parameters: Sequence[object] = (),
        partial: bool = False,
        on_progress: OnProgress | None = None,
        on_call: OnCall | None = None,
    ) -> Result:
        """Decide a statement and open its result.

        A gateway that is not reached is asked again, until the first batch is there.

        Args:
            sql: The statement, with `?` for each parameter.
            purpose: Declared purpose.
            case: Case number, where the purpose needs one.
            parameters: Values, in order: text, numbers, booleans, dates, times or None.
            partial: Takes a result without the datasets of departments that are down.
            on_progress: Is told rows and bytes so far.
            on_call: Is told how to cancel it from another thread, while the first batch is still awaited.

        Raises:
            RequestError: Denied, invalid, unavailable or cancelled.
        """
        declared = self.headers(purpose=purpose, case=case, partial=partial)
        question = Question(sql=sql, parameters=parameters, headers=declared, on_progress=on_progress, on_call=on_call)
        return self._persist(lambda: self._part("", question=question)._redeem())

    def parts(
        self,
        sql: str,
        *,
        purpose: str = "",
        case: str = "",
        parameters: Sequence[object] = (),
        partial: bool = False,
        on_progress: OnProgress | None = None,
    ) -> tuple[Part, ...]:
        """Decide a statement and return the parts of its result; one with an empty key when it is not split.

        The parts are disjoint and together the whole result. Keys stay the same from call to call, so that after a cut only the
        missing parts need be fetched. Arguments are those of `query`; `on_progress` is told of each part by itself.

        Raises:
            RequestError: Denied, invalid or unavailable.
        """
        declared = self.headers(purpose=purpose, case=case, partial=partial)
        declared = (*declared, (headers.PARTS, headers.ALLOW))
        question = Question(sql=sql, parameters=parameters, headers=declared, on_progress=on_progress)
        return self._persist(lambda: self._ask(question))

    def explain(
        self, sql: str, *, purpose: str = "", case: str = "", as_office: str = "", as_role: str = ""
    ) -> Explanation:
        """Tell what a query would get, without touching data.

        Args:
            sql: The statement.
            purpose: Declared purpose.
            case: Case number, where the purpose needs one.
            as_office: Administrators only: for which office.
            as_role: With `as_office`: for this role only.

        Raises:
            RequestError: Invalid or unavailable; a query that would be denied has an explanation.
        """
        request = catalog_pb2.ExplainQueryRequest(sql=sql, as_office=as_office, as_role=as_role)
        stub = catalog_pb2_grpc.CatalogServiceStub(self.channel)
        declared = self.headers(purpose=purpose, case=case)
        return Explanation(answer=self._persist(lambda: stub.ExplainQuery(request, metadata=declared)))

    def close(self) -> None:
        """Close the connection; results that are still being read end with an error."""
        self.channel.close()

    def _persist(self, ask: Callable[[], _Answer]) -> _Answer:
        return persist(ask, sleep=self._sleep)

    def _part(self, key: str, *, question: Question) -> Part:
        for part in self._ask(question):
            if part.key == key:
                return part
        raise IncompleteResult(grpc.StatusCode.ABORTED, "the result has other parts now")

    def _ask(self, question: Question) -> tuple[Part, ...]:
        with self._statement(question) as statement:
            info = self._flight.GetFlightInfo(statement, metadata=question.headers)
        return tuple(
            Part(key=_key(endpoint), question=question, ticket=endpoint.ticket, connection=self)
            for endpoint in info.endpoint
        )

    @contextmanager
    def _statement(self, question: Question) -> Iterator[flight_pb2.FlightDescriptor]:
        if question.parameters:
            with prepared(
                question.sql, parameters=question.parameters, flight=self._flight, headers=question.headers
            ) as statement:
                yield statement
        else:
            yield descriptor(flight_sql_pb2.CommandStatementQuery(query=question.sql))

    def _open(self, question: Question, ticket: flight_pb2.Ticket) -> Result:
        call = self._flight.DoGet(ticket, metadata=question.headers)
        if question.on_call is not None:
            question.on_call(call.cancel)
        return open_result(call, cancel=call.cancel, on_progress=question.on_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a result, decided and recorded as a query of its own when it is opened."""

    key: str
    """Names the part in every answer to the same statement; empty when it is the whole result."""
    question: Question
    ticket: flight_pb2.Ticket
    connection: Connection

    def open(self) -> Result:
        """Return the part's result, whose first batch is there.

        A ticket that has run out, or a gateway that is not reached, leads to the statement being asked anew.

        Raises:
            RequestError: Denied, invalid or unavailable.
        """
        tickets = [self]

        def redeem() -> Result:
            part = tickets.pop() if tickets else self.connection._part(self.key, question=self.question)
            return part._redeem()

        return self.connection._persist(redeem)

    def _redeem(self) -> Result:
        return self.connection._open(self.question, self.ticket)


def _key(endpoint: flight_pb2.FlightEndpoint) -> str:
    key = json.loads(endpoint.app_metadata)["part"] if endpoint.app_metadata else ""
    return str(key)
