"""Somebody whose access is revoked opens no door any more, and nobody writes a resident ID into the log."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
import pytest

from gateway.client import RequestError, connect, request_errors
from gateway.client.subscriptions import Subscriptions
from gateway.doors.flight_sql.commands import pack
from sharing_stubs.arrow.flight import flight_pb2, flight_pb2_grpc
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from tests.cities import PERMISSION_DENIED, City
from tests.governing import govern, restore_access, revoke_access
from tests.lone_gateway import lone_gateway

RESIDENT = "11010519491231002X"


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory):
    with lone_gateway(tmp_path_factory.mktemp("lone")) as (city, _):
        yield city


def sign_agreement(city: City) -> None:
    agreement = pb.Agreement(
        id=f"a-{time.time_ns()}",
        recipient="31",
        datasets=["health.vaccination"],
        purposes=["vaccination-outreach"],
        valid_until=int(time.time()) + 3600,
    )
    govern(city, "SignAgreement", pb.SignAgreementRequest(agreement=agreement), who="department-health")


def record_consent(city: City) -> None:
    consent = pb.RecordConsentRequest(resident_id=RESIDENT, purpose="window-service", evidence="form 7", days=1)
    govern(city, "RecordConsent", consent, who="nanjing-east-road")


def see_subscriptions(city: City) -> None:
    with connect(city.profile("nanjing-east-road")) as connection:
        Subscriptions(connection).all()


def list_tables(city: City) -> None:
    with connect(city.profile("nanjing-east-road")) as connection, request_errors():
        stub = flight_pb2_grpc.FlightServiceStub(connection.channel)
        assert list(stub.ListFlights(flight_pb2.Criteria(), metadata=connection.headers()))
        command = flight_pb2.FlightDescriptor(cmd=pack(flight_sql_pb2.CommandGetTables()))
        info = stub.GetFlightInfo(command, metadata=connection.headers())
        assert list(stub.DoGet(info.endpoint[0].ticket, metadata=connection.headers()))


DEEDS: list[tuple[str, Callable[[City], None]]] = [
    ("department-health", sign_agreement),
    ("nanjing-east-road", record_consent),
    ("nanjing-east-road", see_subscriptions),
    ("nanjing-east-road", list_tables),
]


@pytest.mark.parametrize(("who", "deed"), DEEDS)
def test_a_revoked_requester_decides_nothing(lone: City, who: str, deed: Callable[[City], None]):
    """A steward signs and a clerk records while they are not revoked, and only then."""
    deed(lone)
    revoke_access(lone, "REQUESTER", who)
    with pytest.raises(RequestError) as refused:
        deed(lone)
    assert (refused.value.status, refused.value.reasons[0].code) == (PERMISSION_DENIED, "REQUESTER_REVOKED")
    restore_access(lone, "REQUESTER", who)
    deed(lone)


def test_a_revoked_auditor_reads_nothing(lone: City):
    """The log is closed to somebody who has left."""
    revoke_access(lone, "REQUESTER", "auditor")
    connection = connect(lone.profile("auditor"))
    stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
    with pytest.raises(grpc.RpcError) as refused:
        list(stub.SearchEntries(audit_pb2.SearchEntriesRequest(), metadata=connection.headers(), timeout=100))
    connection.close()
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    restore_access(lone, "REQUESTER", "auditor")
    assert lone.entries(kind="opened")


def test_a_revoked_clerk_does_not_see_the_catalogue(lone: City):
    """Names and treatments are shown to whom they concern, and to nobody who has left."""
    connection = connect(lone.profile("changfeng"))
    stub = catalog_pb2_grpc.CatalogServiceStub(connection.channel)
    request = catalog_pb2.ListDatasetsRequest()
    assert stub.ListDatasets(request, metadata=connection.headers(), timeout=100).datasets
    revoke_access(lone, "REQUESTER", "changfeng")
    with pytest.raises(grpc.RpcError, match="REQUESTER_REVOKED"):
        stub.ListDivisions(catalog_pb2.ListDivisionsRequest(), metadata=connection.headers(), timeout=100)
    with pytest.raises(grpc.RpcError) as refused:
        stub.ListDatasets(request, metadata=connection.headers(), timeout=100)
    connection.close()
    assert "REQUESTER_REVOKED" in refused.value.details()
    restore_access(lone, "REQUESTER", "changfeng")


@pytest.mark.parametrize("purpose", ["no-such-purpose", f"about-{RESIDENT}"])
def test_a_resident_id_in_case_or_purpose_does_not_reach_the_log(lone: City, purpose: str):
    """A clerk may type anything as a case; the number of a person is hidden before it is judged or recorded."""
    connection = connect(lone.profile("nanjing-east-road"))
    with request_errors():
        catalog_pb2_grpc.CatalogServiceStub(connection.channel).ExplainQuery(
            catalog_pb2.ExplainQueryRequest(sql="SELECT name FROM population.resident"),
            metadata=connection.headers(purpose=purpose, case=f"case {RESIDENT.lower()} 2026"),
        )
    connection.close()
    denial = lone.entries(kind="denial", requester="nanjing-east-road")[-1]
    assert denial["body"]["case"] == f"case {'*' * 18} 2026"
    log = "".join(path.read_text("utf-8", "replace") for path in (lone.data / "audit").glob("segment-*")).lower()
    assert RESIDENT.lower() not in log


def test_whom_an_auditor_searches_for_is_not_in_the_log(lone):
    """A resident ID in a filter or in a receipt's number is hidden; the twin, an office, is recorded."""
    lone.entries(requester=RESIDENT.upper(), case=f"case {RESIDENT}", office="310101002")
    question = lone.entries(kind="audit_query")[-2]["body"]
    assert question["filters"]["case"] == f"case {'*' * 18}"
    assert question["filters"]["office"] == "310101002"
    log = "".join(path.read_text("utf-8", "replace") for path in (lone.data / "audit").glob("segment-*")).lower()
    assert RESIDENT.lower() not in log
