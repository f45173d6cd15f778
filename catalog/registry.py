"""Which connector serves which dataset. SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, Column, MetaData, String, Table, create_engine, delete, insert, select, update
from sqlalchemy.engine import Connection, Row


class RegistrationState(StrEnum):
    """Where a registration stands."""

    CHECKED = "checked"
    """The connector answered and its schemas match the catalogue; waits for approval."""
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One connector of one department."""

    department: str
    endpoint: str
    """host:port."""
    datasets: tuple[str, ...]
    state: RegistrationState
    changed_at: int
    """Seconds since 1970-01-01 UTC."""
    changed_by: str


_METADATA = MetaData()
_REGISTRATIONS = Table(
    "registrations",
    _METADATA,
    Column("department", String(63), primary_key=True),
    Column("endpoint", String(255), nullable=False),
    Column("datasets", String, nullable=False),
    Column("state", String(16), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", String(255), nullable=False),
)


class Registry:
    """The registrations, one per department.

    Args:
        url: SQLAlchemy database URL.
        clock_seconds: Seconds since 1970-01-01 UTC.
    """

    def __init__(self, url: str, *, clock_seconds: Callable[[], float]) -> None:
        self._engine = create_engine(url)
        self._clock_seconds = clock_seconds
        _METADATA.create_all(self._engine)

    def register(self, *, department: str, endpoint: str, datasets: tuple[str, ...], by: str) -> Registration:
        """Store a checked connector.

        An approved connector that comes back with the same datasets stays active, a suspended one stays suspended; everything
        else waits for approval.
        """
        with self._engine.begin() as connection:
            known = self._find_and_lock(connection, department=department)
            keeps = known is not None and (known.datasets == datasets or known.state is RegistrationState.SUSPENDED)
            state = known.state if known is not None and keeps else RegistrationState.CHECKED
            if known is not None and (known.endpoint, known.datasets, known.state) == (endpoint, datasets, state):
                return known
            return self._store(
                connection, department=department, endpoint=endpoint, datasets=datasets, state=state, by=by
            )

    def change_state(self, department: str, *, state: RegistrationState, by: str) -> Registration | None:
        """Return the registration in its new state, or None when the department has none."""
        with self._engine.begin() as connection:
            known = self._find_and_lock(connection, department=department)
            if known is None:
                return None
            return self._store(
                connection,
                department=department,
                endpoint=known.endpoint,
                datasets=known.datasets,
                state=state,
                by=by,
            )

    def registrations(self) -> tuple[Registration, ...]:
        """Return all registrations, sorted by department."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_REGISTRATIONS).order_by(_REGISTRATIONS.c.department))
            return tuple(_registration(row) for row in rows)

    def find(self, department: str) -> Registration | None:
        """Return the department's registration, or None."""
        with self._engine.connect() as connection:
            return self._find(connection, department=department)

    def endpoint(self, dataset: str) -> str | None:
        """Return host:port of the active connector of `dataset`, or None."""
        for registration in self.registrations():
            if dataset in registration.datasets and registration.state is RegistrationState.ACTIVE:
                return registration.endpoint
        return None

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()

    def _find_and_lock(self, connection: Connection, *, department: str) -> Registration | None:
        """Return the registration and keep others from changing it until the transaction ends."""
        this = _REGISTRATIONS.c.department == department
        connection.execute(
            update(_REGISTRATIONS).where(this).values(department=department)
        )  # locks the row, or the file
        return self._find(connection, department=department)

    def _find(self, connection: Connection, *, department: str) -> Registration | None:
        row = connection.execute(select(_REGISTRATIONS).where(_REGISTRATIONS.c.department == department)).one_or_none()
        return None if row is None else _registration(row)

    def _store(
        self,
        connection: Connection,
        *,
        department: str,
        endpoint: str,
        datasets: tuple[str, ...],
        state: RegistrationState,
        by: str,
    ) -> Registration:
        registration = Registration(
            department=department,
            endpoint=endpoint,
            datasets=datasets,
            state=state,
            changed_at=int(self._clock_seconds()),
            changed_by=by,
        )
        connection.execute(delete(_REGISTRATIONS).where(_REGISTRATIONS.c.department == department))
        connection.execute(
            insert(_REGISTRATIONS).values(
                department=department,
                endpoint=endpoint,
                datasets=json.dumps(datasets),
                state=str(state),
                changed_at=registration.changed_at,
                changed_by=by,
            )
        )
        return registration


def _registration(row: Row[tuple[object, ...]]) -> Registration:
    values = row._mapping
    return Registration(
        department=values["department"],
        endpoint=values["endpoint"],
        datasets=tuple(json.loads(values["datasets"])),
        state=RegistrationState(values["state"]),
        changed_at=values["changed_at"],
        changed_by=values["changed_by"],
    )
