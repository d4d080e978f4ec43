"""What other roles and applications get of the catalogue. The owner of the schema decides."""

import psycopg
from psycopg import errors, sql

from songradar.db.errors import NotAllowed, RoleUnknown

_READ = """
    GRANT USAGE ON SCHEMA songradar TO {role};
    GRANT SELECT ON ALL TABLES IN SCHEMA songradar TO {role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA songradar TO {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA songradar GRANT SELECT ON TABLES TO {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA songradar GRANT EXECUTE ON FUNCTIONS TO {role};
"""
_WRITE = """
    GRANT INSERT, UPDATE, DELETE ON songradar.songs, songradar.fragments, songradar.encodings TO {role};
    GRANT INSERT, UPDATE, DELETE ON songradar.searches, songradar.matches, songradar.scans, songradar.plays
        TO {role};
"""
_REVOKE = """
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA songradar REVOKE ALL ON FUNCTIONS FROM {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA songradar REVOKE ALL ON TABLES FROM {role};
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA songradar FROM {role};
    REVOKE ALL ON ALL TABLES IN SCHEMA songradar FROM {role};
    REVOKE ALL ON SCHEMA songradar FROM {role};
"""
_OWNER = """
    SELECT nspowner::regrole::text, pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'songradar'
"""


def grant(connection: psycopg.Connection, role: str, *, write: bool) -> None:
    """Let `role` search and read everything, including all that later migrations add.

    With `write`, it may also ingest, remove songs and keep searches; without, it loses these rights. Only the owner may
    change encoders and the schema. Raises RoleUnknown, NotAllowed.
    """
    _run(connection, _REVOKE + _READ + (_WRITE if write else ""), role)


def revoke(connection: psycopg.Connection, role: str) -> None:
    """Take all rights in the catalogue from `role`. Raises RoleUnknown, NotAllowed."""
    _run(connection, _REVOKE, role)


def announce(connection: psycopg.Connection, *, on: bool) -> None:
    """Let the triggers tell listeners of songs and matches, or not. Raises NotAllowed."""
    how = "ENABLE" if on else "DISABLE"
    try:
        with connection.transaction():
            connection.execute(f"ALTER TABLE songradar.songs {how} TRIGGER songs_announce")
            connection.execute(f"ALTER TABLE songradar.matches {how} TRIGGER matches_announce")
    except errors.InsufficientPrivilege as error:
        raise NotAllowed(f"the schema songradar is another role's, and {connection.info.user} cannot change it") from (
            error
        )


def _run(connection: psycopg.Connection, statements: str, role: str) -> None:
    """Run `statements` in one transaction. PostgreSQL itself only warns when a role grants rights it cannot grant."""
    found = connection.execute(_OWNER).fetchone()
    assert found is not None
    owner, may_grant = found
    if not may_grant:
        raise NotAllowed(f"the schema songradar is {owner}'s, and {connection.info.user} cannot share it")
    try:
        with connection.transaction():
            connection.execute(sql.SQL(statements).format(role=sql.Identifier(role), owner=sql.SQL(owner)))
    except errors.UndefinedObject as error:
        raise RoleUnknown(f"there is no role {role}: CREATE ROLE makes one") from error
