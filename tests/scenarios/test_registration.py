"""The life of a registration, on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from catalog.load import load_catalogue
from catalog.registry import NotServed
from gateway.wiring import Gateway
from sharing_stubs.sharing.registry.v1 import registry_pb2 as pb
from tests.cities import City
from tests.fakes.little_connectors import HEALTH_CODE, VACCINATION, LittleConnector, little_connector
from tests.lone_gateway import command_line, lone_gateway

STEWARD, ADMINISTRATOR, AUDITOR = "department-health", "administrator", "auditor"
Lone = tuple[City, Gateway]


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lone]:
    with lone_gateway(tmp_path_factory.mktemp("lone")) as made:
        yield made


def registry(city: City, *arguments: str, who: str = ADMINISTRATOR) -> str:
    ended = command_line(city, "registry", *arguments, "--language", "en", who=who)
    assert ended.exit_code == 0, ended.output
    return ended.output


def refused(city: City, *arguments: str, who: str) -> str:
    ended = command_line(city, "registry", *arguments, "--language", "en", who=who)
    assert ended.exit_code != 0, ended.output
    return ended.output + (ended.stderr or "")


def test_from_registration_to_withdrawal(lone: Lone, tmp_path: Path) -> None:
    """A department registers, an administrator approves, its steward stops and resumes it; everything is in the history."""
    city, gateway = lone
    with little_connector(city, tmp_path / "c", connector="life") as connector:
        answer = connector.registry.register()
        assert answer.registration.state == pb.REGISTRATION_STATE_CHECKED
        assert gateway.registers.registry.serving(VACCINATION).because is NotServed.NOT_APPROVED
        refused(city, "approve", "health", "--connector", "life", who=STEWARD)
        assert "active" in registry(city, "approve", "health", "--connector", "life")
        assert gateway.registers.registry.serving(VACCINATION).because is None

        stop = ["suspend", "health", "--connector", "life", "--reason", "restoring a backup"]
        refused(city, *stop, who="department-housing")
        assert "suspended" in registry(city, *stop, who=STEWARD)
        assert gateway.registers.registry.serving(VACCINATION).because is NotServed.SUSPENDED
        back = ["resume", "health", "--connector", "life", "--reason", "restored"]
        assert "active" in registry(city, *back, who=STEWARD)

        registry(city, "suspend", "health", "--connector", "life", "--reason", "under investigation")
        refused(city, *back, who=STEWARD)
        registry(city, *back)
        connector.registry.heartbeat(answer.generation)
        registry(city, "withdraw", "health", "--connector", "life", "--reason", "replaced", who=STEWARD)
        with pytest.raises(grpc.RpcError, match="withdrawn"):
            connector.registry.register()
    shown = registry(city, "show", "health", "--connector", "life", who=AUDITOR)
    for text in ("checked", "active", "suspended", "withdrawn", "restoring a backup", "replaced", STEWARD):
        assert text in shown
    actions = [entry["body"]["action"] for entry in city.entries(kind="registration")]
    assert [action for action in actions if action != "register"] == [
        "approve",
        "suspend",
        "resume",
        "suspend",
        "resume",
        "withdraw",
    ]


def test_a_reason_is_needed_and_names_nobody(lone: Lone) -> None:
    """A stop without a reason, or with a resident ID in it, is refused."""
    city, _ = lone
    for reason in (" ", "110105194912310021"):
        assert "GOVERNANCE_REFUSED" in refused(
            city, "suspend", "health", "--connector", "life", "--reason", reason, who=ADMINISTRATOR
        )


@pytest.fixture
def drifting(lone: Lone, tmp_path: Path) -> Iterator[tuple[LittleConnector, pb.RegisterResponse]]:
    city, _ = lone
    with little_connector(city, tmp_path / "d", connector="drifting") as connector:
        answer = connector.registry.register()
        if answer.registration.state == pb.REGISTRATION_STATE_CHECKED:
            registry(city, "approve", "health", "--connector", "drifting")
        yield connector, answer


def test_drift_stops_one_dataset_until_it_is_repaired(
    lone: Lone, drifting: tuple[LittleConnector, pb.RegisterResponse]
) -> None:
    """With the next heartbeat a changed table is stopped, by the names of its columns, and served again once repaired."""
    city, gateway = lone
    connector, answer = drifting
    dataset = load_catalogue().datasets[VACCINATION]
    connector.rewrite(dataset, without="dose")
    beat = connector.registry.heartbeat(answer.generation)
    drift = {one.name: one.drift.en for one in beat.registration.datasets if one.HasField("drift")}
    assert drift == {VACCINATION: "missing columns: dose."}
    assert gateway.registers.registry.serving(VACCINATION).because is NotServed.DRIFTED
    assert gateway.registers.registry.serving(HEALTH_CODE).because is None
    assert "missing columns: dose." in registry(city, "list", who=STEWARD)
    (found,) = city.entries(kind="registration")[-1:]
    assert found["body"]["drifts"] == [{"name": VACCINATION, "found": "missing columns: dose."}]

    connector.rewrite(dataset)
    connector.registry.heartbeat(answer.generation)
    assert gateway.registers.registry.serving(VACCINATION).because is None
    assert city.entries(kind="registration")[-1]["body"]["drifts"] == []


def test_a_missing_table_stops_its_own_dataset(
    lone: Lone, drifting: tuple[LittleConnector, pb.RegisterResponse]
) -> None:
    """At a heartbeat and when its connector registers again, without a new approval; the other datasets are served."""
    _, gateway = lone
    connector, answer = drifting
    connector.drop(VACCINATION)
    for tell in (lambda: connector.registry.heartbeat(answer.generation), connector.registry.register):
        told = tell().registration
        assert told.state == pb.REGISTRATION_STATE_ACTIVE
        assert [one.name for one in told.datasets if one.HasField("drift")] == [VACCINATION]
        assert gateway.registers.registry.serving(VACCINATION).because is NotServed.DRIFTED
        assert gateway.registers.registry.serving(HEALTH_CODE).because is None


def test_drift_that_a_scan_finds_is_recorded(lone: Lone, drifting: tuple[LittleConnector, pb.RegisterResponse]) -> None:
    """It is an entry of the access log, by the gateway itself, before the dataset stops; one that agrees is not stopped."""
    city, gateway = lone
    connector, _ = drifting
    dataset, replicas = load_catalogue().datasets[VACCINATION], gateway.path.replicas
    (instance,) = gateway.registers.registry.serving(VACCINATION).instances
    assert replicas.described_drift(dataset, instance=instance) is None
    connector.rewrite(dataset, without="dose")
    text = replicas.described_drift(dataset, instance=instance)
    assert text is not None
    replicas.report_drift(VACCINATION, instance=instance, text=text)
    assert gateway.registers.registry.serving(VACCINATION).because is NotServed.DRIFTED
    body = city.entries(kind="registration")[-1]["body"]
    assert (body["action"], body["drifts"]) == ("scan", [{"name": VACCINATION, "found": "missing columns: dose."}])
    assert "requester" not in body


def test_a_connector_that_restarts_elsewhere_need_not_wait(
    lone: Lone, drifting: tuple[LittleConnector, pb.RegisterResponse], tmp_path: Path
) -> None:
    """The gateway finds that nobody answers at the old address, and serves from the new one at once."""
    city, gateway = lone
    with little_connector(city, tmp_path / "e", connector="drifting") as replica:
        replica.registry.register()
    with little_connector(city, tmp_path / "f", connector="drifting") as successor:
        answer = successor.registry.register()
        running = {one.instance_id for one in gateway.registers.registry.serving(HEALTH_CODE).instances}
        assert (successor.instance.id in running, replica.instance.id in running) == (True, False)
        assert answer.registration.state == pb.REGISTRATION_STATE_ACTIVE


def test_a_new_connector_that_is_not_as_catalogued_is_told_what_is_wrong(lone: Lone, tmp_path: Path) -> None:
    """It is kept as requested, with the columns, until it registers repaired."""
    city, _ = lone
    lease = "housing.lease"
    dataset = load_catalogue().datasets[lease]
    with little_connector(city, tmp_path / "h", department="housing", datasets=(lease,)) as connector:
        missing = dataset.columns[-1].name
        connector.rewrite(dataset, without=missing)
        with pytest.raises(grpc.RpcError, match=f"missing columns: {missing}"):
            connector.registry.register()
        assert "requested" in registry(city, "list")
        refused(city, "approve", "housing", who=ADMINISTRATOR)
        connector.rewrite(dataset)
        assert connector.registry.register().registration.state == pb.REGISTRATION_STATE_CHECKED
