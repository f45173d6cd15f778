"""Subscriptions and their runs in the registers' database. Several gateways on it run each subscription once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from catalog.governance.records import GovernanceRefused
from catalog.store import Part, StoreWatch
from catalog.subscriptions.records import Cycle, Run, RunState, Subscription

STANDING_MAX: Final = 50
"""So many subscriptions of a requester may stand."""
RUNS_SHOWN: Final = 20
RUN_DAYS: Final = 90
"""Runs are forgotten after so many days; the access log is not."""
_DAY_SECONDS = 86_400
_LIVE = (RunState.RUNNING, RunState.READY)
Witness = Callable[[], object]
"""Records a change that is about to take effect; when it raises, the change does not."""
METADATA = MetaData()
SUBSCRIPTIONS = Table(
    "subscriptions",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("subject", String(255), nullable=False),
    Column("office", String(63), nullable=False),
    Column("sealed_sql", String, nullable=False),
    Column("sql_normalised", String, nullable=False),
    Column("purpose", String(63), nullable=False),
    Column("case_number", String, nullable=False),
    Column("cycle", String(16), nullable=False),
    Column("minute_of_day", Integer, nullable=False),
    Column("key_columns", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("acknowledged", String(63), nullable=False),
    Column("stopped_at", BigInteger, nullable=False),
    Column("stopped_zh", String, nullable=False),
    Column("stopped_en", String, nullable=False),
)
RUNS = Table(
    "subscription_runs",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("subscription", String(63), nullable=False, index=True),
    Column("started_at", BigInteger, nullable=False),
    Column("builds_on", String(63), nullable=False),
    Column("state", String(16), nullable=False),
    Column("entry", String(63), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("terms", String(64), nullable=False),
    Column("reason", String(63), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Runs of which something is kept."""

    results: frozenset[str]
    """Those whose results are being made or wait."""
    hashes: frozenset[str]
    """These, and those that the next runs are compared with."""


