"""Standbys that searches are answered by: whether they are those of the catalogue's own server."""

import psycopg

from songradar.db.connection import Server
from songradar.db.errors import NoStandby

_CLUSTER = "SELECT system_identifier, current_database() FROM pg_control_system()"
"""A standby replays its primary's log, so it has the same identifier, which initdb draws."""


def cluster_of(connection: psycopg.Connection) -> tuple[int, str]:
    """What a server has in common with its standbys alone, and the database."""
    found = connection.execute(_CLUSTER).fetchone()
    assert found is not None
    return found


def check_standby(connection: psycopg.Connection, primary: tuple[int, str] | None, standby: Server) -> None:
    """Raise NoStandby where `connection`, to `standby`, leads to another catalogue than `primary`, if that is known."""
    if primary is not None and cluster_of(connection) != primary:
        raise NoStandby(f"{standby.origin} leads to another catalogue: it has to name standbys of the same PostgreSQL")
