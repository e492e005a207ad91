"""Accounts, sessions, tokens, failed logins, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the five tables."""
    op.create_table(
        "user_account",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("county", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("password_changed_at", TIME, nullable=False),
        sa.Column("disabled_at", TIME),
    )
    op.create_table(
        "user_session",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("token_hash", sa.String(), nullable=False, unique=True),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
    )
    op.create_table(
        "api_token",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("token_hash", sa.String(), nullable=False, unique=True),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME),
        sa.Column("seen_at", TIME),
    )
    op.create_table(
        "login_throttle",
        sa.Column("subject", sa.String(), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", TIME, nullable=False),
        sa.Column("blocked_until_at", TIME),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("happened_at", TIME, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("user_id", BIG_KEY, sa.ForeignKey("user_account.id")),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
    )
    for table, column in (
        ("user_session", "user_id"),
        ("api_token", "user_id"),
        ("audit_entry", "happened_at"),
        ("audit_entry", "action"),
        ("audit_entry", "user_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
