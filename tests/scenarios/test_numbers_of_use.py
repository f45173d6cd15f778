"""How much was asked today, what a department's data was used for, and one entry with its proof, over real queries."""

from __future__ import annotations

import dataclasses
import time

import pytest

from connectors.sdk.tlog.entry import decode_entry
from connectors.sdk.tlog.evidence import EvidenceRefused
from gateway.audit import VerificationKey
from gateway.client import RequestError
from sharing_stubs.sharing.audit.v1 import audit_pb2 as pb
from tests.auditing import call, evidence, overview, summary
from tests.cities import INVALID_ARGUMENT, PERMISSION_DENIED, City

CLERK, OTHER_CLERK, STREET = "nanjing-east-road", "changfeng", "310101002"
POLICE, HOUSING, HEALTH = "department-public_security", "department-housing", "department-health"
VISITS = "elderly-care-visits"
JOIN = """SELECT r.name, d.address FROM population.resident r
    JOIN housing.dwelling d ON d.dwelling_code = r.dwelling_code"""
SEEN_BY = {
    "auditor": pb.OVERVIEW_SCOPE_CITY,
    "administrator": pb.OVERVIEW_SCOPE_CITY,
    POLICE: pb.OVERVIEW_SCOPE_DEPARTMENT,
    HOUSING: pb.OVERVIEW_SCOPE_DEPARTMENT,
    HEALTH: pb.OVERVIEW_SCOPE_DEPARTMENT,
    CLERK: pb.OVERVIEW_SCOPE_OFFICE,
    OTHER_CLERK: pb.OVERVIEW_SCOPE_OFFICE,
}


def totals(city: City, *, who: str) -> tuple[int, int, int]:
    counts = overview(city, who=who).total
    return counts.queries, counts.denials, counts.rows


def moved(city: City, before: dict[str, tuple[int, int, int]], *, who: str, queries: int) -> tuple[int, int, int]:
    """Return by how much the numbers have moved once so many queries are counted."""
    for _ in range(100):
        numbers = totals(city, who=who)
        if numbers[0] - before[who][0] >= queries:
            break
        time.sleep(0.1)
    return tuple(now - then for now, then in zip(numbers, before[who], strict=True))


def period() -> dict[str, int]:
    now = int(time.time())
    return {"from_time": now - 3600, "until_time": now + 60}


def test_each_sees_todays_numbers_of_what_is_theirs(city: City) -> None:
    """A join and a denial move the city's, the own office's and both departments' numbers, and nobody else's."""
    before = {who: totals(city, who=who) for who in SEEN_BY}
    rows = city.ask(JOIN, purpose=VISITS, who=CLERK).table.num_rows
    city.refusal("SELECT ethnicity FROM population.resident", purpose=VISITS, who=CLERK)
    assert rows > 0
    assert moved(city, before, who="auditor", queries=1) == (1, 1, rows)
    assert moved(city, before, who="administrator", queries=1) == (1, 1, rows)
    assert moved(city, before, who=CLERK, queries=1) == (1, 1, rows)
    queries, denials, left = moved(city, before, who=POLICE, queries=1)
    assert (queries, denials) == (1, 1)
    assert left > 0, "rows of residents left the department"
    queries, denials, left = moved(city, before, who=HOUSING, queries=1)
    assert (queries, denials) == (1, 0)
    assert left > 0
    for who in (OTHER_CLERK, HEALTH):
        assert moved(city, before, who=who, queries=0) == (0, 0, 0)
    for who, scope in SEEN_BY.items():
        assert overview(city, who=who).scope == scope


def test_an_overview_has_titles_hours_and_the_state_of_the_log(city: City) -> None:
    """Everything a page needs, without a further question; and asking leaves no trace in the log."""
    city.ask("SELECT address FROM housing.dwelling", purpose=VISITS, who=CLERK)
    time.sleep(2.1)
    before = len(city.entries(kind="audit_query"))
    seen = overview(city, who="auditor")
    assert sum(hour.queries for hour in seen.hours) == seen.total.queries >= 1
    assert len(seen.hours) == 24
    assert {purpose.id: purpose.title.zh for purpose in seen.purposes}[VISITS] == "老年人关爱走访"
    assert {office.id: office.title.zh for office in seen.offices}[STREET] == "南京东路街道"
    assert {department.id: department.title.en for department in seen.departments}["housing"].startswith("Shanghai")
    assert (seen.log.entries > 0, seen.log.stopped, seen.log.witnesses) == (True, False, 0)
    assert abs(seen.log.published_micros / 1e6 - time.time()) < 3600
    for who in SEEN_BY:
        overview(city, who=who)
    assert len(city.entries(kind="audit_query")) == before + 1, "only the question that counted them"


