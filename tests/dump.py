"""What a database holds, for comparing it before and after."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, create_engine, make_url, select


def dump(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, in order of the primary key, times and days as text."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed)
    try:
        with engine.connect() as connection:
            known = MetaData()
            known.reflect(connection)
            return {
                table.name: [
                    {
                        name: value if isinstance(value, int | str | list | dict) else plain(value)
                        for name, value in row._mapping.items()
                    }
                    for row in connection.execute(select(table).order_by(*table.primary_key))
                ]
                for table in known.sorted_tables
            }
    finally:
        engine.dispose()


def plain(value: Any) -> str | None:
    return None if value is None else str(value)
