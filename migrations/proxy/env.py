"""Alembic's environment of a proxy, run by `songradar.db.proxy_schema`."""

from alembic import context

from songradar.db.connection import PROXY_VERSIONS, SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    version_table=PROXY_VERSIONS,
    version_table_schema=SCHEMA,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
