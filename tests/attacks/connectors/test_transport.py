"""Between gateway and connectors only the right certificate counts, whoever else holds one of the same authority."""

from __future__ import annotations

import datetime
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from connectors.sdk.identity import GATEWAY_HOST, department_host
from connectors.sdk.peer import PeerRefused
from connectors.sdk.server import start_server
from connectors.sdk.tls import CertificateFiles, open_channel, server_credentials
from gateway.doors.cli.certificates import Authority, Use
from gateway.scan import ConnectorChannels
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pki:
    """Certificates of a city, of an intruder in it, and of another city."""

    folder: Path

    def files(self, name: str, *, ca: str = "ca") -> CertificateFiles:
        path = self.folder / name
        return CertificateFiles(
            certificate=path.with_name(f"{path.name}.pem"),
            private_key=path.with_name(f"{path.name}.key"),
            ca=self.folder / f"{ca}.pem",
        )


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    health = [department_host("health")]
    city = Authority.make(folder, now=NOW)
    city.issue_gateway(folder, now=NOW, days=1)
    city.issue_department(folder, "health", now=NOW, days=1)
    city.issue_department(folder, "housing", now=NOW, days=1)
    city.issue(folder / "expired", hosts=health, use=Use.CONNECTOR, now=NOW - 3 * DAY, days=1)
    city.issue(folder / "future", hosts=health, use=Use.CONNECTOR, now=NOW + DAY, days=1)
    city.issue(folder / "insider", hosts=[department_host("housing")], use=Use.GATEWAY, now=NOW, days=1)
    city.issue(folder / "expired-gateway", hosts=[GATEWAY_HOST], use=Use.GATEWAY, now=NOW - 3 * DAY, days=1)
    other = folder / "other"
    other.mkdir()
    elsewhere = Authority.make(other, now=NOW)
    elsewhere.issue_gateway(other, now=NOW, days=1)
    elsewhere.issue_department(other, "health", now=NOW, days=1)
    return Pki(folder=folder)


class Department(connector_pb2_grpc.ConnectorServiceServicer):
    """Answers whoever gets through; its scans end when told."""

    def __init__(self) -> None:
        self.finish = threading.Event()

    def Describe(
        self, request: connector_pb2.DescribeRequest, context: grpc.ServicerContext
    ) -> connector_pb2.DescribeResponse:
        return connector_pb2.DescribeResponse(department="health")

    def Scan(
        self, request: connector_pb2.ScanRequest, context: grpc.ServicerContext
    ) -> Iterator[connector_pb2.ScanResponse]:
        yield connector_pb2.ScanResponse(record_batch=b"first")
        self.finish.wait(100)
        yield connector_pb2.ScanResponse(record_batch=b"last")


@contextmanager
def department(files: CertificateFiles | None, servicer: Department) -> Iterator[str]:
    server, port = start_server(servicer, listen="127.0.0.1:0", tls=files)  # type: ignore[arg-type]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        servicer.finish.set()
        server.stop(0).wait()


@contextmanager
def gateway(files: CertificateFiles | None) -> Iterator[ConnectorChannels]:
    channels = ConnectorChannels(files=files)
    try:
        yield channels
    finally:
        channels.close()


def describe(channel: grpc.Channel) -> str:
    """Return the department that answers, or why none does."""
    stub = connector_pb2_grpc.ConnectorServiceStub(channel)
    try:
        answer: str = stub.Describe(connector_pb2.DescribeRequest(), timeout=100).department
    except grpc.RpcError as error:
        return error.code().name
    return answer


def test_the_department_is_reached(pki: Pki) -> None:
    """With the right certificates on both sides the connector answers, and its certificate can be shown."""
    with (
        department(pki.files("health"), Department()) as endpoint,
        gateway(pki.files("gateway")) as channels,
    ):
        assert describe(channels.to(endpoint, department="health")) == "health"
        assert len(channels.certificate(endpoint, department="health")) == 64


@pytest.mark.parametrize(
    ("answering", "cause"),
    [
        ("housing", "another's: it does not hold the name health.department.sharing.internal"),
        ("gateway", "another's"),
        ("expired", "has expired"),
        ("future", "not yet valid"),
        ("other/health", "not of a trusted authority"),
        (None, "does not speak TLS"),
    ],
)
def test_whoever_else_answers_at_its_address_is_not_asked(pki: Pki, answering: str | None, cause: str) -> None:
    """At a department's address only that department's certificate counts, and the refusal names the cause in both languages."""
    files = None if answering is None else pki.files(answering)
    with department(files, Department()) as endpoint, gateway(pki.files("gateway")) as channels:
        assert describe(channels.to(endpoint, department="health")) == "UNAVAILABLE"
        with pytest.raises(PeerRefused) as refused:
            channels.certificate(endpoint, department="health")
    assert cause in refused.value.text.en
    assert refused.value.text.zh
    assert refused.value.is_known == (answering not in (None, "other/health"))


def test_an_address_where_nobody_answers_is_named(pki: Pki) -> None:
    """A connector that is not there is told from one that has a wrong certificate."""
    with gateway(pki.files("gateway")) as channels, pytest.raises(PeerRefused, match="cannot be reached"):
        channels.certificate("127.0.0.1:1", department="health")


