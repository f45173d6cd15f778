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
from connectors.sdk.grant import GrantColumn, ScanGrant, sign_grant
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

    def run(self, command: str) -> Result:
        return CliRunner().invoke(app, [command, str(self.config)], env={"COLUMNS": "200"})


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
    """A gateway's registry that refuses the first call."""

    def __init__(self) -> None:
        self.endpoints: list[str] = []
        self.accepted = threading.Event()

    def Register(
        self, request: registry_pb2.RegisterRequest, context: grpc.ServicerContext
    ) -> registry_pb2.RegisterResponse:
        if ("authorization", "Bearer the-token") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
        self.endpoints.append(request.endpoint)
        if len(self.endpoints) == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "BUSY")
        self.accepted.set()
        registration = registry_pb2.Registration(
            department="civil_affairs",
            endpoint=request.endpoint,
            datasets=["civil_affairs.social_assistance"],
            state=registry_pb2.REGISTRATION_STATE_CHECKED,
        )
        return registry_pb2.RegisterResponse(registration=registration)


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
    """READY comes when calls are answered; registration is retried until accepted; a signal ends it cleanly in time."""
    endpoint, servicer = registry
    (department.folder / "token.jwt").write_text("the-token\n", "utf-8")
    department.configure(registration={"endpoint": endpoint, "token_file": "token.jwt"})
    command = [sys.executable, "-m", "connectors", "serve", str(department.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            ready, address = process.stdout.readline().split()
            assert ready == "READY"
            with grpc.insecure_channel(address) as channel:
                stub = connector_pb2_grpc.ConnectorServiceStub(channel)
                response = stub.Describe(connector_pb2.DescribeRequest(), timeout=10)
            assert (response.department, [one.name for one in response.datasets]) == (
                "civil_affairs",
                ["civil_affairs.social_assistance"],
            )
            assert servicer.accepted.wait(20)
            assert servicer.endpoints == [address, address]
            process.send_signal(stop)
            assert process.wait(timeout=5) == 0
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
                stream = connector_pb2_grpc.ConnectorServiceStub(channel).Scan(request, timeout=60)
                running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'FETCH%' AND state = 'active'"
                while postgres.rows(running) == [(0,)]:
                    time.sleep(0.05)
                process.send_signal(signal.SIGTERM)
                with pytest.raises(grpc.RpcError):
                    list(stream)
                assert process.wait(timeout=5) == 0
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
                line = witness_pb2_grpc.WitnessServiceStub(channel).AddCheckpoint(request, timeout=10).cosignature
        finally:
            process.kill()
    checkpoint, _ = parse_checkpoint(tree.checkpoint())
    assert verify_cosignature(line, checkpoint=checkpoint, witness_key=VerificationKey.from_text(printed.stdout)) > 0


def test_a_department_without_a_witness_has_no_witness_key(department: Department) -> None:
    """The command says what is missing, and makes nothing."""
    result = department.run("witness-key")
    assert (result.exit_code, "witness" in result.stderr) == (2, True)


def test_check_passes_a_good_source(department: Department) -> None:
    """Every check passes and the command exits 0."""
    result = department.run("check")
    assert result.exit_code == 0, result.stdout + result.stderr
    assert "未通过" not in result.stdout
    assert result.stdout.count("通过 pass") == 6


@pytest.mark.parametrize(
    ("position", "value", "check"),
    [
        (1, "440524188001010015", "标识符校验码 Check digits of identifiers"),
        (5, "lottery", "代码表 Code lists"),
        (7, None, "非空列 Columns without nulls"),
        (8, "2024-02-31", "非空列 Columns without nulls"),
        (6, 99_999, "抽样读取 A sample is read"),
        (4, "31", "标识符校验码 Check digits of identifiers"),
    ],
)
def test_check_fails_a_source_that_breaks_a_promise(
    department: Department, position: int, value: Any, check: str
) -> None:
    """The failed check is named in both languages, without the value, and the command exits 1."""
    department.store(GOOD, ("A2", *GOOD[1:position], value, *GOOD[position + 1 :]) if position else GOOD)
    result = department.run("check")
    assert result.exit_code == 1, result.stdout + result.stderr
    assert [line for line in result.stdout.splitlines() if check in line and "未通过 fail" in line]
    assert str(value) not in result.stdout or value in {None, "31"}


def test_check_fails_when_the_database_is_missing(department: Department) -> None:
    """No database is a failed check, not a crash."""
    (department.folder / "cases.db").unlink()
    result = department.run("check")
    assert result.exit_code == 1
    assert "数据源可以访问" in result.stdout


def test_register_prints_the_answer(department: Department, registry: tuple[str, Registry]) -> None:
    """The gateway's refusal is exit 2, its acceptance is printed."""
    (department.folder / "token.jwt").write_text("the-token", "utf-8")
    department.configure(
        registration={"endpoint": registry[0], "token_file": "token.jwt"}, advertise="connector.example:8815"
    )
    refused = department.run("register")
    assert (refused.exit_code, "UNAVAILABLE BUSY" in refused.stderr) == (2, True)
    accepted = department.run("register")
    assert accepted.stdout.split() == [
        "civil_affairs",
        "connector.example:8815",
        "checked",
        "civil_affairs.social_assistance",
    ]


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
