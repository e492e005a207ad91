"""Run by Alembic: uses the connection and the transaction that ``upgrade`` opened."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=False,
)
context.run_migrations()
