"""GovernanceService of a lone gateway, called as anybody of the city."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from catalog.governance import sign_declaration
from gateway.audit import SearchFilters, search
from gateway.client import RequestError, connect, request_errors
from gateway.doors.cli.keys import signing_key
from gateway.doors.governance_messages import read_declaration
from gateway.model.audit import EntryKind
from gateway.wiring import Gateway
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from sharing_stubs.sharing.governance.v1 import governance_pb2_grpc
from tests.cities import City

CLERK, OTHER_CLERK, ANALYST = "nanjing-east-road", "changfeng", "city-statistics"
STEWARD, OTHER_STEWARD, ADMINISTRATOR, AUDITOR = "department-health", "department-housing", "administrator", "auditor"
SIGNERS = ("emergency-signer-1", "emergency-signer-2")
IDS = itertools.count()


class Doors:
    """Calls the service as anybody of the city."""

    def __init__(self, city: City, gateway: Gateway) -> None:
        self.city = city
        self.gateway = gateway

    def call(self, method: str, request: Any, *, who: str) -> Any:
        connection = connect(self.city.profile(who))
        try:
            with request_errors():
                stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
                return getattr(stub, method)(request, metadata=connection.headers(), timeout=100)
        finally:
            connection.close()

    def refusal(self, method: str, request: Any, *, who: str) -> RequestError:
        with pytest.raises(RequestError) as raised:
            self.call(method, request, who=who)
        return raised.value

    def signed(self, *, signers: tuple[str, ...] = SIGNERS, **changes: Any) -> pb.DeclareEmergencyRequest:
        now = int(time.time())
        content = {"id": f"outbreak-{next(IDS)}", "title": pb.Text(zh="疫情", en="Outbreak"), "area": "310101"}
        content |= {"purposes": ["epidemic-control"], "starts_at": now, "ends_at": now + 3_600}
        message = pb.Declaration(**content | changes)
        keys = {signer: signing_key(self.city.data / "keys" / f"{signer}.pem") for signer in signers}
        made = [sign_declaration(read_declaration(message), signer=signer, key=key) for signer, key in keys.items()]
        signatures = [pb.Signature(signer=one.signer, signature=one.signature) for one in made]
        return pb.DeclareEmergencyRequest(declaration=message, signatures=signatures)

    def declare(self, **changes: Any) -> str:
        """Declare an emergency and return its id."""
        request = self.signed(**changes)
        self.call("DeclareEmergency", request, who=ADMINISTRATOR)
        return str(request.declaration.id)

    def sign(self, *, who: str = STEWARD, **changes: Any) -> str:
        """Sign an agreement and return its id."""
        request = agreement(**changes)
        self.call("SignAgreement", request, who=who)
        return str(request.agreement.id)

    def log(self, kind: EntryKind) -> list[dict[str, Any]]:
        index = self.gateway.path.index
        return [dict(entry.body) for entry in search(index, filters=SearchFilters(kind=kind))]


def agreement(**changes: Any) -> pb.SignAgreementRequest:
    content: dict[str, Any] = {
        "id": f"health-{next(IDS)}",
        "recipient": "31",
        "datasets": ["health.vaccination"],
        "purposes": ["vaccination-outreach"],
        "valid_until": int(time.time()) + 86_400,
    }
    return pb.SignAgreementRequest(agreement=pb.Agreement(**content | changes))
