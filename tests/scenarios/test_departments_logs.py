"""The departments' own logs: what they agree on with the gateway's, and what they know of one person."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from catalog.vocabulary import ColumnAction
from connectors.sdk.grant import GrantColumn, ScanGrant, sign_grant
from connectors.sdk.identity import department_host
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.tls import CertificateFiles, open_channel
from gateway.client import connect
from sharing_stubs.sharing.audit.v1 import review_pb2, review_pb2_grpc, subject_pb2, subject_pb2_grpc
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc
from tests.cities import City, running_city
from tests.governing import declare_emergency

STREET, VISITS, VENUE = "310101002", "elderly-care-visits", "venue-verification"
BULK = "SELECT name, sex FROM population.resident"


@pytest.fixture(scope="module")
def own_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city whose departments' logs these tests may fill."""
    with running_city(tmp_path_factory.mktemp("city"), residents=1_000) as city:
        declare_emergency(city, "huangpu-2026", area="310101", purposes=(VENUE,))
        yield city


@pytest.fixture(scope="module")
def neighbours(own_city: City) -> list[str]:
    """Identity numbers of people of the street."""
    sql = f"SELECT resident_id FROM population.resident WHERE residence_division LIKE '{STREET}%' ORDER BY resident_id"
    return [number for (number,) in own_city.truth(sql)]


def reported(
    city: City, number: str, *, for_data_subject: bool = False, who: str = "auditor"
) -> list[subject_pb2.ReportSubjectResponse]:
    connection = connect(city.profile(who))
    try:
        stub = subject_pb2_grpc.SubjectServiceStub(connection.channel)
        request = subject_pb2.ReportSubjectRequest(
            identifier="resident_id", value=number, for_data_subject=for_data_subject
        )
        return list(stub.ReportSubject(request, metadata=connection.headers(), timeout=200))
    finally:
        connection.close()


def differences(city: City) -> list[review_pb2.ReconcileResponse]:
    connection = connect(city.profile("auditor"))
    try:
        stub = review_pb2_grpc.ReviewServiceStub(connection.channel)
        request = review_pb2.ReconcileRequest(from_time=int(time.time()) - 3_600, until_time=int(time.time()) + 1)
        found = stub.Reconcile(request, metadata=connection.headers(), timeout=200)
        return [one for one in found if one.kind != review_pb2.DIFFERENCE_KIND_AGREED]
    finally:
        connection.close()


def test_a_person_learns_of_a_list_that_did_not_even_hold_the_number(own_city: City, neighbours: list[str]) -> None:
    """A bulk result without any identifier is reported for those whose rows left, and for nobody else."""
    receipt = own_city.ask(BULK, purpose=VISITS).receipt
    inside = [access for access in reported(own_city, neighbours[0]) if access.entry_id == receipt["entry"]]
    assert [(access.kind, access.dataset, access.office) for access in inside] == [
        (subject_pb2.ACCESS_KIND_DELIVERED, "population.resident", STREET)
    ]
    assert "name: clear" in inside[0].columns
    elsewhere = own_city.truth(
        f"SELECT resident_id FROM population.resident WHERE residence_division NOT LIKE '{STREET}%' LIMIT 5"
    )
    for (number,) in elsewhere:
        assert receipt["entry"] not in {access.entry_id for access in reported(own_city, number)}


def test_a_delayed_purpose_is_told_to_the_auditor_and_not_yet_to_the_person(
    own_city: City, neighbours: list[str]
) -> None:
    """A look-up in an emergency is withheld from the report for the data subject, which names no civil servant."""
    sql = f"SELECT colour FROM health.health_code WHERE resident_id = '{neighbours[1]}'"
    own_city.ask(sql, purpose=VENUE)
    [looked_up] = [access for access in reported(own_city, neighbours[1]) if access.purpose == VENUE]
    assert looked_up.kind == subject_pb2.ACCESS_KIND_LOOKED_UP
    assert looked_up.requester == "nanjing-east-road"
    assert looked_up.withheld_until > time.time() + 29 * 86_400
    told = reported(own_city, neighbours[1], for_data_subject=True)
    assert VENUE not in {access.purpose for access in told}
    assert {(access.requester, access.entry_id) for access in told} <= {("", "")}


