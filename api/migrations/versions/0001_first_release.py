"""The schema of the first release, which was made without Alembic."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables and the one row of state."""
    op.create_table(
        "corpus_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "organisation",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index(op.f("ix_organisation_region"), "organisation", ["region"], unique=False)
    op.create_table(
        "achievement",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("technology_field", sa.String(), nullable=False),
        sa.Column("industry", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("record_hash", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cooperation", sa.JSON(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("maturity", sa.String(), nullable=True),
        sa.Column("intellectual_property", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_achievement_maturity"), "achievement", ["maturity"], unique=False)
    op.create_index(
        op.f("ix_achievement_organisation_id"), "achievement", ["organisation_id"], unique=False
    )
    op.create_index(
        op.f("ix_achievement_technology_field"), "achievement", ["technology_field"], unique=False
    )
    op.create_index(
        op.f("ix_achievement_valid_until_on"), "achievement", ["valid_until_on"], unique=False
    )
    op.create_table(
        "need",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("technology_field", sa.String(), nullable=False),
        sa.Column("industry", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("record_hash", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cooperation", sa.JSON(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("county", sa.String(), nullable=False),
        sa.Column("budget_wan", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_need_county"), "need", ["county"], unique=False)
    op.create_index(op.f("ix_need_organisation_id"), "need", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_need_technology_field"), "need", ["technology_field"], unique=False)
    op.create_index(op.f("ix_need_valid_until_on"), "need", ["valid_until_on"], unique=False)
    op.execute("INSERT INTO corpus_state (id, revision) VALUES (1, 0)")
