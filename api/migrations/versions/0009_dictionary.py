"""Words that people add to the dictionary; searches for duplicates started from a page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "duplicate_search",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("groups", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("extended", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
    )
    op.create_table(
        "dictionary_term",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("canonical", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_table(
        "dictionary_version",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("restores", BIG_KEY),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("happened_at", TIME, nullable=False),
        sa.Column("term_ids", sa.JSON(), nullable=False),
    )
    for column in ("term", "state"):
        op.create_index(f"ix_dictionary_term_{column}", "dictionary_term", [column])
