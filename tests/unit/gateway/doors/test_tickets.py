"""Tickets: once, soon, and only for whom they were issued."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import pytest

from catalog.vocabulary import OfficeKind, Role
from gateway.doors.tickets import TICKET_SECONDS, TICKETS_PER_REQUESTER_MAX, PendingQuery, TicketStore
from gateway.errors import TooLarge, Unauthenticated
from gateway.messages import Reason
from gateway.model.requester import Requester
from tests.unit.gateway.release.test_release import CONTEXT, REQUESTER, plan_of

QUERY = plan_of("n").resolved


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tickets(clock: Clock) -> TicketStore:
    numbers = itertools.count()
    return TicketStore(new_handle=lambda: b"ticket-%d" % next(numbers), monotonic=clock)


def issue(tickets: TicketStore, requester: Requester = REQUESTER) -> bytes:
    return tickets.issue(QUERY, requester=requester, context=CONTEXT)


def refused(tickets: TicketStore, handle: bytes, requester: Requester = REQUESTER) -> None:
    with pytest.raises(Unauthenticated) as raised:
        tickets.redeem(handle, requester=requester)
    assert raised.value.reason is Reason.TICKET_INVALID


def test_a_ticket_gives_the_decided_query_once(tickets: TicketStore, clock: Clock) -> None:
    """The first use gives plan and context as they were decided; the second is refused."""
    handle = issue(tickets)
    assert tickets.redeem(handle, requester=REQUESTER) == PendingQuery(
        resolved=QUERY, requester=REQUESTER, context=CONTEXT, expires_at=clock.seconds + TICKET_SECONDS
    )
    refused(tickets, handle)


@pytest.mark.parametrize("handle", [b"", b"ticket", b"ticket-00", b"TICKET-0"])
def test_an_unknown_ticket_is_refused(tickets: TicketStore, handle: bytes) -> None:
    """Guessing gives nothing."""
    issue(tickets)
    refused(tickets, handle)


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUESTER, subject="thief"),
        replace(REQUESTER, office="310101013", division_code="310101013"),
        replace(REQUESTER, division_code="310101"),
        replace(REQUESTER, office_kind=OfficeKind.DISTRICT),
        replace(REQUESTER, roles=frozenset({Role.CLERK, Role.ANALYST})),
        replace(REQUESTER, roles=frozenset()),
        replace(REQUESTER, clearance="general-1"),
        replace(REQUESTER, department="health"),
    ],
    ids=["subject", "office", "division", "office kind", "more roles", "no roles", "clearance", "department"],
)
def test_a_ticket_is_for_the_requester_as_decided(tickets: TicketStore, other: Requester) -> None:
    """Another subject, or the same one whose office, roles or clearance changed, gets nothing and spoils nothing."""
    handle = issue(tickets)
    refused(tickets, handle, other)
    assert tickets.redeem(handle, requester=REQUESTER).resolved is QUERY


def test_a_renewed_token_may_fetch(tickets: TicketStore) -> None:
    """A ticket belongs to the requester, not to one token."""
    assert tickets.redeem(issue(tickets), requester=replace(REQUESTER, token_id="renewed")).resolved is QUERY


def test_a_ticket_expires(tickets: TicketStore, clock: Clock) -> None:
    """A ticket is good until its last second and never after."""
    early, late = issue(tickets), issue(tickets)
    clock.seconds += TICKET_SECONDS - 0.01
    assert tickets.redeem(early, requester=REQUESTER).resolved is QUERY
    clock.seconds += 0.01
    refused(tickets, late)


def test_a_requester_holds_a_bounded_number_of_tickets(tickets: TicketStore, clock: Clock) -> None:
    """One who plans without fetching is told to wait; others are not, and used or expired tickets do not count."""
    handles = [issue(tickets) for _ in range(TICKETS_PER_REQUESTER_MAX)]
    with pytest.raises(TooLarge) as raised:
        issue(tickets, replace(REQUESTER, token_id="another token", roles=frozenset({Role.ANALYST})))
    assert raised.value.reason is Reason.BUSY
    issue(tickets, replace(REQUESTER, subject="somebody else"))
    tickets.redeem(handles[0], requester=REQUESTER)
    issue(tickets)
    with pytest.raises(TooLarge):
        issue(tickets)
    clock.seconds += TICKET_SECONDS
    issue(tickets)


def test_expired_tickets_are_dropped(tickets: TicketStore, clock: Clock) -> None:
    """Plans that were never fetched do not pile up."""
    for number in range(200):
        issue(tickets, replace(REQUESTER, subject=f"requester-{number}"))
        clock.seconds += 1
    assert len(tickets._pending) == TICKET_SECONDS


def test_of_many_at_once_one_redeems(tickets: TicketStore) -> None:
    """Also in a race a ticket is used once."""
    handle, outcomes, start = issue(tickets), [], threading.Barrier(8)

    def redeem() -> None:
        start.wait()
        try:
            outcomes.append(tickets.redeem(handle, requester=REQUESTER))
        except Unauthenticated:
            outcomes.append(None)

    threads = [threading.Thread(target=redeem) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert sum(outcome is not None for outcome in outcomes) == 1
