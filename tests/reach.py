"""The way to the database that DATABASE_URL or SONGRADAR_HOME names when a test asks."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Engine, NullPool, create_engine

from songradar.catalogue import Catalogue
from songradar.db import connection
from songradar.db.connection import Server
from songradar.environment import environment

_pointed_at: list[Server] = []


def server() -> Server:
    """Where it is: at the last `pointed_at`, else where the environment says."""
    return _pointed_at[-1] if _pointed_at else environment().server


@contextmanager
def pointed_at(other: Server) -> Iterator[None]:
    """Let a block reach another database, as benchmarks do, which have a temporary one."""
    _pointed_at.append(other)
    try:
        yield
    finally:
        _pointed_at.remove(other)


def connect() -> psycopg.Connection:
    """A connection of its own to a database whose schema is this program's."""
    opened = connection.connect(server())
    if server().is_embedded and connection.revision(opened) != connection.HEAD:
        Catalogue.open().close()  # which upgrades it
    try:
        connection.check_revision(opened)
    except BaseException:
        opened.close()
        raise
    return opened


def connect_unchecked() -> psycopg.Connection:
    """The same, whatever the schema is."""
    return connection.connect(server())


def engine() -> Engine:
    """SQLAlchemy on connections of its own, which end with each use."""

    def creator() -> psycopg.Connection:
        opened = connect()
        opened.autocommit = False
        return opened

    return create_engine("postgresql+psycopg://", creator=creator, poolclass=NullPool, use_native_hstore=False)
