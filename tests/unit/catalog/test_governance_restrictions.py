"""What the log says is restricted is put back into a database that lacks it, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from catalog.governance import AgreementRecord, RevocationKind
from catalog.governance.register import GovernanceRegister
from catalog.governance.restrictions import Restriction, RestrictionKind, put_back
from catalog.store import Part, StoreWatch
from tests.unit.catalog.declarations import DAY, NOW, SIGNERS, STOP, declaration, signed

AGREEMENT = AgreementRecord(
    id="health-base",
    controller="health",
    recipient="31",
    datasets=("health.health_code",),
    purposes=("epidemic-control",),
    valid_from=NOW,
    valid_until=NOW + 365 * DAY,
    signed_by="department-health",
    signed_at=NOW,
)
FACTS = {"kind": "requester", "stop": {"kind": "dataset", "controller": "health", "target": "health.health_code"}}


@pytest.fixture
def register(store: StoreWatch) -> GovernanceRegister:
    made = GovernanceRegister(store, signers=SIGNERS, secret=bytes(32), clock_seconds=lambda: NOW)
    store.poll()
    return made


def unseen() -> None:
    """A witness that has nothing to say."""


def restricted(kind: RestrictionKind, id: str, *, at: int = NOW + 5) -> Restriction:
    return Restriction(
        kind=kind, id=id, at=at, by="administrator", reason="wrong", facts={**FACTS, "by_administrator": True}
    )


def lacking(store: StoreWatch, *restrictions: Restriction) -> list[str]:
    with store.change(Part.REGISTRY) as (connection, _):
        return [restriction.id for restriction in put_back(connection, restrictions)]


def fill(register: GovernanceRegister) -> str:
    """Let everything be in force that a restriction could end; return the token of a consent."""
    register.sign_agreement(AGREEMENT, witness=unseen)
    register.declare_emergency(declaration(), signatures=signed(declaration()), by="x", witness=unseen)
    token = register.consent_token("31010119900101123X", purpose="p", office="o")
    register.record_consent(token, evidence="e", expires_at=NOW + DAY, by="x", witness=unseen)
    return token


def in_force(register: GovernanceRegister, *, now: int = NOW + 6) -> dict[str, object]:
    return {
        "agreements": len(register.standing_agreements(AGREEMENT.datasets)),
        "emergencies": len(register.standing_emergencies()),
        "consents": register.consented(["31010119900101123X"], purpose="p", office="o", now=now),
        "revoked": register.is_revoked(RevocationKind.REQUESTER, "clerk"),
        "stops": register.stops,
    }


OPEN = {"agreements": 1, "emergencies": 1, "consents": 1, "revoked": False, "stops": ()}
CLOSED = {"agreements": 0, "emergencies": 0, "consents": 0, "revoked": True, "stops": (STOP,)}


def every(token: str) -> list[Restriction]:
    return [
        restricted(RestrictionKind.AGREEMENT_REVOKED, "health-base"),
        restricted(RestrictionKind.EMERGENCY_ENDED, "outbreak-1"),
        restricted(RestrictionKind.CONSENT_WITHDRAWN, token),
        restricted(RestrictionKind.ACCESS_REVOKED, "clerk"),
        restricted(RestrictionKind.STOPPED, "stop-1"),
    ]


def test_every_restriction_that_the_database_lacks_is_put_back(register: GovernanceRegister, store: StoreWatch) -> None:
    """An older copy of the database allows what was ended since; with what the log says it does not."""
    restrictions = every(fill(register))
    assert in_force(register) == OPEN
    assert lacking(store, *restrictions) == [restriction.id for restriction in restrictions]
    assert in_force(register) == CLOSED
    assert lacking(store, *restrictions) == []


def test_an_empty_database_gets_what_holds_without_a_record(register: GovernanceRegister, store: StoreWatch) -> None:
    """Revocations and stops are put back; agreements, emergencies and consents are gone, and open nothing."""
    assert lacking(store, *every("token")) == ["clerk", "stop-1"]
    assert in_force(register) == CLOSED


def test_what_was_put_back_can_be_lifted(register: GovernanceRegister, store: StoreWatch) -> None:
    """By the same commands as ever, and then it stays lifted."""
    register._clock_seconds = lambda: NOW + 9
    lacking(store, *every("token"))
    register.restore(RevocationKind.REQUESTER, "clerk", witness=unseen)
    register.lift_stop("stop-1", witness=unseen)
    assert lacking(store, *every("token")) == []
    assert (in_force(register)["revoked"], register.stops) == (False, ())


LATER: dict[str, tuple[RestrictionKind, str, Callable[[GovernanceRegister], object]]] = {
    "agreement": (
        RestrictionKind.AGREEMENT_REVOKED,
        "health-base",
        lambda r: r.sign_agreement(replace(AGREEMENT, signed_at=NOW + 8), witness=unseen),
    ),
    "emergency": (
        RestrictionKind.EMERGENCY_ENDED,
        "outbreak-1",
        lambda r: r.declare_emergency(declaration(), signatures=signed(declaration()), by="x", witness=unseen),
    ),
    "consent": (
        RestrictionKind.CONSENT_WITHDRAWN,
        "token",
        lambda r: r.record_consent("token", evidence="e", expires_at=NOW + DAY, by="x", witness=unseen),
    ),
}


@pytest.mark.parametrize(("kind", "id", "give"), LATER.values(), ids=LATER)
def test_what_another_gateway_gave_later_stays(
    register: GovernanceRegister,
    store: StoreWatch,
    kind: RestrictionKind,
    id: str,
    give: Callable[[GovernanceRegister], object],
) -> None:
    """This gateway's log does not know of it; had it been given before, it would be ended (twin)."""
    register._clock_seconds = lambda: NOW + 8
    give(register)
    assert lacking(store, restricted(kind, id)) == []
    assert lacking(store, restricted(kind, id, at=NOW + 8)) == [id]
