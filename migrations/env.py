"""Alembic's environment, run by `songradar.db.schema`: sees the schema songradar and nothing else of the database."""

import re
from typing import Any

import pgvector.sqlalchemy  # noqa: F401  (teaches reflection the vector types)
from alembic import context
from sqlalchemy import Connection

from songradar.db.connection import SCHEMA
from songradar.db.models import Base

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
    check = context.config.attributes["check"]
    context.configure(connection=connection, on_version_apply=lambda **_: check(connection), **options())
    with context.begin_transaction():
        context.run_migrations()


def run_offline() -> None:
    """Print the SQL, as `alembic upgrade --sql` does."""
    # With named parameters, percent signs in the SQL are not doubled.
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, literal_binds=True, **options())
    with context.begin_transaction():
        context.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        context.execute(context.config.attributes["search_path"])
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online(context.config.attributes["connection"])
