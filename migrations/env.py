"""Alembic's environment: sees the schema songradar and nothing else of the database."""

import re
from typing import Any

import pgvector.sqlalchemy  # noqa: F401  (teaches reflection the vector types)
from alembic import context
from sqlalchemy import Connection

from db.engine import SCHEMA
from db.models import Base
from db.schema import SEARCH_PATH, check_bound, connection_for_migrations

PARTITION = re.compile(r"^fragments_\d+(_|$)")


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Foreign schemas are not ours to compare; partitions come with encoders, not with revisions."""
    if kind == "schema":
        return name == SCHEMA
    return not (kind == "table" and name is not None and PARTITION.match(name))


def options() -> dict[str, Any]:
    return {
        "target_metadata": Base.metadata,
        "version_table_schema": SCHEMA,
        "include_schemas": True,
        "include_name": include_name,
        "transaction_per_migration": True,
    }


def run_online(connection: Connection) -> None:
    context.configure(connection=connection, on_version_apply=lambda **_: check_bound(connection), **options())
    with context.begin_transaction():
        context.run_migrations()


def run_offline() -> None:
    """Print the SQL, as `alembic upgrade --sql` does."""
    # A percent sign stays one where parameters are named.
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, literal_binds=True, **options())
    with context.begin_transaction():
        context.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        context.execute(SEARCH_PATH)
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
elif (given := context.config.attributes.get("connection")) is not None:
    run_online(given)
else:  # the developer's `alembic revision --autogenerate`
    with connection_for_migrations() as opened:
        run_online(opened)
