"""A complete local city: departments, connectors and gateway as real processes on loopback."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import grpc
import yaml

from catalog.catalogue import Catalogue, Department
from catalog.directory import RequesterEntry
from catalog.load import load_catalogue
from catalog.vocabulary import Role
from gateway.audit import AUDIT_KEY_NAME, SUBJECT_KEY_BYTES, VerificationKey
from gateway.authenticate.tokens import issue_token
from gateway.client import Connection, Profile, connect
from gateway.doors.cli.certificates import issue_certificates
from gateway.doors.cli.keys import secret, signing_key, write_jwks
from gateway.doors.cli.private_files import write_private
from gateway.doors.cli.processes import ChildFailed, Children
from gateway.doors.cli.sample_governance import CALL_SECONDS_MAX, sign_agreements, write_signers
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc

ISSUER, AUDIENCE, KEY_ID = "sharing-local", "sharing-gateway", "local"
TOKEN_DAYS = 30
TOKEN_SECONDS = TOKEN_DAYS * 86_400
START_SECONDS_MAX = 300
"""Of one part, on a slow machine: a start that hangs ends."""
_STREET_GRADE, _DISTRICT_GRADE, _CITY_GRADE, _AUDIT_GRADE = "general-3", "general-3", "general-2", "general-2"


class PolicyEngine(StrEnum):
    """Which engine decides."""

    EMBEDDED = "embedded"
    OPA = "opa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who gets a profile in the local city."""

    profile: str
    display_name: str
    office: str
    roles: frozenset[Role]
    clearance: str
    department: str | None = None


RECIPIENTS = (
    Recipient(
        profile="nanjing-east-road",
        display_name="南京东路街道 办事员",
        office="310101002",
        roles=frozenset({Role.CLERK}),
        clearance=_STREET_GRADE,
    ),
    Recipient(
        profile="changfeng",
        display_name="长风新村街道 办事员",
        office="310107014",
        roles=frozenset({Role.CLERK}),
        clearance=_STREET_GRADE,
    ),
    Recipient(
        profile="district-huangpu",
        display_name="黄浦区 城运中心",
        office="310101",
        roles=frozenset({Role.CLERK, Role.ANALYST}),
        clearance=_DISTRICT_GRADE,
    ),
    Recipient(
        profile="city-statistics",
        display_name="上海市 统计分析",
        office="shanghai",
        roles=frozenset({Role.ANALYST}),
        clearance=_CITY_GRADE,
    ),
    Recipient(
        profile="auditor",
        display_name="审计",
        office="audit-office",
        roles=frozenset({Role.AUDITOR}),
        clearance=_AUDIT_GRADE,
    ),
    Recipient(
        profile="administrator",
        display_name="网关管理员",
        office="audit-office",
        roles=frozenset({Role.ADMINISTRATOR}),
        clearance="general-1",
    ),
)


