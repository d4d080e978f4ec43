"""The schema of a proxy, which stands before several shards: Alembic's revisions in `migrations/proxy`."""

import psycopg
from alembic import command
from psycopg import errors

from songradar.db import schema
from songradar.db.connecting import connect_when_ready
from songradar.db.connection import SCHEMA, Server
from songradar.db.errors import NotAllowed, ProxyUnfit

SEARCH_PATH = f"SET search_path = pg_catalog, {SCHEMA}, pg_temp"
"""No pgvector here: `halfvec` is a domain of the schema itself."""


def upgrade(server: Server) -> None:
    """Make the database at `server` a proxy, or bring one up to date. Raises ProxyUnfit, NotAllowed."""
    with connect_when_ready(server.url) as connection:
        _check_fit(connection)
    with schema.in_words("head"), schema.connection_for_migrations(server) as migrating:
        migrating.exec_driver_sql(SEARCH_PATH)
        command.upgrade(schema.config(migrating, "proxy"), "head")
        migrating.commit()


def _check_fit(connection: psycopg.Connection) -> None:
    """Raise ProxyUnfit where the database is a catalogue itself, or its PostgreSQL has no PL/Proxy."""
    if connection.execute(f"SELECT to_regclass('{SCHEMA}.alembic_version')").fetchone() != (None,):
        raise ProxyUnfit("this database is a catalogue itself: a proxy is another, empty database")
    for name in ("plproxy", "postgres_fdw"):
        try:
            connection.execute(f"CREATE EXTENSION IF NOT EXISTS {name} SCHEMA public".encode())
        except errors.InsufficientPrivilege as error:
            raise NotAllowed(f"the extension {name} needs a superuser: CREATE EXTENSION {name}") from error
        except errors.FeatureNotSupported as error:
            raise ProxyUnfit(
                f"this PostgreSQL has no extension {name}: a package such as postgresql-18-{name} brings it"
            ) from error
