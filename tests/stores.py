"""Databases for registers: a SQLite file and a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from catalog.store import StoreWatch, open_store
from connectors.sample_city.postgresql_server import SUPERUSER, Host, PostgresqlServer

PASSWORD = "only-for-tests"


@pytest.fixture(scope="session")
def new_postgresql_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Make an empty database on a server of this test session, and return its URL."""
    server = PostgresqlServer(Host.prepare(tmp_path_factory.mktemp("postgresql")), name="store")
    server.create(password=PASSWORD)
    server.start()
    numbers = itertools.count()

    def make() -> str:
        name = f"store{next(numbers)}"
        root = server.uri(user=SUPERUSER, password=PASSWORD, database="postgres")
        with psycopg.connect(root, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return server.uri(user=SUPERUSER, password=PASSWORD, database=name)

    yield make
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    make: Callable[[], str] = request.getfixturevalue("new_postgresql_database")
    return make()


@pytest.fixture
def store(store_url: str) -> Iterator[StoreWatch]:
    """A watch that is not started: make what listens, then `poll` (or `start`, to have it poll by itself)."""
    watch = StoreWatch(open_store(store_url))
    yield watch
    watch.close()
