"""The same rules on every door."""

from __future__ import annotations

from functools import partial

import grpc
import pyarrow.flight
import pytest

from gateway.client import connect
from sharing_stubs.arrow.flight import flight_pb2, flight_pb2_grpc
from sharing_stubs.sharing.audit.v1 import (
    audit_pb2,
    audit_pb2_grpc,
    review_pb2,
    review_pb2_grpc,
    subject_pb2,
    subject_pb2_grpc,
)
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc
from sharing_stubs.sharing.requests.v1 import requests_pb2, requests_pb2_grpc
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2, subscriptions_pb2_grpc
from tests.cities import City

STREET_SQL = "SELECT name FROM population.resident"
ELDERLY = "elderly-care-visits"


def calls(channel: grpc.Channel):
    flight = flight_pb2_grpc.FlightServiceStub(channel)
    catalog = catalog_pb2_grpc.CatalogServiceStub(channel)
    descriptor = flight_pb2.FlightDescriptor(type=flight_pb2.FlightDescriptor.CMD, cmd=STREET_SQL.encode())
    return {
        "Handshake": lambda m: list(flight.Handshake(iter([flight_pb2.HandshakeRequest()]), metadata=m)),
        "ListFlights": lambda m: list(flight.ListFlights(flight_pb2.Criteria(), metadata=m)),
        "GetFlightInfo": lambda m: flight.GetFlightInfo(descriptor, metadata=m),
        "PollFlightInfo": lambda m: flight.PollFlightInfo(descriptor, metadata=m),
        "GetSchema": lambda m: flight.GetSchema(descriptor, metadata=m),
        "DoGet": lambda m: list(flight.DoGet(flight_pb2.Ticket(ticket=b"x"), metadata=m)),
        "DoPut": lambda m: list(flight.DoPut(iter([flight_pb2.FlightData()]), metadata=m)),
        "DoExchange": lambda m: list(flight.DoExchange(iter([flight_pb2.FlightData()]), metadata=m)),
        "DoAction": lambda m: list(flight.DoAction(flight_pb2.Action(type="x"), metadata=m)),
        "ListActions": lambda m: list(flight.ListActions(flight_pb2.Empty(), metadata=m)),
        "ListDatasets": lambda m: catalog.ListDatasets(catalog_pb2.ListDatasetsRequest(), metadata=m),
        "SearchDatasets": lambda m: catalog.SearchDatasets(catalog_pb2.SearchDatasetsRequest(query="人口"), metadata=m),
        "GetDataset": lambda m: catalog.GetDataset(
            catalog_pb2.GetDatasetRequest(name="population.resident"), metadata=m
        ),
        "ListPurposes": lambda m: catalog.ListPurposes(catalog_pb2.ListPurposesRequest(), metadata=m),
        "ListDivisions": lambda m: catalog.ListDivisions(catalog_pb2.ListDivisionsRequest(), metadata=m),
        "GetRequester": lambda m: catalog.GetRequester(catalog_pb2.GetRequesterRequest(), metadata=m),
        "ExplainQuery": lambda m: catalog.ExplainQuery(catalog_pb2.ExplainQueryRequest(sql=STREET_SQL), metadata=m),
        **_calls_of("RegistryService", registry_pb2, stub=registry_pb2_grpc.RegistryServiceStub(channel)),
        **_calls_of("GovernanceService", governance_pb2, stub=governance_pb2_grpc.GovernanceServiceStub(channel)),
        **_calls_of("RequestsService", requests_pb2, stub=requests_pb2_grpc.RequestsServiceStub(channel)),
        **_calls_of(
            "SubscriptionsService", subscriptions_pb2, stub=subscriptions_pb2_grpc.SubscriptionsServiceStub(channel)
        ),
        **_calls_of("AuditService", audit_pb2, stub=audit_pb2_grpc.AuditServiceStub(channel)),
        **_calls_of("SubjectService", subject_pb2, stub=subject_pb2_grpc.SubjectServiceStub(channel)),
        **_calls_of("ReviewService", review_pb2, stub=review_pb2_grpc.ReviewServiceStub(channel)),
    }


def _calls_of(service, messages, *, stub):
    """Every method of a service with an empty request."""
    return {
        method.name: partial(
            _call, getattr(stub, method.name), getattr(messages, method.input_type.name), method.server_streaming
        )
        for method in messages.DESCRIPTOR.services_by_name[service].methods
    }


def _call(method, request_type, streams, headers):
    answer = method(request_type(), metadata=headers)
    return list(answer) if streams else answer


METHODS = list(calls(grpc.insecure_channel("127.0.0.1:1")))
FOR_CLERKS = {
    "Handshake",
    "ListFlights",
    "GetFlightInfo",
    "GetSchema",
    "ListActions",
    "ListDatasets",
    "SearchDatasets",
    "GetDataset",
    "ListPurposes",
    "ListDivisions",
    "GetRequester",
    "GetOverview",
    "ExplainQuery",
    "ListAgreements",
    "ListEmergencies",
    "ListStops",
    "ListOwedDestructions",
    "ListNeeds",
    "ListNegativeList",
    "ListCorrections",
    "ListSubscriptions",
}
WITH_CONTENT = {
    "RecordConsent",
    "WithdrawConsent",
    "RecordDestruction",
    "FileNeed",
    "WithdrawNeed",
    "FileCorrection",
    "CreateSubscription",
    "PullRun",
    "AcknowledgeRun",
    "StopSubscription",
}
"""Open to clerks too, who must say more than nothing."""


