"""A gateway at a clock of its own with the housing department's PostgreSQL, and clerks who subscribe to its dwellings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from connectors.sdk.config import PostgresqlSettings
from connectors.sources.postgresql import PostgresqlSource
from gateway.client import connect
from gateway.client.subscriptions import Pulled, Subscriptions
from gateway.subscriptions import schedule
from gateway.wiring import Gateway
from sharing_stubs.sharing.governance.v1 import governance_pb2
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb
from tests.cities import City
from tests.governing import govern
from tests.housing_connector import DATASET, DWELLING, connector_over, dwelling_table
from tests.lone_gateway import lone_gateway

CLERK, OTHER_CLERK, ANALYST, ADMINISTRATOR = "nanjing-east-road", "changfeng", "city-statistics", "administrator"
PURPOSE = "fire-safety-inspection"
SQL = "SELECT dwelling_code, address, floors_total FROM housing.dwelling"
HOUR_SECONDS = 3_600
_TYPES = {"string": 'text COLLATE "C"', "int16": "smallint", "int32": "integer", "int64": "bigint", "bool": "boolean"}


class Clock:
    """The real time, put forward as tests like."""

    def __init__(self) -> None:
        self.ahead_seconds = 0

    def __call__(self) -> float:
        return time.time() + self.ahead_seconds


class Subscribing:
    """A city in which time passes when it is told to."""

    def __init__(
        self, city: City, gateway: Gateway, *, clock: Clock, register: Callable[[], None], database: psycopg.Connection
    ) -> None:
        self.city = city
        self.gateway = gateway
        self.clock = clock
        self.register = register
        self.database = database
        """Of the department."""

    @contextmanager
    def subscriptions(self, who: str = CLERK) -> Iterator[Subscriptions]:
        with connect(self.city.profile(who)) as connection:
            yield Subscriptions(connection)

    def subscribe(self, *key_columns: str, sql: str = SQL, run: bool = True) -> str:
        """Have the clerk subscribe for every hour, and the first run done."""
        request = pb.CreateSubscriptionRequest(sql=sql, cycle=pb.CYCLE_HOURLY, key_columns=key_columns)
        with self.subscriptions() as subscriptions:
            id = subscriptions.create(request, purpose=PURPOSE, case="").id
        if run:
            self.runs_done()
        return id

    def an_hour_passes(self) -> None:
        self.clock.ahead_seconds += HOUR_SECONDS
        self.register()
        self.runs_done()

    def runs_done(self) -> None:
        """Wait until everything that is due has run."""
        while running := self.gateway.subscriptions.round():
            futures.wait(running)

    def pull(self, id: str, path: Path, *, who: str = CLERK) -> Pulled | None:
        with self.subscriptions(who) as subscriptions:
            return subscriptions.pull(id, path=path)

    def shown(self, id: str, *, who: str = CLERK) -> pb.Subscription | None:
        with self.subscriptions(who) as subscriptions:
            return next((one for one in subscriptions.all() if one.id == id), None)

    def dwell(self, code: str, *, floors_total: int = 5, address: str = "南京东路一百弄") -> None:
        dwelling = DWELLING | {"dwelling_code": code, "floors_total": floors_total, "address": address}
        names = ", ".join(dwelling)
        marks = ", ".join("%s" for _ in dwelling)
        self.database.execute(f"INSERT INTO dwelling ({names}) VALUES ({marks})".encode(), list(dwelling.values()))

    def truth(self) -> list[tuple[object, ...]]:
        """Return what the department's database holds."""
        rows = self.database.execute("SELECT dwelling_code, address, floors_total FROM dwelling ORDER BY dwelling_code")
        return rows.fetchall()

    def actions(self) -> list[str]:
        governance = (entry["body"]["action"] for entry in self.city.entries(kind="governance"))
        return [action for action in governance if action.startswith("subscription_")]


def rows_of(path: Path) -> list[tuple[object, ...]]:
    """Return a dataset as `Subscribing.truth` has it: sorted, without marks and keys."""
    table = pq.read_table(path).to_pylist()
    plain = [(row["dwelling_code"], row["address"].replace("\u2060", ""), row["floors_total"]) for row in table]
    return sorted(plain)


@contextmanager
def subscribing(root: Path, *, database_url: str) -> Iterator[Subscribing]:
    """Run it over an empty PostgreSQL database."""
    clock = Clock()
    uri = database_url.replace("postgresql+psycopg", "postgresql")
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(uri, autocommit=True) as database,
    ):
        patch.setattr(schedule, "PERIOD_SECONDS", 3_600.0)  # time passes when a test says so
        table = dwelling_table()
        columns = (f"{c.own_name} {_TYPES.get(str(c.field.type), 'double precision')}" for c in table.columns)
        database.execute(f"CREATE TABLE dwelling ({', '.join(columns)})".encode())
        source = PostgresqlSource(PostgresqlSettings(kind="postgresql", uri=SecretStr(uri)), tables={DATASET: table})
        with (
            lone_gateway(root, clock_seconds=clock) as (city, gateway),
            connector_over(source, city=city, gateway=gateway, clock_seconds=clock) as register,
        ):
            register()
            _approve(city)
            _agree(city, until=int(clock()) + 30 * 86_400)
            yield Subscribing(city, gateway, clock=clock, register=register, database=database)


def _approve(city: City) -> None:
    with connect(city.profile(ADMINISTRATOR)) as connection:
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        stub.Approve(registry_pb2.ApproveRequest(department="housing"), metadata=connection.headers(), timeout=100)


def _agree(city: City, *, until: int) -> None:
    agreement = governance_pb2.Agreement(
        id="housing-fire", recipient="310101002", datasets=[DATASET], purposes=[PURPOSE], valid_until=until
    )
    govern(
        city,
        "SignAgreement",
        governance_pb2.SignAgreementRequest(agreement=agreement),
        who="department-housing",
    )
