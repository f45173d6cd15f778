"""The kit over TLS: as the gateway it gets in, and a connector that serves strangers fails C5."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from connectors.conformance.report import Report
from connectors.conformance.running import CheckSettings, check_running
from connectors.sdk.config import TlsSettings
from connectors.sdk.identity import department_host
from connectors.sdk.server import ConnectorServicer, start_server
from connectors.sdk.signing_key import signing_key
from connectors.sdk.tls import CertificateFiles, Pems
from gateway.doors.cli.certificates import Authority
from tests.conformance.served import PERSON, in_memory, servicer, serving


@pytest.fixture
def department(tmp_path: Path) -> Iterator[ConnectorServicer]:
    """The department `testing` with its certificates, and the gateway's."""
    now = datetime.datetime.now(datetime.UTC)
    city = Authority.make(tmp_path, now=now)
    city.issue_gateway(tmp_path, now=now, days=1)
    city.issue_department(tmp_path, "testing", now=now, days=1)
    with servicer(tmp_path, source=in_memory(), key=signing_key(tmp_path / "check-key.pem")) as made:
        yield made


def check(folder: Path, endpoint: str) -> Report:
    tls = TlsSettings(certificate=folder / "gateway.pem", private_key=folder / "gateway.key", ca=folder / "ca.pem")
    settings = CheckSettings(
        kind="check",
        endpoint=endpoint,
        department="testing",
        grant_private_key=folder / "check-key.pem",
        tls=tls,
    )
    return check_running(settings, catalogue={PERSON.name: PERSON})


def own(folder: Path) -> CertificateFiles:
    return CertificateFiles(
        certificate=folder / "testing.pem",
        private_key=folder / "testing.key",
        ca=folder / "ca.pem",
        host=department_host("testing"),
    )


def test_the_real_connector_serves_the_gateway_only(department: ConnectorServicer, tmp_path: Path) -> None:
    """Every clause about callers holds, and the report names the certificate."""
    server, port = start_server(department, listen="127.0.0.1:0", tls=own(tmp_path))
    try:
        report = check(tmp_path, f"127.0.0.1:{port}")
    finally:
        server.stop(0).wait()
    (callers,) = [result for result in report.results if result.clause == "C5"]
    assert (report.failed, callers.outcome) == ((), "passed"), report.to_markdown()
    assert len(report.certificate_sha256) == 64


def test_a_connector_that_serves_anybody_fails_c5(department: ConnectorServicer, tmp_path: Path) -> None:
    """TLS alone is not enough: whoever calls must show the gateway's certificate."""
    pems: Pems = own(tmp_path).pems
    credentials = grpc.ssl_server_credentials([(pems.private_key, pems.certificate)])
    with serving(department, credentials=credentials) as endpoint:
        assert check(tmp_path, endpoint).failed == ("C5",)