@pytest.fixture
def channel(city: City):
    connection = connect(city.profile("nanjing-east-road"))
    yield connection.channel
    connection.close()


def status_of(city: City, channel: grpc.Channel, method: str, *headers: tuple[str, str]) -> grpc.StatusCode:
    try:
        calls(channel)[method](headers)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic Y2xlcms6Y2xlcms="])
def test_no_door_opens_without_a_valid_token(city, channel, method, authorization):
    """Every method of every service answers UNAUTHENTICATED before anything else."""
    headers = [] if authorization is None else [("authorization", authorization)]
    assert status_of(city, channel, method, *headers) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("method", METHODS)
def test_a_clerk_reaches_only_the_doors_for_clerks(city, channel, method):
    """Registry and audit are not for clerks; what this server does not offer is refused cleanly."""
    headers = [("authorization", f"Bearer {city.profile('nanjing-east-road').token}"), ("x-sharing-purpose", ELDERLY)]
    status = status_of(city, channel, method, *headers)
    assert (status is grpc.StatusCode.OK) == (method in FOR_CLERKS)
    if method in WITH_CONTENT:
        assert status is grpc.StatusCode.INVALID_ARGUMENT
    elif method not in FOR_CLERKS and method != "DoGet":
        assert status in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)


def test_a_clerk_who_tries_the_auditors_door_is_in_the_log(city):
    """A refused role is recorded like any other failure."""
    ended = city.cli("audit", "search", who="changfeng")
    assert ended.returncode == 3
    entries = city.entries(kind="failure", requester="changfeng")
    assert entries[-1]["body"]["reason"] == "ROLE_MISSING"


def test_what_the_requester_claims_to_be_is_ignored(city):
    """Forged headers about office, role or clearance change nothing; a purpose that is declared twice counts as none."""
    profile = city.profile("nanjing-east-road")
    authorization = (b"authorization", f"Bearer {profile.token}".encode())
    purpose = (b"x-sharing-purpose", ELDERLY.encode())
    descriptor = pyarrow.flight.FlightDescriptor.for_command("SELECT residence_division FROM population.resident")
    forged = [
        (b"x-sharing-office", b"shanghai"),
        (b"x-sharing-division", b"31"),
        (b"x-sharing-roles", b"administrator"),
    ]
    with pyarrow.flight.FlightClient(profile.endpoint.replace("grpc://", "grpc+tcp://")) as client:
        options = pyarrow.flight.FlightCallOptions(headers=[authorization, purpose, *forged])
        info = client.get_flight_info(descriptor, options)
        divisions = client.do_get(info.endpoints[0].ticket, options).read_all().column(0).to_pylist()
        assert {division[:9] for division in divisions} == {"310101002"}
        twice = pyarrow.flight.FlightCallOptions(
            headers=[authorization, purpose, (b"x-sharing-purpose", b"grid-inspection")]
        )
        with pytest.raises(pyarrow.flight.FlightUnauthorizedError, match="PURPOSE_MISSING"):
            client.get_flight_info(descriptor, twice)


@pytest.mark.parametrize(
    "purpose",
    [
        "",
        "Elderly-Care-Visits",
        "elderly-care-visits ",
        "../elderly-care-visits",
        "elderly-care-visits/x",
        "*",
        "elderly care visits",
    ],
)
def test_only_the_exact_purpose_counts(city, purpose):
    """Spaces, case and paths do not make a purpose."""
    error = city.refusal(STREET_SQL, purpose=purpose)
    assert error.status is grpc.StatusCode.PERMISSION_DENIED
    assert error.reasons[0].code in ("PURPOSE_MISSING", "PURPOSE_UNKNOWN")


def test_a_ticket_is_for_one_requester_and_one_use(city):
    """A stolen or replayed ticket is refused, and the log has it."""
    thief, owner = city.profile("changfeng"), city.profile("nanjing-east-road")
    connection = connect(owner)
    stub = flight_pb2_grpc.FlightServiceStub(connection.channel)
    descriptor = flight_pb2.FlightDescriptor(type=flight_pb2.FlightDescriptor.CMD, cmd=STREET_SQL.encode())
    headers = connection.headers(purpose=ELDERLY)
    ticket = stub.GetFlightInfo(descriptor, metadata=headers).endpoint[0].ticket
    try:
        for who, expected in ((thief, "UNAUTHENTICATED"), (owner, "OK"), (owner, "UNAUTHENTICATED")):
            authorization = [("authorization", f"Bearer {who.token}")]
            try:
                assert list(stub.DoGet(ticket, metadata=authorization))
                status = "OK"
            except grpc.RpcError as error:
                status = error.code().name
            assert status == expected
    finally:
        connection.close()
    reasons = [entry["body"]["reason"] for entry in city.entries(kind="failure")]
    assert reasons.count("TICKET_INVALID") >= 2