class SubscriptionStore:
    """Subscriptions and runs. A change is stored and witnessed in one transaction.

    Every method raises RegistryUnavailable while the database is lost.

    Args:
        store: The registers' database.
    """

    def __init__(self, store: StoreWatch) -> None:
        self._store = store

    def all(self) -> tuple[Subscription, ...]:
        """Return all subscriptions, newest first."""
        newest_first = select(SUBSCRIPTIONS).order_by(SUBSCRIPTIONS.c.created_at.desc(), SUBSCRIPTIONS.c.id)
        with self._store.read() as connection:
            return tuple(map(_subscription, connection.execute(newest_first).mappings()))

    def due(self, now: int) -> tuple[Subscription, ...]:
        """Return the subscriptions that are to run at `now`, longest waiting first."""
        waiting = (SUBSCRIPTIONS.c.stopped_at == 0) & (SUBSCRIPTIONS.c.next_at <= now)
        with self._store.read() as connection:
            found = connection.execute(select(SUBSCRIPTIONS).where(waiting).order_by(SUBSCRIPTIONS.c.next_at))
            return tuple(map(_subscription, found.mappings()))

    def runs(self, subscription: str) -> tuple[Run, ...]:
        """Return the last runs of a subscription, newest first."""
        own = select(RUNS).where(RUNS.c.subscription == subscription)
        newest_first = own.order_by(RUNS.c.started_at.desc(), RUNS.c.id).limit(RUNS_SHOWN)
        with self._store.read() as connection:
            return tuple(map(_run, connection.execute(newest_first).mappings()))

    def ready(self, subscription: str) -> Run | None:
        """Return the run whose result waits."""
        waiting = (RUNS.c.subscription == subscription) & (RUNS.c.state == RunState.READY)
        with self._store.read() as connection:
            found = connection.execute(select(RUNS).where(waiting)).mappings().first()
            return _run(found) if found else None

    def expired(self, now: int) -> tuple[Run, ...]:
        """Return the runs whose results wait but may not be kept any longer at `now`."""
        over = (RUNS.c.state == RunState.READY) & (RUNS.c.expires_at <= now)
        with self._store.read() as connection:
            return tuple(map(_run, connection.execute(select(RUNS).where(over)).mappings()))

    def running_since(self, time: int) -> tuple[Run, ...]:
        """Return the runs that had begun by `time`, in seconds since 1970-01-01 UTC, and are not done."""
        begun = (RUNS.c.state == RunState.RUNNING) & (RUNS.c.started_at <= time)
        with self._store.read() as connection:
            return tuple(map(_run, connection.execute(select(RUNS).where(begun)).mappings()))

    def kept(self) -> Kept:
        """Return of which runs something must be kept."""
        live = select(RUNS.c.id).where(RUNS.c.state.in_(_LIVE))
        standing = select(SUBSCRIPTIONS.c.acknowledged).where(SUBSCRIPTIONS.c.stopped_at == 0)
        with self._store.read() as connection:
            results = frozenset(connection.scalars(live))
            return Kept(results=results, hashes=results | frozenset(connection.scalars(standing)))

    def create(self, subscription: Subscription, *, witness: Witness) -> None:
        """Store a subscription.

        Raises:
            GovernanceRefused: `STANDING_MAX` of the requester stand.
        """
        own = (SUBSCRIPTIONS.c.subject == subscription.subject) & (SUBSCRIPTIONS.c.stopped_at == 0)
        with self._store.change(Part.SUBSCRIPTIONS) as (connection, _):
            if connection.scalars(select(func.count()).where(own)).one() >= STANDING_MAX:
                raise GovernanceRefused(
                    f"您已有 {STANDING_MAX} 项订阅；请先停止不再需要的订阅",
                    f"you have {STANDING_MAX} subscriptions; stop those you no longer need first",
                )
            values = asdict(subscription) | {"key_columns": json.dumps(subscription.key_columns)}
            connection.execute(insert(SUBSCRIPTIONS).values(**values))
            witness()

    def begin(self, run: Run, *, subscription: Subscription, next_at: int) -> bool:
        """Store that a run begins, unless another gateway began it or the subscription changed; return whether it does.

        Args:
            run: The run; what still waits of earlier ones is discarded.
            subscription: As it was read.
            next_at: When it runs again.
        """
        as_read = (
            (SUBSCRIPTIONS.c.id == subscription.id)
            & (SUBSCRIPTIONS.c.next_at == subscription.next_at)
            & (SUBSCRIPTIONS.c.acknowledged == subscription.acknowledged)
            & (SUBSCRIPTIONS.c.stopped_at == 0)
        )
        with self._store.change(Part.SUBSCRIPTIONS) as (connection, _):
            if connection.execute(update(SUBSCRIPTIONS).where(as_read).values(next_at=next_at)).rowcount != 1:
                return False
            _discard_live(connection, subscription.id)
            old = RUNS.c.started_at < run.started_at - RUN_DAYS * _DAY_SECONDS
            connection.execute(delete(RUNS).where((RUNS.c.subscription == subscription.id) & old))
            connection.execute(insert(RUNS).values(**asdict(run)))
            return True

    def settle(self, run: Run, *, was: RunState, witness: Witness = lambda: None) -> bool:
        """Store what has become of a run, unless it stands otherwise than it was; return whether it is stored."""
        with self._store.change(Part.SUBSCRIPTIONS) as (connection, _):
            if not _settle(connection, run, was=was):
                return False
            witness()
            return True

    def acknowledge(self, run: Run, *, witness: Witness) -> None:
        """Store that the recipient keeps the result of a run: the next one is compared with it.

        Raises:
            GovernanceRefused: It does not wait any more.
        """
        own = SUBSCRIPTIONS.c.id == run.subscription
        with self._store.change(Part.SUBSCRIPTIONS) as (connection, _):
            if not _settle(connection, run, was=RunState.READY):
                raise GovernanceRefused(
                    "网关已不保存该期结果，或已有更新的一期；请重新拉取，仍不成功则停止订阅并重新创建",
                    "the gateway no longer holds this run's result, or a newer one is kept; pull again, and if that does "
                    "not help stop the subscription and create it anew",
                )
            connection.execute(update(SUBSCRIPTIONS).where(own).values(acknowledged=run.id))
            witness()

    def stop(self, subscription: Subscription, *, witness: Witness) -> bool:
        """Store that a subscription is stopped and what waits is discarded, unless it was stopped; return whether it was not.

        Args:
            subscription: As it will stand.
            witness: Records it.
        """
        standing = (SUBSCRIPTIONS.c.id == subscription.id) & (SUBSCRIPTIONS.c.stopped_at == 0)
        values = asdict(subscription)
        stopped = {name: values[name] for name in ("next_at", "stopped_at", "stopped_zh", "stopped_en")}
        with self._store.change(Part.SUBSCRIPTIONS) as (connection, _):
            if connection.execute(update(SUBSCRIPTIONS).where(standing).values(**stopped)).rowcount != 1:
                return False
            _discard_live(connection, subscription.id)
            witness()
            return True


def _discard_live(connection: Connection, subscription: str) -> None:
    live = (RUNS.c.subscription == subscription) & RUNS.c.state.in_(_LIVE)
    connection.execute(update(RUNS).where(live).values(state=RunState.DISCARDED))


def _settle(connection: Connection, run: Run, *, was: RunState) -> bool:
    as_it_was = (RUNS.c.id == run.id) & (RUNS.c.state == was)
    return connection.execute(update(RUNS).where(as_it_was).values(**asdict(run))).rowcount == 1


def _subscription(row: Mapping[Any, Any]) -> Subscription:
    return Subscription(**{**row, "cycle": Cycle(row["cycle"]), "key_columns": tuple(json.loads(row["key_columns"]))})


def _run(row: Mapping[Any, Any]) -> Run:
    return Run(**{**row, "state": RunState(row["state"])})
