"""Data needs and corrections."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "needs",
        *_filing(),
        sa.Column("purpose", sa.String(63), nullable=False),
        sa.Column("scenario", sa.String, nullable=False),
        sa.Column("needed_until", sa.BigInteger, nullable=False),
        sa.Column("basis", sa.String(63), nullable=False),
        sa.Column("agreement", sa.String(63), nullable=False),
    )
    op.create_table(
        "corrections",
        *_filing(),
        sa.Column("row_reference", sa.String, nullable=False),
        sa.Column("remark", sa.String, nullable=False),
        sa.Column("receipt", sa.String(63), nullable=False),
    )


def _filing() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("office", sa.String(63), nullable=False),
        sa.Column("filed_by", sa.String(255), nullable=False),
        sa.Column("filed_at", sa.BigInteger, nullable=False),
        sa.Column("working_days", sa.Integer, nullable=False),
        sa.Column("controller", sa.String(63), nullable=False),
        sa.Column("dataset", sa.String(127), nullable=False),
        sa.Column("columns", sa.String, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("answered_at", sa.BigInteger, nullable=False),
        sa.Column("answered_by", sa.String(255), nullable=False),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("escalated_at", sa.BigInteger, nullable=False),
    )
