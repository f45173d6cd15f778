"""The `connector` command as a department runs it: a process, a configuration file, a real database."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from catalog.vocabulary import ColumnAction
from connectors.__main__ import app
from connectors.conformance.clauses import CLAUSES
from connectors.sdk.grant import GrantColumn, ScanGrant, load_keys, sign_grant
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.tlog.note import VerificationKey, parse_checkpoint, verify_cosignature
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc
from sharing_stubs.sharing.witness.v1 import witness_pb2, witness_pb2_grpc
from tests.fakes.witnesses import MemoryTree
from tests.unit.connectors.conftest import Postgres

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
COLUMNS = {
    "case_number": "bh",
    "resident_id": "sfzh",
    "name": "xm",
    "household_id": "hh",
    "residence_division": "xzqh",
    "assistance_kind": "lx",
    "members": "rs",
    "monthly_amount": "je",
    "start_date": "ksrq",
    "end_date": "jsrq",
    "bank_account": "zh",
}
GOOD = ("A1", "440524188001010014", "王小明", "H1", "310101002003", "subsistence", 2, 1500, "2024-01-01", None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A department's folder: database, keys, configuration."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "connector.yaml"

    def configure(self, **changes: Any) -> None:
        document = {
            "department": "civil_affairs",
            "listen": "127.0.0.1:0",
            "plaintext": True,
            "grant_keys": "grant-keys.json",
            "source": {"kind": "sqlite", "path": "cases.db"},
            "datasets": {"civil_affairs.social_assistance": {"table": "cases", "columns": COLUMNS}},
            **changes,
        }
        self.config.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")

    def store(self, *rows: tuple[Any, ...]) -> None:
        with sqlite3.connect(self.folder / "cases.db") as connection:
            connection.execute("DROP TABLE IF EXISTS cases")
            connection.execute(f"CREATE TABLE cases ({', '.join(COLUMNS.values())})")
            connection.executemany(f"INSERT INTO cases VALUES ({', '.join('?' * len(COLUMNS))})", rows)

    def run(self, command: str, *options: str) -> Result:
        return CliRunner().invoke(app, [command, str(self.config), *options], env={"COLUMNS": "200"})


REGISTRATION = registry_pb2.Registration(
    department="civil_affairs",
    connector="main",
    datasets=[registry_pb2.DatasetState(name="civil_affairs.social_assistance")],
    state=registry_pb2.REGISTRATION_STATE_CHECKED,
)


@pytest.fixture
def department(tmp_path: Path) -> Department:
    made = Department(folder=tmp_path)
    public = base64.urlsafe_b64encode(KEY.public_key().public_bytes_raw()).decode().rstrip("=")
    keys = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": public, "use": "sig", "alg": "EdDSA"}]}
    (tmp_path / "grant-keys.json").write_text(json.dumps(keys), "utf-8")
    made.store(GOOD)
    made.configure()
    return made


class Registry(registry_pb2_grpc.RegistryServiceServicer):
    """A gateway's registry that refuses the first call, calls back those on this machine, and counts heartbeats."""

    def __init__(self) -> None:
        self.requests: list[registry_pb2.RegisterRequest] = []
        self.confirmed: list[bool] = []
        self.beats: list[registry_pb2.HeartbeatRequest] = []
        self.beating = threading.Event()

    def Register(
        self, request: registry_pb2.RegisterRequest, context: grpc.ServicerContext
    ) -> registry_pb2.RegisterResponse:
        self._check(context)
        self.requests.append(request)
        if len(self.requests) == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "BUSY")
        if request.endpoint.startswith("127.0.0.1"):
            self.confirmed += [self._confirms(request), self._confirms(request)]
        return registry_pb2.RegisterResponse(registration=REGISTRATION, generation=7, lease_seconds=1)

    def Heartbeat(
        self, request: registry_pb2.HeartbeatRequest, context: grpc.ServicerContext
    ) -> registry_pb2.HeartbeatResponse:
        self._check(context)
        self.beats.append(request)
        if len(self.beats) == 2:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "superseded")
        if len(self.beats) == 3:
            self.beating.set()
        return registry_pb2.HeartbeatResponse(registration=REGISTRATION, lease_seconds=1)

    def _check(self, context: grpc.ServicerContext) -> None:
        if ("authorization", "Bearer the-token") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")

    def _confirms(self, request: registry_pb2.RegisterRequest) -> bool:
        asked = connector_pb2.DescribeRequest(registration_nonce=request.nonce)
        with grpc.insecure_channel(request.endpoint) as channel:
            answer = connector_pb2_grpc.ConnectorServiceStub(channel).Describe(asked, timeout=100)
        assert answer.instance_id == request.instance_id
        return answer.confirms_registration


