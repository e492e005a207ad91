"""The outbox, addresses that get no mail, and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until_at", TIME, nullable=False),
    )
    texts = ("recipient", "kind", "period", "message_id", "sender", "subject", "content", "state")
    op.create_table(
        "outbox_mail",
        sa.Column("id", BIG_KEY, primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("settled_at", TIME),
        sa.UniqueConstraint("recipient", "kind", "period"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_table(
        "mail_suppression",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("lifted_at", TIME),
    )
    for table, column in (
        ("outbox_mail", "recipient"),
        ("outbox_mail", "state"),
        ("mail_suppression", "address"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
