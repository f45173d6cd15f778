"""Registrations that are not what they say: refused, and recorded with the reason."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from catalog.registry import RegistrationState
from connectors.sdk.identity import GATEWAY_HOST, department_host
from connectors.sdk.instance import RunningInstance
from gateway.doors.cli.certificates import Authority, Use
from gateway.wiring import Gateway
from sharing_stubs.sharing.registry.v1 import registry_pb2 as pb
from sharing_stubs.sharing.registry.v1 import registry_pb2_grpc
from tests.cities import City
from tests.fakes.little_connectors import HEALTH_CODE, VACCINATION, LittleConnector, little_connector, registry_of
from tests.governing import restore_access, revoke_access
from tests.lone_gateway import command_line, lone_gateway

NOW = datetime.datetime.now(datetime.UTC)
CIVIL = ("civil_affairs.social_assistance",)
Lone = tuple[City, Gateway]


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lone]:
    with lone_gateway(tmp_path_factory.mktemp("lone")) as made:
        yield made


@pytest.fixture(scope="module")
def honest(lone: Lone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LittleConnector]:
    """The health department's connector, registered and approved."""
    city, _ = lone
    with little_connector(city, tmp_path_factory.mktemp("honest")) as connector:
        connector.registry.register()
        assert command_line(city, "registry", "approve", "health", who="administrator").exit_code == 0
        yield connector


class Confirming(RunningInstance):
    """An instance that says yes to every registration: the twin of one that knows its own."""

    def confirm(self, nonce: bytes) -> bool:
        return nonce != b""


def refusal(error: grpc.RpcError, city: City) -> str:
    """The public text, which is also what the last entry of the log says."""
    reason = recorded(error, city)
    assert reason.rstrip(".") in error.details()
    return reason


def recorded(error: grpc.RpcError, city: City) -> str:
    """What the last entry of the log says of a refusal."""
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "[REGISTRATION_REFUSED]" in error.details()
    entry = city.entries(kind="registration")[-1]["body"]
    assert (entry["outcome"], entry["requester"]["subject"]) == ("refused", f"connector-{entry['department']}")
    return str(entry["reason"])


def refused(connector: LittleConnector, city: City) -> str:
    with pytest.raises(grpc.RpcError) as raised:
        connector.registry.register()
    return refusal(raised.value, city)


def stub(city: City, department: str) -> tuple[registry_pb2_grpc.RegistryServiceStub, list[tuple[str, str]]]:
    token = (city.data / "tokens" / f"connector-{department}.jwt").read_text("utf-8").strip()
    channel = grpc.insecure_channel(city.profile("administrator").endpoint.removeprefix("grpc://"))
    return registry_pb2_grpc.RegistryServiceStub(channel), [("authorization", f"Bearer {token}")]


def registration(**changes: str | bytes) -> pb.RegisterRequest:
    fields = {"endpoint": "127.0.0.1:1", "connector": "main", "instance_id": "i", "nonce": bytes(16), "software": ""}
    return pb.RegisterRequest(**(fields | changes))


@pytest.mark.parametrize(
    ("called", "why"),
    [
        ("population.household", "another department as its controller"),
        ("Population.HOUSEHOLD", "another department as its controller"),
        ("population.house\u200bhold", "another department as its controller"),
        ("health.Vaccination", "not written as in the catalogue"),
        ("health.vaccinatiоn", "no dataset"),
    ],
)
def test_another_departments_dataset_is_refused(lone: Lone, tmp_path: Path, called: str, why: str) -> None:
    """Also by case, by an invisible character and by a lookalike; nobody serves it afterwards."""
    city, gateway = lone
    with little_connector(city, tmp_path / "c", datasets=(VACCINATION,), called={VACCINATION: called}) as connector:
        assert why in refused(connector, city)
    assert gateway.registers.registry.serving("population.household").instances == ()


def test_a_replayed_registration_is_refused(lone: Lone, honest: LittleConnector) -> None:
    """Whoever saw a registration and holds the token cannot send it again: the connector did not ask for it."""
    city, _ = lone
    seen = b"n" * 16
    service, token = stub(city, "health")
    request = pb.RegisterRequest(
        endpoint=honest.endpoint, connector="main", instance_id=honest.instance.id, nonce=seen, software="x"
    )
    with honest.instance.registering(seen):
        assert service.Register(request, metadata=token, timeout=100).generation == 1
        with pytest.raises(grpc.RpcError) as again:
            service.Register(request, metadata=token, timeout=100)
    assert "did not send this registration" in refusal(again.value, city)


def test_a_stolen_token_registers_nobody_elses_connector(lone: Lone, honest: LittleConnector) -> None:
    """The connector at the address is asked, and says that it is not registering."""
    city, gateway = lone
    thief = registry_of(city, "health", instance=RunningInstance("thief"), endpoint=honest.endpoint)
    with pytest.raises(grpc.RpcError) as raised:
        thief.register()
    assert "did not send this registration" in refusal(raised.value, city)
    assert [one.instance_id for one in gateway.registers.registry.instances("health")] == [honest.instance.id]


