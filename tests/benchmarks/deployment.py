"""A gateway and connectors as real processes, with one more purpose that releases what the benchmarks ask for."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from catalog.dataset import Dataset
from catalog.load import ENTRIES, load_catalogue
from gateway.audit import SUBJECT_KEY_BYTES
from gateway.authenticate.tokens import issue_token
from gateway.client import Connection, Profile, connect
from gateway.doors.cli.certificates import issue_certificates
from gateway.doors.cli.keys import secret, signing_key, write_jwks
from gateway.doors.cli.local_city import free_port
from gateway.doors.cli.processes import ChildFailed, Children
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc

OFFICE = "310101"
"""Whose rows the row filter lets through."""
PURPOSE = "benchmark"
_ISSUER, _AUDIENCE, _KEY_ID = "benchmark", "sharing-gateway", "benchmark"
_REQUESTER, _ADMINISTRATOR = "benchmark-clerk", "benchmark-administrator"
_CONFIGURATION = """\
listen = "127.0.0.1:{port}"
catalogue = "catalogue"
requesters = "requesters.yaml"
audit_directory = "audit"
audit_key = "keys/audit.pem"
grant_key = "keys/grant.pem"
pseudonym_secret = "keys/pseudonym.secret"
subject_key = "keys/subject.secret"
registry_url = {registry}

[[issuers]]
issuer = "benchmark"
audience = "sharing-gateway"
jwks = "keys/issuer-jwks.json"

[connectors]
ca = "keys/ca.pem"
certificate = "keys/gateway.pem"
private_key = "keys/gateway.key"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A running gateway with its connectors."""

    endpoint: str
    """`grpc://host:port`."""
    token: str
    """Of a clerk of `OFFICE`."""
    pids: Mapping[str, int]
    """Process ids: `gateway`, and each department."""


def parquet_connector(department: str, *, folder: Path, datasets: Iterable[str]) -> dict[str, Any]:
    """Return the configuration of a connector over Parquet folders named like the datasets' columns."""
    catalogued = load_catalogue().datasets
    tables = {
        name: {"table": name, "columns": {column.name: column.name for column in catalogued[name].columns}}
        for name in datasets
    }
    return {"department": department, "source": {"kind": "parquet", "path": str(folder)}, "datasets": tables}


@contextmanager
def deployed(
    folder: Path,
    *,
    purpose: Mapping[str, Mapping[str, object]],
    connectors: Iterable[dict[str, Any]],
    datasets: Iterable[Mapping[str, object]] = (),
) -> Iterator[Deployment]:
    """Run a gateway and connectors below `folder`.

    Args:
        folder: For configuration, keys and the log.
        purpose: By dataset: the treatment of each column under the purpose `benchmark`.
        connectors: Configurations without keys, address and registration.
        datasets: Entries that the catalogue has besides the packaged ones.
    """
    port, configurations = free_port(), list(connectors)
    departments = [configuration["department"] for configuration in configurations]
    shutil.copytree(ENTRIES, folder / "catalogue")
    for dataset in datasets:
        (folder / "catalogue" / "datasets" / f"{dataset['name']}.yaml").write_text(json.dumps(dataset))
    catalogued = load_catalogue(folder / "catalogue").datasets
    _write_purpose(folder / "catalogue", purpose=purpose, datasets=catalogued)
    _write_keys(folder / "keys", departments=departments)
    tokens = _write_requesters(folder, departments)
    registry = json.dumps(f"sqlite:///{folder / 'registry.db'}")
    (folder / "gateway.toml").write_text(_CONFIGURATION.format(port=port, registry=registry))
    children = Children(logs=folder / "logs", stop=threading.Event())
    try:
        serve = [sys.executable, "-m", "gateway.serve", str(folder / "gateway.toml")]
        pids = {"gateway": children.start("gateway", serve).pid}
        children.wait_for("gateway", "READY", seconds_max=300)
        for configuration in configurations:
            department = configuration["department"]
            path = _write_connector(folder, configuration, port=port, token=tokens[f"connector-{department}"])
            command = [sys.executable, "-m", "connectors", "serve", str(path)]
            pids[department] = children.start(department, command).pid
        endpoint = f"grpc://127.0.0.1:{port}"
        _approve(_connect(endpoint, tokens[_ADMINISTRATOR]), departments)
        for department in departments:
            agreed = [name for name in purpose if catalogued[name].controller == department]
            _agree(_connect(endpoint, tokens[f"steward-{department}"]), department, datasets=agreed)
        yield Deployment(endpoint=endpoint, token=tokens[_REQUESTER], pids=pids)
    finally:
        children.stop()


