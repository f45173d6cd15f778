"""Which groups of people an office has been told numbers about, so that two answers cannot be subtracted."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    and_,
    case,
    create_engine,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection, Row, make_url

from gateway.errors import Denied
from gateway.messages import Reason

KEPT_SECONDS = 365 * 86_400
"""How long a released group is compared with later ones."""
_LOCK = 7_271_002
"""Advisory lock of PostgreSQL."""
_CHUNK = 500
"""Database parameters at once."""

_METADATA = MetaData()
_GROUPS = Table(
    "statistic_groups",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("pool", BigInteger, nullable=False, index=True),
    Column("definition", String(64), nullable=False, index=True),
    Column("people_min", Integer, nullable=False),
    Column("people_low", Integer, nullable=False),
    Column("people_high", Integer, nullable=False),
    Column("sketch", LargeBinary, nullable=False),
    Column("released_at", BigInteger, nullable=False, index=True),
)
_MARKS = Table(
    "statistic_marks",
    _METADATA,
    Column("pool", BigInteger, primary_key=True),
    Column("mark", BigInteger, primary_key=True),
    Column("id", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedGroup:
    """A group of people, or the union of such groups, that released numbers are about."""

    definition: str
    """Digest of what makes somebody a member; 64 characters at most."""
    pool: str
    """Kind of people; groups of different pools are not compared."""
    people_low: int
    people_high: int
    """Bounds of the number of distinct people."""
    sketch: npt.NDArray[np.uint32]
    """See `Sketch`; 0 in buckets without people."""
    derived: bool = False
    """Known only to whoever subtracts the answer from another one; not compared with others of the same answer."""


def ledger_url(registry_url: str) -> str:
    """Return the database of the ledger: the registry's, or a file beside it, since SQLite has one writer at a time.

    Admitting a large answer takes seconds, and a revocation must not wait for it.
    """
    url = make_url(registry_url)
    if url.get_backend_name() != "sqlite" or not url.database or ":memory:" in url.database:
        return registry_url
    path = Path(url.database)
    beside = path.with_name(f"{path.stem}-statistics{path.suffix}")
    return url.set(database=str(beside)).render_as_string(hide_password=False)


class StatisticsLedger:
    """The groups released to each office.

    Two groups of one office and pool conflict when the people in one of them only are some, but fewer than the larger of the two
    `people_min`. Their number is never known, but it is at least the number of buckets in which the sketches differ, and
    at least the difference of their sizes.

    Args:
        url: SQLAlchemy database URL.
        clock_seconds: Seconds since 1970-01-01 UTC.
    """

    def __init__(self, url: str, *, clock_seconds: Callable[[], float]) -> None:
        self._engine = create_engine(url, hide_parameters=True)
        self._clock_seconds = clock_seconds
        self._lock = threading.Lock()
        with self._engine.begin() as connection:
            _lock_ledger(connection)
            _METADATA.create_all(connection)

    def admit(self, groups: Sequence[ReleasedGroup], *, office: str, people_min: int) -> None:
        """Store groups that are about to be released to `office`: all or, when one conflicts, none.

        A group does not conflict with former answers to its own definition, whose members may change from day to day.

        Raises:
            Denied: A group conflicts with one released before, or two of `groups` conflict, neither of them derived.
        """
        now = int(self._clock_seconds())
        with self._lock, self._engine.begin() as connection:
            _lock_ledger(connection)
            _forget(connection, before=now - KEPT_SECONDS)
            new = _renewed(connection, groups, office=office, people_min=people_min, now=now)
            first = (connection.scalar(select(func.max(_GROUPS.c.id))) or 0) + 1
            first_derived = first + sum(not group.derived for group in new.values())
            _store(connection, new, first=first, people_min=people_min, now=now)
            for ours, theirs, bound in _candidates(connection, first=first, first_derived=first_derived):
                if differing_buckets(ours, theirs) < bound:
                    raise Denied(Reason.STATISTICS_DIFFERENCING)

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()


def differing_buckets(a: bytes, b: bytes) -> int:
    """Return in how many buckets two stored sketches differ."""
    return int(np.count_nonzero(np.frombuffer(a, np.uint32) != np.frombuffer(b, np.uint32)))


def _marks(sketch: npt.NDArray[np.uint32], *, people_min: int) -> list[int]:
    """Return the first `people_min` buckets that hold people, with what they hold.

    Of two groups whose sketches differ in fewer than `people_min` buckets, the one whose marks end first has a mark in a bucket
    that is equal in the other, where it is a mark as well. So groups without a common mark need no comparison.
    """
    held = np.flatnonzero(sketch)[:people_min]
    return [(bucket << 32) | value for bucket, value in zip(held.tolist(), sketch[held].tolist(), strict=True)]


def _pool_id(group: ReleasedGroup, *, office: str) -> int:
    digest = hashlib.sha256(f"{office}\n{group.pool}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _lock_ledger(connection: Connection) -> None:
    """Keep other gateways from admitting groups until the transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _forget(connection: Connection, *, before: int) -> None:
    old = select(_GROUPS.c.id).where(_GROUPS.c.released_at < before)
    if connection.scalar(old.limit(1)) is not None:
        connection.execute(delete(_MARKS).where(_MARKS.c.id.in_(old)))
        connection.execute(delete(_GROUPS).where(_GROUPS.c.released_at < before))