def test_a_token_is_revealed_to_an_auditor_with_a_reason_and_only_on_record(
    own_city: City, neighbours: list[str]
) -> None:
    """The log shows a token; who it is costs an entry with the reason, and a clerk is refused."""
    own_city.ask(f"SELECT colour FROM health.health_code WHERE resident_id = '{neighbours[2]}'", purpose=VENUE)
    token = own_city.entries(kind="intent", purpose=VENUE)[-1]["body"]["datasets"][0]["people"][0]
    assert neighbours[2] not in token
    told = own_city.cli("audit", "reveal", token, "--reason", "complaint 2026-17", who="auditor")
    assert told.stdout.split() == ["resident_id", neighbours[2]]
    question = own_city.entries(kind="audit_query")[-2]["body"]
    assert (question["action"], question["filters"]) == (
        "reveal_subject",
        {"person": token, "reason": "complaint 2026-17"},
    )
    assert own_city.cli("audit", "reveal", token, "--reason", " ", who="auditor").returncode == 4
    named = f"complaint of {neighbours[2][:6]} {neighbours[2][6:]}"
    assert own_city.cli("audit", "reveal", token, "--reason", named, who="auditor").returncode == 4
    assert own_city.cli("audit", "reveal", token, "--reason", "curious", who="nanjing-east-road").returncode == 3


def test_nobody_but_an_auditor_gets_a_report(own_city: City, neighbours: list[str]) -> None:
    """A clerk cannot use the report to look people up."""
    with pytest.raises(grpc.RpcError) as caught:
        reported(own_city, neighbours[0], who="nanjing-east-road")
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_the_command_lists_the_accesses_to_a_person(own_city: City, neighbours: list[str]) -> None:
    """`gateway audit subject` prints office, purpose, dataset and treatment, and the number stands nowhere in the log."""
    own_city.ask(BULK, purpose=VISITS)
    printed = own_city.cli("audit", "subject", "--resident-id", neighbours[3], "--language", "en", who="auditor")
    assert printed.returncode == 0
    for text in ("in a result", STREET, VISITS, "population.resident", "name: clear"):
        assert text in printed.stdout
    assert not any(neighbours[3].encode() in path.read_bytes() for path in _logs(own_city.data))


def _logs(data: Path) -> Iterator[Path]:
    folders = (data / "audit", *(data / "connectors").glob("*-log"))
    return (path for folder in folders for path in folder.iterdir() if path.is_file())


def test_a_grant_that_the_gateway_never_decided_is_found(own_city: City) -> None:
    """With the gateway's stolen key rows can be had behind its back; the department's log tells."""
    own_city.ask(BULK, purpose=VISITS)
    assert differences(own_city) == []
    assert own_city.cli("audit", "reconcile", who="auditor").returncode == 0
    rows = _stolen(own_city)
    assert rows > 0
    [difference] = differences(own_city)
    assert difference.kind == review_pb2.DIFFERENCE_KIND_ONLY_DEPARTMENT
    assert (difference.department, difference.decision_id) == ("public_security", "never-decided")
    assert difference.department_rows == rows
    assert own_city.cli("audit", "reconcile", who="auditor").returncode == 1


def _stolen(city: City) -> int:
    """Read a street's residents straight from the department, with the gateway's own key; return how many."""
    key = load_pem_private_key((city.data / "keys" / "grant.pem").read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    now = int(time.time())
    grant = ScanGrant(
        grant_id=os.urandom(8).hex(),
        decision_id="never-decided",
        audience="public_security",
        dataset="population.resident",
        purpose=VISITS,
        recipient=STREET,
        columns=(GrantColumn(name="name", action=ColumnAction.CLEAR),),
        row_filter=Predicate(op=PredicateOp.PREFIX, column="residence_division", values=(STREET,)),
        issued_at=now,
        expires_at=now + 60,
    )
    key_id = json.loads((city.data / "keys" / "grant-keys.json").read_text())["keys"][0]["kid"]
    request = connector_pb2.ScanRequest(grant=sign_grant(grant, key=key, key_id=key_id), nonce=os.urandom(16))
    pki = city.data / "pki"
    files = CertificateFiles(certificate=pki / "gateway.pem", private_key=pki / "gateway.key", ca=pki / "ca.pem")
    host = department_host("public_security")
    with open_channel(_endpoint(city, "public_security"), host=host, pems=files.pems) as channel:
        *_, last = connector_pb2_grpc.ConnectorServiceStub(channel).Scan(request, timeout=200)
    return int(last.end.rows)


def _endpoint(city: City, department: str) -> str:
    connection = connect(city.profile("administrator"))
    try:
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        found = stub.ListRegistrations(
            registry_pb2.ListRegistrationsRequest(), metadata=connection.headers(), timeout=100
        )
        return next(one.instances[0].endpoint for one in found.registrations if one.department == department)
    finally:
        connection.close()
