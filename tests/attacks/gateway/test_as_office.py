"""Looking as another office: for administrators only, on record, and never at data.

The gateway has no department at all, so whatever reads data fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import grpc
import pytest

from connectors.sdk.access_log import EntryIndex
from gateway.audit import SearchFilters, search
from gateway.client import connect
from gateway.model.audit import EntryKind
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from tests.cities import City
from tests.lone_gateway import command_line, lone_gateway

STREET, OTHER_STREET = "310101002", "310107014"
PURPOSE, SQL = "enterprise-visits", "SELECT licence_kind FROM legal_entity.licence"


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory):
    with lone_gateway(tmp_path_factory.mktemp("lone")) as (city, _):
        yield city


def explain(
    city: City, *, who: str, as_office: str = "", as_role: str = "", sql: str = SQL, purpose: str = PURPOSE
) -> catalog_pb2.ExplainQueryResponse:
    connection = connect(city.profile(who))
    try:
        stub = catalog_pb2_grpc.CatalogServiceStub(connection.channel)
        request = catalog_pb2.ExplainQueryRequest(sql=sql, as_office=as_office, as_role=as_role)
        return stub.ExplainQuery(request, metadata=connection.headers(purpose=purpose))
    finally:
        connection.close()


def entries(city: City, kind: EntryKind, *, requester: str = "") -> list[Mapping[str, Any]]:
    """Return the bodies of the log's entries of a kind, straight from its files."""
    with contextlib.closing(EntryIndex(city.data / "audit")) as index:
        return [entry.body for entry in search(index, filters=SearchFilters(kind=kind, requester=requester))]


@pytest.mark.parametrize("who", ["nanjing-east-road", "district-huangpu", "department-health", "auditor"])
@pytest.mark.parametrize("as_office", [OTHER_STREET, STREET, "no such office"])
def test_nobody_but_an_administrator_looks_as_another_office(lone, who, as_office):
    """Clerk, district, steward and auditor are refused alike, whether or not the office exists, and it is recorded."""
    with pytest.raises(grpc.RpcError) as refused:
        explain(lone, who=who, as_office=as_office)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "[ROLE_MISSING]" in refused.value.details()
    assert entries(lone, EntryKind.FAILURE, requester=who)[-1]["reason"] == "ROLE_MISSING"
    assert entries(lone, EntryKind.ADMINISTRATION, requester=who) == []


def test_a_role_alone_is_no_way_around(lone):
    """A clerk who asks to be seen in another role of no named office is refused as well."""
    with pytest.raises(grpc.RpcError) as refused:
        explain(lone, who="nanjing-east-road", as_role="steward")
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_an_administrator_sees_what_the_office_would_and_touches_no_data(lone):
    """The office's rows and columns are told, one entry says who looked as whom and why, and no intent is made."""
    answer = explain(lone, who="administrator", as_office=OTHER_STREET)
    assert answer.allow
    assert OTHER_STREET in answer.rows[0].text.en
    assert answer.SerializeToString() == explain(lone, who="changfeng").SerializeToString()
    (body,) = entries(lone, EntryKind.ADMINISTRATION)
    assert body["requester"]["subject"] == body["seen_as"]["subject"] == "administrator"
    assert (body["seen_as"]["office"], body["seen_as"]["roles"]) == (OTHER_STREET, ["clerk"])
    assert (body["purpose"], body["action"]) == (PURPOSE, "explain")
    assert entries(lone, EntryKind.INTENT) == []


def test_twin_the_same_query_does_touch_data(lone):
    """What would run for the office's own clerk needs a connector, of which there is none here."""
    refused = lone.refusal(SQL, purpose=PURPOSE, who="changfeng")
    assert [reason.code for reason in refused.reasons] == ["CONNECTOR_UNAVAILABLE"]


def test_an_administrator_sees_nothing_without_naming_an_office(lone):
    """An administrator is no clerk: the same explanation without an office is denied."""
    answer = explain(lone, who="administrator")
    assert not answer.allow
    assert {denial.code for denial in answer.denials} >= {"ROLE_NOT_ENTITLED"}
    assert not answer.HasField("quota")
    assert list(answer.legal_basis) == []


def test_an_office_of_which_nobody_may_ask_is_an_error(lone):
    """Nothing is made up for an office without requesters; the attempt is recorded as the administrator's."""
    ended = command_line(lone, "explain", "--as-office", "310101003", "--purpose", PURPOSE, SQL, who="administrator")
    assert ended.exit_code == 4
    assert "OFFICE_UNKNOWN" in ended.stderr
    assert entries(lone, EntryKind.FAILURE, requester="administrator")[-1]["reason"] == "OFFICE_UNKNOWN"


def test_a_query_cannot_be_asked_as_another_office(lone):
    """`gateway query` knows no such option, and the wire has no place for it."""
    ended = command_line(lone, "query", "--as-office", OTHER_STREET, "--purpose", PURPOSE, SQL, who="administrator")
    assert ended.exit_code == 2
    assert entries(lone, EntryKind.INTENT, requester="administrator") == []


def test_an_administrator_does_not_learn_who_consented(lone):
    """Looking as an office, every look-up is explained as if the person had consented; the office's own clerk is told."""
    sql = "SELECT name FROM population.resident WHERE resident_id = '11010519491231002X'"
    clerk = explain(lone, who="nanjing-east-road", sql=sql, purpose="window-service")
    assert "CONSENT_MISSING" in {denial.code for denial in clerk.denials}
    seen = explain(lone, who="administrator", as_office=STREET, sql=sql, purpose="window-service")
    assert "CONSENT_MISSING" not in {denial.code for denial in seen.denials}


def test_what_is_denied_to_somebody_seen_is_marked_in_the_log(lone):
    """Nobody reads such a denial as one of the office's own."""
    explain(lone, who="administrator", as_office=STREET, purpose="no-such-purpose")
    assert entries(lone, EntryKind.DENIAL, requester="administrator")[-1]["requester"]["seen_by"] == "administrator"
