"""Subscriptions and their runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("office", sa.String(63), nullable=False),
        sa.Column("sealed_sql", sa.String, nullable=False),
        sa.Column("sql_normalised", sa.String, nullable=False),
        sa.Column("purpose", sa.String(63), nullable=False),
        sa.Column("case_number", sa.String, nullable=False),
        sa.Column("cycle", sa.String(16), nullable=False),
        sa.Column("minute_of_day", sa.Integer, nullable=False),
        sa.Column("key_columns", sa.String, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("acknowledged", sa.String(63), nullable=False),
        sa.Column("stopped_at", sa.BigInteger, nullable=False),
        sa.Column("stopped_zh", sa.String, nullable=False),
        sa.Column("stopped_en", sa.String, nullable=False),
    )
    op.create_table(
        "subscription_runs",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("subscription", sa.String(63), nullable=False, index=True),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("builds_on", sa.String(63), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("entry", sa.String(63), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("terms", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(63), nullable=False),
    )