@pytest.fixture
def registry() -> Iterator[tuple[str, Registry]]:
    servicer, server = Registry(), grpc.server(ThreadPoolExecutor(2))
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", servicer
    server.stop(0).wait()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_registers_and_stops(
    department: Department, registry: tuple[str, Registry], stop: signal.Signals
) -> None:
    """READY comes when calls are answered; a signal ends it cleanly in time.

    Registration is retried until accepted, confirmed once each, kept alive by heartbeats and renewed when one is refused.
    """
    endpoint, servicer = registry
    (department.folder / "token.jwt").write_text("the-token\n", "utf-8")
    department.configure(registration={"endpoint": endpoint, "token_file": "token.jwt", "plaintext": True})
    command = [sys.executable, "-m", "connectors", "serve", str(department.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            ready, address = process.stdout.readline().split()
            assert ready == "READY"
            with grpc.insecure_channel(address) as channel:
                stub = connector_pb2_grpc.ConnectorServiceStub(channel)
                response = stub.Describe(connector_pb2.DescribeRequest(), timeout=100)
            assert (response.department, [one.name for one in response.datasets]) == (
                "civil_affairs",
                ["civil_affairs.social_assistance"],
            )
            assert servicer.beating.wait(100)
            assert {request.endpoint for request in servicer.requests} == {address}
            assert len({request.instance_id for request in (*servicer.requests, *servicer.beats)}) == 1
            assert len({request.nonce for request in servicer.requests}) == len(servicer.requests)
            assert servicer.confirmed[:4] == [True, False, True, False]
            assert {request.generation for request in servicer.beats} == {7}
            process.send_signal(stop)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def test_a_signal_ends_serving_while_a_scan_runs(department: Department, postgres: Postgres) -> None:
    """A query that would run for a minute is stopped in the database, and the process ends in time."""
    types = {"rs": "int2", "je": "int4", "ksrq": "date", "jsrq": "date"}
    slow = ", ".join(
        f"NULL::{types.get(own, 'text')} AS {own}" for own in COLUMNS.values() if own not in {"bh", "xzqh"}
    )
    postgres.run(
        "DROP VIEW IF EXISTS slow_cases",
        f"CREATE VIEW slow_cases AS SELECT pg_sleep(60)::text AS bh, '31'::text AS xzqh, {slow} FROM generate_series(1, 9)",
    )
    dataset = {"table": "slow_cases", "columns": COLUMNS}
    department.configure(
        source={"kind": "postgresql", "uri": postgres.uri}, datasets={"civil_affairs.social_assistance": dataset}
    )
    now = int(time.time())
    grant = ScanGrant(
        grant_id="g",
        decision_id="d",
        audience="civil_affairs",
        dataset="civil_affairs.social_assistance",
        purpose="p",
        recipient="r",
        columns=(GrantColumn(name="case_number", action=ColumnAction.CLEAR),),
        row_filter=Predicate(op=PredicateOp.PREFIX, column="residence_division", values=("31",)),
        issued_at=now,
        expires_at=now + 60,
    )
    command = [sys.executable, "-m", "connectors", "serve", str(department.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            with grpc.insecure_channel(process.stdout.readline().split()[1]) as channel:
                signed = sign_grant(grant, key=KEY, key_id="k1")
                request = connector_pb2.ScanRequest(grant=signed, nonce=bytes(16))
                stream = connector_pb2_grpc.ConnectorServiceStub(channel).Scan(request, timeout=200)
                running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'FETCH%' AND state = 'active'"
                while postgres.rows(running) == [(0,)]:
                    time.sleep(0.05)
                process.send_signal(signal.SIGTERM)
                with pytest.raises(grpc.RpcError):
                    list(stream)
                assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def test_a_department_witnesses_the_access_log(department: Department) -> None:
    """With a witness in its configuration a connector cosigns checkpoints under the key that `witness-key` prints."""
    tree = MemoryTree([bytes(32)])
    department.configure(witness={"directory": "witness", "logs": [tree.public_key.to_text()]})
    printed = department.run("witness-key")
    assert printed.exit_code == 0, printed.stderr
    command = [sys.executable, "-m", "connectors", "serve", str(department.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            with grpc.insecure_channel(process.stdout.readline().split()[1]) as channel:
                request = witness_pb2.AddCheckpointRequest(checkpoint=tree.checkpoint())
                line = witness_pb2_grpc.WitnessServiceStub(channel).AddCheckpoint(request, timeout=100).cosignature
        finally:
            process.kill()
    checkpoint, _ = parse_checkpoint(tree.checkpoint())
    assert verify_cosignature(line, checkpoint=checkpoint, witness_key=VerificationKey.from_text(printed.stdout)) > 0


def test_a_department_without_a_witness_has_no_witness_key(department: Department) -> None:
    """The command says what is missing, and makes nothing."""
    result = department.run("witness-key")
    assert (result.exit_code, "witness" in result.stderr) == (2, True)


def test_check_passes_a_good_source(department: Department) -> None:
    """No clause fails, the command exits 0, and the report for the auditor says the same."""
    result = department.run("check", "--report", str(department.folder / "report.md"))
    assert result.exit_code == 0, result.stdout + result.stderr
    page = (department.folder / "report.md").read_text("utf-8")
    assert "未通过" not in result.stdout + page
    assert all(f"| {clause} |" in page for clause in CLAUSES)
    assert not any(value in page for value in ("440524188001010014", "王小明"))


@pytest.mark.parametrize(
    ("position", "value", "clause", "column"),
    [
        (5, "lottery", "D2", "assistance_kind"),
        (7, None, "D1", "monthly_amount"),
        (6, 99_999, "D4", "members"),
    ],
)
def test_check_fails_a_source_that_breaks_a_promise(
    department: Department, position: int, value: Any, clause: str, column: str
) -> None:
    """The failed clause is named with its column, without the value, and the command exits 1."""
    department.store(GOOD, ("A2", *GOOD[1:position], value, *GOOD[position + 1 :]))
    result = department.run("check", "--report", str(department.folder / "report.json"))
    assert result.exit_code == 1, result.stdout + result.stderr
    report = json.loads((department.folder / "report.json").read_text("utf-8"))
    assert [entry["clause"] for entry in report["results"]] == list(CLAUSES)
    (failed,) = [entry for entry in report["results"] if entry["clause"] == clause]
    assert (failed["outcome"], column in failed["details"][0]["detail"]["en"]) == ("failed", True)
    assert str(value) not in json.dumps(report) or value in {None, "31"}


def test_check_fails_when_the_database_is_missing(department: Department) -> None:
    """No database is a failed clause, not a crash."""
    (department.folder / "cases.db").unlink()
    result = department.run("check")
    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if "C1" in line and "未通过 failed" in line]


def test_check_makes_a_key_for_a_connector_in_another_language(department: Department) -> None:
    """Of a connector that runs elsewhere the kit needs a file of its own kind, and hands it a key set to be started with."""
    settings = {"kind": "check", "endpoint": "127.0.0.1:1", "department": "civil_affairs", "grant_private_key": "k.pem"}
    department.config.write_text(yaml.safe_dump(settings), "utf-8")
    result = department.run("check")
    assert result.exit_code == 1
    assert set(load_keys(department.folder / "k.pem.jwks.json")) == {"conformance"}
    department.config.write_text(yaml.safe_dump(settings | {"endpoint": "connector.example:1"}), "utf-8")
    refused = department.run("check")
    assert (refused.exit_code, "plaintext is for loopback only" in refused.stderr) == (2, True)


def test_register_prints_the_answer(department: Department, registry: tuple[str, Registry]) -> None:
    """The gateway's refusal is exit 2, its acceptance is printed."""
    (department.folder / "token.jwt").write_text("the-token", "utf-8")
    department.configure(
        registration={"endpoint": registry[0], "token_file": "token.jwt", "plaintext": True},
        advertise="connector.example:8815",
    )
    refused = department.run("register")
    assert (refused.exit_code, "UNAVAILABLE BUSY" in refused.stderr) == (2, True)
    accepted = department.run("register")
    assert accepted.stdout.split() == ["civil_affairs", "main", "checked", "civil_affairs.social_assistance"]
    assert [request.endpoint for request in registry[1].requests] == ["connector.example:8815"] * 2


def test_a_wrong_configuration_names_every_problem(department: Department) -> None:
    """All problems come at once, in both languages, with exit 2."""
    department.configure(listen="nowhere", datasets={}, colour="green")
    result = department.run("serve")
    assert result.exit_code == 2
    assert {line.split(":")[0] for line in result.stderr.splitlines()} == {"listen", "datasets", "colour"}


def test_missing_grant_keys_stop_the_start(department: Department) -> None:
    """A connector that cannot verify grants does not serve."""
    (department.folder / "grant-keys.json").write_text("{}", "utf-8")
    result = department.run("serve")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "授权公钥" in result.stderr