def test_a_certificate_that_is_being_replaced_is_no_fault_of_the_others(pki: Pki, tmp_path: Path) -> None:
    """While the new key is there and its certificate is not, the earlier pair goes on."""
    for name in ("gateway.pem", "gateway.key", "ca.pem"):
        shutil.copy(pki.folder / name, tmp_path)
    with (
        department(pki.files("health"), Department()) as endpoint,
        gateway(Pki(folder=tmp_path).files("gateway")) as channels,
    ):
        shutil.copy(pki.folder / "health.key", tmp_path / "gateway.key")
        assert len(channels.certificate(endpoint, department="health")) == 64


def test_without_the_departments_name_its_neighbour_would_be_asked(pki: Pki) -> None:
    """Twin: who only asks for the authority takes another department's answer."""
    with department(pki.files("housing"), Department()) as endpoint:
        pems = pki.files("gateway").pems
        with open_channel(endpoint, host=department_host("housing"), pems=pems) as channel:
            assert describe(channel) == "health"


def test_a_gateway_that_would_speak_plaintext_would_be_answered(pki: Pki) -> None:
    """Twin: a plaintext impostor answers plaintext, so it is the gateway that must not speak it."""
    with department(None, Department()) as endpoint, gateway(None) as channels:
        assert describe(channels.to(endpoint, department="health")) == "health"


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        ("gateway", "health"),
        ("housing", "UNAVAILABLE"),
        ("insider", "PERMISSION_DENIED"),
        ("expired-gateway", "UNAVAILABLE"),
        ("other/gateway", "UNAVAILABLE"),
        ("no certificate", "UNAVAILABLE"),
        ("plaintext", "UNAVAILABLE"),
    ],
)
def test_a_connector_serves_the_gateway_only(pki: Pki, caller: str, status: str) -> None:
    """No other certificate opens a connector: not a department's, even when good for clients, and not none."""
    files = pki.files("health")
    with department(files, Department()) as endpoint, called(endpoint, pki=pki, caller=caller) as channel:
        assert describe(channel) == status


def called(endpoint: str, *, pki: Pki, caller: str) -> grpc.Channel:
    if caller == "plaintext":
        return grpc.insecure_channel(endpoint)
    if caller == "no certificate":
        roots = grpc.ssl_channel_credentials((pki.folder / "ca.pem").read_bytes())
        options = (("grpc.ssl_target_name_override", department_host("health")),)
        return grpc.secure_channel(endpoint, roots, options=options)
    return open_channel(endpoint, host=department_host("health"), pems=pki.files(caller).pems)


def test_without_the_gateways_name_an_insider_would_get_in(pki: Pki) -> None:
    """Twin: a server that only asks for the authority serves every department that has a certificate good for clients."""
    server = grpc.server(ThreadPoolExecutor(1))
    connector_pb2_grpc.add_ConnectorServiceServicer_to_server(Department(), server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(pki.files("health")))
    server.start()
    with called(f"127.0.0.1:{port}", pki=pki, caller="insider") as channel:
        assert describe(channel) == "health"
    server.stop(0).wait()


def test_a_refused_gateway_certificate_is_named(pki: Pki) -> None:
    """When it is the connector that refuses, the gateway says so instead of blaming the connector."""
    files = pki.files("health")
    with department(files, Department()) as endpoint, gateway(pki.files("expired-gateway")) as channels:
        with pytest.raises(PeerRefused, match="does not accept the gateway's certificate"):
            channels.certificate(endpoint, department="health")
        assert describe(channels.to(endpoint, department="health")) == "UNAVAILABLE"


def test_certificates_change_under_a_running_stream(tmp_path: Path) -> None:
    """When everything is replaced, authority included, running scans end well, new calls use the new, and the old opens nothing."""
    first = Authority.make(tmp_path, now=NOW)
    first.issue_gateway(tmp_path, now=NOW, days=1)
    first.issue_department(tmp_path, "health", now=NOW, days=1)
    pki, servicer = Pki(folder=tmp_path), Department()
    old = pki.files("gateway").pems
    with department(pki.files("health"), servicer) as endpoint, gateway(pki.files("gateway")) as channels:
        before = channels.certificate(endpoint, department="health")
        channel = channels.to(endpoint, department="health")
        scan = connector_pb2_grpc.ConnectorServiceStub(channel).Scan(connector_pb2.ScanRequest(), timeout=100)
        assert next(scan).record_batch == b"first"

        second = Authority.make(tmp_path, now=NOW)
        second.issue_department(tmp_path, "health", now=NOW, days=1)
        second.issue_gateway(tmp_path, now=NOW, days=1)

        assert channels.certificate(endpoint, department="health") != before
        assert channels.to(endpoint, department="health") is not channel
        assert describe(channels.to(endpoint, department="health")) == "health"
        with open_channel(endpoint, host=department_host("health"), pems=old) as stale:
            assert describe(stale) == "UNAVAILABLE"
        servicer.finish.set()
        assert [response.record_batch for response in scan] == [b"last"]
