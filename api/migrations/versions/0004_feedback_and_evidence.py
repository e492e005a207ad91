"""Feedback on pairs, frozen evidence, and the ranking models behind both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the four tables."""
    op.create_table(
        "ranking_model",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False, unique=True),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("promoted_at", TIME),
        sa.Column("retired_at", TIME),
    )
    op.create_table(
        "ranking_event",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("model_id", BIG_KEY, sa.ForeignKey("ranking_model.id"), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("happened_at", TIME, nullable=False),
        sa.Column("gate_passed", sa.Boolean()),
        sa.Column("gate_report", sa.JSON(none_as_null=True)),
    )
    _evidence()
    op.create_table(
        "feedback",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("need_key", sa.String(), nullable=False),
        sa.Column("achievement_key", sa.String(), nullable=False),
        sa.Column("rater", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("grade", sa.Integer()),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("given_at", TIME, nullable=False),
        sa.Column("need_hash", sa.String(), nullable=False),
        sa.Column("achievement_hash", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("evidence_id", BIG_KEY, sa.ForeignKey("evidence.id")),
        sa.Column("undone_at", TIME),
        sa.Column("undone_by", sa.String(), nullable=False),
    )
    for table, column in (
        ("ranking_event", "model_id"),
        ("evidence", "need_key"),
        ("evidence", "achievement_key"),
        ("evidence", "model_id"),
        ("feedback", "need_key"),
        ("feedback", "achievement_key"),
        ("feedback", "rater"),
        ("feedback", "evidence_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("hash", sa.String(), nullable=False, unique=True),
        sa.Column("need_key", sa.String(), nullable=False),
        sa.Column("achievement_key", sa.String(), nullable=False),
        sa.Column("need_hash", sa.String(), nullable=False),
        sa.Column("achievement_hash", sa.String(), nullable=False),
        sa.Column("need_version", sa.Integer()),
        sa.Column("achievement_version", sa.Integer()),
        sa.Column("need_record", sa.JSON(none_as_null=True)),
        sa.Column("achievement_record", sa.JSON(none_as_null=True)),
        sa.Column("encoder_name", sa.String(), nullable=False),
        sa.Column("encoder_fingerprint", sa.String(), nullable=False),
        sa.Column("tokenizer_fingerprint", sa.String(), nullable=False),
        sa.Column("model_id", BIG_KEY, sa.ForeignKey("ranking_model.id"), nullable=False),
        sa.Column("generation", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("card", sa.String(), nullable=False),
        sa.Column("card_hash", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
