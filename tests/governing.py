"""What administrators, stewards and signers do in a test's city, through the governance service."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from catalog.dataset import Text
from catalog.governance.declaration import Declaration, sign_declaration
from gateway.client import connect, request_errors
from gateway.doors.cli.keys import signing_key
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from sharing_stubs.sharing.governance.v1 import governance_pb2_grpc
from tests.cities import City

SIGNERS = ("emergency-signer-1", "emergency-signer-2")
ADMINISTRATOR = "administrator"


def govern(city: City, call: str, request: Any, *, who: str = ADMINISTRATOR) -> Any:
    """Call a method of the governance service as somebody. Raises RequestError."""
    connection = connect(city.profile(who))
    method: Callable[..., Any] = getattr(governance_pb2_grpc.GovernanceServiceStub(connection.channel), call)
    try:
        with request_errors():
            return method(request, metadata=connection.headers(), timeout=100)
    finally:
        connection.close()


def declare_emergency(
    city: City, id: str, *, area: str, purposes: Sequence[str], seconds: int = 3600, signers: Sequence[str] = SIGNERS
) -> None:
    """Let the signers sign a declaration that begins now, and declare it. Raises RequestError."""
    now = int(time.time())
    declaration = Declaration(
        id=id,
        title=Text(zh="演练", en="Exercise"),
        area=area,
        purposes=tuple(purposes),
        starts_at=now,
        ends_at=now + seconds,
    )
    signatures = [
        sign_declaration(declaration, signer=signer, key=signing_key(city.data / "keys" / f"{signer}.pem"))
        for signer in signers
    ]
    request = pb.DeclareEmergencyRequest(
        declaration=pb.Declaration(
            id=id,
            title=pb.Text(zh="演练", en="Exercise"),
            area=area,
            purposes=purposes,
            starts_at=now,
            ends_at=now + seconds,
        ),
        signatures=[pb.Signature(signer=s.signer, signature=s.signature) for s in signatures],
    )
    govern(city, "DeclareEmergency", request)


def end_emergency(city: City, id: str) -> None:
    """End an emergency now."""
    govern(city, "EndEmergency", pb.EndEmergencyRequest(id=id, reason="解除"))


def owed(city: City, *, who: str) -> list[str]:
    """Return the entry ids of the results that are still to be destroyed, as somebody sees them."""
    answer = govern(city, "ListOwedDestructions", pb.ListOwedDestructionsRequest(), who=who)
    return [result.entry_id for result in answer.owed]


def revoke_access(city: City, kind: str, id: str) -> None:
    """Revoke a `REQUESTER` or `PURPOSE`."""
    govern(city, "RevokeAccess", pb.RevokeAccessRequest(kind=f"REVOCATION_KIND_{kind}", id=id, reason="测试"))


def restore_access(city: City, kind: str, id: str) -> None:
    """Lift the revocation."""
    govern(city, "RestoreAccess", pb.RestoreAccessRequest(kind=f"REVOCATION_KIND_{kind}", id=id, reason="测试"))


def stop(city: City, kind: str, target: str, *, controller: str) -> None:
    """Let the controller's steward stop a `DATASET`, `COLUMN`, `OFFICE` or `AGREEMENT`."""
    request = pb.StopRequest(kind=f"STOP_KIND_{kind}", target=target, reason="测试")
    govern(city, "Stop", request, who=f"department-{controller}")


def lift_stops(city: City) -> None:
    """Let an administrator lift every stop."""
    for stopped in govern(city, "ListStops", pb.ListStopsRequest()).stops:
        govern(city, "LiftStop", pb.LiftStopRequest(id=stopped.id, reason="测试"))


def sign_agreement(city: City, id: str, *, controller: str, dataset: str, purpose: str) -> None:
    """Let the controller's steward sign an agreement for the whole city."""
    agreement = pb.Agreement(
        id=id, recipient="31", datasets=[dataset], purposes=[purpose], valid_until=int(time.time()) + 3600
    )
    govern(city, "SignAgreement", pb.SignAgreementRequest(agreement=agreement), who=f"department-{controller}")


def revoke_agreement(city: City, id: str, *, controller: str) -> None:
    """Let the controller's steward revoke an agreement."""
    govern(city, "RevokeAgreement", pb.RevokeAgreementRequest(id=id, reason="测试"), who=f"department-{controller}")
