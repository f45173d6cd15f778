"""Somebody who may see own numbers reaches for those of others: other offices', other departments', single entries.

The gateway has no department; its log is written for the purpose.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from gateway.audit import Scope, ScopeKind
from gateway.client import RequestError
from gateway.doors import audit
from gateway.wiring import Gateway
from sharing_stubs.sharing.audit.v1 import audit_pb2 as pb
from tests.auditing import call, overview, summary
from tests.cities import City
from tests.lone_gateway import lone_gateway
from tests.unit.gateway.audit.used_log import DWELLING, ITEMS, OTHER_STREET, STREET

CLERK, POLICE, HOUSING = "nanjing-east-road", "department-public_security", "department-housing"
FILTERS = (
    {},
    {"dataset": DWELLING},
    {"column": f"{DWELLING}.division_code"},
    {"person": f"st1.{DWELLING}"},
    {"requester": "bob"},
    {"kind": "governance"},
    {"kind": "audit_query"},
    {"office": "audit-office"},
)


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, Gateway]]:
    with lone_gateway(tmp_path_factory.mktemp("lone")) as (city, gateway):
        gateway.path.log.append_many(ITEMS)
        yield city, gateway


@pytest.fixture
def city(lone: tuple[City, Gateway]) -> City:
    return lone[0]


def seen(city: City, *, who: str) -> bytes:
    """Return all that a steward can learn of the use of data."""
    now = int(time.time())
    told = [one for one in range(1, 10) if one != pb.DIMENSION_REASON]
    groupings = [pb.Grouping(dimensions=pair) for pair in itertools.combinations(told, 2)]
    answers = []
    for filters, part in itertools.product(FILTERS, (groupings[:14], groupings[14:])):
        request = pb.SummariseEntriesRequest(from_time=now - 3600, until_time=now + 3600, groupings=part, **filters)
        answers.append(call(city, "SummariseEntries", request, who=who).SerializeToString())
    return b"".join(answers)


def others_in(text: bytes) -> list[bytes]:
    """Return what of other departments, and of people who never used the police's data, stands in it."""
    return [word for word in (b"housing", "房".encode(), b"bob", b"eve", b"audit-office") if word in text]


def test_a_steward_learns_nothing_of_another_departments_use(city: City) -> None:
    """No filter and no grouping names another department's dataset, or who used only that."""
    assert others_in(seen(city, who=POLICE)) == []


def test_twin_a_steward_who_may_hear_everything_would(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds it back is that only own datasets are spoken of."""
    datasets = frozenset(city.local._catalogue.datasets)
    monkeypatch.setattr(audit.AuditDoor, "_own_datasets", lambda door, steward: datasets)
    assert {b"housing", b"bob"} <= set(others_in(seen(city, who=POLICE)))


@pytest.mark.parametrize("filters", FILTERS[1:4], ids=str)
def test_a_filter_is_no_oracle_about_a_join(city: City, filters: dict[str, str]) -> None:
    """Whether a query that used the own data used another's too cannot be found out by filtering for that."""
    now = int(time.time())
    period = {"from_time": now - 3600, "until_time": now + 3600}
    assert summary(city, who=POLICE, **period)[()].accesses == 2
    assert summary(city, who=POLICE, **period, **filters) == {}


def test_a_steward_does_not_hear_the_reasons_of_a_denied_join(city: City) -> None:
    """They may be about another department's dataset, and no entry tells; an auditor hears them."""
    now = int(time.time())
    with pytest.raises(RequestError) as refused:
        summary(city, "reason", who=POLICE, from_time=now - 3600, until_time=now + 3600)
    assert refused.value.reasons[0].code == "GROUPING_INVALID"
    assert ("CASE_MISSING",) in summary(city, "reason", who="auditor")


@pytest.mark.parametrize("who", [CLERK, POLICE, "city-statistics"])
def test_how_much_the_log_holds_is_not_told(city: City, who: str) -> None:
    """Its growth would tell how much the whole city asks; auditors and administrators are told."""
    assert overview(city, who=who).log.entries == 0
    for seeing in ("auditor", "administrator"):
        assert overview(city, who=seeing).log.entries > 0


def test_a_clerk_sees_the_own_offices_numbers_only(city: City) -> None:
    """Neither the totals nor any breakdown count another office."""
    numbers = overview(city, who=CLERK)
    assert (numbers.scope, numbers.scope_id) == (pb.OVERVIEW_SCOPE_OFFICE, STREET)
    assert (numbers.total.queries, numbers.total.rows) == (2, 37)
    assert [office.id for office in numbers.offices] == [STREET]
    assert sum(hour.queries for hour in numbers.hours) == 2
    assert OTHER_STREET.encode() not in numbers.SerializeToString()


def test_a_steward_sees_the_own_departments_numbers_only(city: City) -> None:
    """The other half of a join is not named, nor are its rows counted."""
    numbers = overview(city, who=POLICE)
    assert [department.id for department in numbers.departments] == ["public_security"]
    assert (numbers.total.queries, numbers.total.denials, numbers.total.rows) == (2, 1, 91)
    assert b"housing" not in numbers.SerializeToString()


def test_twin_in_the_citys_scope_a_clerk_would_see_others(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds them back is the scope of the role."""
    monkeypatch.setattr(audit, "_scope", lambda requester: Scope(ScopeKind.CITY))
    numbers = overview(city, who=CLERK)
    assert numbers.total.queries == 3
    assert OTHER_STREET in [office.id for office in numbers.offices]


@pytest.mark.parametrize("who", [CLERK, "city-statistics", "administrator", POLICE, HOUSING])
@pytest.mark.parametrize("entry_id", ["", "no-such-entry"])
def test_single_entries_are_for_auditors(city: City, who: str, entry_id: str) -> None:
    """Whether or not there is such an entry."""
    with pytest.raises(RequestError) as refused:
        call(city, "GetEntry", pb.GetEntryRequest(entry_id=entry_id), who=who)
    assert refused.value.reasons[0].code == "ROLE_MISSING"
