"""Shortlists, whom they are shared with, and their entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "shortlist",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("everyone", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("archived_at", TIME),
    )
    op.create_table(
        "shortlist_share",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("shortlist_id", BIG_KEY, sa.ForeignKey("shortlist.id"), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("access", sa.Integer(), nullable=False),
        sa.UniqueConstraint("shortlist_id", "account"),
    )
    op.create_table(
        "shortlist_entry",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("shortlist_id", BIG_KEY, sa.ForeignKey("shortlist.id"), nullable=False),
        sa.Column("need_key", sa.String(), nullable=False),
        sa.Column("achievement_key", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.Column("evidence_id", BIG_KEY, sa.ForeignKey("evidence.id")),
        sa.Column("removed_at", TIME),
        sa.UniqueConstraint("shortlist_id", "need_key", "achievement_key"),
    )
    for table, column in (
        ("shortlist", "owner"),
        ("shortlist_share", "shortlist_id"),
        ("shortlist_share", "account"),
        ("shortlist_entry", "shortlist_id"),
        ("shortlist_entry", "need_key"),
        ("shortlist_entry", "achievement_key"),
        ("shortlist_entry", "evidence_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
