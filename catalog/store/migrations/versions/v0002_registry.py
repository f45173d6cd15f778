"""Registrations of connectors, those that run, what is not as catalogued, and the history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "registrations",
        sa.Column("department", sa.String(63), primary_key=True),
        sa.Column("connector", sa.String(63), primary_key=True),
        sa.Column("datasets", sa.String, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.String(255), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "instances",
        sa.Column("instance_id", sa.String(63), primary_key=True),
        sa.Column("department", sa.String(63), nullable=False),
        sa.Column("connector", sa.String(63), nullable=False),
        sa.Column("endpoint", sa.String(255), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("lease_expires_at", sa.BigInteger, nullable=False),
        sa.Column("certificate_sha256", sa.String(64), nullable=False),
        sa.Column("software", sa.String(255), nullable=False),
    )
    op.create_table(
        "drifts",
        sa.Column("instance_id", sa.String(63), primary_key=True),
        sa.Column("dataset", sa.String(127), primary_key=True),
        sa.Column("text_zh", sa.String, nullable=False),
        sa.Column("text_en", sa.String, nullable=False),
        sa.Column("found_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "state_changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("department", sa.String(63), nullable=False),
        sa.Column("connector", sa.String(63), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
    )
