"""The tables of the registry and what is read from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, select

from catalog.dataset import Text
from catalog.registry.records import ConnectorInstance, Drift, Registration, RegistrationState, StateChange

METADATA = MetaData()
REGISTRATIONS = Table(
    "registrations",
    METADATA,
    Column("department", String(63), primary_key=True),
    Column("connector", String(63), primary_key=True),
    Column("datasets", String, nullable=False),
    Column("state", String(16), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", String(255), nullable=False),
    Column("reason", String, nullable=False),
    Column("generation", BigInteger, nullable=False),
)
INSTANCES = Table(
    "instances",
    METADATA,
    Column("instance_id", String(63), primary_key=True),
    Column("department", String(63), nullable=False),
    Column("connector", String(63), nullable=False),
    Column("endpoint", String(255), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("lease_expires_at", BigInteger, nullable=False),
    Column("certificate_sha256", String(64), nullable=False),
    Column("software", String(255), nullable=False),
)
DRIFTS = Table(
    "drifts",
    METADATA,
    Column("instance_id", String(63), primary_key=True),
    Column("dataset", String(127), primary_key=True),
    Column("text_zh", String, nullable=False),
    Column("text_en", String, nullable=False),
    Column("found_at", BigInteger, nullable=False),
)
STATE_CHANGES = Table(
    "state_changes",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("department", String(63), nullable=False),
    Column("connector", String(63), nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(255), nullable=False),
    Column("reason", String, nullable=False),
)
LIVE_STATES = frozenset(RegistrationState) - {RegistrationState.REQUESTED, RegistrationState.WITHDRAWN}
"""Of registrations whose datasets are theirs alone."""
_SERVED_FIRST = (
    RegistrationState.WITHDRAWN,
    RegistrationState.REQUESTED,
    RegistrationState.CHECKED,
    RegistrationState.SUSPENDED,
    RegistrationState.APPROVED,
    RegistrationState.ACTIVE,
)
"""Whose datasets they are when several registrations name one, the last first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is stored, at one moment. Instances whose lease has ended are still there, with their drifts."""

    registrations: Mapping[tuple[str, str], Registration]
    """By department and connector, sorted."""
    by_dataset: Mapping[str, Registration]
    """The live one, or else one that was asked for or withdrawn."""


EMPTY = Snapshot(registrations={}, by_dataset={})


def load_snapshot(connection: Connection) -> Snapshot:
    """Read everything but the history.

    Raises:
        ValueError: A state is not one of ours.
    """
    drifts: dict[str, list[Drift]] = {}
    for row in connection.execute(select(DRIFTS).order_by(DRIFTS.c.dataset, DRIFTS.c.instance_id)).mappings():
        drifts.setdefault(row["instance_id"], []).append(_drift(row))
    instances: dict[tuple[str, str], list[ConnectorInstance]] = {}
    for row in connection.execute(select(INSTANCES).order_by(INSTANCES.c.generation)).mappings():
        instances.setdefault((row["department"], row["connector"]), []).append(ConnectorInstance(**row))
    ordered = select(REGISTRATIONS).order_by(REGISTRATIONS.c.department, REGISTRATIONS.c.connector)
    registrations = {}
    for row in connection.execute(ordered).mappings():
        key = (row["department"], row["connector"])
        registrations[key] = _registration(row, instances=instances.get(key, []), drifts=drifts)
    by_dataset = {
        dataset: registration
        for registration in sorted(registrations.values(), key=lambda found: _SERVED_FIRST.index(found.state))
        for dataset in registration.datasets
    }
    return Snapshot(registrations=registrations, by_dataset=by_dataset)


def load_history(connection: Connection, department: str, connector: str) -> tuple[StateChange, ...]:
    """Read every state a registration was in, oldest first."""
    these = (STATE_CHANGES.c.department == department) & (STATE_CHANGES.c.connector == connector)
    rows = connection.execute(select(STATE_CHANGES).where(these).order_by(STATE_CHANGES.c.id)).mappings()
    return tuple(
        StateChange(state=RegistrationState(row["state"]), at=row["at"], by=row["by"], reason=row["reason"])
        for row in rows
    )


def _registration(
    row: Mapping[Any, Any], *, instances: list[ConnectorInstance], drifts: Mapping[str, list[Drift]]
) -> Registration:
    found = (drift for instance in instances for drift in drifts.get(instance.instance_id, []))
    return Registration(
        department=row["department"],
        connector=row["connector"],
        datasets=tuple(json.loads(row["datasets"])),
        state=RegistrationState(row["state"]),
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        reason=row["reason"],
        instances=tuple(instances),
        drifts=tuple(sorted(found, key=lambda drift: (drift.dataset, drift.instance_id))),
    )


def _drift(row: Mapping[Any, Any]) -> Drift:
    return Drift(
        dataset=row["dataset"],
        instance_id=row["instance_id"],
        text=Text(zh=row["text_zh"], en=row["text_en"]),
        found_at=row["found_at"],
    )