def _renewed(
    connection: Connection, groups: Iterable[ReleasedGroup], *, office: str, people_min: int, now: int
) -> dict[tuple[str, int, bytes], ReleasedGroup]:
    """Return the groups that are not stored yet; the others were compared when they were, and are kept from today on."""
    by_content = {(g.definition, _pool_id(g, office=office), g.sketch.tobytes()): g for g in groups}
    definitions = sorted({definition for definition, _, _ in by_content})
    known: list[int] = []
    for start in range(0, len(definitions), _CHUNK):
        stored = select(_GROUPS.c.id, _GROUPS.c.definition, _GROUPS.c.pool, _GROUPS.c.sketch).where(
            _GROUPS.c.definition.in_(definitions[start : start + _CHUNK]), _GROUPS.c.people_min >= people_min
        )
        for row in connection.execute(stored):
            if by_content.pop((row.definition, row.pool, row.sketch), None) is not None:
                known.append(row.id)
    for start in range(0, len(known), _CHUNK):
        some = _GROUPS.c.id.in_(known[start : start + _CHUNK])
        connection.execute(update(_GROUPS).where(some).values(released_at=now))
    return by_content


def _store(
    connection: Connection,
    new: dict[tuple[str, int, bytes], ReleasedGroup],
    *,
    first: int,
    people_min: int,
    now: int,
) -> None:
    """Store the groups with ids from `first` on, derived ones last."""
    rows, marks = [], []
    in_order = sorted(new.items(), key=lambda item: item[1].derived)
    for id_, ((definition, pool, sketch), group) in enumerate(in_order, start=first):
        rows.append(
            {
                "id": id_,
                "pool": pool,
                "definition": definition,
                "people_min": people_min,
                "people_low": group.people_low,
                "people_high": group.people_high,
                "sketch": sketch,
                "released_at": now,
            }
        )
        marks += [{"pool": pool, "mark": mark, "id": id_} for mark in _marks(group.sketch, people_min=people_min)]
    if rows:
        connection.execute(insert(_GROUPS), rows)
    if marks:
        connection.execute(insert(_MARKS), marks)


def _candidates(connection: Connection, *, first: int, first_derived: int) -> Sequence[Row[bytes, bytes, int]]:
    """Return the sketches of each new group and another one that might conflict, with how many people they must differ by."""
    mark, same = _MARKS.alias("mark"), _MARKS.alias("same")
    meeting = (
        select(mark.c.id.label("ours"), same.c.id.label("theirs"))
        .join(same, and_(same.c.pool == mark.c.pool, same.c.mark == mark.c.mark, same.c.id < mark.c.id))
        .where(mark.c.id >= first)
        .distinct()
        .subquery()
    )
    ours, theirs = _GROUPS.alias("our_groups"), _GROUPS.alias("their_groups")
    bound = case((ours.c.people_min > theirs.c.people_min, ours.c.people_min), else_=theirs.c.people_min)
    pairs = (
        select(ours.c.sketch, theirs.c.sketch, bound)
        .select_from(meeting)
        .join(ours, ours.c.id == meeting.c.ours)
        .join(theirs, theirs.c.id == meeting.c.theirs)
        .where(
            ours.c.sketch != theirs.c.sketch,
            ours.c.people_low - theirs.c.people_high < bound,
            theirs.c.people_low - ours.c.people_high < bound,
            or_(
                and_(theirs.c.id < first, ours.c.definition != theirs.c.definition),
                and_(theirs.c.id >= first, ours.c.id < first_derived),
            ),
        )
    )
    return connection.execute(pairs).all()
