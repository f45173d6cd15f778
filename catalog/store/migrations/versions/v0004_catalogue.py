"""As-of times and profiles of datasets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "dataset_states",
        sa.Column("dataset", sa.String(127), primary_key=True),
        sa.Column("as_of", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "profiles",
        sa.Column("dataset", sa.String(127), primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("duplicate_keys", sa.BigInteger, nullable=False),
        sa.Column("columns", sa.String, nullable=False),
    )
