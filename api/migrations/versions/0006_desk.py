"""Saved searches, followed records, and what of their proposals was seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "saved_search",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("deleted_at", TIME),
    )
    op.create_table(
        "followed_record",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("followed_at", TIME, nullable=False),
        sa.UniqueConstraint("user_id", "kind", "key"),
    )
    op.create_table(
        "desk_visit",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("visited_at", TIME, nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.UniqueConstraint("user_id", "kind", "key"),
    )
    for table in ("saved_search", "followed_record", "desk_visit"):
        op.create_index(f"ix_{table}_user_id", table, ["user_id"])
