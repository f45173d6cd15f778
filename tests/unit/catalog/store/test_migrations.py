"""The schema that the migrations make is the one that the code reads."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, text

from catalog.governance.snapshot import METADATA as GOVERNANCE
from catalog.quality import METADATA as QUALITY
from catalog.registry.snapshot import METADATA as REGISTRY
from catalog.requests.store import METADATA as REQUESTS
from catalog.store import RegistryUnavailable, database, open_store
from catalog.subscriptions.store import METADATA as SUBSCRIPTIONS

TABLES = (database.METADATA, GOVERNANCE, REGISTRY, REQUESTS, QUALITY, SUBSCRIPTIONS)
"""Every part's tables."""


def test_the_migrated_schema_is_the_one_that_the_code_reads(store_url: str) -> None:
    """No table, column, type or index is missing in a migration, and none is left over."""
    every = MetaData()
    for tables in TABLES:
        for table in tables.tables.values():
            table.to_metadata(every)
    engine = open_store(store_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, every) == []
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused(store_url: str) -> None:
    """An older program does not guess what a newer one has stored."""
    engine = open_store(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegistryUnavailable, match="9999"):
        open_store(store_url)
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/store"])
def test_other_databases_are_refused(url: str) -> None:
    """Two gateways cannot share a database in memory, and others are not tested."""
    with pytest.raises(ValueError, match="must be sqlite:///FILE or postgresql://"):
        open_store(url)
