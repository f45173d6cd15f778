"""Writes registrations, instances and drifts within a transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, insert, select, update

from catalog.dataset import Text
from catalog.registry.records import (
    Candidate,
    ConnectorInstance,
    LoggedRegistration,
    Registration,
    RegistrationState,
)
from catalog.registry.snapshot import DRIFTS, INSTANCES, REGISTRATIONS, STATE_CHANGES

_BY_GATEWAY = "gateway"
_PUT_BACK = "按访问日志恢复 / put back from the access log"


def store_registration(
    connection: Connection,
    candidate: Candidate,
    *,
    state: RegistrationState,
    known: Registration | None,
    by: str,
    now: int,
) -> None:
    """Store the datasets and the state that a registration has with the candidate, when they change."""
    key = (candidate.department, candidate.connector)
    reason = _summary(candidate.drifts) if state is RegistrationState.REQUESTED else ""
    if known is None or known.datasets != candidate.datasets:
        _store_datasets(connection, key, datasets=candidate.datasets, is_new=known is None)
    elif known.state is state and reason in ("", known.reason):
        return
    store_state(connection, key, state=state, by=by, reason=reason, now=now)


def store_instance(
    connection: Connection, candidate: Candidate, *, before: ConnectorInstance | None, lease_expires_at: int, now: int
) -> None:
    """Store the candidate as an instance with a generation of its own, or that of `before` when it is the same one again."""
    if before is not None and before.endpoint == candidate.endpoint:
        generation = before.generation
    else:
        generation = _next_generation(connection, (candidate.department, candidate.connector))
    connection.execute(
        insert(INSTANCES).values(
            instance_id=candidate.instance_id,
            department=candidate.department,
            connector=candidate.connector,
            endpoint=candidate.endpoint,
            generation=generation,
            lease_expires_at=lease_expires_at,
            certificate_sha256=candidate.certificate_sha256,
            software=candidate.software,
        )
    )
    store_drifts(connection, candidate.instance_id, drifts=candidate.drifts, now=now)


def store_state(
    connection: Connection, key: tuple[str, str], *, state: RegistrationState, by: str, reason: str, now: int
) -> None:
    """Bring a registration into a state, and add it to the history."""
    department, connector = key
    connection.execute(
        update(REGISTRATIONS)
        .where(REGISTRATIONS.c.department == department, REGISTRATIONS.c.connector == connector)
        .values(state=str(state), changed_at=now, changed_by=by, reason=reason)
    )
    connection.execute(
        insert(STATE_CHANGES).values(
            department=department, connector=connector, state=str(state), at=now, by=by, reason=reason
        )
    )


def prolong(connection: Connection, instance: ConnectorInstance) -> bool:
    """Store the lease of an instance; False when it is gone."""
    this = (INSTANCES.c.instance_id == instance.instance_id) & (INSTANCES.c.generation == instance.generation)
    prolonged = update(INSTANCES).where(this).values(lease_expires_at=instance.lease_expires_at)
    return connection.execute(prolonged).rowcount == 1


def store_drifts(connection: Connection, instance_id: str, *, drifts: Mapping[str, Text], now: int) -> None:
    """Make these the drifts of an instance; one that stays keeps the time at which it was found."""
    these = DRIFTS.c.instance_id == instance_id
    found = {row.dataset: row.found_at for row in connection.execute(select(DRIFTS).where(these))}
    connection.execute(delete(DRIFTS).where(these))
    for dataset, text in drifts.items():
        _insert_drift(connection, instance_id, dataset=dataset, text=text, found_at=found.get(dataset, now))


def add_drift(connection: Connection, instance_id: str, *, dataset: str, text: Text, now: int) -> None:
    """Add a drift of an instance, unless it has one of the dataset."""
    this = (DRIFTS.c.instance_id == instance_id) & (DRIFTS.c.dataset == dataset)
    if connection.execute(select(DRIFTS.c.dataset).where(this)).first() is None:
        _insert_drift(connection, instance_id, dataset=dataset, text=text, found_at=now)


def forget_instances(connection: Connection, instances: Iterable[ConnectorInstance]) -> None:
    """Delete instances and their drifts."""
    ids = [instance.instance_id for instance in instances]
    for table in (INSTANCES, DRIFTS):
        connection.execute(delete(table).where(table.c.instance_id.in_(ids)))


def put_back(
    connection: Connection,
    key: tuple[str, str],
    *,
    state: RegistrationState,
    logged: LoggedRegistration,
    now: int,
) -> None:
    """Store what the access log says of a registration, which may be missing."""
    department, connector = key
    this = (REGISTRATIONS.c.department == department) & (REGISTRATIONS.c.connector == connector)
    is_new = connection.execute(select(REGISTRATIONS.c.department).where(this)).first() is None
    if is_new:
        _store_datasets(connection, key, datasets=logged.datasets, is_new=True)
    store_state(connection, key, state=state, by=_BY_GATEWAY, reason=_PUT_BACK, now=now)


def _store_datasets(connection: Connection, key: tuple[str, str], *, datasets: tuple[str, ...], is_new: bool) -> None:
    department, connector = key
    written = json.dumps(datasets)
    if is_new:
        connection.execute(
            insert(REGISTRATIONS).values(
                department=department,
                connector=connector,
                datasets=written,
                state=str(RegistrationState.REQUESTED),
                changed_at=0,
                changed_by="",
                reason="",
                generation=0,
            )
        )
    else:
        this = (REGISTRATIONS.c.department == department) & (REGISTRATIONS.c.connector == connector)
        connection.execute(update(REGISTRATIONS).where(this).values(datasets=written))


def _next_generation(connection: Connection, key: tuple[str, str]) -> int:
    department, connector = key
    this = (REGISTRATIONS.c.department == department) & (REGISTRATIONS.c.connector == connector)
    risen = update(REGISTRATIONS).where(this).values(generation=REGISTRATIONS.c.generation + 1)
    return int(connection.execute(risen.returning(REGISTRATIONS.c.generation)).scalar_one())


def _insert_drift(connection: Connection, instance_id: str, *, dataset: str, text: Text, found_at: int) -> None:
    connection.execute(
        insert(DRIFTS).values(
            instance_id=instance_id, dataset=dataset, text_zh=text.zh, text_en=text.en, found_at=found_at
        )
    )


def _summary(drifts: Mapping[str, Text]) -> str:
    return "\n".join(f"{dataset}: {text.zh} {text.en}" for dataset, text in sorted(drifts.items()))