def test_without_the_connectors_word_a_replay_would_get_in(
    lone: Lone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: a connector that confirms what it did not send is registered by somebody else."""
    city, gateway = lone
    monkeypatch.setattr("tests.fakes.little_connectors.RunningInstance", Confirming)
    with little_connector(city, tmp_path / "c", department="housing", datasets=("housing.lease",)) as connector:
        thief = registry_of(
            city, "housing", instance=RunningInstance(connector.instance.id), endpoint=connector.endpoint
        )
        thief.register()
    found = gateway.registers.registry.registration("housing", "main")
    assert found is not None
    assert found.state is RegistrationState.CHECKED


def test_a_stale_instance_is_refused(lone: Lone, tmp_path: Path) -> None:
    """After a restart at the same address the earlier process's heartbeat counts for nothing, nor a made-up one."""
    city, _ = lone
    with little_connector(city, tmp_path / "a", department="civil_affairs", datasets=CIVIL) as first:
        generation = first.registry.register().generation
    with little_connector(
        city, tmp_path / "b", department="civil_affairs", datasets=CIVIL, listen=first.endpoint
    ) as second:
        assert second.registry.register().generation == generation + 1
        for connector, number in ((first, generation), (second, generation), (second, generation + 2)):
            with pytest.raises(grpc.RpcError) as raised:
                connector.registry.heartbeat(number)
            assert "superseded" in refusal(raised.value, city)
        second.registry.heartbeat(generation + 1)


def test_a_revoked_connector_is_not_heard(lone: Lone, honest: LittleConnector) -> None:
    """While its account is revoked it neither registers nor prolongs its lease."""
    city, gateway = lone
    generation = gateway.registers.registry.instances("health")[0].generation
    revoke_access(city, "REQUESTER", "connector-health")
    for call in (honest.registry.register, lambda: honest.registry.heartbeat(generation)):
        with pytest.raises(grpc.RpcError, match="REQUESTER_REVOKED"):
            call()
    restore_access(city, "REQUESTER", "connector-health")
    honest.registry.heartbeat(generation)


def test_a_replica_with_other_content_is_refused(lone: Lone, honest: LittleConnector, tmp_path: Path) -> None:
    """The same datasets over another table are no replica; over the same rows they are."""
    city, gateway = lone
    with little_connector(city, tmp_path / "other", rows=30) as other:
        assert "it is no replica" in refused(other, city)
    with little_connector(city, tmp_path / "few", datasets=(HEALTH_CODE,)) as few:
        assert "datasets differ" in refused(few, city)
    with little_connector(city, tmp_path / "same") as same:
        same.registry.register()
        running = [one.instance_id for one in gateway.registers.registry.serving(HEALTH_CODE).instances]
        assert running == [honest.instance.id, same.instance.id]


@pytest.mark.parametrize(
    ("hosts", "use", "days", "why"),
    [
        ([department_host("housing")], Use.CONNECTOR, 1, "the certificate is another's"),
        ([GATEWAY_HOST], Use.GATEWAY, 1, "the certificate is another's"),
        ([department_host("health")], Use.CONNECTOR, -1, "the certificate has expired"),
    ],
)
def test_a_wrong_certificate_is_refused(
    lone: Lone, tmp_path: Path, hosts: list[str], use: Use, days: int, why: str
) -> None:
    """Another department's, the gateway's and an expired one open nothing, and the log says which it was."""
    city, _ = lone
    authority = Authority.load(city.data / "pki")
    begun = NOW - datetime.timedelta(days=3)
    authority.issue(tmp_path / "shown", hosts=hosts, use=use, now=begun, days=3 + days)
    with little_connector(city, tmp_path / "c", certificate=tmp_path / "shown") as connector:
        assert why in refused(connector, city)


def test_another_authoritys_certificate_is_refused(lone: Lone, tmp_path: Path) -> None:
    """A certificate with the right name from an authority of somebody's own is none."""
    city, _ = lone
    own = Authority.make(tmp_path, now=NOW)
    own.issue_department(tmp_path, "health", now=NOW, days=1)
    with little_connector(city, tmp_path / "c", certificate=tmp_path / "health") as connector:
        with pytest.raises(grpc.RpcError) as raised:
            connector.registry.register()
        assert "not of a trusted authority" in recorded(raised.value, city)
        assert f"no connector answers at {connector.endpoint} with" in raised.value.details()


def test_registering_is_no_way_to_look_for_open_ports(lone: Lone) -> None:
    """Closed, no TLS, a name that is none: who asks reads the same of each, and the log says which it was."""
    city, _ = lone
    service, token = stub(city, "health")
    told = set()
    for endpoint, why in (
        ("127.0.0.1:1", "cannot be reached"),
        (city.profile("administrator").endpoint.removeprefix("grpc://"), "does not speak TLS"),
        ("a..b:80", "cannot be reached"),
        (f"{'a' * 64}.example:80", "cannot be reached"),
    ):
        with pytest.raises(grpc.RpcError) as raised:
            service.Register(registration(endpoint=endpoint), metadata=token, timeout=100)
        assert why in recorded(raised.value, city)
        told.add(raised.value.details().replace(endpoint, "…"))
    assert len(told) == 1


def test_a_sketch_that_is_none_is_refused(
    lone: Lone, honest: LittleConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that answers the comparison with something else is not let in."""
    city, _ = lone
    monkeypatch.setattr("connectors.sdk.sketch.Sketch.to_bytes", lambda _: b"short")
    with little_connector(city, tmp_path / "replica") as replica:
        assert "sent no valid sketch" in refused(replica, city)


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "127.0.0.1"},
        {"endpoint": "a\n:1"},
        {"connector": "Main"},
        {"connector": ""},
        {"instance_id": ""},
        {"instance_id": "x" * 64},
        {"nonce": b"short"},
        {"software": "\u4e2d" * 9},
    ],
)
def test_malformed_registrations_are_refused(lone: Lone, change: dict[str, str | bytes]) -> None:
    """What is not of its form is refused before anybody is called."""
    city, _ = lone
    service, token = stub(city, "health")
    with pytest.raises(grpc.RpcError) as raised:
        service.Register(registration(**change), metadata=token, timeout=100)
    refusal(raised.value, city)
