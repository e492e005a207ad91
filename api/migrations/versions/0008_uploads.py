"""Files sent for import over the web, and profiles of columns kept under a name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "upload",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id")),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("stored", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sheet", sa.String(), nullable=False),
        sa.Column("split", sa.Boolean(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("fixes", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("report", sa.JSON()),
        sa.Column("import_id", BIG_KEY, sa.ForeignKey("import_run.id")),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
    )
    op.create_table(
        "column_profile",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("header_hash", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id")),
        sa.Column("saved_at", TIME, nullable=False),
    )
    for table, column in (
        ("upload", "user_id"),
        ("upload", "state"),
        ("upload", "import_id"),
        ("upload", "created_at"),
        ("column_profile", "header_hash"),
        ("column_profile", "user_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
