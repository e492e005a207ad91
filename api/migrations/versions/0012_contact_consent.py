"""Consents to be called."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "contact_consent",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("contacts_hash", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id")),
        sa.Column("given_at", TIME, nullable=False),
        sa.Column("withdrawn_at", TIME),
    )
    op.create_index("ix_contact_consent_key", "contact_consent", ["key"])
