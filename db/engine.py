"""Connections: DATABASE_URL, else the embedded server; checked before anything else is asked of them."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db import embedded
from db.connecting import connect_when_ready
from db.errors import SchemaOutOfDate, ServerTooOld, ServerUnreachable

if TYPE_CHECKING:
    import sqlalchemy

MIN_POSTGRESQL = 16
MIN_PGVECTOR = (0, 8, 4)  # 0.8.2 to 0.8.4 mend index corruption
CONNECTION_ATTEMPTS = 3
SCHEMA = "songradar"
HEAD = "20261123_announcements"
"""The revision of the schema this program works with; a test compares it with Alembic's head."""

EXTENSION_SCHEMA = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
"""Where somebody created pgvector; quoted where it must be."""

_VERSIONS = """
    SELECT current_setting('server_version_num')::int, current_setting('server_version'),
           (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
           (SELECT default_version FROM pg_available_extensions WHERE name = 'vector')
"""


def is_embedded() -> bool:
    """Whether the catalogue lives in the embedded server."""
    return not os.environ.get("DATABASE_URL")


def database_url() -> str:
    """The URL to connect to, in libpq's form; starts the embedded server if it is not up."""
    if given := os.environ.get("DATABASE_URL"):
        return plain_url(given)
    folder = embedded.home()
    return embedded.running_url(folder) or embedded.start(folder)


def plain_url(url: str) -> str:
    """`url` without SQLAlchemy's driver name, which libpq does not know.

    >>> plain_url("postgresql+psycopg://dj@host/db")
    'postgresql://dj@host/db'
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ServerUnreachable("DATABASE_URL does not begin with postgresql://")
    return f"postgresql://{rest}"


def for_programs(url: str) -> tuple[str, dict[str, str]]:
    """What PostgreSQL's programs take for `url`: a connection string, and an environment with the password.

    Arguments may be seen by every process of the machine.
    """
    where = conninfo_to_dict(url)
    password = where.pop("password", None)
    return make_conninfo("", **where), os.environ | ({"PGPASSWORD": str(password)} if password else {})


def connect() -> psycopg.Connection:
    """A connection to a catalogue at this program's schema revision; autocommit, knows pgvector's types.

    The embedded database upgrades itself. Raises ServerUnreachable, ServerTooOld, SchemaOutOfDate.
    """
    connection = connect_unchecked()
    try:
        if revision(connection) != HEAD:
            _bring_to_head(connection)
        connection.execute(f"SET search_path = pg_catalog, {_extension_schema(connection)}, pg_temp")
        register_vector(connection)
        # Not where pgvector is: there, others may once have put functions that fit a call better than PostgreSQL's own.
        connection.execute(f"SET search_path = pg_catalog, {SCHEMA}, pg_temp")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_unchecked() -> psycopg.Connection:
    """A connection whose server is new enough but whose schema may be at any revision, or absent.

    A server that is replaying its log after a crash is waited for.
    """
    for attempt in range(CONNECTION_ATTEMPTS):
        connection = _connect_to_server()
        try:
            check_versions(connection)
        except psycopg.OperationalError:
            # The server had let us in before it heard that one of its processes had died, then it ended all of them.
            connection.close()
            if attempt == CONNECTION_ATTEMPTS - 1:
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError("the last attempt returns or raises")


def _connect_to_server() -> psycopg.Connection:
    try:
        return connect_when_ready(database_url())
    except psycopg.ProgrammingError as error:
        # libpq's own sentence would repeat the password
        raise ServerUnreachable(
            "DATABASE_URL cannot be read as a URL: is some character not percent-encoded?"
        ) from error
    except psycopg.OperationalError as error:
        if not is_embedded():
            raise ServerUnreachable(f"DATABASE_URL: {_first_line(error)}") from error
        # The file that named its address outlived the server: start it again.
        return connect_when_ready(embedded.start(embedded.home()))


def check_versions(connection: psycopg.Connection) -> None:
    """Raise ServerTooOld when PostgreSQL or pgvector is older than songradar needs, or pgvector is absent."""
    row = connection.execute(_VERSIONS).fetchone()
    assert row is not None
    version_num, version, installed, available = row
    if version_num < MIN_POSTGRESQL * 10_000:
        raise ServerTooOld(f"this is PostgreSQL {version}; songradar needs PostgreSQL {MIN_POSTGRESQL} or later")
    vector = installed or available
    wanted = ".".join(map(str, MIN_PGVECTOR))
    if vector is None:
        raise ServerTooOld(f"this PostgreSQL has no pgvector; songradar needs pgvector {wanted} or later")
    if tuple(map(int, re.findall(r"\d+", vector)[:3])) < MIN_PGVECTOR:
        hint = "; run ALTER EXTENSION vector UPDATE" if installed and available != installed else ""
        raise ServerTooOld(f"this database has pgvector {vector}; songradar needs pgvector {wanted} or later{hint}")


def revision(connection: psycopg.Connection) -> str | None:
    """The schema's revision, None for a database without songradar's schema."""
    try:
        row = connection.execute(f"SELECT version_num FROM {SCHEMA}.alembic_version").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    return row[0] if row else None


def engine() -> "sqlalchemy.Engine":
    """The same database for SQLAlchemy: its connections come from `connect`, so they are checked alike."""
    import sqlalchemy

    return sqlalchemy.create_engine("postgresql+psycopg://", creator=_creator, poolclass=sqlalchemy.NullPool)


@contextmanager
def engine_of_one_connection() -> "Iterator[sqlalchemy.Engine]":
    """For many small transactions of one thread: they share a connection, since making one takes longer than they."""
    import sqlalchemy

    kept = sqlalchemy.create_engine("postgresql+psycopg://", creator=_creator, poolclass=sqlalchemy.StaticPool)
    try:
        yield kept
    finally:
        kept.dispose()


def _creator() -> psycopg.Connection:
    connection = connect()
    connection.autocommit = False
    return connection


def _bring_to_head(connection: psycopg.Connection) -> None:
    current = revision(connection)
    if not is_embedded():
        state = f"at revision {current}" if current else "not there yet"
        raise SchemaOutOfDate(
            f"the schema {SCHEMA} is {state}, and this program needs {HEAD}: run songradar db upgrade,"
            " or a newer songradar if the database is ahead"
        )
    from db.schema import upgrade

    upgrade()


def _extension_schema(connection: psycopg.Connection) -> str:
    found = connection.execute(EXTENSION_SCHEMA).fetchone()
    assert found is not None, "the schema needs pgvector, so it is there"
    return str(found[0])


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