class LocalCity:
    """Brings the city up below one directory.

    Args:
        data: Directory of everything the city writes; reused when it exists.
        residents: Size of the sample city.
        policy: Policy engine.
        port: Port of the gateway; 0 picks a free one.
        stop: Ends the start early when set.
        say: Shows a step, in Chinese and English.
        catalogue: Directory of catalogue entries, which hold those of the sample departments; None uses the distribution's.
        clock_seconds: Seconds since 1970-01-01 UTC; tokens are issued at that time.
    """

    def __init__(
        self,
        *,
        data: Path,
        residents: int,
        policy: PolicyEngine,
        port: int,
        stop: threading.Event,
        say: Callable[[str, str], None],
        catalogue: Path | None = None,
        clock_seconds: Callable[[], float] = time.time,
    ) -> None:
        self.data = data.resolve()
        self._residents = residents
        self._policy = policy
        self._port = port or free_port()
        self._say = say
        self._clock_seconds = clock_seconds
        self._entries = catalogue.resolve() if catalogue else None
        self._catalogue: Catalogue = load_catalogue(self._entries)
        self.children = Children(logs=self.data / "logs", stop=stop)

    @property
    def profiles(self) -> Path:
        """Directory of the profile files."""
        return self.data / "profiles"

    def start(self) -> None:
        """Start everything and return when queries can be answered.

        Raises:
            ChildFailed: A part did not come up; everything is stopped then.
        """
        try:
            self.write_deployment()
            self._start_departments()
            self._start_policy_engine()
            self._start_gateway()
            self._wait_for("departments")
            self._start_connectors()
            self._wait_for("gateway")
            self._approve_connectors()
            self._sign_agreements()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything that was started."""
        self.children.stop()

    def write_deployment(self) -> None:
        """Write keys, directory, tokens, profiles and the gateway's configuration."""
        self._say("生成密钥、目录与配置文件", "writing keys, directory and profiles")
        for folder in ("keys", "pki", "tokens", "profiles", "audit"):
            (self.data / folder).mkdir(parents=True, exist_ok=True)
        keys = self.data / "keys"
        write_jwks(signing_key(keys / "issuer.pem"), keys / "issuer-jwks.json", key_id=KEY_ID)
        write_jwks(signing_key(keys / "grant.pem"), keys / "grant-keys.json", key_id="gateway")
        audit_key = VerificationKey(name=AUDIT_KEY_NAME, key=signing_key(keys / "audit.pem").public_key())
        (keys / "audit-verification-key.txt").write_text(audit_key.to_text() + "\n", "utf-8")
        secret(keys / "pseudonym.secret")
        secret(keys / "subject.secret", size=SUBJECT_KEY_BYTES)
        write_signers(self.data / "emergency-signers.yaml", keys=keys)
        issue_certificates(self.data / "pki", departments=self._catalogue.departments, days=TOKEN_DAYS)
        people = (*RECIPIENTS, *map(_steward_recipient, self._catalogue.departments.values()))
        connectors = [_connector_recipient(department) for department in self._catalogue.departments]
        _write_requesters(self.data / "requesters.yaml", (*people, *connectors))
        for recipient in people:
            profile = self._profile(recipient).model_dump_json(indent=2, exclude_none=True)
            write_private(self.profiles / f"{recipient.profile}.json", profile)
        for recipient in connectors:
            write_private(self.data / "tokens" / f"{recipient.profile}.jwt", self._profile(recipient).token)
        self._opa_port = free_port()
        for register in ("registry.db", "registry-statistics.db"):  # connectors and agreements come anew
            (self.data / register).unlink(missing_ok=True)
        (self.data / "gateway.toml").write_text(self._configuration(), "utf-8")

    def _profile(self, recipient: Recipient) -> Profile:
        now = int(self._clock_seconds())
        expires = datetime.datetime.fromtimestamp(now + TOKEN_SECONDS, datetime.UTC)
        token = issue_token(
            key=signing_key(self.data / "keys" / "issuer.pem"),
            key_id=KEY_ID,
            issuer=ISSUER,
            audience=AUDIENCE,
            subject=recipient.profile,
            token_id=str(uuid.uuid4()),
            issued_at=now,
            lifetime_seconds=TOKEN_SECONDS,
        )
        return Profile(
            endpoint=f"grpc://127.0.0.1:{self._port}",
            token=token,
            expires_at=expires.isoformat(),
            office=recipient.office,
        )

    def _configuration(self) -> str:
        catalogue = f"catalogue = {json.dumps(str(self._entries))}\n" if self._entries else ""
        return f"""\
{catalogue}listen = "127.0.0.1:{self._port}"
requesters = "requesters.yaml"
audit_directory = "audit"
audit_key = "keys/audit.pem"
grant_key = "keys/grant.pem"
pseudonym_secret = "keys/pseudonym.secret"
subject_key = "keys/subject.secret"
registry_url = {json.dumps(f"sqlite:///{self.data / 'registry.db'}")}
emergency_signers = "emergency-signers.yaml"

[[issuers]]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
jwks = "keys/issuer-jwks.json"

[connectors]
ca = "pki/ca.pem"
certificate = "pki/gateway.pem"
private_key = "pki/gateway.key"

[policy]
engine = "{self._policy}"
opa_url = "http://127.0.0.1:{self._opa_port}"
"""

    def _start_departments(self) -> None:
        self._say(
            f"启动各部门数据库，样例城市 {self._residents:,} 人",
            f"starting the departments' databases, sample city of {self._residents:,} residents",
        )
        command = [sys.executable, "-m", "connectors.sample_city", "--data", str(self.data)]
        command += ["--residents", str(self._residents), "--gateway", f"127.0.0.1:{self._port}"]
        self.children.start("departments", command)

    def _start_policy_engine(self) -> None:
        if self._policy is not PolicyEngine.OPA:
            return
        self._say("启动 OPA 策略引擎", "starting the OPA policy engine")
        address = f"127.0.0.1:{self._opa_port}"
        self.children.start("opa", [find_opa(), "run", "--server", "--addr", address, "--log-level", "error"])
        self.children.run_once(
            "policies", [sys.executable, "-m", "gateway.decide", f"http://{address}"], seconds_max=START_SECONDS_MAX
        )

    def _start_gateway(self) -> None:
        self._say("启动网关", "starting the gateway")
        self.children.start("gateway", [sys.executable, "-m", "gateway.serve", str(self.data / "gateway.toml")])

    def _wait_for(self, name: str) -> None:
        self.children.wait_for(name, "READY", seconds_max=START_SECONDS_MAX + self._residents / 2_000)

    @property
    def _sample_departments(self) -> list[str]:
        """Departments of the catalogue whose database and connector are part of the city."""
        return [id for id in self._catalogue.departments if (self.data / "connectors" / f"{id}.yaml").exists()]

    def _start_connectors(self) -> None:
        self._say("启动并登记各部门连接器", "starting and registering the departments' connectors")
        for department in self._sample_departments:
            config = self.data / "connectors" / f"{department}.yaml"
            command = [sys.executable, "-m", "connectors", "serve", str(config)]
            self.children.start(f"connector-{department}", command)

    def _approve_connectors(self) -> None:
        connection = connect(Profile.load(self.profiles / "administrator.json"))
        try:
            _approve_all(connection, departments=frozenset(self._sample_departments), children=self.children)
        finally:
            connection.close()

    def _sign_agreements(self) -> None:
        self._say("各部门专员签署共享协议", "the departments' stewards sign their agreements")
        stewards = {id: Profile.load(self.profiles / f"department-{id}.json") for id in self._sample_departments}
        try:
            sign_agreements(self._catalogue, stewards=stewards)
        except grpc.RpcError as error:
            raise ChildFailed(str(error)) from error


