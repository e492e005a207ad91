"""Groups of near duplicates, their members and what was done with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "duplicate_group",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("canonical_key", sa.String(), nullable=False),
        sa.Column("pairs", sa.JSON(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "duplicate_member",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("group_id", BIG_KEY, sa.ForeignKey("duplicate_group.id"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("former_status", sa.String()),
        sa.UniqueConstraint("group_id", "key"),
    )
    op.create_table(
        "duplicate_event",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("group_id", BIG_KEY, sa.ForeignKey("duplicate_group.id"), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("canonical_key", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
    )
    for table, column in (
        ("duplicate_group", "kind"),
        ("duplicate_group", "state"),
        ("duplicate_member", "group_id"),
        ("duplicate_member", "key"),
        ("duplicate_event", "group_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
