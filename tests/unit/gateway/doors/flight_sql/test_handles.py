"""Handles: soon, and only for whom they were issued; tickets once, statements as often as wanted."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from catalog.vocabulary import OfficeKind, Role
from gateway.doors.flight_sql.handles import HandleStore
from gateway.errors import TooLarge, Unauthenticated
from gateway.messages import Reason
from gateway.model.requester import Requester
from tests.unit.gateway.release.test_release import REQUESTER

SECONDS, HELD_MAX = 60, 8


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> HandleStore[str]:
    numbers = itertools.count()
    return HandleStore(
        new_handle=lambda: b"handle-%d" % next(numbers), monotonic=clock, seconds=SECONDS, held_max=HELD_MAX
    )


def issue(store: HandleStore[str], requester: Requester = REQUESTER) -> bytes:
    (handle,) = store.issue("query", requester=requester)
    return handle


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(Unauthenticated) as raised:
        call()
    assert raised.value.reason is Reason.TICKET_INVALID


def test_what_is_taken_is_gone(store: HandleStore[str]) -> None:
    """The first use gives what is held; the second is refused, and so is every other use."""
    handle = issue(store)
    assert store.take(handle, requester=REQUESTER) == "query"
    refused(lambda: store.take(handle, requester=REQUESTER))
    refused(lambda: store.look_up(handle, requester=REQUESTER))
    refused(lambda: store.put(handle, "other", requester=REQUESTER))


def test_what_is_looked_up_stays(store: HandleStore[str]) -> None:
    """A statement runs as often as wanted, and holds what was put into it last."""
    handle = issue(store)
    assert store.look_up(handle, requester=REQUESTER) == "query"
    store.put(handle, "bound", requester=REQUESTER)
    assert store.look_up(handle, requester=REQUESTER) == "bound"


@pytest.mark.parametrize("handle", [b"", b"handle", b"handle-00", b"HANDLE-0"])
def test_an_unknown_handle_is_refused(store: HandleStore[str], handle: bytes) -> None:
    """Guessing gives nothing."""
    issue(store)
    refused(lambda: store.take(handle, requester=REQUESTER))
    refused(lambda: store.look_up(handle, requester=REQUESTER))
    assert store.drop(handle, requester=REQUESTER) is None


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
def test_a_handle_is_for_the_requester_as_decided(store: HandleStore[str], other: Requester) -> None:
    """Another subject, or the same one whose office, roles or clearance changed, gets nothing and spoils nothing."""
    handle = issue(store)
    refused(lambda: store.take(handle, requester=other))
    refused(lambda: store.look_up(handle, requester=other))
    refused(lambda: store.put(handle, "smuggled", requester=other))
    assert store.drop(handle, requester=other) is None
    assert store.take(handle, requester=REQUESTER) == "query"


def test_a_renewed_token_may_fetch(store: HandleStore[str]) -> None:
    """A handle belongs to the requester, not to one token."""
    assert store.take(issue(store), requester=replace(REQUESTER, token_id="renewed")) == "query"


def test_a_handle_expires(store: HandleStore[str], clock: Clock) -> None:
    """It is good until its last second and never after; each use of a statement begins its time anew."""
    used, early, late = issue(store), issue(store), issue(store)
    clock.seconds += SECONDS - 0.01
    assert store.take(early, requester=REQUESTER) == "query"
    assert store.look_up(used, requester=REQUESTER) == "query"
    clock.seconds += 0.01
    refused(lambda: store.take(late, requester=REQUESTER))
    assert store.look_up(used, requester=REQUESTER) == "query"
    clock.seconds += SECONDS
    refused(lambda: store.look_up(used, requester=REQUESTER))


def test_a_requester_holds_a_bounded_number(store: HandleStore[str], clock: Clock) -> None:
    """One who asks without fetching is told to wait; others are not, and what was taken, dropped or expired is free again."""
    handles = [issue(store) for _ in range(HELD_MAX)]
    again = replace(REQUESTER, token_id="another token", roles=frozenset({Role.ANALYST}))
    with pytest.raises(TooLarge) as raised:
        issue(store, again)
    assert raised.value.reason is Reason.BUSY
    issue(store, replace(REQUESTER, subject="somebody else"))
    store.take(handles[0], requester=REQUESTER)
    issue(store)
    assert store.drop(handles[1], requester=REQUESTER) == "query"
    issue(store)
    with pytest.raises(TooLarge):
        issue(store)
    clock.seconds += SECONDS
    issue(store)


def test_of_many_things_all_or_none_are_kept(store: HandleStore[str]) -> None:
    """Parts of a result come together; a result with too many leaves nothing behind."""
    assert len(set(store.issue("a", "b", requester=REQUESTER))) == 2
    with pytest.raises(TooLarge):
        store.issue(*"cdefghi", requester=REQUESTER)
    assert len(store) == 2


def test_expired_handles_are_dropped(store: HandleStore[str], clock: Clock) -> None:
    """What was never fetched does not pile up; what is being fetched stays, so that it can be cancelled."""
    taken = issue(store)
    store.take(taken, requester=REQUESTER)
    for number in range(200):
        issue(store, replace(REQUESTER, subject=f"requester-{number}"))
        clock.seconds += 1
    assert len(store) == SECONDS + 1
    assert store.drop(taken, requester=REQUESTER) == "query"


def test_of_many_at_once_one_takes(store: HandleStore[str]) -> None:
    """Also in a race a ticket is used once."""
    handle, outcomes, start = issue(store), [], threading.Barrier(8)

    def take() -> None:
        start.wait()
        try:
            outcomes.append(store.take(handle, requester=REQUESTER))
        except Unauthenticated:
            outcomes.append(None)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [None] * 7 + ["query"]
