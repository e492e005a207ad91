"""Statuses, sources, contacts, amounts and levels of records; imports and versions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what is new; a budget becomes a range from it to itself."""
    _import_run()
    _record_version()
    for table, amount in (("achievement", "price"), ("need", "budget")):
        _record_columns(table, amount)
    op.execute(
        "UPDATE need SET budget_min_wan = budget_wan, budget_max_wan = budget_wan, "
        "budget_negotiable = false WHERE budget_wan IS NOT NULL"
    )
    op.drop_column("need", "budget_wan")
    # The hashes were made by another rule; none is equal to a new one, so the next import of a
    # record takes it for changed, once.
    for table in ("achievement", "need"):
        op.execute(f"UPDATE {table} SET record_hash = ''")  # noqa: S608 - a fixed name
        if op.get_bind().dialect.name == "postgresql":
            op.alter_column(table, "organisation_id", type_=sa.BigInteger())
        else:
            # SQLite gives the highest id again once its row is gone, unless told not to.
            with op.batch_alter_table(
                table, recreate="always", table_kwargs={"sqlite_autoincrement": True}
            ):
                pass


def _import_run() -> None:
    counts = ("new", "changed", "unchanged", "duplicate", "failed", "withdrawn")
    op.create_table(
        "import_run",
        sa.Column("id", BIG_KEY, primary_key=True),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("kind", "file_name", "file_sha256", "source", "profile", "who")
        ),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
    )
    op.create_index("ix_import_run_imported_at", "import_run", ["imported_at"])


def _record_version() -> None:
    op.create_table(
        "record_version",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("import_id", BIG_KEY, sa.ForeignKey("import_run.id")),
        sa.Column("file_row", sa.Integer()),
        sa.Column("row", sa.JSON(none_as_null=True)),
        sa.Column("record", sa.JSON(none_as_null=True)),
        sa.UniqueConstraint("kind", "key", "number"),
    )
    op.create_index("ix_record_version_import_id", "record_version", ["import_id"])


def _record_columns(table: str, amount: str) -> None:
    def add(name: str, kind: sa.types.TypeEngine[Any], default: str | None = None) -> None:
        required = default is not None
        op.add_column(table, sa.Column(name, kind, nullable=not required, server_default=default))

    add("status", sa.String(), "有效")
    add("merged_into", sa.String())
    add("source", sa.String(), "")
    add("valid_from_on", sa.Date())
    add("confidentiality", sa.String(), "公开")
    add("text_rank", sa.Integer(), "0")
    for name, empty in (
        ("contacts", "[]"),
        ("field_levels", "{}"),
        ("suggested", "{}"),
        ("supplements", "[]"),
    ):
        add(name, sa.JSON(), empty)
    add(f"{amount}_min_wan", sa.Float())
    add(f"{amount}_max_wan", sa.Float())
    add(f"{amount}_negotiable", sa.Boolean())
    for name in ("status", "merged_into", "source", "text_rank"):
        op.create_index(f"ix_{table}_{name}", table, [name])