def find_opa() -> str:
    """Return the path of an OPA binary.

    Raises:
        ChildFailed: There is none.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    candidates = (os.environ.get("OPA_BINARY"), shutil.which("opa"), str(cache / "sharing-gateway" / "bin" / "opa"))
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return candidate
    raise ChildFailed("找不到 opa，请运行 make opa / no 'opa' binary: run 'make opa' or set OPA_BINARY")


def free_port() -> int:
    """Return a port that is free now on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _steward_recipient(department: Department) -> Recipient:
    return Recipient(
        profile=f"department-{department.id}",
        display_name=f"{department.title.zh} 数据专员",
        office=f"dept-{department.id}",
        roles=frozenset({Role.STEWARD}),
        clearance="general-4",
        department=department.id,
    )


def _connector_recipient(department: str) -> Recipient:
    return Recipient(
        profile=f"connector-{department}",
        display_name=f"connector of {department}",
        office=f"dept-{department}",
        roles=frozenset({Role.CONNECTOR}),
        clearance="general-1",
        department=department,
    )


def _write_requesters(path: Path, recipients: Iterable[Recipient]) -> None:
    entries = [
        RequesterEntry(
            subject=recipient.profile,
            display_name=recipient.display_name,
            office=recipient.office,
            roles=recipient.roles,
            clearance=recipient.clearance,
            department=recipient.department,
        ).model_dump(mode="json")
        for recipient in recipients
    ]
    path.write_text(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False), "utf-8")


def _approve_all(connection: Connection, *, departments: frozenset[str], children: Children) -> None:
    """Approve every department's registration as it comes in."""
    stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
    headers = connection.headers()
    waiting, deadline = set(departments), time.monotonic() + START_SECONDS_MAX
    while waiting:
        ended = children.ended()
        if ended is not None or time.monotonic() > deadline:
            raise ChildFailed(f"连接器未登记 / connector not registered: {ended or ', '.join(sorted(waiting))}")
        found = stub.ListRegistrations(
            registry_pb2.ListRegistrationsRequest(), metadata=headers, timeout=CALL_SECONDS_MAX
        )
        for registration in found.registrations:
            if registration.department in waiting:
                try:
                    stub.Approve(
                        registry_pb2.ApproveRequest(department=registration.department),
                        metadata=headers,
                        timeout=CALL_SECONDS_MAX,
                    )
                except grpc.RpcError as error:
                    raise ChildFailed(str(error)) from error
                waiting.discard(registration.department)
        time.sleep(0.1)
