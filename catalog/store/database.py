"""Open the database: SQLite by default, PostgreSQL by URL; Alembic brings the schema up to date."""

from __future__ import annotations

import sqlite3
import uuid
from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    NullPool,
    String,
    Table,
    create_engine,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

METADATA = MetaData()
STORE = Table("store", METADATA, Column("identity", String(36), primary_key=True))
"""One row. Another database has another identity."""
CHANGES = Table(
    "changes",
    METADATA,
    Column("part", String(16), primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""One row for each part, with the number of changes that it has had."""
_MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATION_LOCK = 7_271_001
"""Advisory lock of PostgreSQL: two gateways that start together migrate one after the other."""
_SQLITE_WAIT_SECONDS = 5.0
_POSTGRESQL = {
    "connect_timeout": 5,
    "tcp_user_timeout": 5_000,
    "options": "-c statement_timeout=10s -c idle_in_transaction_session_timeout=60s",
}


class RegistryUnavailable(Exception):
    """The registers' database is lost, emptied, replaced or cannot be read: nothing is served."""


class Part(StrEnum):
    """What changes together; whoever answers from memory reads its part again."""

    GOVERNANCE = "governance"
    REGISTRY = "registry"
    REQUESTS = "requests"
    CATALOGUE = "catalogue"
    SUBSCRIPTIONS = "subscriptions"


def open_store(url: str) -> Engine:
    """Open the database and bring its schema up to date; a SQLite file is created when there is none.

    Args:
        url: `sqlite:///<file>` or `postgresql://…`.

    Raises:
        ValueError: Neither of them.
        RegistryUnavailable: It cannot be opened, or a newer version has migrated it.
        OSError: The file cannot be made.
    """
    engine = _engine(make_url(url))
    try:
        _migrate(engine)
    except (SQLAlchemyError, CommandError) as error:
        engine.dispose()
        raise RegistryUnavailable(f"登记库无法打开 / the registers' database cannot be opened: {error}") from error
    return engine


def bump(connection: Connection, part: Part) -> int:
    """Tell every gateway that this transaction changes `part`, and return the number of the change.

    Called first in a transaction, it also makes the changes of a part follow one another.

    Raises:
        RegistryUnavailable: The database was emptied.
    """
    risen = update(CHANGES).where(CHANGES.c.part == str(part)).values(number=CHANGES.c.number + 1)
    number = connection.scalar(risen.returning(CHANGES.c.number))
    if number is None:
        raise RegistryUnavailable("the database was emptied")
    return int(number)


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.scalar(select(STORE.c.identity)) is None:
            connection.execute(insert(STORE).values(identity=str(uuid.uuid4())))
        known = set(connection.scalars(select(CHANGES.c.part)))
        for part in set(Part) - known:
            connection.execute(insert(CHANGES).values(part=str(part), number=0))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True, connect_args=_POSTGRESQL
        )
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise ValueError("须为 sqlite:///文件 或 postgresql:// 地址 / must be sqlite:///FILE or postgresql://…")
    file = Path(url.database).absolute()
    file.touch()

    def connect() -> sqlite3.Connection:
        # Opened by name each time and never created, so that a file that was deleted or replaced is noticed.
        return sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=_SQLITE_WAIT_SECONDS)

    return create_engine(url, creator=connect, poolclass=NullPool, hide_parameters=True)
