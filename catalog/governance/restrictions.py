"""Put back into the database what the access log says is restricted, so that a lost or older database opens nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from catalog.governance.snapshot import AGREEMENTS, CONSENTS, EMERGENCIES, REVOCATIONS, STOPS
from catalog.store import Part, bump


class RestrictionKind(StrEnum):
    """How something was restricted."""

    AGREEMENT_REVOKED = "agreement_revoked"
    EMERGENCY_ENDED = "emergency_ended"
    ACCESS_REVOKED = "access_revoked"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A change that took something away, and that the log does not say was taken back."""

    kind: RestrictionKind
    id: str
    """Of the agreement, emergency, requester or purpose, or stop; of a consent its token."""
    at: int
    """Seconds since 1970-01-01 UTC."""
    by: str
    reason: str
    facts: Mapping[str, Any]
    """What was recorded of a revocation or stop."""


def put_back(connection: Connection, restrictions: Iterable[Restriction]) -> tuple[Restriction, ...]:
    """Bring back into force what the database lacks, and return it.

    What the database says was given anew, or lifted, after the restriction stays so: another gateway did it.

    Raises:
        RegistryUnavailable: The database was emptied.
    """
    number = bump(connection, Part.GOVERNANCE)
    return tuple(restriction for restriction in restrictions if _was_lacking(connection, restriction, number=number))


def _was_lacking(connection: Connection, restriction: Restriction, *, number: int) -> bool:
    match restriction.kind:
        case RestrictionKind.AGREEMENT_REVOKED:
            return _end(connection, AGREEMENTS, restriction, begun="signed_at")
        case RestrictionKind.EMERGENCY_ENDED:
            return _end(connection, EMERGENCIES, restriction, begun="declared_at")
        case RestrictionKind.CONSENT_WITHDRAWN:
            given = update(CONSENTS).where(
                CONSENTS.c.token == restriction.id,
                CONSENTS.c.recorded_at <= restriction.at,
                CONSENTS.c.expires_at > restriction.at,
            )
            return connection.execute(given.values(expires_at=restriction.at, change=number)).rowcount > 0
        case RestrictionKind.ACCESS_REVOKED:
            key = {"kind": restriction.facts["kind"], "id": restriction.id}
            values = {"reason": restriction.reason, "revoked_by": restriction.by, "revoked_at": restriction.at}
            return _insert(connection, REVOCATIONS, restriction, key=key, values=values)
        case RestrictionKind.STOPPED:
            values = {
                **restriction.facts["stop"],
                "by_administrator": restriction.facts["by_administrator"],
                "reason": restriction.reason,
                "stopped_by": restriction.by,
                "stopped_at": restriction.at,
            }
            return _insert(connection, STOPS, restriction, key={"id": restriction.id}, values=values)


def _end(connection: Connection, table: Table, restriction: Restriction, *, begun: str) -> bool:
    standing = update(table).where(
        table.c.id == restriction.id, table.c.ended_at.is_(None), table.c[begun] <= restriction.at
    )
    ending = {"ended_at": restriction.at, "ended_by": restriction.by, "ended_reason": restriction.reason}
    return connection.execute(standing.values(ending)).rowcount > 0


def _insert(
    connection: Connection, table: Table, restriction: Restriction, *, key: dict[str, Any], values: dict[str, Any]
) -> bool:
    """Insert the row, or bring back the one that was lifted before the restriction."""
    this = [table.c[name] == value for name, value in key.items()]
    if connection.execute(select(table.c.id).where(*this)).first() is None:
        connection.execute(insert(table).values(**key, **values))
        return True
    lifted_before = update(table).where(*this, table.c.lifted_at <= restriction.at)
    return connection.execute(lifted_before.values(**values, lifted_at=None)).rowcount > 0
