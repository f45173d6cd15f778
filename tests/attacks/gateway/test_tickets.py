"""Tickets: for one requester, one use, one minute; decided anew when redeemed; and nobody cancels somebody else's."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from gateway import wiring
from gateway.doors.flight_sql import (
    STATEMENT_SECONDS,
    TICKET_SECONDS,
    TICKETS_PER_REQUESTER_MAX,
    HandleStore,
    door,
    handles,
)
from gateway.doors.flight_sql.commands import pack, unpack
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from tests.cities import City
from tests.flight_sql_caller import Caller, calling
from tests.governing import restore_access, revoke_access
from tests.lone_gateway import lone_gateway

OWNER, THIEF, PURPOSE = "nanjing-east-road", "changfeng", "enterprise-visits"
LICENCES = "SELECT licence_id, licence_kind FROM legal_entity.licence"
ALLOWED, REFUSED = "CONNECTOR_UNAVAILABLE", "TICKET_INVALID"
"""How runs end: allowed and recorded, but nobody has data here; or refused for the ticket."""
TABLES = flight_sql_pb2.CommandGetTables()


class LateClock:
    """Seconds by which handles live."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def handles(self, *, seconds: float, held_max: int) -> HandleStore[object]:
        return HandleStore(
            new_handle=lambda: secrets.token_bytes(32), monotonic=self, seconds=seconds, held_max=held_max
        )


@pytest.fixture(scope="module")
def clock() -> LateClock:
    return LateClock()


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory, clock: LateClock) -> Iterator[City]:
    with pytest.MonkeyPatch.context() as wired:
        wired.setattr(wiring, "_handles", clock.handles)
        with lone_gateway(tmp_path_factory.mktemp("lone")) as (city, _):
            yield city


@pytest.fixture
def owner(lone: City) -> Iterator[Caller]:
    with calling(lone.profile(OWNER), x_sharing_purpose=PURPOSE) as caller:
        yield caller


@pytest.fixture
def thief(lone: City) -> Iterator[Caller]:
    with calling(lone.profile(THIEF), x_sharing_purpose=PURPOSE) as caller:
        yield caller


def ticket_for(caller: Caller, command: flight_sql_pb2.CommandGetTables | str = LICENCES) -> flight.Ticket:
    return caller.info(command).endpoints[0].ticket


def outcome(call: Callable[[], object]) -> str:
    """Return the reason with which a call is refused, empty when it is not."""
    try:
        call()
    except (flight.FlightError, pa.ArrowException, OSError) as error:
        return str(error).partition("[")[2].partition("]")[0]
    return ""


def last_failure(lone: City, who: str) -> str:
    return str(lone.entries(kind="failure", requester=who)[-1]["body"]["reason"])


def test_a_stolen_ticket_is_refused(lone: City, owner: Caller, thief: Caller) -> None:
    """Also to a requester who may ask the same; the log has it, and the owner loses nothing."""
    ticket = ticket_for(owner)
    assert outcome(lambda: thief.fetch(ticket)) == REFUSED
    assert last_failure(lone, THIEF) == REFUSED
    assert outcome(lambda: owner.fetch(ticket)) == ALLOWED


def test_a_stolen_metadata_ticket_is_refused(owner: Caller, thief: Caller) -> None:
    """What the catalogue shows is for the requester too."""
    ticket = ticket_for(owner, TABLES)
    assert outcome(lambda: thief.fetch(ticket)) == REFUSED
    assert owner.fetch(ticket).num_rows > 0
    assert outcome(lambda: owner.fetch(ticket)) == REFUSED


