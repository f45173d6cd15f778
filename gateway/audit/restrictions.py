"""What the log alone says is restricted: whoever lost the database loses none of it."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from catalog.governance.checks import CONSENT_DAYS_MAX
from catalog.governance.restrictions import Restriction, RestrictionKind, put_back
from catalog.registry import LoggedRegistration, RegistrationState, Registry
from catalog.store import Part, bump
from connectors.sdk.access_log import EntryIndex
from gateway.audit.search import readable
from gateway.model.audit import EntryKind

_RESTRICTING = {
    "agreement_revoke": RestrictionKind.AGREEMENT_REVOKED,
    "emergency_end": RestrictionKind.EMERGENCY_ENDED,
    "access_revoke": RestrictionKind.ACCESS_REVOKED,
    "consent_withdraw": RestrictionKind.CONSENT_WITHDRAWN,
    "stop_begin": RestrictionKind.STOPPED,
}
_LIFTING = {"access_restore": RestrictionKind.ACCESS_REVOKED, "stop_lift": RestrictionKind.STOPPED}
_STANDING = (
    "kind = $1 AND list_contains($2, action) AND (action <> 'consent_withdraw' OR recorded_at >= to_timestamp($3))"
)
_LOG = structlog.get_logger("gateway.audit")


def put_back_from_log(connection: Connection, *, index: EntryIndex, registry: Registry, now: int) -> None:
    """Bring back into force what the log says is restricted and the registers' database lacks: for `StoreWatch.on_return`.

    Args:
        connection: A transaction of that database.
        index: The log.
        registry: Of the same database.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        Unavailable: The log cannot be read.
        RegistryUnavailable: The database was emptied.
    """
    bump(connection, Part.REGISTRY)
    registry.put_back(connection, logged_registrations(index))
    for restriction in put_back(connection, standing_restrictions(index, now=now)):
        _LOG.error("restriction put back", kind=str(restriction.kind), id=restriction.id)


def logged_registrations(index: EntryIndex) -> tuple[LoggedRegistration, ...]:
    """Return where the log last saw each registration.

    Raises:
        Unavailable: The log cannot be read.
    """
    last: dict[str, LoggedRegistration] = {}
    with readable():
        for entry in index.entries("kind = $1 AND outcome IS DISTINCT FROM 'refused'", (EntryKind.REGISTRATION,)):
            last[entry.body["target"]] = LoggedRegistration(
                department=entry.body["department"],
                connector=entry.body["connector"],
                datasets=tuple(dataset["name"] for dataset in entry.body["datasets"]),
                state=RegistrationState(entry.body["state"]),
                at=entry.time_micros // 1_000_000,
            )
    return tuple(last.values())


def standing_restrictions(index: EntryIndex, *, now: int) -> tuple[Restriction, ...]:
    """Return the restrictions that no later entry takes back, oldest first; of consents those that might still be running.

    Args:
        index: The log.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        Unavailable: The log cannot be read.
    """
    consents_from = now - CONSENT_DAYS_MAX * 86_400
    standing: dict[tuple[RestrictionKind, str, str], Restriction] = {}
    with readable():
        for entry in index.entries(_STANDING, (EntryKind.GOVERNANCE, [*_RESTRICTING, *_LIFTING], consents_from)):
            action, id, facts = entry.body["action"], entry.body["target"], entry.body["facts"]
            kind = _RESTRICTING.get(action) or _LIFTING[action]
            key = (kind, id, facts["kind"] if kind is RestrictionKind.ACCESS_REVOKED else "")
            standing.pop(key, None)
            if action in _RESTRICTING:
                standing[key] = Restriction(
                    kind=kind,
                    id=id,
                    at=entry.time_micros // 1_000_000,
                    by=entry.body["requester"]["subject"],
                    reason=facts.get("reason", ""),
                    facts=facts,
                )
    return tuple(standing.values())