def test_a_steward_sees_what_the_own_data_was_used_for(city: City) -> None:
    """By office, purpose and dataset, with the rows that left; and the question is an entry first."""
    answer = city.ask(JOIN, purpose=VISITS, who=CLERK)
    found = summary(city, "office", "purpose", "dataset", who=HOUSING, **period())
    assert {values[2].partition(".")[0] for values in found} == {"housing"}
    own = found[STREET, VISITS, "housing.dwelling"]
    assert [title.zh for title in own.titles][:2] == ["南京东路街道", "老年人关爱走访"]
    assert own.accesses >= 1
    assert own.rows > 0
    assert summary(city, "requester", who=HOUSING, **period())[CLERK,].requesters == 1
    asked = city.entries(kind="audit_query", requester=HOUSING)[-1]["body"]
    assert (asked["action"], asked["filters"]["groupings"]) == ("summarise", "requester")
    assert answer.receipt["entry"] in {entry["entry_id"] for entry in city.entries(kind="intent", requester=CLERK)}


def test_facets_count_what_search_finds(city: City) -> None:
    """Every kind of entry of an office, as often as the search returns it."""
    city.ask(JOIN, purpose=VISITS, who=CLERK)
    facets = summary(city, "kind", who="auditor", office=STREET)
    for kind in ("intent", "receipt"):
        assert facets[kind,].entries == len(city.entries(kind=kind, office=STREET))
    assert sum(group.entries for group in facets.values()) == len(city.entries(office=STREET))


@pytest.mark.parametrize("who", [CLERK, "city-statistics", "administrator"])
def test_use_is_for_auditors_and_stewards(city: City, who: str) -> None:
    """Everybody else is refused in both languages, and that is recorded."""
    with pytest.raises(RequestError) as refused:
        summary(city, "office", who=who, **period())
    assert (refused.value.status, refused.value.reasons[0].code) == (PERMISSION_DENIED, "ROLE_MISSING")
    assert refused.value.reasons[0].message.zh == "您的角色不能执行此操作。"
    assert city.entries(kind="failure", requester=who)[-1]["body"]["reason"] == "ROLE_MISSING"


def test_a_steward_names_a_time(city: City) -> None:
    """A year at the most."""
    with pytest.raises(RequestError) as refused:
        summary(city, "office", who=HOUSING)
    assert (refused.value.status, refused.value.reasons[0].code) == (INVALID_ARGUMENT, "PERIOD_INVALID")
    assert "366" in refused.value.reasons[0].message.zh


@pytest.mark.parametrize("dimensions", [[0], [99], [1, 1]])
def test_a_grouping_that_is_none_is_refused(city: City, dimensions: list[int]) -> None:
    """Unknown, or twice the same."""
    request = pb.SummariseEntriesRequest(groupings=[pb.Grouping(dimensions=dimensions)])
    with pytest.raises(RequestError) as refused:
        call(city, "SummariseEntries", request, who="auditor")
    assert (refused.value.status, refused.value.reasons[0].code) == (INVALID_ARGUMENT, "GROUPING_INVALID")


def test_older_entries_come_page_by_page(city: City) -> None:
    """The page before the oldest entry of a page continues it."""
    request = pb.SearchEntriesRequest(kind="registration", entries_max=3)
    newest = [decode_entry(found.leaf) for found in call(city, "SearchEntries", request, who="auditor")]
    request.before_sequence = newest[0].sequence
    older = [decode_entry(found.leaf) for found in call(city, "SearchEntries", request, who="auditor")]
    both = [entry["sequence"] for entry in city.entries(kind="registration")][-6:]
    assert [entry.sequence for entry in older + newest] == both


def test_any_entry_is_proven(city: City) -> None:
    """A denial leads to the signed checkpoint as a delivery does; the question is recorded with the entry's id."""
    city.refusal("SELECT ethnicity FROM population.resident", purpose=VISITS, who=CLERK)
    denial = city.entries(kind="denial", requester=CLERK)[-1]
    proof = evidence(city, denial["entry_id"])
    key = VerificationKey.from_text((city.data / "keys" / "audit-verification-key.txt").read_text("utf-8").strip())
    assert proof.verify(key).body == denial["body"]
    with pytest.raises(EvidenceRefused):
        dataclasses.replace(evidence(city, city.entries(kind="opened")[0]["entry_id"]), leaf=proof.leaf).verify(key)
    asked = city.entries(kind="audit_query", requester="auditor")
    assert {"entry_id": denial["entry_id"]} in [entry["body"]["filters"] for entry in asked]
    with pytest.raises(RequestError) as refused:
        evidence(city, "no-such-entry")
    assert (refused.value.status, refused.value.reasons[0].code) == (INVALID_ARGUMENT, "ENTRY_UNKNOWN")
    for who in (CLERK, POLICE, "administrator"):
        with pytest.raises(RequestError) as refused:
            evidence(city, denial["entry_id"], who=who)
        assert refused.value.reasons[0].code == "ROLE_MISSING"