def test_twin_without_the_check_a_stolen_ticket_runs(
    owner: Caller, thief: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the comparison of requesters that refuses it."""
    ticket = ticket_for(owner)
    monkeypatch.setattr(handles, "_as_decided", lambda requester: None)
    assert outcome(lambda: thief.fetch(ticket)) == ALLOWED


def test_a_ticket_is_used_once(lone: City, owner: Caller) -> None:
    """A replay is refused and recorded."""
    ticket = ticket_for(owner)
    assert outcome(lambda: owner.fetch(ticket)) == ALLOWED
    assert outcome(lambda: owner.fetch(ticket)) == REFUSED
    assert last_failure(lone, OWNER) == REFUSED


def test_twin_a_ticket_that_is_looked_up_is_used_twice(owner: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the taking that refuses the replay."""
    monkeypatch.setattr(HandleStore, "take", HandleStore.look_up)
    monkeypatch.setattr(HandleStore, "drop", lambda self, handle, *, requester: None)
    ticket = ticket_for(owner)
    assert [outcome(lambda: owner.fetch(ticket)) for _ in range(2)] == [ALLOWED, ALLOWED]


def test_late_tickets_and_statements_are_refused(owner: Caller, clock: LateClock) -> None:
    """A second before their time they are good, and then no more."""
    early, late = ticket_for(owner), ticket_for(owner)
    clock.seconds += TICKET_SECONDS - 1
    assert outcome(lambda: owner.fetch(early)) == ALLOWED
    clock.seconds += 1
    assert outcome(lambda: owner.fetch(late)) == REFUSED
    handle = owner.prepare(LICENCES).prepared_statement_handle
    clock.seconds += STATEMENT_SECONDS - 1
    assert outcome(lambda: owner.prepared_info(handle)) == ""
    clock.seconds += STATEMENT_SECONDS
    assert outcome(lambda: owner.prepared_info(handle)) == REFUSED


def test_a_ticket_does_not_outlive_the_right(lone: City, owner: Caller) -> None:
    """Revoked between the ticket and the fetch: denied, and the log says why."""
    query, tables = ticket_for(owner), ticket_for(owner, TABLES)
    revoke_access(lone, "REQUESTER", OWNER)
    assert outcome(lambda: owner.fetch(query)) == "REQUESTER_REVOKED"
    assert outcome(lambda: owner.fetch(tables)) == "REQUESTER_REVOKED"
    assert outcome(lambda: owner.info(TABLES)) == "REQUESTER_REVOKED"
    restore_access(lone, "REQUESTER", OWNER)
    purpose = ticket_for(owner)
    revoke_access(lone, "PURPOSE", PURPOSE)
    assert outcome(lambda: owner.fetch(purpose)) == "PURPOSE_REVOKED"
    restore_access(lone, "PURPOSE", PURPOSE)
    assert outcome(lambda: owner.fetch(ticket_for(owner))) == ALLOWED


@pytest.mark.parametrize(
    "forged",
    [b"", b"x", b"\xff" * 40, LICENCES.encode(), b"\x0a\x10type.googleapis.com"],
    ids=["empty", "short", "bytes", "SQL", "half an Any"],
)
def test_a_forged_ticket_is_refused(owner: Caller, forged: bytes) -> None:
    """Whatever it is made of."""
    assert outcome(lambda: owner.fetch(flight.Ticket(forged))) == REFUSED


def test_a_statements_handle_is_no_ticket(owner: Caller) -> None:
    """Handles of one kind do not open the other."""
    handle = owner.prepare(LICENCES).prepared_statement_handle
    forged = flight_sql_pb2.TicketStatementQuery(statement_handle=handle)
    assert outcome(lambda: owner.fetch(flight.Ticket(pack(forged)))) == REFUSED
    ticket = unpack(ticket_for(owner).ticket, flight_sql_pb2.TicketStatementQuery)
    assert ticket is not None
    assert outcome(lambda: owner.prepared_info(ticket.statement_handle)) == REFUSED


def test_a_flood_of_tickets_is_bounded(lone: City, thief: Caller) -> None:
    """Who plans without fetching is told to wait, others go on, and cancelling makes room."""
    with calling(lone.profile(OWNER), x_sharing_purpose=PURPOSE) as flooder:
        infos = []
        while not outcome(lambda: infos.append(flooder.info(TABLES))):
            assert len(infos) <= TICKETS_PER_REQUESTER_MAX
        assert outcome(lambda: flooder.info(LICENCES)) == "BUSY"
        assert ticket_for(thief)
        assert {flooder.cancel(info) for info in infos} == {flight_pb2.CANCEL_STATUS_CANCELLED}
        assert ticket_for(flooder)


LONG = flight_sql_pb2.CommandGetTables(table_name_filter_pattern="%" * door.METADATA_BYTES_MAX)


def test_a_long_question_about_the_catalogue_is_not_kept(lone: City, owner: Caller) -> None:
    """Tickets hold what was asked, so that is short; the refusal is recorded."""
    assert [outcome(lambda: owner.info(LONG)), outcome(lambda: owner.schema(LONG))] == ["QUERY_TOO_COMPLEX"] * 2
    assert last_failure(lone, OWNER) == "QUERY_TOO_COMPLEX"


def test_twin_without_the_bound_it_is_kept(owner: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the bound that refuses it."""
    monkeypatch.setattr(door, "METADATA_BYTES_MAX", 1 << 20)
    assert owner.fetch(ticket_for(owner, LONG)).num_rows > 0


def test_nobody_cancels_somebody_elses_query(owner: Caller, thief: Caller) -> None:
    """A stolen ticket ends nothing; its owner's ends it, once."""
    info = owner.info(LICENCES)
    assert thief.cancel(info) == flight_pb2.CANCEL_STATUS_NOT_CANCELLABLE
    assert owner.cancel(info) == flight_pb2.CANCEL_STATUS_CANCELLED
    assert owner.cancel(info) == flight_pb2.CANCEL_STATUS_NOT_CANCELLABLE
    assert outcome(lambda: owner.fetch(info.endpoints[0].ticket)) == REFUSED


def test_fetching_and_cancelling_at_once_leaves_nothing_open(lone: City, owner: Caller) -> None:
    """In any order: refused, cancelled or run, and every intent has its receipt."""
    outcomes: list[str] = []
    for _ in range(8):
        info, start = owner.info(LICENCES), threading.Barrier(4)

        def together(call: Callable[[], object], start: threading.Barrier = start) -> None:
            start.wait()
            outcomes.append(outcome(call))

        fetch, cancel = partial(owner.fetch, info.endpoints[0].ticket), partial(owner.cancel, info)
        threads = [threading.Thread(target=together, args=(call,)) for call in (fetch, fetch, cancel, cancel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(outcomes) <= {"", REFUSED, ALLOWED, "QUERY_CANCELLED"}
    closed = {entry["body"]["intent"] for entry in lone.entries(kind="receipt", requester=OWNER)}
    assert {entry["entry_id"] for entry in lone.entries(kind="intent", requester=OWNER)} <= closed