def _write_purpose(
    folder: Path, *, purpose: Mapping[str, Mapping[str, object]], datasets: Mapping[str, Dataset]
) -> None:
    text = {"zh": "性能测试", "en": "Benchmark"}
    entry = {
        "id": PURPOSE,
        "title": text,
        "description": text,
        "legal_basis": [
            {
                "instrument": {
                    "zh": "《中华人民共和国个人信息保护法》",
                    "en": "Personal Information Protection Law",
                },
                "article": "13(1)(3)",
            }
        ],
        "lawful_ground": "statutory_duty",
        "active_from": "2022-05-24",
        "office_kinds": ["district"],
        "roles": ["clerk"],
        "datasets": [
            {"dataset": name, "jurisdiction": str(next(iter(datasets[name].jurisdiction))), "columns": dict(columns)}
            for name, columns in purpose.items()
        ],
        "quota": {"rows_per_day_max": 1_000_000_000_000},
        "obligations": {"rows_max": 100_000_000, "retention_days": 1, "onward_sharing": False},
    }
    (folder / "purposes" / f"{PURPOSE}.yaml").write_text(json.dumps(entry))


def _write_keys(folder: Path, *, departments: Iterable[str]) -> None:
    folder.mkdir()
    write_jwks(signing_key(folder / "issuer.pem"), folder / "issuer-jwks.json", key_id=_KEY_ID)
    write_jwks(signing_key(folder / "grant.pem"), folder / "grant-keys.json", key_id="gateway")
    signing_key(folder / "audit.pem")
    issue_certificates(folder, departments=departments, days=1)
    secret(folder / "pseudonym.secret")
    secret(folder / "subject.secret", size=SUBJECT_KEY_BYTES)


def _write_requesters(folder: Path, departments: Iterable[str]) -> Mapping[str, str]:
    """Write the directory and return everybody's token."""
    people: list[tuple[str, str, str, str | None]] = [
        (_REQUESTER, OFFICE, "clerk", None),
        (_ADMINISTRATOR, "audit-office", "administrator", None),
    ]
    people += [(f"connector-{department}", f"dept-{department}", "connector", department) for department in departments]
    people += [(f"steward-{department}", f"dept-{department}", "steward", department) for department in departments]
    entries = [
        {"subject": subject, "display_name": subject, "office": office, "roles": [role], "clearance": "general-4"}
        | ({"department": department} if department else {})
        for subject, office, role, department in people
    ]
    (folder / "requesters.yaml").write_text(json.dumps(entries))
    return {
        subject: issue_token(
            key=signing_key(folder / "keys" / "issuer.pem"),
            key_id=_KEY_ID,
            issuer=_ISSUER,
            audience=_AUDIENCE,
            subject=subject,
            token_id=str(uuid.uuid4()),
            issued_at=int(time.time()),
            lifetime_seconds=86_400,
        )
        for subject, *_ in people
    }


def _write_connector(folder: Path, configuration: dict[str, Any], *, port: int, token: str) -> Path:
    department = configuration["department"]
    token_file = folder / f"{department}.jwt"
    token_file.write_text(token)
    path = folder / f"{department}.yaml"
    surroundings = {
        "listen": "127.0.0.1:0",
        "grant_keys": str(folder / "keys" / "grant-keys.json"),
        "tls": {
            "certificate": str(folder / "keys" / f"{department}.pem"),
            "private_key": str(folder / "keys" / f"{department}.key"),
            "ca": str(folder / "keys" / "ca.pem"),
        },
        "registration": {"endpoint": f"127.0.0.1:{port}", "token_file": str(token_file), "plaintext": True},
    }
    path.write_text(yaml.safe_dump(configuration | surroundings, allow_unicode=True))
    return path


def _connect(endpoint: str, token: str) -> Connection:
    return connect(Profile(endpoint=endpoint, token=token, expires_at="", office=""))


def _approve(connection: Connection, departments: Iterable[str]) -> None:
    """Approve every connector as it registers."""
    stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
    waiting, deadline = set(departments), time.monotonic() + 60
    try:
        while waiting:
            if time.monotonic() > deadline:
                raise ChildFailed(f"not registered: {sorted(waiting)}")
            listed = stub.ListRegistrations(registry_pb2.ListRegistrationsRequest(), metadata=connection.headers())
            for department in waiting & {registration.department for registration in listed.registrations}:
                stub.Approve(registry_pb2.ApproveRequest(department=department), metadata=connection.headers())
                waiting.discard(department)
            time.sleep(0.1)
    finally:
        connection.close()


def _agree(connection: Connection, department: str, *, datasets: Iterable[str]) -> None:
    """Sign the controller's agreement to the benchmark."""
    agreement = governance_pb2.Agreement(
        id=f"{department}-benchmark",
        recipient=OFFICE,
        datasets=datasets,
        purposes=[PURPOSE],
        valid_until=int(time.time()) + 86_400,
    )
    stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
    try:
        stub.SignAgreement(governance_pb2.SignAgreementRequest(agreement=agreement), metadata=connection.headers())
    finally:
        connection.close()
