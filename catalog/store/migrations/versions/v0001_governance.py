"""Agreements, emergencies, revocations, stops and consents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = "0000"


def upgrade() -> None:
    """Create the tables."""
    _create_what_permits()
    _create_what_restricts()


def _create_what_permits() -> None:
    op.create_table(
        "agreements",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("controller", sa.String(63), nullable=False),
        sa.Column("recipient", sa.String(12), nullable=False),
        sa.Column("datasets", sa.String, nullable=False),
        sa.Column("purposes", sa.String, nullable=False),
        sa.Column("valid_from", sa.BigInteger, nullable=False),
        sa.Column("valid_until", sa.BigInteger, nullable=False),
        sa.Column("signed_by", sa.String(255), nullable=False),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
        sa.Column("office", sa.String(63), nullable=False),
        sa.Column("columns", sa.String, nullable=False),
        sa.Column("terms", sa.String, nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        *_ending(),
    )
    op.create_table(
        "emergencies",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("declaration", sa.String, nullable=False),
        sa.Column("signatures", sa.String, nullable=False),
        sa.Column("declared_by", sa.String(255), nullable=False),
        sa.Column("declared_at", sa.BigInteger, nullable=False),
        *_ending(),
    )
    op.create_table(
        "consents",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("evidence", sa.String, nullable=False),
        sa.Column("recorded_by", sa.String(255), nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False, index=True),
    )


def _create_what_restricts() -> None:
    op.create_table(
        "revocations",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("revoked_by", sa.String(255), nullable=False),
        sa.Column("revoked_at", sa.BigInteger, nullable=False),
        sa.Column("lifted_at", sa.BigInteger),
    )
    op.create_table(
        "stops",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("controller", sa.String(63), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("stopped_by", sa.String(255), nullable=False),
        sa.Column("by_administrator", sa.Boolean, nullable=False),
        sa.Column("stopped_at", sa.BigInteger, nullable=False),
        sa.Column("lifted_at", sa.BigInteger),
    )


def _ending() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_by", sa.String(255)),
        sa.Column("ended_reason", sa.String),
    )
