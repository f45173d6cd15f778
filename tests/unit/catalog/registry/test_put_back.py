"""What the access log has as suspended stays so, whatever the database says. On SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from catalog.registry import LoggedRegistration, RegistrationAction, RegistrationState
from catalog.store import Part
from tests.unit.catalog.registry.registering import HEALTH, START, Clock, Office, opened

ACTIVE, CHECKED = RegistrationState.ACTIVE, RegistrationState.CHECKED
SUSPENDED, WITHDRAWN = RegistrationState.SUSPENDED, RegistrationState.WITHDRAWN
LOGGED = LoggedRegistration(department="health", connector="main", datasets=HEALTH, state=ACTIVE, at=START)


def put_back(office: Office, url: str, clock: Clock, logged: Sequence[LoggedRegistration]) -> None:
    with opened(url, clock) as (other, watch), watch.change(Part.REGISTRY) as (connection, _):
        other.registry.put_back(connection, logged)


@pytest.mark.parametrize("logged", [[replace(LOGGED, datasets=HEALTH[:1])], [replace(LOGGED, state=CHECKED)], []])
def test_what_is_not_stopped_stays(
    store_url: str, clock: Clock, office: Office, logged: list[LoggedRegistration]
) -> None:
    """Approvals are not touched, also those that another gateway on the database recorded, nor what waits for one."""
    office.approved(datasets=HEALTH[:1])
    office.register("i2", connector="second", datasets=HEALTH[1:])
    before = office.registry.registrations()
    put_back(office, store_url, clock, logged)
    with opened(store_url, clock) as (after, _):
        assert after.registry.registrations() == before


@pytest.mark.parametrize("state", [SUSPENDED, WITHDRAWN])
def test_a_restriction_that_an_older_database_lacks_is_in_force_again(
    store_url: str, clock: Clock, office: Office, state: RegistrationState
) -> None:
    """What was suspended or withdrawn since the copy was made serves nothing."""
    office.approved()
    put_back(office, store_url, clock, [replace(LOGGED, state=state)])
    with opened(store_url, clock) as (after, _):
        assert after.served_from() == [["suspended"], ["suspended"]]


def test_without_putting_back_an_older_database_would_serve(store_url: str, clock: Clock, office: Office) -> None:
    """The twin: the defence above is what keeps the suspended registration from serving."""
    office.approved()
    with opened(store_url, clock) as (after, _):
        assert after.served_from() == [["i1"], ["i1"]]


def test_what_another_gateway_resumed_stays_resumed(store_url: str, clock: Clock, office: Office) -> None:
    """A suspension of this gateway's log that ended in another's is not begun again whenever this one starts."""
    office.approved()
    office.decide(RegistrationAction.SUSPEND)
    clock.now += 1
    office.decide(RegistrationAction.RESUME)
    put_back(office, store_url, clock, [replace(LOGGED, state=SUSPENDED)])
    with opened(store_url, clock) as (after, _):
        assert after.served_from() == [["i1"], ["i1"]]


def test_a_later_suspension_is_put_back_all_the_same(store_url: str, clock: Clock, office: Office) -> None:
    """The twin: a database that was copied before the suspension, also within its second, serves nothing."""
    office.approved()
    for later in (0, 1):
        put_back(office, store_url, clock, [replace(LOGGED, state=SUSPENDED, at=START + later)])
        with opened(store_url, clock) as (after, _):
            assert after.served_from() == [["suspended"], ["suspended"]]
            after.decide(RegistrationAction.RESUME)


def test_a_withdrawal_is_for_good(store_url: str, clock: Clock, office: Office) -> None:
    """Nothing that is stored later ends it, and an earlier suspension does not make it one that can be resumed."""
    office.approved()
    put_back(office, store_url, clock, [replace(LOGGED, state=WITHDRAWN, at=START - 1)])
    put_back(office, store_url, clock, [replace(LOGGED, state=SUSPENDED, at=START + 1)])
    with opened(store_url, clock) as (after, _):
        assert [found.state for found in after.registry.registrations()] == [WITHDRAWN]


def test_an_empty_database_forgets_no_restriction(store_url: str, clock: Clock, office: Office) -> None:
    """A connector cannot come back by way of a new database: suspended stays suspended, withdrawn withdrawn."""
    suspended = replace(LOGGED, connector="second", datasets=HEALTH[1:], state=SUSPENDED)
    put_back(office, store_url, clock, [replace(LOGGED, datasets=HEALTH[:1], state=WITHDRAWN), suspended])
    with opened(store_url, clock) as (after, _):
        assert after.served_from() == [["suspended"], ["suspended"]]
        assert after.register("i2", connector="second", datasets=HEALTH[1:]).state is SUSPENDED
        after.decide(RegistrationAction.RESUME, connector="second")
        assert after.served_from() == [["suspended"], ["i2"]]
