"""The database's identity and the numbers of its changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0000"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table("store", sa.Column("identity", sa.String(36), primary_key=True))
    op.create_table(
        "changes",
        sa.Column("part", sa.String(16), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
