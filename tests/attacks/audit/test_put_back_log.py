"""An insider stops the gateway and restores its log from a backup: every signature in it is genuine."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import structlog

from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.note import VerificationKey
from connectors.sdk.tlog.witness import Witness, witness_key
from connectors.sdk.tls import CertificateFiles, server_credentials
from connectors.sdk.witness_server import WitnessServicer
from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.settings import Settings
from gateway.wiring import make_gateway
from sharing_stubs.sharing.witness.v1 import witness_pb2_grpc

WITNESS = "health/witness"


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    local = LocalCity(
        data=tmp_path / "city",
        residents=1_000,
        policy=PolicyEngine.EMBEDDED,
        port=0,
        stop=threading.Event(),
        say=lambda zh, en: None,
    )
    local.write_deployment()
    return tmp_path / "city"


@pytest.fixture
def witness(deployment: Path, tmp_path: Path) -> Iterator[str]:
    """A department's witness of the deployment's log; its section of the gateway's configuration."""
    log_key = VerificationKey.from_text((deployment / "keys" / "audit-verification-key.txt").read_text("utf-8"))
    directory = tmp_path / "witness"
    witness = Witness(directory, name=WITNESS, log_keys=[log_key], clock_seconds=lambda: 1.0, files=OsFiles())
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    servicer = WitnessServicer(witness, log=structlog.wrap_logger(structlog.ReturnLogger()))
    witness_pb2_grpc.add_WitnessServiceServicer_to_server(servicer, server)
    pki = deployment / "pki"
    certificate = CertificateFiles(certificate=pki / "health.pem", private_key=pki / "health.key", ca=pki / "ca.pem")
    port = server.add_secure_port("127.0.0.1:0", server_credentials(certificate))
    server.start()
    key = witness_key(directory, name=WITNESS).to_text()
    yield f'\n[[audit_witnesses]]\nendpoint = "127.0.0.1:{port}"\nkey = "{key}"\n'
    server.stop(None).wait()
    witness.close()


def run_once(deployment: Path) -> None:
    gateway = make_gateway(Settings.load(deployment / "gateway.toml"))
    gateway.start()
    gateway.stop()


def put_back(deployment: Path) -> None:
    """Let the gateway write, then restore its log as it was before."""
    run_once(deployment)
    shutil.copytree(deployment / "audit", deployment / "backup")
    run_once(deployment)
    shutil.rmtree(deployment / "audit")
    (deployment / "backup").rename(deployment / "audit")


def test_a_gateway_does_not_start_on_a_log_that_was_put_back(deployment: Path, witness: str) -> None:
    """The witness has seen later entries, and shows the gateway its own signature on them."""
    configuration = deployment / "gateway.toml"
    configuration.write_text(configuration.read_text("utf-8") + witness, "utf-8")
    put_back(deployment)
    with pytest.raises(Unavailable) as refused:
        run_once(deployment)
    assert refused.value.reason is Reason.AUDIT_UNAVAILABLE
    assert f"witness {WITNESS} saw 2 entries, the log has 1: it was put back" in refused.value.internal


def test_twin_without_a_witness_it_starts(deployment: Path) -> None:
    """The folder alone cannot tell an old state from a new one."""
    put_back(deployment)
    run_once(deployment)
