"""What is known of the datasets' content: as of when it is, and what was counted wrong. Numbers only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, delete, func, insert, select

from catalog.store import Part, StoreWatch

PROFILES_MAX: Final = 30
"""So many are kept of each dataset."""
METADATA = MetaData()
_STATES = Table(
    "dataset_states",
    METADATA,
    Column("dataset", String(127), primary_key=True),
    Column("as_of", BigInteger, nullable=False),
)
_PROFILES = Table(
    "profiles",
    METADATA,
    Column("dataset", String(127), primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("duplicate_keys", BigInteger, nullable=False),
    Column("columns", String, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnQuality:
    """What was counted in one column, in rows."""

    name: str
    nulls: int
    malformed: int
    outside_codes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What a dataset's own connector counted."""

    at: int
    """Seconds since 1970-01-01 UTC."""
    rows: int
    duplicate_keys: int
    """Rows beyond the first with the same entity key."""
    columns: tuple[ColumnQuality, ...]


class QualityRegister:
    """As-of times and profiles. Times are answered from memory.

    Args:
        store: The database.
    """

    def __init__(self, store: StoreWatch) -> None:
        self._store = store
        self._seen: dict[str, int] = {}
        self._stored: Mapping[str, int] = {}
        self._profiled: Mapping[str, int] = {}
        store.on_change(Part.CATALOGUE, self._load)

    def as_of(self, dataset: str) -> int:
        """Return when the newest data that was seen was true, in seconds since 1970-01-01 UTC; 0 when none was."""
        return max(self._seen.get(dataset, 0), self._stored.get(dataset, 0))

    def profiled_at(self, dataset: str) -> int:
        """Return when the dataset was profiled last, in seconds since 1970-01-01 UTC; 0 when never."""
        return self._profiled.get(dataset, 0)

    def saw(self, as_of: Iterable[tuple[str, int]]) -> None:
        """Take note of datasets with their as-of times, in memory; `keep` stores them. 0 tells nothing."""
        for dataset, seconds in as_of:
            self._seen[dataset] = max(seconds, self._seen.get(dataset, 0))

    def keep(self) -> None:
        """Store what was seen since, for other gateways and later.

        Raises:
            RegistryUnavailable: The database is lost.
        """
        newer = {name: as_of for name, as_of in self._seen.copy().items() if as_of > self._stored.get(name, 0)}
        if newer:
            with self._store.change(Part.CATALOGUE) as (connection, _):
                stored = _states(connection)
                newest = {name: max(as_of, stored.get(name, 0)) for name, as_of in newer.items()}
                connection.execute(delete(_STATES).where(_STATES.c.dataset.in_(newest)))
                connection.execute(insert(_STATES), [{"dataset": n, "as_of": as_of} for n, as_of in newest.items()])

    def add(self, dataset: str, quality: Quality) -> None:
        """Store a profile; beyond `PROFILES_MAX` the oldest is forgotten.

        Raises:
            RegistryUnavailable: The database is lost.
        """
        of_this = _PROFILES.c.dataset == dataset
        with self._store.change(Part.CATALOGUE) as (connection, _):
            connection.execute(delete(_PROFILES).where(of_this & (_PROFILES.c.at == quality.at)))
            columns = json.dumps([asdict(column) for column in quality.columns])
            row = {"dataset": dataset, "at": quality.at, "rows": quality.rows}
            row |= {"duplicate_keys": quality.duplicate_keys, "columns": columns}
            connection.execute(insert(_PROFILES).values(row))
            kept = select(_PROFILES.c.at).where(of_this).order_by(_PROFILES.c.at.desc()).limit(PROFILES_MAX)
            oldest = min(connection.scalars(kept))
            connection.execute(delete(_PROFILES).where(of_this & (_PROFILES.c.at < oldest)))

    def profiles(self, dataset: str) -> tuple[Quality, ...]:
        """Return the dataset's profiles, newest first, at most `PROFILES_MAX`.

        Raises:
            RegistryUnavailable: The database is lost.
        """
        of_this = select(_PROFILES).where(_PROFILES.c.dataset == dataset).order_by(_PROFILES.c.at.desc())
        with self._store.read() as connection:
            return tuple(
                Quality(
                    at=row["at"],
                    rows=row["rows"],
                    duplicate_keys=row["duplicate_keys"],
                    columns=tuple(ColumnQuality(**column) for column in json.loads(row["columns"])),
                )
                for row in connection.execute(of_this).mappings()
            )

    def _load(self, connection: Connection) -> None:
        self._stored = _states(connection)
        newest = select(_PROFILES.c.dataset, func.max(_PROFILES.c.at)).group_by(_PROFILES.c.dataset)
        self._profiled = {row[0]: row[1] for row in connection.execute(newest)}


def _states(connection: Connection) -> dict[str, int]:
    return {row.dataset: row.as_of for row in connection.execute(select(_STATES))}
