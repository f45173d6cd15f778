"""The gateway's own stages up to the audit intent, in this process, over the real catalogue and policies."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.vocabulary import OfficeKind, Role
from gateway.audit import AUDIT_KEY_NAME, AuditLog
from gateway.decide import EmbeddedPdp, PolicyBundle, PolicyDecisionPoint, load_bundle
from gateway.decide.opa_server import OpaServerPdp, provision
from gateway.doors.cli.local_city import find_opa, free_port
from gateway.doors.cli.processes import ChildFailed, Children
from gateway.errors import Unavailable
from gateway.model.requester import Agreement, CaseState, RequestContext, Requester, Standing, Usage

JOIN_SQL = """
SELECT r.name, r.phone, r.resident_id, d.address, d.floor, d.has_elevator
FROM population.resident r
JOIN population.household h ON h.household_id = r.household_id
JOIN housing.dwelling d ON d.dwelling_code = r.dwelling_code
WHERE h.member_count = 1 AND r.birth_date <= current_date - INTERVAL 80 YEAR
"""
"""Three datasets of two departments; the README's question."""
REQUESTER = Requester(
    subject="clerk",
    token_id="token",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.CLERK}),
    clearance="general-3",
    department=None,
)
STANDING = Standing(
    requester_revoked=False,
    purpose_revoked=False,
    case_state=CaseState.UNCHECKED,
    emergencies=(),
    agreements=tuple(
        Agreement(
            id=f"agreement-{controller}",
            controller=controller,
            recipient="310101",
            datasets=datasets,
            purposes=("elderly-care-visits",),
            valid_from=0,
            valid_until=4_000_000_000,
        )
        for controller, datasets in (
            ("housing", ("housing.dwelling",)),
            ("public_security", ("population.household", "population.resident")),
        )
    ),
    stops=(),
    consents={},
    usage=Usage(rows=0, lookups=0),
)
"""What the registers say: the agreements are in force, nothing is revoked."""


def asked_for(purpose: str) -> RequestContext:
    """Return the surroundings of a query now."""
    return RequestContext(purpose=purpose, case="", channel="flight_sql", time=int(time.time()))


def new_id() -> str:
    """Return a unique id."""
    return str(uuid.uuid4())


def open_log(folder: Path) -> AuditLog:
    """Open an audit log as the gateway does."""
    return AuditLog.open(
        folder,
        signing_key=Ed25519PrivateKey.generate(),
        key_name=AUDIT_KEY_NAME,
        clock_micros=lambda: time.time_ns() // 1000,
        new_entry_id=new_id,
    )


def real_bundle() -> tuple[PolicyBundle, Catalogue]:
    """Return the policies and the catalogue of the distribution."""
    catalogue = load_catalogue()
    return load_bundle(catalogue=catalogue), catalogue


def constant_bundle() -> PolicyBundle:
    """Return a policy that says the same to everything: what asking alone costs."""
    source = 'package sharing.access\n\nimport rego.v1\n\ndecision := {"allow": false}\n'
    return PolicyBundle(modules={"sharing/access/access.rego": source}, data={"catalog": {}, "messages": {}})


@contextmanager
def policy_points(bundle: PolicyBundle, *, folder: Path) -> Iterator[dict[str, PolicyDecisionPoint]]:
    """Yield the embedded engine, and an OPA server where there is a binary."""
    points: dict[str, PolicyDecisionPoint] = {"embedded": EmbeddedPdp(bundle)}
    children = Children(logs=folder / "logs" / new_id(), stop=threading.Event())
    try:
        address = f"127.0.0.1:{free_port()}"
        try:
            command = [find_opa(), "run", "--server", "--addr", address, "--log-level", "error"]
        except ChildFailed:
            command = []
        if command:
            children.start("opa", command)
            points["OPA server"] = _provisioned(f"http://{address}", bundle=bundle)
        yield points
    finally:
        for point in points.values():
            point.close()
        children.stop()


def _provisioned(url: str, *, bundle: PolicyBundle) -> PolicyDecisionPoint:
    deadline = time.monotonic() + 20
    while True:
        try:
            provision(url, bundle=bundle)
            return OpaServerPdp(url, bundle=bundle)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
